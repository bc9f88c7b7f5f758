//! A start: last whole receipt, cut the outputs to it, check the last commit, level the cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::commit::{BLOCK_BYTES, DEFAULT_SEAL_BYTES, Store};
use super::cursors::CursorCache;
use super::disk::Disk;
use super::receipts::Receipts;
use super::syncs::Syncs;
use super::{Commit, Replace, StoreError};
use crate::domain::exports::RETRACTIONS;
use crate::domain::schema::receipt::{OutputRange, Receipt, ReceiptKind, RecordCounts};
use crate::domain::schema::scalars::Sha256Hex;

/// Files that are rebuilt from others when they are missing. Nothing else says what was taken back, and when.
pub fn can_be_rebuilt(path: &str) -> bool {
    (path.starts_with("exports/") && path != RETRACTIONS) || path.starts_with("views/")
}

/// A store brought to a known state.
#[derive(Debug)]
pub struct Recovered {
    /// The store.
    pub store: Store,
    /// What was put right, for the log.
    pub repairs: Vec<String>,
    /// Exports that were missing or short; they have to be made anew.
    pub lost_exports: Vec<String>,
}

impl Store {
    /// Opens an output folder whatever state a crash left it in. The lock is held by the caller. `own` are the files,
    /// relative to the folder, that distilld may write; any other is somebody else's and stays as it is.
    pub fn recover(
        disk: Box<dyn Disk>,
        output: &Path,
        state: &Path,
        own: &[String],
    ) -> Result<Recovered, StoreError> {
        let disk: Arc<dyn Disk> = Arc::from(disk);
        let mut repairs = Vec::new();
        disk.make_dir(&output.join("receipts"))?;
        Receipts::finish_sealing(disk.as_ref(), output)?;
        let mut receipts = Receipts::read(disk.as_ref(), output)?;
        let cursors = CursorCache::open(state);
        check_nothing_lost(disk.as_ref(), output, own, &receipts, &cursors)?;
        if receipts.torn_bytes > 0 {
            repairs.push(format!("cut {} bytes of a receipt that was not whole", receipts.torn_bytes));
            receipts.cut_torn(disk.as_ref())?;
        }
        undo_replaces(disk.as_ref(), output, own, receipts.next_seq(), &mut repairs)?;
        let lost_exports = cut_outputs(disk.as_ref(), output, own, &receipts, &mut repairs)?;
        if let Some(last) = &receipts.last {
            check_ranges(disk.as_ref(), output, last, &lost_exports)?;
            receipts.rewrite_last(disk.as_ref())?;
            cursors.level(last.seq, receipts.head, &receipts.state);
        }
        let (syncs, output) = (Syncs::new(Arc::clone(&disk)), output.to_owned());
        let store = Self { disk, syncs, output, receipts, cursors, seal_bytes: DEFAULT_SEAL_BYTES };
        Ok(Recovered { store, repairs, lost_exports })
    }

    /// Sets the length at which the receipts file is sealed, in bytes.
    pub fn set_seal_bytes(&mut self, bytes: u64) {
        self.seal_bytes = bytes;
    }

    /// Writes the first receipt, if there is none yet.
    pub fn ensure_genesis(&mut self, receipt: Receipt) -> Result<(), StoreError> {
        if self.receipts.last.is_some() {
            return Ok(());
        }
        // The name is durable before anything else can know of the commit.
        self.disk.write(&Receipts::active_path(&self.output), 0, b"")?;
        self.disk.sync_dir(&self.output.join("receipts"))?;
        let receipt = Receipt { kind: ReceiptKind::Genesis, ..receipt };
        self.commit(&Commit { appends: Vec::new(), replaces: Vec::new(), receipt })
    }

    /// Starts lost exports over with empty files, and the export cursors with them.
    pub fn restart_exports(&mut self, paths: &[String], receipt: Receipt) -> Result<(), StoreError> {
        let replaces = paths
            .iter()
            .map(|path| Replace { path: path.clone(), keep: Vec::new(), then: Vec::new(), rows: 0 })
            .collect();
        let export_cursors = self.state().export_cursors.keys().map(|stream| (stream.clone(), 0)).collect();
        let samples = paths.iter().filter(|path| path.starts_with("exports/"));
        let lost = samples.filter_map(|path| self.state().outputs.get(path)).map(|output| output.rows).sum();
        let record_counts = RecordCounts { retracted: lost, ..RecordCounts::default() };
        let receipt = Receipt { kind: ReceiptKind::Replace, export_cursors, record_counts, ..receipt };
        self.commit(&Commit { appends: Vec::new(), replaces, receipt })
    }
}

