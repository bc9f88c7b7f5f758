//! The generation before the current one, watched for rows that come to it too late.

use std::fs::File;
use std::time::{Duration, Instant};

use super::current::Current;
use crate::intake::bytes::Bytes;
use crate::intake::chunk::GapFound;

/// A file that was read to its end and left for the next one.
#[derive(Debug)]
pub(super) struct Left {
    file: File,
    generation: u32,
    /// How much of it was read or told as a gap, in bytes.
    told_to: u64,
    told_at: Option<Instant>,
}

/// A producer that never lets go of the file is told of once in so long.
const BETWEEN_GAPS: Duration = Duration::from_mins(1);

/// What a file holds behind the end of its generation: it was not read before the next one was begun.
pub(super) fn behind(current: &Current) -> Option<GapFound> {
    let Bytes::Until(file, end) = current.reader.file() else { return None };
    let (from, to, generation) = (*end, file.metadata().ok()?.len(), current.source.generation);
    let reason =
        format!("generation {generation} was left before more came to its file; that was never read");
    (from < to).then_some(GapFound { generation: Some(generation), from, to, reason, next: None })
}

impl Left {
    /// What is left, `size` bytes of it known; `None` when nothing can come to it any more.
    pub(super) fn of(current: &Current, size: u64) -> Option<Self> {
        let Bytes::File(file) = current.reader.file() else { return None };
        let generation = current.source.generation;
        Some(Self { file: file.try_clone().ok()?, generation, told_to: size, told_at: None })
    }

    /// Rows that came since: they belong before rows that are out already, so they are a gap.
    pub(super) fn late_rows(&mut self) -> Option<GapFound> {
        let (from, to) = (self.told_to, self.file.metadata().ok()?.len());
        if to <= from || self.told_at.is_some_and(|at| at.elapsed() < BETWEEN_GAPS) {
            return None;
        }
        (self.told_to, self.told_at) = (to, Some(Instant::now()));
        Some(GapFound {
            generation: Some(self.generation),
            from,
            to,
            reason: format!(
                "generation {} was written to after its time for late rows (watch.rotated_wait); they were not read",
                self.generation
            ),
            next: None,
        })
    }
}
