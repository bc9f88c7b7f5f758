//! `views/playbooks.jsonl`: how each kind of problem has been solved, from the runs that were accepted in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::by_task::{Fold, Sign, TaskKey, of_all};
use super::detail::Item;
use super::episodes::{Attempt, episodes};
use super::facts::{At, Facts, Row, RunId};
use super::few::Few;
use super::names::{Name, Names};
use super::pattern::pattern;
use super::runs::{Run, worst};
use super::{Lines, failures, origins, ranked, ranked_names};
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
}

/// A run with work, and how it came out.
#[derive(Debug)]
struct Tried<'f> {
    run: RunId,
    /// When its first row happened.
    began: At,
    work: Few<&'f Row>,
    category: Category,
    signals: SignalSet,
    at: At,
}

impl Attempt for Tried<'_> {
    fn category(&self) -> Category {
        self.category
    }

    fn signals(&self) -> SignalSet {
        self.signals
    }

    fn at(&self) -> At {
        self.at
    }
}

impl<'f> Tried<'f> {
    fn of(run: &Run<'f>) -> Option<Self> {
        let work = run.main_work();
        let at = work.first()?.at();
        let category = worst(work.iter().map(|row| row.told().category()))?;
        let signals = work.iter().fold(SignalSet::EMPTY, |all, row| all.union(row.told().signals()));
        Some(Self { run: run.id, began: run.rows.first()?.at(), work, category, signals, at })
    }

    fn is_accepted(&self) -> bool {
        self.category == Category::Accepted
    }

    /// How many attempts the row itself says went before it.
    fn attempts_before(&self, facts: &Facts) -> u64 {
        let attempts = self.work.iter().filter_map(|row| facts.attempt(row));
        attempts.max().map_or(0, |attempt| u64::from(attempt).saturating_sub(1))
    }
}

/// All that was tried at one kind of problem.
#[derive(Debug, Default)]
struct Problem {
    episodes: u64,
    /// By when they began.
    accepted: BTreeMap<At, RunId>,
    /// The work of those.
    rows: BTreeSet<At>,
    against: u64,
    context: BTreeMap<Name, u64>,
    paths: BTreeMap<Vec<Name>, u64>,
    worked: BTreeMap<Name, u64>,
    failed: BTreeMap<Name, u64>,
    checks: BTreeMap<Name, u64>,
    files: BTreeMap<Name, u64>,
    models: BTreeMap<Name, u64>,
    failures: BTreeMap<&'static str, u64>,
    criteria: BTreeMap<&'static str, u64>,
    /// How many attempts failed before one was accepted, of the episodes in which any did.
    failed_before: BTreeMap<u64, u64>,
}

/// A task type and a pattern; the latter by its number among the patterns.
type Key = (Name, Name);

/// The playbooks: the problems of all runs that began since a time.
#[derive(Debug, Default)]
pub struct Playbooks {
    since: Option<EventTime>,
    patterns: Names,
    by_key: BTreeMap<Key, Problem>,
    changed: BTreeSet<Key>,
}

impl Playbooks {
    /// The playbooks of all runs that began at `since` or later.
    pub fn of(facts: &Facts, since: Option<EventTime>) -> Self {
        of_all(Self { since, ..Self::default() }, facts)
    }

    /// Task types and patterns whose playbooks may have changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<(Name, Name)> {
        std::mem::take(&mut self.changed)
    }

    /// The texts of a task type and a pattern.
    pub fn texts<'t>(&'t self, facts: &'t Facts, key: (Name, Name)) -> (&'t str, &'t str) {
        (facts.names.text(key.0), self.patterns.text(key.1))
    }

    /// A playbook; `None` while no run was accepted.
    pub fn playbook(&self, facts: &Facts, key: (Name, Name), lines: &mut dyn Lines) -> Option<Playbook> {
        self.by_key.get(&key)?.playbook(facts, self.texts(facts, key), lines)
    }

    /// The playbooks that are wanted, by task type, then problem pattern.
    pub fn read(&self, facts: &Facts, wanted: &Wanted<'_>, lines: &mut dyn Lines) -> Vec<Playbook> {
        let is_in = |counts: &BTreeMap<Name, u64>, text: Option<&str>| {
            text.is_none_or(|text| counts.keys().any(|name| facts.names.text(*name) == text))
        };
        let mut problems: Vec<_> = self
            .by_key
            .iter()
            .map(|(key, problem)| (self.texts(facts, *key), problem))
            .filter(|((task_type, _), _)| wanted.task_type.is_none_or(|wanted| wanted == *task_type))
            .filter(|(_, problem)| is_in(&problem.models, wanted.model) && is_in(&problem.files, wanted.file))
            .collect();
        problems.sort_unstable_by_key(|(texts, _)| *texts);
        problems.into_iter().filter_map(|(texts, problem)| problem.playbook(facts, texts, lines)).collect()
    }

    /// Memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        // A tree's leaves are three quarters full.
        let of = |problem: &Problem| problem.rows.len() * 16 + problem.accepted.len() * 20;
        self.by_key.values().map(of).sum::<usize>() * 4 / 3
    }
}

