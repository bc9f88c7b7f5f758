//! What the views remember between two refreshes. All of it can be lost: it is made again from what is committed.

use std::path::Path;

use super::ViewError;
use super::prepare::prepare;
use super::queue::Queue;
use super::read::{Cursors, Fresh};
use super::run_file::RunFile;
use crate::domain::schema::receipt::CommittedState;
use crate::domain::views::facts::Facts;
use crate::domain::views::kept::Kept;
use crate::pipeline::review::Special;
use crate::store::{Prepared, StoreError};

use super::files::{Listed, MODEL_LEDGER, PLAYBOOKS};

/// The views of an output folder: what is kept of its rows, what is folded, and which lines stand in the files.
#[derive(Debug)]
pub struct Views {
    streams: usize,
    cursors: Cursors,
    pub(super) facts: Facts,
    pub(super) folds: Kept,
    pub(super) files: FileLines,
}

/// Which lines stand in the files.
#[derive(Debug)]
pub(super) struct FileLines {
    pub(super) runs: RunFile,
    pub(super) queue: Queue,
    pub(super) ledger: Listed,
    pub(super) playbooks: Listed,
}

/// What a refresh has made.
#[derive(Debug)]
pub struct Made {
    /// What to go on from, once the files are committed.
    pub views: Views,
    /// The files that are others than before.
    pub files: Vec<Prepared>,
}

/// Gives the rows that need a person for another reason than their score. Asked when all other files are made, or being
/// made: it may have to wait for samples.
pub type AskSpecial<'s> = dyn FnMut() -> Result<Special, ViewError> + 's;

/// What a refresh is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'s> {
    pub(super) output: &'s Path,
    pub(super) committed: &'s CommittedState,
    pub(super) names: &'s [String],
    /// The queue is that of the first so many streams.
    pub(super) streams: usize,
}

impl Views {
    /// Views that know nothing yet; the queue is that of `streams`, in the order of their numbers.
    pub fn new(streams: &[&str], committed: &CommittedState) -> Self {
        let cursors = Cursors::new(streams, committed);
        let files = FileLines {
            runs: RunFile::default(),
            queue: Queue::default(),
            ledger: Listed::new(MODEL_LEDGER),
            playbooks: Listed::new(PLAYBOOKS),
        };
        Self { streams: streams.len(), facts: cursors.facts(), cursors, folds: Kept::default(), files }
    }

    /// Whether they can go on from what they know to what is committed now.
    pub fn fit(&self, committed: &CommittedState) -> bool {
        self.cursors.fit(committed)
    }

    /// Reads what was committed since the last time, so that less is left for the refresh. What is fresh need not be read.
    pub fn follow(
        mut self,
        fresh: Vec<Fresh>,
        output: &Path,
        committed: &CommittedState,
    ) -> Result<Self, ViewError> {
        self.cursors.read(fresh, output, committed, &mut self.facts)?;
        Ok(self)
    }

    /// Reads what was committed since the last time, and prepares the files that are to be others.
    pub fn refresh(
        mut self,
        fresh: Vec<Fresh>,
        output: &Path,
        committed: &CommittedState,
        special: &mut AskSpecial<'_>,
    ) -> Result<Made, ViewError> {
        self.cursors.read(fresh, output, committed, &mut self.facts)?;
        let Self { streams, cursors, facts, folds, files } = &mut self;
        let sources = Sources { output, committed, names: &cursors.names, streams: *streams };
        let files = prepare(sources, facts, folds, files, special)?;
        Ok(Made { views: self, files })
    }

    /// How many runs they know.
    pub fn runs(&self) -> usize {
        self.files.runs.len()
    }

    /// Memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        let files = &self.files;
        self.facts.memory()
            + self.folds.memory()
            + files.runs.memory()
            + files.queue.memory()
            + files.ledger.memory()
            + files.playbooks.memory()
    }
}

/// A thread of the views has died.
pub(in crate::pipeline) fn died<T>(_: T) -> ViewError {
    StoreError::CheckFailed("a thread of the views panicked".to_owned()).into()
}
