//! `views/playbooks.jsonl`: how each kind of problem has been solved, from the runs that were accepted in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::episodes::{Attempt, episodes};
use super::pattern::pattern;
use super::row::{Place, ViewRow};
use super::runs::{Run, worst};
use super::{failures, origins, ranked, ranked_texts};
use crate::domain::schema::checked::{Distinct, NonEmpty, PlaybookId, Positive, SchemaVersion, Text};
use crate::domain::schema::playbook::Playbook;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::score::Category;
use crate::domain::signal::{Code, Kind, SignalSet};

/// Of each list a playbook keeps the most frequent; of files more.
const LIST_MAX: usize = 16;
const FILES_MAX: usize = 64;
/// Of the accepted runs the first and the latest.
const RUNS_MAX: usize = 64;

/// Which playbooks to make.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'w> {
    /// Of this task type.
    pub task_type: Option<&'w str>,
    /// Of work that this model took part in.
    pub model: Option<&'w str>,
    /// Of work on this file.
    pub file: Option<&'w str>,
    /// From runs that began then or later.
    pub since: Option<EventTime>,
}

/// A run with work, and how it came out.
#[derive(Debug)]
struct Tried<'r> {
    run: &'r Run<'r>,
    work: Vec<&'r ViewRow>,
    category: Category,
    signals: SignalSet,
    at: (EventTime, &'r Place),
}

impl Attempt for Tried<'_> {
    fn category(&self) -> Category {
        self.category
    }

    fn signals(&self) -> SignalSet {
        self.signals
    }

    fn at(&self) -> (EventTime, &Place) {
        self.at
    }
}

impl<'r> Tried<'r> {
    fn of(run: &'r Run<'r>) -> Option<Self> {
        let work = run.main_work();
        let at = work.first()?.at();
        let category = worst(work.iter().map(|row| row.category))?;
        let signals = work.iter().fold(SignalSet::EMPTY, |all, row| all.union(row.signals));
        Some(Self { run, work, category, signals, at })
    }

    fn is_accepted(&self) -> bool {
        self.category == Category::Accepted
    }

    /// How many attempts the row itself says went before it.
    fn attempts_before(&self) -> u64 {
        self.work
            .iter()
            .filter_map(|row| row.attempt)
            .max()
            .map_or(0, |attempt| u64::from(attempt).saturating_sub(1))
    }
}

/// All that was tried at one kind of problem.
#[derive(Debug, Default)]
struct Problem<'r> {
    accepted: Vec<&'r Run<'r>>,
    against: u64,
    context: BTreeMap<Arc<str>, u64>,
    paths: BTreeMap<Vec<&'r str>, u64>,
    worked: BTreeMap<Arc<str>, u64>,
    failed: BTreeMap<Arc<str>, u64>,
    checks: BTreeMap<Arc<str>, u64>,
    files: BTreeMap<Arc<str>, u64>,
    models: BTreeSet<&'r str>,
    failures: BTreeMap<&'static str, u64>,
    criteria: BTreeMap<&'static str, u64>,
    /// How many attempts failed before one was accepted, of the episodes in which any did.
    failed_before: Vec<u64>,
    first_accepted: Option<EventTime>,
}

/// Folds runs into playbooks, by task type, then problem pattern.
pub fn playbooks<'r>(runs: &'r BTreeMap<&'r str, Run<'r>>, wanted: &Wanted<'_>) -> Vec<Playbook> {
    let mut tasks: BTreeMap<(&str, &str), Vec<Tried<'_>>> = BTreeMap::new();
    for tried in runs.values().filter_map(Tried::of) {
        if wanted.since.is_none_or(|since| tried.at.0 >= since) {
            tasks.entry((tried.run.task_type(), tried.run.task_id())).or_default().push(tried);
        }
    }
    let mut problems: BTreeMap<(&str, String), Problem<'_>> = BTreeMap::new();
    for ((task_type, _), tries) in tasks {
        if wanted.task_type.is_some_and(|wanted| wanted != task_type) {
            continue;
        }
        for episode in episodes(tries) {
            let pattern = pattern(episode.iter().flat_map(|tried| tried.work.iter().copied()));
            problems.entry((task_type, pattern)).or_default().add(&episode);
        }
    }
    let has_model = |problem: &Problem<'_>| wanted.model.is_none_or(|model| problem.models.contains(model));
    let has_file = |problem: &Problem<'_>| wanted.file.is_none_or(|file| problem.files.contains_key(file));
    problems
        .iter()
        .filter(|(_, problem)| has_model(problem) && has_file(problem))
        .filter_map(|((task_type, pattern), problem)| problem.playbook(task_type, pattern))
        .collect()
}

