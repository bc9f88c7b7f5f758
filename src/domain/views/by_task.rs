//! Folds that are sums over runs and over tasks, kept as runs change: what was given is taken out as it was put in, and put in
//! anew.
//!
//! Only changed runs and their tasks are looked at. A task that a changed run comes to was not known beforehand; what its
//! other runs gave is taken out then. So sums are those of all runs, whatever the order and the steps. Runs are taken in the order
//! in which they were read, as their rows lie in memory; in the order of tasks each would be a cache miss.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, RunId, Task};
use super::few::Few;
use super::names::Name;
use super::runs::Run;

/// A task: its type, and what it is about.
pub(super) type TaskKey = (Name, Task);

/// Something that is summed over runs and over tasks.
pub(super) trait Fold {
    /// Puts in what a run gives by itself, or takes it out. Gives the tasks that it has a part in, each once.
    fn take(&mut self, facts: &Facts, run: &Run<'_>, sign: Sign) -> Few<TaskKey>;
    /// Puts in what runs give to a task together, or takes it out. Some of them may give nothing to it.
    fn fold(&mut self, facts: &Facts, task: TaskKey, runs: &[Run<'_>], sign: Sign);
    /// All that is to be put in or taken out for now was.
    fn settle(&mut self) {}
}

/// Two at once: the rows of a run lie anywhere in memory, and are gathered once for both.
impl<A: Fold, B: Fold> Fold for (A, B) {
    fn take(&mut self, facts: &Facts, run: &Run<'_>, sign: Sign) -> Few<TaskKey> {
        let mut tasks = self.0.take(facts, run, sign);
        for task in self.1.take(facts, run, sign) {
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        tasks
    }

    fn fold(&mut self, facts: &Facts, task: TaskKey, runs: &[Run<'_>], sign: Sign) {
        self.0.fold(facts, task, runs, sign);
        self.1.fold(facts, task, runs, sign);
    }

    fn settle(&mut self) {
        self.0.settle();
        self.1.settle();
    }
}

/// Whether something is put in or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Put in.
    In,
    /// Taken out.
    Out,
}

impl Sign {
    /// Counts one more, or one less; what is counted no more is gone.
    pub(super) fn count<K: Ord>(self, counts: &mut BTreeMap<K, u64>, key: K) {
        match self {
            Self::In => *counts.entry(key).or_default() += 1,
            Self::Out => {
                if let Some(count) = counts.get_mut(&key) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        counts.remove(&key);
                    }
                }
            }
        }
    }

    /// Adds a number, or takes it off.
    pub(super) fn add(self, sum: &mut u64, number: u64) {
        *sum = match self {
            Self::In => sum.saturating_add(number),
            Self::Out => sum.saturating_sub(number),
        };
    }

    /// Puts a member into a set, or takes it out.
    pub(super) fn put<K: Ord>(self, set: &mut BTreeSet<K>, key: K) {
        match self {
            Self::In => set.insert(key),
            Self::Out => set.remove(&key),
        };
    }
}

/// A fold, and the runs of every task.
#[derive(Debug, Default)]
pub(super) struct ByTask<F> {
    /// The fold.
    pub(super) fold: F,
    members: BTreeSet<(TaskKey, RunId)>,
}

/// A fold of the runs of all rows.
pub(super) fn of_all<F: Fold>(fold: F, facts: &Facts) -> F {
    let mut by_task = ByTask { fold, members: BTreeSet::new() };
    by_task.after(facts, &facts.all_runs().collect::<Vec<_>>(), Vec::new());
    by_task.fold
}

impl<F: Fold> ByTask<F> {
    /// Takes out runs that are about to change and their tasks, and gives the latter.
    pub(super) fn before(&mut self, facts: &Facts, runs: &[RunId]) -> Vec<TaskKey> {
        let parts = self.take_runs(facts, runs, Sign::Out);
        let tasks = tasks_of(&parts);
        for task in &tasks {
            self.fold_task(facts, *task, Sign::Out);
        }
        for part in &parts {
            self.members.remove(part);
        }
        tasks
    }

    /// Puts in runs that have changed and their tasks, `before` being those they had.
    pub(super) fn after(&mut self, facts: &Facts, runs: &[RunId], before: Vec<TaskKey>) {
        let mut parts = self.take_runs(facts, runs, Sign::In);
        if self.members.is_empty() {
            parts.sort_unstable();
            let mut runs = Vec::new();
            for of_task in parts.chunk_by(|a, b| a.0 == b.0) {
                runs.clear();
                runs.extend(of_task.iter().map(|(_, run)| Run::of(facts, *run)));
                of_task
                    .first()
                    .into_iter()
                    .for_each(|(task, _)| self.fold.fold(facts, *task, &runs, Sign::In));
            }
            self.members = parts.into_iter().collect();
        } else {
            let mut tasks = tasks_of(&parts);
            for task in tasks.iter().filter(|task| before.binary_search(task).is_err()) {
                self.fold_task(facts, *task, Sign::Out);
            }
            self.members.extend(parts);
            tasks.extend(before);
            tasks.sort_unstable();
            tasks.dedup();
            for task in tasks {
                self.fold_task(facts, task, Sign::In);
            }
        }
        self.fold.settle();
    }

    /// Memory that the runs of tasks take, in bytes.
    pub(super) fn memory(&self) -> usize {
        // A tree's leaves are three quarters full.
        self.members.len() * size_of::<(TaskKey, RunId)>() * 4 / 3
    }

    fn take_runs(&mut self, facts: &Facts, runs: &[RunId], sign: Sign) -> Vec<(TaskKey, RunId)> {
        let mut parts = Vec::new();
        for run in runs {
            let tasks = self.fold.take(facts, &Run::of(facts, *run), sign);
            parts.extend(tasks.iter().map(|task| (*task, *run)));
        }
        parts
    }

    fn fold_task(&mut self, facts: &Facts, task: TaskKey, sign: Sign) {
        let members = self.members.range((task, 0)..=(task, RunId::MAX));
        let runs: Vec<Run<'_>> = members.map(|(_, run)| Run::of(facts, *run)).collect();
        if !runs.is_empty() {
            self.fold.fold(facts, task, &runs, sign);
        }
    }
}

fn tasks_of(parts: &[(TaskKey, RunId)]) -> Vec<TaskKey> {
    let mut tasks: Vec<TaskKey> = parts.iter().map(|(task, _)| *task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    tasks
}
