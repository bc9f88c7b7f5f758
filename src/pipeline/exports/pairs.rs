//! Preference pairs: those that there are, those that the file holds, and what must go.
//!
//! Pairs are rare beside samples, so they are made here and not on the workers.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::Gathered;
use super::task_key;
use crate::domain::exports::preference::{self, Sides, Source};
use crate::domain::exports::{Dataset, EvidenceView, SampleId};
use crate::domain::link::map::KeyMap;
use crate::domain::link::{Links, Part, Place, Row};
use crate::domain::schema::scalars::Escaped;
use crate::pipeline::evidence_lines::EvidenceLines;
use crate::pipeline::known_rows::KnownRows;
use crate::store::StoreError;

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) id: SampleId,
    pub(super) sides: Sides,
    /// Of the key of the task type that a run gave; 0 for the row's own.
    task: u32,
}

/// All pairs.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// What each source makes.
    made: BTreeMap<Source, Pair>,
    /// Several sources may make the same pair; the canonically first counts.
    by_id: KeyMap<Vec<Source>>,
    /// What the file holds.
    file: KeyMap<(Source, Sides, u32)>,
    /// What a source has in the file.
    in_file: BTreeMap<Source, SampleId>,
}

impl Pairs {
    /// Notes a pair that the file holds.
    pub(super) fn found(&mut self, id: SampleId, source: Source, sides: Sides, task: u32) {
        self.file.insert(id.0, (source, sides, task));
        self.in_file.insert(source, id);
    }

    /// The pairs in the file.
    pub(super) fn sources_in_file(&self) -> impl Iterator<Item = Source> + '_ {
        self.in_file.keys().copied()
    }

    /// What a source has in the file, if it no longer stands behind it.
    pub(super) fn broken(&self, links: &Links, source: Source) -> Option<(SampleId, Sides)> {
        let id = self.in_file.get(&source)?;
        let (_, held, _) = self.file.get(&id.0)?;
        (preference::sides(links, source) != Some(*held)).then_some((*id, *held))
    }

    /// Forgets a pair that was taken out of the file.
    pub(super) fn removed(&mut self, id: SampleId) {
        if let Some((source, ..)) = self.file.remove(&id.0) {
            self.in_file.remove(&source);
        }
    }

    /// Looks at a source again; what the file should hold instead goes into `gathered`. Whether the pair is held back because
    /// of a secret.
    pub(super) fn refresh(
        &mut self,
        source: Source,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
        gathered: &mut Gathered,
    ) -> Result<bool, StoreError> {
        let links = &known.links;
        let sides = preference::sides(links, source);
        let secret = sides.is_some_and(|sides| preference::holds_secret(links, sides));
        let made = match sides.filter(|_| !secret) {
            Some(sides) => make(source, sides, known, evidence)?,
            None => None,
        };
        let mut ids = BTreeSet::new();
        if let Some(before) = self.made.remove(&source) {
            ids.insert(before.id);
            if let Some(sources) = self.by_id.get_mut(&before.id.0) {
                sources.retain(|other| *other != source);
            }
        }
        ids.extend(self.in_file.get(&source));
        if let Some((pair, _)) = &made {
            ids.insert(pair.id);
            self.made.insert(source, *pair);
            self.by_id.entry(pair.id.0).or_default().push(source);
        }
        for id in ids {
            self.refresh_id(id, source, made.as_ref(), known, evidence, gathered)?;
        }
        Ok(secret)
    }

    fn refresh_id(
        &mut self,
        id: SampleId,
        source: Source,
        made: Option<&(Pair, String)>,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
        gathered: &mut Gathered,
    ) -> Result<(), StoreError> {
        let place = |place| known.get(place).map(|row| row.moment.canonical());
        let order = |source: &Source| {
            self.made.get(source).map(|pair| (place(pair.sides.chosen), place(pair.sides.rejected), *source))
        };
        let winner = self.by_id.get(&id.0).into_iter().flatten().min_by_key(|source| order(source)).copied();
        let held = self.file.get(&id.0).copied();
        let Some((winner, pair)) = winner.and_then(|winner| Some((winner, *self.made.get(&winner)?))) else {
            if held.is_some() {
                gathered.drop_line(Dataset::Preference, id);
                self.removed(id);
            }
            return Ok(());
        };
        if held == Some((winner, pair.sides, pair.task)) {
            return Ok(());
        }
        let line = match made.filter(|_| winner == source) {
            Some((_, line)) => line.clone(),
            None => match make(winner, pair.sides, known, evidence)? {
                Some((_, line)) => line,
                None => return Ok(()),
            },
        };
        if held.is_some() {
            gathered.drop_line(Dataset::Preference, id);
            self.removed(id);
        }
        gathered.add_line(Dataset::Preference, id, line);
        self.file.insert(id.0, (winner, pair.sides, pair.task));
        self.in_file.insert(winner, id);
        Ok(())
    }
}

/// Makes the line of a source.
fn make(
    source: Source,
    sides: Sides,
    known: &KnownRows,
    evidence: &EvidenceLines<'_>,
) -> Result<Option<(Pair, String)>, StoreError> {
    let (Some(chosen_row), Some(rejected_row)) = (known.get(sides.chosen), known.get(sides.rejected)) else {
        return Ok(None);
    };
    let chosen_line = evidence.line(chosen_row)?;
    let rejected_line = evidence.line(rejected_row)?;
    let asked = asked_of(&known.links, sides.chosen, sides.rejected);
    let task_of_run = task_of_run(asked, known, evidence)?;
    let (Some(chosen), Some(rejected)) =
        (EvidenceView::read(&chosen_line), EvidenceView::read(&rejected_line))
    else {
        return Ok(None);
    };
    let mut line = String::new();
    let id = preference::sample(source, &chosen, &rejected, task_of_run.as_ref(), &mut line);
    let own = known.get(asked).is_some_and(Row::gives_task);
    let task = if own { 0 } else { task_key(asked, known, evidence)? };
    Ok(id.map(|id| (Pair { id, sides, task }, line)))
}

/// The row whose task a pair is of: a correction answers what its target was asked.
pub(super) fn asked_of(links: &Links, chosen: Place, rejected: Place) -> Place {
    let corrects =
        links.rows.get(chosen).is_some_and(|row| matches!(row.part(), Part::Human | Part::Overseer));
    if corrects { rejected } else { chosen }
}

/// The task type that the run of a row gives, where the row names none.
pub(super) fn task_of_run(
    place: Place,
    known: &KnownRows,
    evidence: &EvidenceLines<'_>,
) -> Result<Option<Escaped<'static>>, StoreError> {
    let giver = known.links.task_giver(place).and_then(|giver| known.get(giver));
    let Some(giver) = giver else { return Ok(None) };
    let line = evidence.line(giver)?;
    let task = crate::domain::skim::members(&line).find(|(key, _)| *key == "task_type");
    let task = task.and_then(|(_, value)| crate::domain::skim::text(value));
    Ok(task.map(|task| Escaped::from_escaped(task.escaped().to_owned())))
}
