//! Which receipt answers for a byte, in a log of any length: sealed files are told apart by the checkpoints that they open
//! with, and within a file the range is searched for as text.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use memchr::{memchr, memmem, memrchr};

use crate::domain::schema::receipt::{CommittedState, InputRange, Receipt};
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};
use crate::store::receipts::Receipts;

/// The receipt that answers for something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Covered {
    /// Number of the commit.
    pub seq: u64,
    /// SHA-256 of the receipt's line, newline included.
    pub sha256: Sha256Hex,
    /// What it was for.
    pub kind: String,
    /// Wall clock, UTC.
    pub started_at: String,
    /// Wall clock, UTC.
    pub ended_at: String,
}

/// All receipts of an output folder.
#[derive(Debug)]
pub(super) struct ReceiptLog {
    disk: RealDisk,
    /// Files in the order of their receipts.
    files: Vec<PathBuf>,
    /// The file that was read last: queries of one row mostly end in one file.
    last: RefCell<Option<(usize, Rc<Vec<u8>>)>>,
}

/// The first line of a file is a checkpoint of some 20 KB, and more with many streams.
const FIRST_LINE_BYTES: [u64; 2] = [64 << 10, 4 << 20];

impl ReceiptLog {
    pub(super) fn open(output: &Path) -> Result<Self, StoreError> {
        let disk = RealDisk::default();
        let folder = output.join("receipts");
        let number = |name: &String| -> Option<u64> {
            name.strip_prefix("receipts-")?.strip_suffix(".jsonl")?.parse().ok()
        };
        let mut sealed: Vec<(u64, PathBuf)> =
            disk.list(&folder)?.iter().filter_map(|name| Some((number(name)?, folder.join(name)))).collect();
        sealed.sort_unstable();
        let mut files: Vec<PathBuf> = sealed.into_iter().map(|(_, path)| path).collect();
        let active = Receipts::active_path(output);
        let next = active.with_extension("jsonl.next");
        // Between the two renames of a sealing the active file has another name.
        files.extend([active, next].into_iter().find(|path| matches!(disk.len(path), Ok(Some(_)))));
        Ok(Self { disk, files, last: RefCell::new(None) })
    }

    /// The receipt that took in a byte of a stream's generation, and its range.
    pub(super) fn input(
        &self,
        stream: &str,
        generation: u32,
        byte: u64,
    ) -> Result<Option<(Covered, InputRange)>, StoreError> {
        let before = |state: &CommittedState| {
            state
                .streams
                .get(stream)
                .is_some_and(|cursor| (cursor.generation, cursor.offset) > (generation, byte))
        };
        let needle = format!("\"stream\":\"{stream}\",\"generation\":{generation},\"identity\":\"");
        let Some((covered, receipt)) = self.first_after(before, &needle, "\",\"from\":", byte)? else {
            return Ok(None);
        };
        let mut ranges = receipt.input_files.into_iter();
        let range = ranges.find(|range| {
            range.stream == stream && range.generation == generation && (range.from..range.to).contains(&byte)
        });
        Ok(range.map(|range| (covered, range)))
    }

    /// The receipt that wrote a byte of an output that only grows.
    pub(super) fn output(&self, path: &str, at: u64) -> Result<Option<(Covered, Receipt)>, StoreError> {
        let before = |state: &CommittedState| state.output_len(path) > at;
        self.first_after(before, &output_needle(path), "", at)
    }

    /// The receipt that wrote what now stands at a byte of an output that may be replaced.
    pub(super) fn replaced(&self, path: &str, at: u64) -> Result<Option<(Covered, Receipt)>, StoreError> {
        let needle = output_needle(path);
        let mut behind: Option<CommittedState> = None;
        for number in (0..self.files.len()).rev() {
            let before = self.state(number)?;
            let untouched = before.as_ref().zip(behind.as_ref()).is_some_and(|(before, behind)| {
                let touched = |state: &CommittedState| (state.totals.exported, state.totals.retracted);
                before.outputs.get(path) == behind.outputs.get(path) && touched(before) == touched(behind)
            });
            behind = before;
            if untouched {
                continue;
            }
            let Some(bytes) = self.read(number)? else { continue };
            let mut found = None;
            for start in memmem::find_iter(&bytes, &needle) {
                let rest = bytes.get(start + needle.len()..).unwrap_or_default();
                found =
                    range_at(rest).filter(|(from, to)| (*from..*to).contains(&at)).map(|_| start).or(found);
            }
            if let Some(start) = found {
                return Ok(receipt_at(&bytes, start));
            }
        }
        Ok(None)
    }