impl<'r> Problem<'r> {
    fn add(&mut self, episode: &[Tried<'r>]) {
        let mut path = Vec::new();
        for tried in episode {
            for row in &tried.work {
                self.add_row(row, tried.is_accepted());
                path.extend(row.model.as_deref());
            }
            if tried.failed() {
                self.against += 1;
                for code in failures(tried.signals) {
                    *self.failures.entry(code.name()).or_default() += 1;
                }
            }
        }
        let Some(last) = episode.last().filter(|last| last.is_accepted()) else { return };
        path.dedup();
        *self.paths.entry(path).or_default() += 1;
        self.accepted.push(last.run);
        self.first_accepted = Some(self.first_accepted.map_or(last.at.0, |first| first.min(last.at.0)));
        for code in last.signals.iter().filter(|code| is_criterion(*code)) {
            *self.criteria.entry(code.name()).or_default() += 1;
        }
        let failed = episode.iter().filter(|tried| tried.failed()).count() as u64;
        let failed_before = failed.max(last.attempts_before());
        if failed_before > 0 {
            self.failed_before.push(failed_before);
        }
    }

    fn add_row(&mut self, row: &'r ViewRow, accepted: bool) {
        self.models.extend(row.model.as_deref());
        let mut count = |counts: fn(&mut Self) -> &mut BTreeMap<Arc<str>, u64>, name: &Arc<str>| {
            *counts(self).entry(Arc::clone(name)).or_default() += 1;
        };
        row.files.iter().for_each(|file| count(|problem| &mut problem.files, file));
        for check in row.rare().checks.iter().filter(|check| check.deterministic) {
            count(|problem| &mut problem.checks, &check.name);
        }
        for command in &row.rare().commands {
            match command.exit_code {
                Some(0) => count(|problem| &mut problem.worked, &command.line),
                Some(_) => count(|problem| &mut problem.failed, &command.line),
                // Nobody says how it ended; that the work was accepted speaks for it.
                None if accepted => count(|problem| &mut problem.worked, &command.line),
                None => {}
            }
        }
        if accepted {
            row.rare().context.iter().for_each(|name| count(|problem| &mut problem.context, name));
        }
    }

    /// The playbook; `None` while no run was accepted.
    fn playbook(&self, task_type: &str, pattern: &str) -> Option<Playbook> {
        let hash = Sha256Hex::of(format!("{task_type}\0{pattern}").as_bytes());
        let path = self.path();
        let known = ranked(&self.failures, LIST_MAX);
        Some(Playbook {
            schema_version: SchemaVersion,
            playbook_id: PlaybookId::new(format!("playbook_{}", hash.first16()))?,
            task_type: Text::new(task_type)?,
            problem_pattern: Text::new(pattern)?,
            useful_context: ranked_texts(&self.context, LIST_MAX),
            recovery_strategy: recovery(&path, &known),
            model_routing_path: path.into_iter().filter_map(Text::new).collect(),
            commands_worked: ranked_texts(&self.worked, LIST_MAX),
            commands_failed: ranked_texts(&self.failed, LIST_MAX),
            validation_steps: ranked_texts(&self.checks, LIST_MAX),
            repo_files_touched: ranked_texts(&self.files, FILES_MAX),
            known_failure_modes: known.into_iter().filter_map(|(code, _)| Text::new(code)).collect(),
            escalation_threshold: self.threshold().and_then(Positive::new),
            acceptance_criteria: self.criteria()?,
            runs_for: Positive::new(self.accepted.len() as u64),
            runs_against: Some(self.against),
            source_run_ids: self.source_run_ids()?,
            created_at: self.first_accepted?,
            provenance: origins(self.accepted.iter().flat_map(|run| run.main_work()))?,
        })
    }

    /// The most frequent way through the models; of several the shortest, then the first by name.
    fn path(&self) -> Vec<&'r str> {
        let ways = self.paths.iter();
        let best = ways.min_by_key(|(path, count)| (u64::MAX - **count, path.len(), (*path).clone()));
        best.map(|(path, _)| path.clone()).unwrap_or_default()
    }

    /// Half of the episodes that had failures needed no more attempts than this.
    fn threshold(&self) -> Option<u64> {
        let mut counts = self.failed_before.clone();
        counts.sort_unstable();
        counts.get(counts.len().div_ceil(2).checked_sub(1)?).copied()
    }

    /// What spoke for at least half of the accepted runs, or else for most of them.
    fn criteria(&self) -> Option<NonEmpty<Text>> {
        let mut criteria = ranked(&self.criteria, LIST_MAX);
        let half = self.accepted.len().div_ceil(2) as u64;
        let first = criteria.first().copied();
        criteria.retain(|(_, count)| *count >= half);
        if criteria.is_empty() {
            criteria.extend(first);
        }
        NonEmpty::new(criteria.into_iter().filter_map(|(code, _)| Text::new(code)).collect())
    }

    fn source_run_ids(&self) -> Option<Distinct<Text>> {
        let mut runs: Vec<_> =
            self.accepted.iter().filter_map(|run| Some((run.rows.first()?.at(), run))).collect();
        runs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let dropped = runs.len().saturating_sub(RUNS_MAX);
        if dropped > 0 {
            runs.drain(1..=dropped);
        }
        Distinct::new(runs.into_iter().filter_map(|(_, run)| Text::new(&**run.run_id)).collect())
    }
}

/// Whether a signal can be what work is accepted for.
fn is_criterion(code: Code) -> bool {
    match code.kind() {
        Kind::DeterministicPass | Kind::DeterministicPartial | Kind::Grounded | Kind::OpinionFor => true,
        Kind::Human => code == Code::HumanAccept,
        Kind::DeterministicFail
        | Kind::WeaklyGrounded
        | Kind::ReasonOnly
        | Kind::OpinionAgainst
        | Kind::Infrastructure
        | Kind::Unclear => false,
    }
}

/// What to do when it goes wrong, from what was done; empty when nothing ever went wrong.
fn recovery(path: &[&str], failures: &[(&'static str, u64)]) -> String {
    let Some((failure, _)) = failures.first() else { return String::new() };
    match path {
        [] => format!("After {failure}: do the task again."),
        [model] => format!("After {failure}: do the task again with {model}."),
        [first, .., last] => format!("After {failure} with {first}: go on to {last}."),
    }
}
