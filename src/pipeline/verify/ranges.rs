//! Every committed range of every output, hashed.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::files::Files;
use super::finding::{Finding, Findings};
use super::ledger::{Ledger, Written};
use super::read::hash_range;

/// Ranges are handed out in lots of about this many bytes.
const LOT_BYTES: u64 = 4 << 20;

/// The ranges to hash, in lots for several threads.
pub(in crate::pipeline) struct RangeCheck<'v> {
    files: &'v Files,
    lots: Vec<(&'v str, &'v [Written])>,
    next: AtomicUsize,
    /// Bytes hashed so far.
    pub(in crate::pipeline) bytes: AtomicU64,
}

impl<'v> RangeCheck<'v> {
    /// All ranges of the wanted files.
    pub(in crate::pipeline) fn new(
        ledger: &'v Ledger,
        files: &'v Files,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let mut lots = Vec::new();
        for (path, ranges) in ledger.written.iter().filter(|(path, _)| wanted(path)) {
            let mut rest = ranges.as_slice();
            while let Some(first) = rest.first() {
                let fits = |range: &Written| range.to - first.from <= LOT_BYTES;
                let count = rest.iter().take_while(|range| fits(range)).count().max(1);
                let (lot, behind) = rest.split_at(count);
                lots.push((path.as_str(), lot));
                rest = behind;
            }
        }
        Self { files, lots, next: AtomicUsize::new(0), bytes: AtomicU64::new(0) }
    }

    /// Hashes one lot; `false` when there is none left.
    pub(in crate::pipeline) fn step(&self, buffer: &mut Vec<u8>, findings: &Findings) -> io::Result<bool> {
        let Some((path, ranges)) = self.lots.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
            return Ok(false);
        };
        // A missing file is a finding of its own.
        let Some(file) = self.files.get(path) else { return Ok(true) };
        for range in *ranges {
            let found = hash_range(file, range.from, range.to, buffer)?;
            self.bytes.fetch_add(range.to - range.from, Ordering::Relaxed);
            let wrong = |what: &str| {
                let what = format!("bytes {} to {} {what}", range.from, range.to);
                Finding::of_range(*path, range.line, range.from, what).receipt(range.seq)
            };
            let (hash, lines) = found.map_or((None, 0), |(hash, lines)| (Some(hash), lines));
            if hash != Some(range.sha256) {
                let found = hash.map_or_else(|| "the end".to_owned(), |hash| hash.to_string());
                findings.add(wrong("do not have the hash of their receipt").but(range.sha256, found));
            } else if lines != range.rows {
                findings.add(wrong("have other lines than their receipt says").but(range.rows, lines));
            }
        }
        Ok(true)
    }
}
