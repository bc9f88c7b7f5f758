//! Rows gathered into runs: all evidence with one `run_id`.

use super::facts::{Facts, Row, RunId, Task};
use super::few::Few;
use super::names::Name;
use crate::domain::score::Category;

/// One run.
#[derive(Debug)]
pub(super) struct Run<'f> {
    facts: &'f Facts,
    /// The run.
    pub(super) id: RunId,
    /// Its rows, in order of time, then canonical order.
    pub(super) rows: Few<&'f Row>,
}

impl<'f> Run<'f> {
    /// A run, with its rows.
    pub(super) fn of(facts: &'f Facts, id: RunId) -> Self {
        Self::of_rows(facts, id, facts.of_run(id).map(|(_, row)| *row))
    }

    /// A run of these rows, which are in order.
    pub(super) fn of_rows(facts: &'f Facts, id: RunId, rows: Few<&'f Row>) -> Self {
        Self { facts, id, rows }
    }

    /// Its rows that are work.
    pub(super) fn work(&self) -> impl Iterator<Item = &'f Row> + '_ {
        self.rows.iter().copied().filter(|row| row.told().is_work())
    }

    /// The task type that the latest of its rows gives, if any gives one.
    fn given_task_type(&self) -> Option<Name> {
        self.rows.iter().rev().find_map(|row| row.task_type())
    }

    /// The task type: the one given, else the stream of its first work, else of its first row.
    pub(super) fn task_type(&self) -> Option<Name> {
        let first = || self.work().next().or_else(|| self.rows.first().copied());
        self.given_task_type().or_else(|| Some(self.facts.stream_name(first()?)))
    }

    /// The task type of one row: its own, else its run's, else its stream.
    pub(super) fn task_type_of(&self, row: &Row) -> Name {
        let given = row.task_type().or_else(|| self.given_task_type());
        given.unwrap_or_else(|| self.facts.stream_name(row))
    }

    /// What it is about: the task of its first work that names another than the run itself, else of its first row.
    pub(super) fn task(&self) -> Option<Task> {
        let all = || self.work().chain(self.rows.iter().copied());
        all().find(|row| !row.told().is_own_task()).or_else(|| all().next()).map(Row::task)
    }

    /// Its work by which it is judged as a whole: what was extracted from it counts only where there is nothing else.
    pub(super) fn main_work(&self) -> Few<&'f Row> {
        let main: Few<_> = self.work().filter(|row| !row.told().is_extraction()).collect();
        if main.is_empty() { self.work().collect() } else { main }
    }
}

/// The worst of several categories: rejected, then what a person has to look at, then accepted in part, then accepted.
pub(super) fn worst(categories: impl Iterator<Item = Category>) -> Option<Category> {
    categories.max_by_key(|category| match category {
        Category::Accepted => 0,
        Category::PartiallyAccepted => 1,
        Category::NeedsHumanReview => 2,
        Category::Rejected => 3,
    })
}