impl Fold for Playbooks {
    fn take(&mut self, _: &Facts, run: &Run<'_>, _: Sign) -> Few<TaskKey> {
        decided_task_of(run).into_iter().collect()
    }

    fn fold(&mut self, facts: &Facts, task: TaskKey, runs: &[Run<'_>], sign: Sign) {
        let tried = runs.iter().filter(|run| task_of(run) == Some(task)).filter_map(Tried::of);
        let tried = tried.filter(|tried| self.since.is_none_or(|since| tried.at.0 >= since)).collect();
        for episode in episodes(tried) {
            let pattern = pattern(facts, episode.iter().flat_map(|tried| tried.work.iter().copied()));
            let key = (task.0, self.patterns.of(&pattern));
            self.changed.insert(key);
            let problem = self.by_key.entry(key).or_default();
            problem.take(facts, &episode, sign);
            if problem.episodes == 0 {
                self.by_key.remove(&key);
            }
        }
    }
}

fn id_of(task_type: &str, pattern: &str) -> String {
    let hash = Sha256Hex::of(format!("{task_type}\0{pattern}").as_bytes());
    format!("playbook_{}", hash.first16())
}

/// The work of every run that met the problem of a playbook.
pub(super) fn rows_behind(facts: &Facts, playbook_id: &str) -> BTreeSet<At> {
    of_all(Behind { playbook_id, rows: BTreeSet::new() }, facts).rows
}

/// The rows behind one playbook.
struct Behind<'i> {
    playbook_id: &'i str,
    rows: BTreeSet<At>,
}

impl Fold for Behind<'_> {
    fn take(&mut self, _: &Facts, run: &Run<'_>, _: Sign) -> Few<TaskKey> {
        decided_task_of(run).into_iter().collect()
    }

    fn fold(&mut self, facts: &Facts, task: TaskKey, runs: &[Run<'_>], _: Sign) {
        let tried = runs.iter().filter(|run| task_of(run) == Some(task)).filter_map(Tried::of).collect();
        for episode in episodes(tried) {
            let work = || episode.iter().flat_map(|tried| tried.work.iter().copied());
            if id_of(facts.names.text(task.0), &pattern(facts, work())) == self.playbook_id {
                self.rows.extend(work().map(Row::at));
            }
        }
    }
}

/// What a run is about whose outcome is known.
fn decided_task_of(run: &Run<'_>) -> Option<TaskKey> {
    Tried::of(run).filter(Attempt::decided)?;
    task_of(run)
}

/// What a run with work is about.
fn task_of(run: &Run<'_>) -> Option<TaskKey> {
    run.work().next()?;
    run.task_type().zip(run.task())
}

