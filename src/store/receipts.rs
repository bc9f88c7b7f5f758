//! The chain of receipts: one line a commit, each naming the hash of the one before.
//!
//! `receipts.jsonl` is the active file. At 16 MiB it is sealed under the name `receipts-<first_seq>.jsonl`, and the next
//! one opens with a checkpoint that holds everything committed, so that a start reads the active file alone. Sealing:
//! the checkpoint is written and synced as `receipts.jsonl.next`, the active file takes its sealed name, `.next` takes
//! the active one. A crash in between is finished by [`Receipts::finish_sealing`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::before::Before;
use super::disk::Disk;
use super::swap;
use crate::domain::schema::receipt::{CommittedState, OutputRange, Receipt};
use crate::domain::schema::scalars::Sha256Hex;

/// From this length on the active file is sealed, in bytes.
pub const SEAL_BYTES: u64 = 16 << 20;

/// The active receipts file, read and checked.
#[derive(Debug)]
pub struct Receipts {
    path: PathBuf,
    /// Committed length of the active file.
    pub len: u64,
    /// The last whole receipt.
    pub last: Option<Receipt>,
    /// Where its line starts.
    pub last_from: u64,
    /// SHA-256 of its line, newline included.
    pub head: Sha256Hex,
    /// Number of the first receipt in the active file.
    pub first_seq: u64,
    /// Everything the receipts commit to.
    pub state: CommittedState,
    /// Bytes behind the last whole receipt: a commit that did not come to its end.
    pub torn_bytes: u64,
    /// What the files of samples are.
    pub(super) before: Before,
    /// The last range of each output that the active file names, and its receipt.
    pub(super) last_ranges: BTreeMap<String, (u64, OutputRange)>,
}

impl Receipts {
    /// Where the active file of an output folder is.
    pub fn active_path(output: &Path) -> PathBuf {
        output.join("receipts/receipts.jsonl")
    }

    /// Brings a sealing that a crash cut short to its end. Writes names only.
    pub fn finish_sealing(disk: &dyn Disk, output: &Path) -> Result<(), StoreError> {
        let active = Self::active_path(output);
        let next = next_path(&active);
        let dir = output.join("receipts");
        if disk.len(&next)?.is_some() {
            if disk.len(&active)?.is_some() {
                disk.remove(&next)?;
            } else {
                disk.rename(&next, &active)?;
            }
            disk.sync_dir(&dir)?;
        }
        Ok(())
    }

