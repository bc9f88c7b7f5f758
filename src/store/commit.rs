//! One commit: outputs, sync, receipt, sync. Until its receipt is synced a commit has not happened, and recovery cuts
//! its bytes off again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::append::{Append, all_of, died};
use super::cursors::CursorCache;
use super::disk::Disk;
use super::prepared::Prepared;
use super::receipts::{Receipts, SEAL_BYTES};
use super::rewrite::rewrite;
use super::syncs::Syncs;
use crate::domain::exports::RETRACTIONS;
use crate::domain::schema::receipt::{
    CommittedState, InputRange, OutputRange, Receipt, ReceiptKind, RecordCounts,
};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};

/// A whole new content for one output: ranges kept of the old one, then new bytes.
#[derive(Debug)]
pub struct Replace {
    /// The file, relative to the output folder.
    pub path: String,
    /// Byte ranges `[from, to)` of the old file that stay, in order.
    pub keep: Vec<(u64, u64)>,
    /// What follows them.
    pub then: Vec<u8>,
    /// Lines in the new file.
    pub rows: u64,
}

/// Everything one commit does to the outputs, and the receipt that will say so.
#[derive(Debug)]
pub struct Commit {
    /// What is appended.
    pub appends: Vec<Append>,
    /// What is replaced.
    pub replaces: Vec<Replace>,
    /// The receipt, except for what only the commit itself knows: seq, chain, ranges and the end of the clock.
    pub receipt: Receipt,
}

/// The outputs, the receipts and the cursor cache of one output folder.
#[derive(Debug)]
pub struct Store {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) syncs: Syncs,
    pub(super) output: PathBuf,
    pub(super) receipts: Receipts,
    pub(super) cursors: CursorCache,
    /// From this length on the receipts file is sealed, in bytes.
    pub(super) seal_bytes: u64,
}

