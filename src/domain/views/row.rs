//! One row as the views keep it: 64 bytes, and texts by number.

use super::names::Name;
use super::told::Told;
use crate::domain::schema::scalars::EventTime;

/// A row by its number, in the order in which rows were read.
pub type RowId = u32;
/// A run by its number, in the order in which they were first named.
pub type RunId = Name;

pub(super) const NONE: u32 = u32::MAX;
pub(super) const RANK_SHIFT: u32 = 48;

/// Where a row stands in canonical order: its stream's place in the order of source files, and the byte at which its
/// evidence starts, which follows generation and line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub(super) u64);

impl Place {
    /// Where its evidence starts, in bytes.
    pub fn evidence_at(self) -> u64 {
        self.0 & ((1 << RANK_SHIFT) - 1)
    }

    pub(super) fn rank(self) -> usize {
        (self.0 >> RANK_SHIFT) as usize
    }
}

/// The order between rows: time, then canonical order.
pub type At = (EventTime, Place);

/// What a row is about: a run, or anything else by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task(pub(super) u32);

pub(super) const OF_RUN: u32 = 1 << 31;

impl Task {
    /// The run that it names.
    pub fn run(self) -> Option<RunId> {
        (self.0 & OF_RUN != 0).then_some(self.0 & !OF_RUN)
    }

    /// The name of what is no run.
    pub(super) fn name(self) -> Option<Name> {
        (self.0 & OF_RUN == 0).then_some(self.0)
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub(super) time: EventTime,
    pub(super) place: Place,
    pub(super) told: Told,
    pub(super) latency_us: u64,
    pub(super) run: RunId,
    pub(super) task: Task,
    pub(super) task_type: Name,
    pub(super) model: Name,
    pub(super) detail: Name,
    pub(super) next_in_run: RowId,
    /// Beyond the first line of its stretch.
    pub(super) line: u32,
    /// Of its evidence, without the newline; what does not fit is looked for.
    pub(super) evidence_len: u32,
}

fn some(name: Name) -> Option<Name> {
    (name != NONE).then_some(name)
}

impl Row {
    /// The order between rows.
    pub fn at(&self) -> At {
        (self.time, self.place)
    }

    /// When it happened.
    pub fn time(&self) -> EventTime {
        self.time
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// What its current score tells.
    pub fn told(&self) -> Told {
        self.told
    }

    /// Its run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What it is about.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The task type that it gives.
    pub fn task_type(&self) -> Option<Name> {
        some(self.task_type)
    }

    /// The model, of work.
    pub fn model(&self) -> Option<Name> {
        some(self.model)
    }

    /// How long the call took, in microseconds; of work.
    pub fn latency_us(&self) -> Option<u64> {
        (self.latency_us != u64::MAX).then_some(self.latency_us)
    }

    /// Length of its evidence, in bytes, or a length that the line does not end at.
    pub fn evidence_len(&self) -> u32 {
        self.evidence_len
    }
}