impl Problem {
    fn take(&mut self, facts: &Facts, episode: &[Tried<'_>], sign: Sign) {
        sign.add(&mut self.episodes, 1);
        let mut path = Vec::new();
        for tried in episode {
            for row in tried.work.iter() {
                self.take_row(facts, row, tried.is_accepted(), sign);
                path.extend(row.model());
            }
            if tried.failed() {
                sign.add(&mut self.against, 1);
                failures(tried.signals).for_each(|code| sign.count(&mut self.failures, code.name()));
            }
        }
        let Some(last) = episode.last().filter(|last| last.is_accepted()) else { return };
        path.dedup();
        sign.count(&mut self.paths, path);
        match sign {
            Sign::In => self.accepted.insert(last.began, last.run),
            Sign::Out => self.accepted.remove(&last.began),
        };
        last.work.iter().for_each(|row| sign.put(&mut self.rows, row.at()));
        for code in last.signals.iter().filter(|code| is_criterion(*code)) {
            sign.count(&mut self.criteria, code.name());
        }
        let failed = episode.iter().filter(|tried| tried.failed()).count() as u64;
        let failed_before = failed.max(last.attempts_before(facts));
        if failed_before > 0 {
            sign.count(&mut self.failed_before, failed_before);
        }
    }

    fn take_row(&mut self, facts: &Facts, row: &Row, accepted: bool, sign: Sign) {
        row.model().into_iter().for_each(|model| sign.count(&mut self.models, model));
        for item in facts.items(row) {
            match item {
                Item::File(file) => sign.count(&mut self.files, file),
                Item::Check(check) if check.deterministic => sign.count(&mut self.checks, check.name),
                Item::Command(line, Some(0)) => sign.count(&mut self.worked, line),
                Item::Command(line, Some(_)) => sign.count(&mut self.failed, line),
                // Nobody says how it ended; that the work was accepted speaks for it.
                Item::Command(line, None) if accepted => sign.count(&mut self.worked, line),
                Item::Context(name) if accepted => sign.count(&mut self.context, name),
                _ => {}
            }
        }
    }

    /// The playbook; `None` while no run was accepted.
    fn playbook(
        &self,
        facts: &Facts,
        (task_type, pattern): (&str, &str),
        lines: &mut dyn Lines,
    ) -> Option<Playbook> {
        let path = self.path(&facts.names);
        let known = ranked(&self.failures, LIST_MAX);
        let texts = |counts: &BTreeMap<Name, u64>, max: usize| {
            ranked_names(&facts.names, counts, max).into_iter().filter_map(Text::new).collect()
        };
        Some(Playbook {
            schema_version: SchemaVersion,
            playbook_id: PlaybookId::new(id_of(task_type, pattern))?,
            task_type: Text::new(task_type)?,
            problem_pattern: Text::new(pattern)?,
            useful_context: texts(&self.context, LIST_MAX),
            recovery_strategy: recovery(&path, &known),
            model_routing_path: path.into_iter().filter_map(Text::new).collect(),
            commands_worked: texts(&self.worked, LIST_MAX),
            commands_failed: texts(&self.failed, LIST_MAX),
            validation_steps: texts(&self.checks, LIST_MAX),
            repo_files_touched: texts(&self.files, FILES_MAX),
            known_failure_modes: known.into_iter().filter_map(|(code, _)| Text::new(code)).collect(),
            escalation_threshold: self.threshold().and_then(Positive::new),
            acceptance_criteria: self.criteria()?,
            runs_for: Positive::new(self.accepted.len() as u64),
            runs_against: Some(self.against),
            source_run_ids: self.source_run_ids(facts)?,
            created_at: self.rows.first()?.0,
            provenance: origins(facts, &self.rows, lines)?,
        })
    }

    /// The most frequent way through the models; of several the shortest, then the first by name.
    fn path<'n>(&self, names: &'n Names) -> Vec<&'n str> {
        let texts = |path: &[Name]| path.iter().map(|name| names.text(*name)).collect::<Vec<_>>();
        let ways = self.paths.iter().map(|(path, count)| (u64::MAX - *count, path.len(), path));
        let best = ways.min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| texts(a.2).cmp(&texts(b.2))));
        best.map(|(_, _, path)| texts(path)).unwrap_or_default()
    }

    /// Half of the episodes that had failures needed no more attempts than this.
    fn threshold(&self) -> Option<u64> {
        let half = self.failed_before.values().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let reaches = |(_, count): &(&u64, &u64)| {
            seen += **count;
            seen >= half
        };
        self.failed_before.iter().find(reaches).map(|(attempts, _)| *attempts)
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

    fn source_run_ids(&self, facts: &Facts) -> Option<Distinct<Text>> {
        let dropped = self.accepted.len().saturating_sub(RUNS_MAX);
        let runs = self.accepted.values().enumerate().filter(|(at, _)| *at == 0 || *at > dropped);
        Distinct::new(runs.filter_map(|(_, run)| Text::new(facts.runs.text(*run))).collect())
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
