//! The order between rows: event time first, then canonical order.

use crate::domain::schema::scalars::EventTime;

/// A row's place in event time; no two rows share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Event time, UTC.
    pub time: EventTime,
    order: u64,
}

const AT_BITS: u32 = 48;

impl Moment {
    /// Of a row whose evidence starts at a byte of its stream's file. `rank` is the stream's place in the order of source
    /// files; within a stream evidence stands in the order of generations and lines.
    pub fn new(time: EventTime, rank: u16, evidence_at: u64) -> Self {
        Self { time, order: u64::from(rank) << AT_BITS | evidence_at }
    }

    /// Before every row of that time.
    pub fn before_all(time: EventTime) -> Self {
        Self { time, order: 0 }
    }

    /// Behind every row of that time.
    pub fn after_all(time: EventTime) -> Self {
        Self { time, order: u64::MAX }
    }

    /// Where the row's evidence starts, in bytes.
    pub fn evidence_at(self) -> u64 {
        self.order & ((1 << AT_BITS) - 1)
    }

    /// Canonical order: by source file, then generation and line.
    pub fn canonical(self) -> u64 {
        self.order
    }
}