    /// Reads and checks the active file. Never writes, so that it serves beside a running daemon too.
    pub fn read(disk: &dyn Disk, output: &Path) -> Result<Self, StoreError> {
        if swap::is_unfinished(disk, output)? {
            return Err(StoreError::BeingReplaced { path: output.to_owned() });
        }
        let path = Self::active_path(output);
        // Between the two renames of a sealing the next file is the active one under another name.
        let next = next_path(&path);
        let there = if disk.len(&path)?.is_none() && disk.len(&next)?.is_some() { &next } else { &path };
        let len = disk.len(there)?.unwrap_or(0);
        let bytes = if len == 0 { Vec::new() } else { disk.read(there, 0, len)? };
        let mut receipts = Self {
            path,
            len: 0,
            last: None,
            last_from: 0,
            head: Sha256Hex([0; 32]),
            first_seq: 0,
            state: CommittedState::default(),
            torn_bytes: 0,
            before: Before::default(),
            last_ranges: BTreeMap::new(),
        };
        let mut from = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let to = from + line.len();
            if let Err(what) = receipts.take_line(line, from as u64) {
                // Only the last line may be broken: a commit that did not come to its end. Any other is damage.
                if to < bytes.len() {
                    return Err(StoreError::ReceiptsDamaged {
                        path: receipts.path,
                        offset: from as u64,
                        what,
                    });
                }
                receipts.torn_bytes = line.len() as u64;
                break;
            }
            from = to;
        }
        receipts.len = from as u64;
        Ok(receipts)
    }

    fn take_line(&mut self, line: &[u8], from: u64) -> Result<(), &'static str> {
        let text = line.strip_suffix(b"\n").ok_or("a line without its end")?;
        let text = std::str::from_utf8(text).map_err(|_| "a line that is not text")?;
        let receipt = Receipt::from_line(text).ok_or("a line that is not a whole receipt")?;
        match &self.last {
            Some(last) if receipt.seq != last.seq + 1 => return Err("a receipt out of order"),
            Some(_) if receipt.prev_sha256 != self.head => {
                return Err("a receipt that does not follow the one before");
            }
            Some(_) => {}
            None if receipt.seq > 0 && receipt.state.is_none() => return Err("a file without a checkpoint"),
            None => self.first_seq = receipt.seq,
        }
        self.state.apply(&receipt);
        self.before.note(&receipt);
        for range in &receipt.output_files {
            self.last_ranges.insert(range.path.clone(), (receipt.seq, range.clone()));
        }
        self.head = Sha256Hex::of(line);
        self.last_from = from;
        self.last = Some(receipt);
        Ok(())
    }

    /// Number of the next receipt.
    pub fn next_seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.seq + 1)
    }

    /// Appends a receipt and syncs it: the commit. Nothing partial is left behind when there is no space.
    pub fn append(&mut self, disk: &dyn Disk, receipt: Receipt) -> Result<(), StoreError> {
        let line = to_line(&receipt)?;
        if let Err(error) = disk.write(&self.path, self.len, line.as_bytes()) {
            disk.cut(&self.path, self.len)?;
            return Err(error);
        }
        disk.sync(&self.path)?;
        self.state.apply(&receipt);
        self.before.note(&receipt);
        self.took(&line, receipt);
        Ok(())
    }

    fn took(&mut self, line: &str, receipt: Receipt) {
        self.head = Sha256Hex::of(line.as_bytes());
        self.last_from = self.len;
        self.len += line.len() as u64;
        self.last = Some(receipt);
    }

    /// Writes the last line once more and syncs it. After a sync that failed unseen, in the life before this one, the
    /// page may be clean in memory and old on disk; written again it is dirty, and this sync tells the truth.
    pub fn rewrite_last(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        if self.len > self.last_from {
            let line = disk.read(&self.path, self.last_from, self.len)?;
            disk.write(&self.path, self.last_from, &line)?;
            disk.sync(&self.path)?;
        }
        Ok(())
    }

    /// Cuts off what follows the last whole receipt.
    pub fn cut_torn(&mut self, disk: &dyn Disk) -> Result<(), StoreError> {
        if self.torn_bytes > 0 {
            disk.cut(&self.path, self.len)?;
        }
        Ok(())
    }

    /// Seals the active file and opens the next with `checkpoint`, a receipt that holds the whole state.
    pub fn seal(&mut self, disk: &dyn Disk, output: &Path, checkpoint: Receipt) -> Result<(), StoreError> {
        let next = next_path(&self.path);
        let line = to_line(&checkpoint)?;
        let dir = output.join("receipts");
        if let Err(error) = disk.write(&next, 0, line.as_bytes()) {
            disk.remove(&next)?;
            return Err(error);
        }
        disk.sync(&next)?;
        disk.sync_dir(&dir)?;
        disk.rename(&self.path, &dir.join(format!("receipts-{}.jsonl", self.first_seq)))?;
        disk.rename(&next, &self.path)?;
        disk.sync_dir(&dir)?;
        self.first_seq = checkpoint.seq;
        self.len = 0;
        self.took(&line, checkpoint);
        Ok(())
    }
}

fn next_path(active: &Path) -> PathBuf {
    active.with_extension("jsonl.next")
}

fn to_line(receipt: &Receipt) -> Result<String, StoreError> {
    receipt.to_line().map_err(|e| StoreError::CheckFailed(format!("a receipt cannot be written: {e}")))
}
