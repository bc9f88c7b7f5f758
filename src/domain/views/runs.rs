//! Rows gathered into runs: all evidence with one `run_id`, and the support rows that name the run as their task.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::row::ViewRow;
use crate::domain::score::Category;

/// One run; its rows are in order of time, then canonical order.
#[derive(Debug)]
pub struct Run<'r> {
    /// The run.
    pub run_id: &'r Arc<str>,
    /// Its own rows; never empty.
    pub rows: Vec<&'r ViewRow>,
    /// Support rows of other runs whose task this run is.
    pub about: Vec<&'r ViewRow>,
}

/// Gathers rows into runs, by `run_id`.
pub fn runs(rows: &[ViewRow]) -> BTreeMap<&str, Run<'_>> {
    let mut runs: BTreeMap<&str, Run<'_>> = BTreeMap::new();
    for row in rows {
        let new = || Run { run_id: &row.run_id, rows: Vec::new(), about: Vec::new() };
        runs.entry(&row.run_id).or_insert_with(new).rows.push(row);
    }
    for row in rows.iter().filter(|row| !row.is_work) {
        let target = row.task_id.strip_prefix("run:").filter(|target| *target != &*row.run_id);
        if let Some(run) = target.and_then(|target| runs.get_mut(target)) {
            run.about.push(row);
        }
    }
    for run in runs.values_mut() {
        run.rows.sort_unstable_by(|a, b| a.at().cmp(&b.at()));
        run.about.sort_unstable_by(|a, b| a.at().cmp(&b.at()));
    }
    runs
}

impl<'r> Run<'r> {
    /// Its rows that are work.
    pub fn work(&self) -> impl Iterator<Item = &'r ViewRow> + '_ {
        self.rows.iter().copied().filter(|row| row.is_work)
    }

    /// The task type that the latest of its rows gives, if any gives one.
    pub fn given_task_type(&self) -> Option<&'r Arc<str>> {
        self.rows.iter().rev().find_map(|row| row.task_type.as_ref())
    }

    /// The task type: the one given, else the stream of its first work, else of its first row.
    pub fn task_type(&self) -> &'r str {
        let stream = || self.work().next().or_else(|| self.rows.first().copied()).map(|row| &row.stream);
        self.given_task_type().or_else(stream).map_or("", |name| name)
    }

    /// The signature that the latest of its rows gives.
    pub fn signature(&self) -> Option<&'r Arc<str>> {
        self.rows.iter().rev().find_map(|row| row.run_signature.as_ref())
    }

    /// What it is about: the task of its first work that names another than the run itself, else of its first row.
    pub fn task_id(&self) -> &'r str {
        let names_run =
            |task: &str| task == &**self.run_id || task.strip_prefix("run:") == Some(&**self.run_id);
        let all = || self.work().chain(self.rows.iter().copied());
        let named = all().find(|row| !names_run(&row.task_id)).or_else(|| all().next());
        named.map_or("", |row| &row.task_id)
    }

    /// Its work by which it is judged as a whole: what was extracted from it counts only where there is nothing else.
    pub fn main_work(&self) -> Vec<&'r ViewRow> {
        let main: Vec<_> = self.work().filter(|row| !row.is_extraction).collect();
        if main.is_empty() { self.work().collect() } else { main }
    }

    /// The category: the worst of its work. `None` without work.
    pub fn category(&self) -> Option<Category> {
        worst(self.work().map(|row| row.category))
    }
}

/// The task type of one row: its own, else its run's, else its stream.
pub fn task_type_of<'r>(row: &'r ViewRow, run: &Run<'r>) -> &'r str {
    row.task_type.as_ref().or_else(|| run.given_task_type()).unwrap_or(&row.stream)
}

/// The worst of several categories: rejected, then what a person has to look at, then accepted in part, then accepted.
pub fn worst(categories: impl Iterator<Item = Category>) -> Option<Category> {
    categories.max_by_key(|category| match category {
        Category::Accepted => 0,
        Category::PartiallyAccepted => 1,
        Category::NeedsHumanReview => 2,
        Category::Rejected => 3,
    })
}
