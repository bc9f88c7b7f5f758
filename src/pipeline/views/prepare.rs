//! One refresh: what was read is counted, what changed is folded anew, and files are prepared, two at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use super::ViewError;
use super::files::{DRIFT, Key, Listed, whole};
use super::queue::Queue;
use super::read_back::ReadBack;
use super::state::{AskSpecial, FileLines, Sources, died};
use crate::domain::views::drift::{STREAMS, drift};
use crate::domain::views::facts::{Changes, Facts, RunId};
use crate::domain::views::kept::Kept;
use crate::domain::views::model_ledger::ModelLedger;
use crate::domain::views::playbooks::Playbooks;
use crate::pipeline::review::Special;
use crate::store::Prepared;

type File = Result<Option<Prepared>, ViewError>;

/// Prepares the files that are to be others.
pub(super) fn prepare(
    sources: Sources<'_>,
    facts: &mut Facts,
    folds: &mut Kept,
    files: &mut FileLines,
    special: &mut AskSpecial<'_>,
) -> Result<Vec<Prepared>, ViewError> {
    let waiting = facts.waiting();
    let before = folds.before(facts, &waiting);
    let mut changes = facts.settle(waiting);
    let new_runs = std::mem::take(&mut changes.new_runs);
    let read = facts;
    let (facts, changes) = (&*read, &changes);
    let FileLines { runs, queue, ledger: ledger_file, playbooks: playbooks_file } = files;
    let prepared = thread::scope(|scope| {
        let runs = scope.spawn(move || {
            let dirty = with_targets(facts, changes);
            runs.update(sources, facts, &dirty, new_runs)
        });
        let others = || {
            folds.after(facts, &changes.runs, before);
            Ok::<_, ViewError>([
                playbook_lines(sources, facts, folds.playbooks(), playbooks_file)?,
                ledger_lines(sources, facts, folds.ledger(), ledger_file)?,
                drift_lines(sources, facts, changes)?,
                queue_lines(sources, facts, changes, queue, special()?)?,
            ])
        };
        let others = others();
        let runs: File = runs.join().unwrap_or_else(|panic| Err(died(panic)));
        Ok([runs?].into_iter().chain(others?).flatten().collect())
    });
    read.forget_shown();
    prepared
}

impl Sources<'_> {
    pub(super) fn read_back<'f>(&self, facts: &'f Facts) -> ReadBack<'f> {
        ReadBack::new(facts, self.output, self.names, self.committed)
    }
}

/// Runs whose lines may be others: those that changed, and those that changed support rows are about.
fn with_targets(facts: &Facts, changes: &Changes) -> Vec<RunId> {
    let rows = (changes.first_new..facts.len()).chain(changes.rescored.iter().copied());
    let support = rows.filter_map(|id| facts.row(id)).filter(|row| !row.told().is_work());
    changes.runs.iter().copied().chain(support.filter_map(|row| row.task().run())).collect()
}

fn playbook_lines(sources: Sources<'_>, facts: &Facts, playbooks: &mut Playbooks, file: &mut Listed) -> File {
    let mut lines = sources.read_back(facts);
    let mut changed = BTreeMap::new();
    for key in playbooks.take_changed() {
        let (task_type, pattern) = playbooks.texts(facts, key);
        let texts: Key = (task_type.into(), pattern.into());
        changed.insert(texts, playbooks.playbook(facts, key, &mut lines));
    }
    lines.check()?;
    file.update(sources.output, sources.committed, changed)
}

fn ledger_lines(sources: Sources<'_>, facts: &Facts, ledger: &mut ModelLedger, file: &mut Listed) -> File {
    let mut lines = sources.read_back(facts);
    let mut changed = BTreeMap::new();
    for key in ledger.take_changed() {
        let texts: Key = (facts.names.text(key.0).into(), facts.names.text(key.1).into());
        changed.insert(texts, ledger.entry(facts, key, &mut lines));
    }
    lines.check()?;
    file.update(sources.output, sources.committed, changed)
}

/// There are few sweeps, and each is compared with those before it: all is made anew.
fn drift_lines(sources: Sources<'_>, facts: &Facts, changes: &Changes) -> File {
    let streams: BTreeSet<_> = (changes.first_new..facts.len())
        .filter_map(|id| facts.row(id))
        .map(|row| facts.stream_of(row.place()))
        .collect();
    let is_of_drift =
        |stream: usize| sources.names.get(stream).is_some_and(|name| STREAMS.contains(&name.as_str()));
    let is_there = sources.committed.outputs.contains_key(DRIFT);
    if is_there && changes.first_new > 0 && !streams.into_iter().any(is_of_drift) {
        return Ok(None);
    }
    let mut lines = sources.read_back(facts);
    let snapshots = drift(facts, &mut lines);
    lines.check()?;
    whole(sources.output, DRIFT, sources.committed, &snapshots)
}

fn queue_lines(
    sources: Sources<'_>,
    facts: &Facts,
    changes: &Changes,
    queue: &mut Queue,
    special: Special,
) -> File {
    let mut lines = sources.read_back(facts);
    let Sources { output, committed, streams, .. } = sources;
    let file = queue.update(output, committed, facts, changes, special, streams, &mut lines);
    lines.check()?;
    file
}