/// Refuses to go on where outputs or cursors know of commits that no receipt knows of.
fn check_nothing_lost(
    disk: &dyn Disk,
    output: &Path,
    own: &[String],
    receipts: &Receipts,
    cursors: &CursorCache,
) -> Result<(), StoreError> {
    let lost = |what: String| Err(StoreError::ReceiptsLost { path: Receipts::active_path(output), what });
    if let Some((seq, _)) = cursors.head() {
        // The line that was cut may well have been whole once; its commit is then made again, to the same bytes.
        let cut = u64::from(receipts.torn_bytes > 0);
        if seq + 1 > receipts.next_seq() + cut {
            let known = receipts.last.as_ref().map_or("none".to_owned(), |last| last.seq.to_string());
            return lost(format!("the cursors are at commit {seq}, but the last receipt is {known}"));
        }
    }
    if receipts.last.is_none() {
        for path in own {
            if disk.len(&output.join(path))?.is_some_and(|len| len > 0) {
                return lost(format!("{path} has content, but there is no receipt at all"));
            }
        }
    }
    Ok(())
}

/// Takes back replacements whose receipt was never written, and removes what replacing leaves behind.
fn undo_replaces(
    disk: &dyn Disk,
    output: &Path,
    own: &[String],
    next_seq: u64,
    repairs: &mut Vec<String>,
) -> Result<(), StoreError> {
    let mut dirs: Vec<&str> = own.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
    dirs.sort_unstable();
    dirs.dedup();
    for dir in dirs {
        let dir = output.join(dir);
        let mut touched = false;
        for name in disk.list(&dir)? {
            let path = dir.join(&name);
            let beside_own = |file: &str| own.iter().any(|path| output.join(path) == dir.join(file));
            if let Some((file, seq)) = name.rsplit_once(".undo.").filter(|(file, _)| beside_own(file)) {
                touched = true;
                if seq.parse::<u64>().is_ok_and(|seq| seq >= next_seq) {
                    repairs.push(format!("undid the replacement of {file}"));
                    disk.rename(&path, &dir.join(file))?;
                    // Where the new file had not taken the name yet both are names of one file; then renaming does nothing.
                    disk.remove(&path)?;
                } else {
                    disk.remove(&path)?;
                }
            } else if name.rsplit_once(".new.").is_some_and(|(file, _)| beside_own(file)) {
                touched = true;
                disk.remove(&path)?;
            }
        }
        if touched {
            disk.sync_dir(&dir)?;
        }
    }
    Ok(())
}

/// Cuts every output to its committed length; gives the exports that are shorter than that.
fn cut_outputs(
    disk: &dyn Disk,
    output: &Path,
    own: &[String],
    receipts: &Receipts,
    repairs: &mut Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let mut lost = Vec::new();
    for (path, committed) in &receipts.state.outputs {
        let full = output.join(path);
        let found = disk.len(&full)?.unwrap_or(0);
        if found > committed.len {
            // A crash leaves more behind; who writes in the middle moves what was committed.
            if let Some((seq, range)) = receipts.last_ranges.get(path).filter(|(_, range)| is_checked(range))
            {
                match check_range(disk, output, *seq, range) {
                    Err(StoreError::OutputDamaged { .. }) if can_be_rebuilt(path) => {
                        lost.push(path.clone());
                        continue;
                    }
                    checked => checked?,
                }
            }
            repairs.push(format!("cut {} bytes off {path}", found - committed.len));
            disk.cut(&full, committed.len)?;
        } else if found < committed.len && can_be_rebuilt(path) {
            lost.push(path.clone());
        } else if found < committed.len {
            return Err(StoreError::OutputChanged { path: full, expected: committed.len, found });
        }
    }
    // A first commit that did not come to its end leaves files that no receipt names.
    for path in own.iter().filter(|path| !receipts.state.outputs.contains_key(*path)) {
        if disk.len(&output.join(path))?.is_some() {
            repairs.push(format!("removed {path}, which no receipt names"));
            disk.remove(&output.join(path))?;
        }
    }
    Ok(lost)
}

/// How much of a range that can be made again a start looks at, in bytes. All of it was synced before its receipt, and a view
/// of ten million runs takes longer to hash than everything else that a start does; `verify` hashes it whole.
const REBUILT_CHECKED_BYTES: u64 = 64 << 20;

/// Checks that the ranges of the last commit hash to what its receipt says.
fn check_ranges(disk: &dyn Disk, output: &Path, last: &Receipt, lost: &[String]) -> Result<(), StoreError> {
    let is_there = |range: &&OutputRange| !lost.contains(&range.path) && is_checked(range);
    last.output_files.iter().filter(is_there).try_for_each(|range| check_range(disk, output, last.seq, range))
}

fn is_checked(range: &OutputRange) -> bool {
    range.to - range.from <= REBUILT_CHECKED_BYTES || !can_be_rebuilt(&range.path)
}

/// Refuses a range of an output that does not have the hash that its receipt says.
pub(super) fn check_range(
    disk: &dyn Disk,
    output: &Path,
    seq: u64,
    range: &OutputRange,
) -> Result<(), StoreError> {
    let path: PathBuf = output.join(&range.path);
    // A view is one range, and may be large.
    let mut hash = Sha256::new();
    for at in (range.from..range.to).step_by(BLOCK_BYTES) {
        hash.update(disk.read(&path, at, (at + BLOCK_BYTES as u64).min(range.to))?);
    }
    if Sha256Hex(hash.finalize().into()) == range.sha256 {
        return Ok(());
    }
    Err(StoreError::OutputDamaged { path, seq, from: range.from, to: range.to })
}