    /// The receipt with the range that holds a byte, where ranges only grow from receipt to receipt. `is_behind` says of
    /// the state at the start of a file whether the range stands before it.
    fn first_after(
        &self,
        is_behind: impl Fn(&CommittedState) -> bool,
        needle: &str,
        mark: &str,
        byte: u64,
    ) -> Result<Option<(Covered, Receipt)>, StoreError> {
        let (mut low, mut high) = (0, self.files.len());
        // The file before the first one that starts behind the range.
        while low < high {
            let middle = low.midpoint(high);
            let behind = match self.state(middle)? {
                Some(state) => is_behind(&state),
                // Only the very first file opens without a checkpoint.
                None => false,
            };
            if behind { high = middle } else { low = middle + 1 }
        }
        let Some(number) = low.checked_sub(1) else { return Ok(None) };
        let Some(bytes) = self.read(number)? else { return Ok(None) };
        for start in memmem::find_iter(&bytes, needle) {
            let rest = bytes.get(start + needle.len()..).unwrap_or_default();
            let rest = if mark.is_empty() {
                Some(rest)
            } else {
                memmem::find(rest.get(..rest.len().min(200)).unwrap_or_default(), mark.as_bytes())
                    .and_then(|at| rest.get(at + mark.len()..))
            };
            if rest.and_then(range_at).is_some_and(|(from, to)| (from..to).contains(&byte)) {
                return Ok(receipt_at(&bytes, start));
            }
        }
        Ok(None)
    }

    /// What the checkpoint at the start of a file holds.
    fn state(&self, number: usize) -> Result<Option<CommittedState>, StoreError> {
        let Some(path) = self.files.get(number) else { return Ok(None) };
        for len in FIRST_LINE_BYTES {
            let bytes = self.disk.read(path, 0, len)?;
            if let Some(line) = memchr(b'\n', &bytes).and_then(|end| bytes.get(..end)) {
                let receipt = std::str::from_utf8(line).ok().and_then(Receipt::from_line);
                return Ok(receipt.and_then(|receipt| receipt.state));
            }
        }
        Ok(None)
    }

    fn read(&self, number: usize) -> Result<Option<Rc<Vec<u8>>>, StoreError> {
        if let Some((last, bytes)) = &*self.last.borrow()
            && *last == number
        {
            return Ok(Some(Rc::clone(bytes)));
        }
        let Some(path) = self.files.get(number) else { return Ok(None) };
        let len = self.disk.len(path)?.unwrap_or(0);
        let bytes = Rc::new(self.disk.read(path, 0, len)?);
        *self.last.borrow_mut() = Some((number, Rc::clone(&bytes)));
        Ok(Some(bytes))
    }
}

fn output_needle(path: &str) -> String {
    format!("{{\"path\":\"{path}\",\"from\":")
}

/// The range that a text starts with: `<from>,"to":<to>`.
fn range_at(bytes: &[u8]) -> Option<(u64, u64)> {
    let (from, rest) = number_at(bytes)?;
    let (to, _) = number_at(rest.strip_prefix(b",\"to\":")?)?;
    Some((from, to))
}

fn number_at(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

/// The receipt whose line holds a byte.
fn receipt_at(bytes: &[u8], at: usize) -> Option<(Covered, Receipt)> {
    let start = memrchr(b'\n', bytes.get(..at)?).map_or(0, |newline| newline + 1);
    let end = at + memchr(b'\n', bytes.get(at..)?)? + 1;
    let line = bytes.get(start..end)?;
    let receipt = Receipt::from_line(std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?)?;
    let kind = serde_json::to_value(receipt.kind).ok()?;
    let covered = Covered {
        seq: receipt.seq,
        sha256: Sha256Hex::of(line),
        kind: kind.as_str().unwrap_or_default().to_owned(),
        started_at: receipt.started_at.to_string(),
        ended_at: receipt.ended_at.to_string(),
    };
    Some((covered, receipt))
}