/// The wall clock, UTC. Receipts alone may know it.
pub fn wall_clock() -> EventTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    EventTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Store {
    /// Everything committed so far.
    pub fn state(&self) -> &CommittedState {
        &self.receipts.state
    }

    /// The last receipt, if there is any.
    pub fn last_receipt(&self) -> Option<&Receipt> {
        self.receipts.last.as_ref()
    }

    /// SHA-256 of the last receipt's line.
    pub fn head(&self) -> Sha256Hex {
        self.receipts.head
    }

    /// The disk.
    pub fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// The disk, for threads that read while the store goes on.
    pub fn shared_disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// The output folder.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Number of the next receipt.
    pub fn next_seq(&self) -> u64 {
        self.receipts.next_seq()
    }

    /// Makes one commit. On [`StoreError::NoSpace`] nothing happened and it may be tried again; after any other error
    /// the process must end, and recovery finds a known state.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.commit_with(commit, &[])
    }

    pub(super) fn commit_with(&mut self, commit: &Commit, prepared: &[Prepared]) -> Result<(), StoreError> {
        check_counts(commit, &self.receipts.state)?;
        if self.receipts.len >= self.seal_bytes {
            self.seal(&commit.receipt)?;
        }
        let seq = self.receipts.next_seq();
        for append in &commit.appends {
            self.check_len(&append.path)?;
        }
        for replace in commit.replaces.iter().filter(|replace| !replace.keep.is_empty()) {
            self.receipts.before.check(self.disk.as_ref(), &self.output, &replace.path)?;
        }
        let mut receipt = commit.receipt.clone();
        match self.write(commit, prepared, seq) {
            Ok(ranges) => receipt.output_files = ranges,
            Err(error @ StoreError::NoSpace { .. }) => {
                self.take_back(commit, prepared, seq)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        let appended = commit.appends.iter().map(|append| self.output.join(&append.path));
        let in_place = replaced(commit, prepared).map(|path| self.output.join(path));
        let touched: Vec<PathBuf> = appended.chain(in_place).collect();
        if let Err(error) = self.sync_new_dirs(&touched) {
            if matches!(error, StoreError::NoSpace { .. }) {
                self.take_back(commit, prepared, seq)?;
            }
            return Err(error);
        }
        receipt.seq = seq;
        receipt.prev_sha256 = self.receipts.head;
        receipt.ended_at = wall_clock();
        let elapsed = receipt.ended_at.millis().saturating_sub(receipt.started_at.millis());
        receipt.duration_ms = u64::try_from(elapsed).unwrap_or(0);
        // The receipt goes last: until it is synced, recovery cuts these bytes off again.
        if let Err(error) = self.receipts.append(self.disk.as_ref(), receipt) {
            if matches!(error, StoreError::NoSpace { .. }) {
                self.take_back(commit, prepared, seq)?;
            }
            return Err(error);
        }
        self.cursors.put(seq, self.receipts.head, &self.receipts.state, &commit.receipt);
        for path in replaced(commit, prepared) {
            self.disk.remove(&self.undo_path(path, seq))?;
        }
        Ok(())
    }

    /// Syncs the cursor cache; for a clean end.
    pub fn close(&self) {
        self.cursors.flush();
    }

    /// Makes the names of files that are new durable.
    fn sync_new_dirs(&self, touched: &[PathBuf]) -> Result<(), StoreError> {
        let mut dirs: Vec<&Path> =
            touched.iter().filter(|path| self.is_new(path)).filter_map(|path| path.parent()).collect();
        dirs.dedup();
        dirs.into_iter().try_for_each(|dir| self.disk.sync_dir(dir))
    }

    fn is_new(&self, path: &Path) -> bool {
        let name = path.strip_prefix(&self.output).ok().and_then(Path::to_str).unwrap_or_default();
        !self.receipts.state.outputs.contains_key(name)
    }

    fn check_len(&self, path: &str) -> Result<(), StoreError> {
        let expected = self.receipts.state.output_len(path);
        let full = self.output.join(path);
        let found = self.disk.len(&full)?.unwrap_or(0);
        if found == expected {
            Ok(())
        } else {
            Err(StoreError::OutputChanged { path: full, expected, found })
        }
    }

    /// Writes and syncs everything but the receipt.
    fn write(
        &self,
        commit: &Commit,
        prepared: &[Prepared],
        seq: u64,
    ) -> Result<Vec<OutputRange>, StoreError> {
        let written = std::thread::scope(|scope| {
            let rewrite = |replace| scope.spawn(move || self.rewrite(replace, seq));
            let rewrites: Vec<_> = commit.replaces.iter().map(rewrite).collect();
            let mut written = vec![self.append_all(&commit.appends)];
            written.extend(rewrites.into_iter().map(|thread| thread.join().unwrap_or_else(|_| died())));
            all_of(written)
        });
        let mut ranges = written?;
        for replace in &commit.replaces {
            self.put_in_place(&new_path(&self.output.join(&replace.path), seq), &replace.path, seq)?;
        }
        for file in prepared {
            file.check(self.disk.as_ref())?;
            self.put_in_place(&file.file, &file.path, seq)?;
            ranges.push(file.range());
        }
        // One sync serves all names of a folder.
        let dirs: BTreeSet<PathBuf> = replaced(commit, prepared)
            .filter_map(|path| self.output.join(path).parent().map(Path::to_owned))
            .collect();
        let mut syncs = self.syncs.begin(dirs.len());
        for dir in &dirs {
            syncs.dir(dir);
        }
        syncs.wait()?;
        Ok(ranges)
    }

    /// Writes and syncs the new content beside the old.
    fn rewrite(&self, replace: &Replace, seq: u64) -> Result<Vec<OutputRange>, StoreError> {
        let path = self.output.join(&replace.path);
        if let Some(dir) = path.parent() {
            self.disk.make_dir(dir)?;
        }
        let new = new_path(&path, seq);
        self.disk.remove(&new)?;
        let done = rewrite(self.disk.as_ref(), &path, &new, replace)?;
        Ok(vec![OutputRange {
            path: replace.path.clone(),
            from: 0,
            to: done.len,
            rows: replace.rows,
            sha256: done.sha256,
            replaces: Some(done.replaces),
        }])
    }

    /// Keeps an output under its undo name and puts a synced file in its place; the folder is still to be synced.
    fn put_in_place(&self, new: &Path, path: &str, seq: u64) -> Result<(), StoreError> {
        let (path, undo) = (self.output.join(path), self.undo_path(path, seq));
        if self.disk.len(&path)?.is_some() {
            self.disk.remove(&undo)?;
            self.disk.link(&path, &undo)?;
        }
        self.disk.rename(new, &path)
    }

    fn undo_path(&self, path: &str, seq: u64) -> PathBuf {
        let mut name = self.output.join(path).into_os_string();
        name.push(format!(".undo.{seq}"));
        name.into()
    }

    /// Brings the outputs of a commit that found no space back to their committed state.
    fn take_back(&self, commit: &Commit, prepared: &[Prepared], seq: u64) -> Result<(), StoreError> {
        for append in &commit.appends {
            let path = self.output.join(&append.path);
            let committed = self.receipts.state.output_len(&append.path);
            let found = self.disk.len(&path)?;
            if self.is_new(&path) && found.is_some() {
                self.disk.remove(&path)?;
            } else if found.is_some_and(|len| len > committed) {
                self.disk.cut(&path, committed)?;
            }
        }
        for name in replaced(commit, prepared) {
            let (path, undo) = (self.output.join(name), self.undo_path(name, seq));
            if self.disk.len(&undo)?.is_some() {
                self.disk.rename(&undo, &path)?;
                // Renaming one name of a file to another of its names does nothing.
                self.disk.remove(&undo)?;
            } else if self.is_new(&path) {
                self.disk.remove(&path)?;
            }
            self.disk.remove(&new_path(&path, seq))?;
        }
        Ok(())
    }

    fn seal(&mut self, like: &Receipt) -> Result<(), StoreError> {
        let now = wall_clock();
        let checkpoint = Receipt {
            seq: self.receipts.next_seq(),
            prev_sha256: self.receipts.head,
            kind: ReceiptKind::Checkpoint,
            input_files: Vec::new(),
            output_files: Vec::new(),
            record_counts: RecordCounts::default(),
            errors: Vec::new(),
            warnings: Vec::new(),
            duration_ms: 0,
            started_at: now,
            ended_at: now,
            gaps: Vec::new(),
            export_cursors: std::collections::BTreeMap::new(),
            replaces_head: None,
            state: Some(self.receipts.state.clone()),
            ..like.clone()
        };
        self.receipts.seal(self.disk.as_ref(), &self.output, checkpoint)
    }
}

/// What `validation_pass` stands for here: every row that came in went somewhere, and there is a line for each that
/// should have one. (Records were checked one by one when they were made, samples when they were gathered.)
fn check_counts(commit: &Commit, state: &CommittedState) -> Result<(), StoreError> {
    let counts = &commit.receipt.record_counts;
    let lines = |folder: &str| -> u64 {
        let of_folder = commit.appends.iter().filter(|append| append.path.starts_with(folder));
        of_folder.flat_map(|append| &append.pieces).map(|piece| piece.rows).sum()
    };
    let is_samples = |path: &str| path.starts_with("exports/") && path != RETRACTIONS;
    let appended = commit.appends.iter().filter(|append| is_samples(&append.path));
    let appended: u64 = appended.flat_map(|append| &append.pieces).map(|piece| piece.rows).sum();
    let replaced = || commit.replaces.iter().filter(|replace| is_samples(&replace.path));
    let before: u64 =
        replaced().filter_map(|replace| state.outputs.get(&replace.path)).map(|output| output.rows).sum();
    let after: u64 = appended + replaced().map(|replace| replace.rows).sum::<u64>();
    let sum = |count: fn(&InputRange) -> u64| -> u64 { commit.receipt.input_files.iter().map(count).sum() };
    let holds = counts.conserved()
        && lines("evidence/") == counts.evidence
        && lines("scored-runs/") == counts.evidence + counts.rescored
        && lines("quarantine/") == counts.quarantined
        && before + counts.exported == after + counts.retracted
        && lines("scratchpads/") <= counts.evidence
        && sum(|input| input.rows) == counts.rows_in
        && sum(|input| input.evidence) == counts.evidence;
    if holds {
        return Ok(());
    }
    Err(StoreError::CheckFailed(format!("the lines of a commit are not what its counts say: {counts:?}")))
}

pub(super) const BLOCK_BYTES: usize = 1 << 20;
fn new_path(path: &Path, seq: u64) -> PathBuf {
    Prepared::name(path, &seq.to_string())
}

/// The outputs that a commit replaces.
fn replaced<'c>(commit: &'c Commit, prepared: &'c [Prepared]) -> impl Iterator<Item = &'c str> {
    let files = prepared.iter().map(|file| file.path.as_str());
    commit.replaces.iter().map(|replace| replace.path.as_str()).chain(files)
}

/// The default of [`Store`]'s sealing length.
pub(super) const DEFAULT_SEAL_BYTES: u64 = SEAL_BYTES;
