//! What the views keep of tasks from refresh to refresh: one set of tasks, and ledger and playbooks over it.

use super::by_task::{ByTask, TaskKey};
use super::facts::{Facts, RunId};
use super::model_ledger::ModelLedger;
use super::playbooks::Playbooks;

/// The ledger and the playbooks, kept as runs change.
#[derive(Debug, Default)]
pub struct Kept(ByTask<(ModelLedger, Playbooks)>);

impl Kept {
    /// Before runs change: takes out what they gave. What comes out goes into [`Kept::after`].
    pub fn before(&mut self, facts: &Facts, runs: &[RunId]) -> Vec<TaskKey> {
        self.0.before(facts, runs)
    }

    /// After runs changed: puts in what they give.
    pub fn after(&mut self, facts: &Facts, runs: &[RunId], before: Vec<TaskKey>) {
        self.0.after(facts, runs, before);
    }

    /// The ledger.
    pub fn ledger(&mut self) -> &mut ModelLedger {
        &mut self.0.fold.0
    }

    /// The playbooks.
    pub fn playbooks(&mut self) -> &mut Playbooks {
        &mut self.0.fold.1
    }

    /// Memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        let (ledger, playbooks) = &self.0.fold;
        self.0.memory() + ledger.memory() + playbooks.memory()
    }
}
