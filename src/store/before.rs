//! What stands in a file of samples before lines are taken out of it: what was committed, and nothing that somebody else put there.
//!
//! Lines that stay are copied, so a line that was changed by hand would get a receipt of its own. The first time in a process
//! that a file is written anew, it is held to the ranges that the active receipts name; `verify` knows the older ones too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::StoreError;
use super::disk::Disk;
use super::recover::check_range;
use crate::domain::exports::RETRACTIONS;
use crate::domain::schema::receipt::{OutputRange, Receipt};

/// So many ranges of a file are remembered: most files have a few, and one that nothing is ever taken out of has one a commit.
const RANGES_MAX: usize = 4096;

/// Ranges of the files of samples, of those that are still to be looked at.
#[derive(Debug, Default)]
pub(super) struct Before {
    ranges: BTreeMap<String, Vec<(u64, OutputRange)>>,
    checked: BTreeSet<String>,
}

impl Before {
    /// Notes what a receipt says was written.
    pub(super) fn note(&mut self, receipt: &Receipt) {
        let is_samples = |path: &str| path.starts_with("exports/") && path != RETRACTIONS;
        for range in receipt.output_files.iter().filter(|range| is_samples(&range.path)) {
            if self.checked.contains(&range.path) {
                continue;
            }
            let known = self.ranges.entry(range.path.clone()).or_default();
            if range.replaces.is_some() {
                known.clear();
            }
            if known.len() < RANGES_MAX {
                known.push((receipt.seq, range.clone()));
            }
        }
    }

    /// Holds a file to what is known of it, once.
    pub(super) fn check(&mut self, disk: &dyn Disk, output: &Path, path: &str) -> Result<(), StoreError> {
        if !self.checked.insert(path.to_owned()) {
            return Ok(());
        }
        let known = self.ranges.remove(path).unwrap_or_default();
        known.iter().try_for_each(|(seq, range)| check_range(disk, output, *seq, range))
    }
}
