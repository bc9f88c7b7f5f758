//! Preference pairs: those that there are, those that the file holds, and what must go.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::Gathered;
use super::make::{MadePair, PairRow};
use super::{giver_of, task_stamp};
use crate::domain::exports::preference::{self, Sides, Source};
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::map::KeyMap;
use crate::domain::link::{Key, Links, Part, Place};
use crate::pipeline::evidence_lines::LineAt;
use crate::pipeline::known_rows::KnownRows;

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) id: SampleId,
    pub(super) sides: Sides,
    /// Of the key of the task type that a run gave; 0 for the row's own.
    pub(super) task: u32,
}

/// Who makes a pair: nearly always one source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Makers {
    One(Source),
    Several(Vec<Source>),
}

/// Pairs in the file, by their ids: whose they are, and what was known of them.
pub(super) type InFile = KeyMap<(Source, Sides, u32)>;

/// All pairs.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// What each source makes.
    made: BTreeMap<Source, Pair>,
    /// Several sources may make the same pair; the canonically first counts.
    by_id: KeyMap<Makers>,
    /// What the file holds.
    file: InFile,
    /// What a source has in the file.
    in_file: BTreeMap<Source, SampleId>,
    /// Pairs that are to be made.
    wanted: Vec<PairRow>,
}

impl Makers {
    fn all(&self) -> &[Source] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Several(sources) => sources,
        }
    }
}

impl Pairs {
    /// Notes a pair that the file holds. Who made it would make it again.
    pub(super) fn found(&mut self, id: SampleId, source: Source, sides: Sides, task: u32) {
        self.hold(id, source, sides, task);
        self.set_made(source, Some(Pair { id, sides, task }));
    }

    /// Notes a pair that a source makes.
    pub(super) fn set_made(&mut self, source: Source, pair: Option<Pair>) {
        let before = match pair {
            Some(pair) => self.made.insert(source, pair),
            None => self.made.remove(&source),
        };
        if before.map(|before| before.id) == pair.map(|pair| pair.id) {
            return;
        }
        if let Some(before) = before {
            match self.by_id.get_mut(&before.id.0) {
                Some(Makers::Several(sources)) => sources.retain(|other| *other != source),
                Some(Makers::One(_)) => drop(self.by_id.remove(&before.id.0)),
                None => {}
            }
        }
        if let Some(pair) = pair {
            let makers = self.by_id.entry(pair.id.0).or_insert(Makers::Several(Vec::new()));
            *makers = match makers.all() {
                [] => Makers::One(source),
                others => Makers::Several(others.iter().copied().chain([source]).collect()),
            };
        }
    }

    /// Notes what the file holds.
    pub(super) fn hold(&mut self, id: SampleId, source: Source, sides: Sides, task: u32) {
        self.file.insert(id.0, (source, sides, task));
        self.in_file.insert(source, id);
    }

    /// The pairs in the file.
    pub(super) fn sources_in_file(&self) -> impl Iterator<Item = Source> + '_ {
        self.in_file.keys().copied()
    }

    /// What the sources make, and what the file holds.
    pub(super) fn all(&self) -> (&BTreeMap<Source, Pair>, &InFile) {
        (&self.made, &self.file)
    }

    /// Whether a source makes a pair, or has one in the file.
    pub(super) fn knows(&self, source: Source) -> bool {
        self.made.contains_key(&source) || self.in_file.contains_key(&source)
    }

    /// What a source has in the file, if it no longer stands behind it.
    pub(super) fn broken(&self, links: &Links, source: Source) -> Option<(SampleId, Sides)> {
        let id = self.in_file.get(&source)?;
        let (_, held, _) = self.file.get(&id.0)?;
        (preference::sides(links, source) != Some(*held)).then_some((*id, *held))
    }

    /// Forgets a pair that was taken out of the file.
    pub(super) fn removed(&mut self, id: SampleId) {
        // The source may have another pair in the file by now.
        if let Some((source, ..)) = self.file.remove(&id.0)
            && self.in_file.get(&source) == Some(&id)
        {
            self.in_file.remove(&source);
        }
    }

    /// Pairs that are to be made, some of them.
    pub(super) fn take_wanted(&mut self) -> Vec<PairRow> {
        std::mem::take(&mut self.wanted)
    }

    /// How many pairs are to be made.
    pub(super) fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// Looks at a source again: what it should make is asked for, if it is another pair than it made. Whether the pair is
    /// held back because of a secret.
    pub(super) fn refresh(
        &mut self,
        source: Source,
        known: &KnownRows,
        streams: &[u32],
        gathered: &mut Gathered,
    ) -> bool {
        let secret = match preference::sides(&known.links, source) {
            Some(sides) if preference::holds_secret(&known.links, sides) => true,
            Some(sides) => {
                let made = self.made.get(&source).copied();
                let task = task_of(sides, known, streams);
                match made.filter(|made| made.sides == sides && made.task == task) {
                    Some(made) => self.refresh_id(made.id, None, known, streams, gathered),
                    None => self.want(source, sides, known, streams),
                }
                return false;
            }
            None => false,
        };
        self.settle(source, None, known, streams, gathered);
        secret
    }

    /// Takes a pair that was made, if it is still what its source should make.
    pub(super) fn take(
        &mut self,
        made: &MadePair,
        known: &KnownRows,
        streams: &[u32],
        gathered: &mut Gathered,
    ) {
        let PairRow { source, sides, task, .. } = made.asked;
        let links = &known.links;
        // What changed it has marked the source, so that it is looked at again.
        let is_current = preference::sides(links, source) == Some(sides)
            && !preference::holds_secret(links, sides)
            && task_of(sides, known, streams) == task;
        if is_current {
            let pair = made.line.as_ref().map(|(id, line)| (Pair { id: *id, sides, task }, line.as_str()));
            self.settle(source, pair, known, streams, gathered);
        }
    }

    /// Notes what a source makes now, and compares all ids that this may change with what the file holds.
    fn settle(
        &mut self,
        source: Source,
        pair: Option<(Pair, &str)>,
        known: &KnownRows,
        streams: &[u32],
        gathered: &mut Gathered,
    ) {
        let before = self.made.get(&source).map(|made| made.id);
        let in_file = self.in_file.get(&source).copied();
        let now = pair.map(|(pair, _)| pair.id);
        self.set_made(source, pair.map(|(pair, _)| pair));
        let ids: BTreeSet<SampleId> = before.into_iter().chain(in_file).chain(now).collect();
        for id in ids {
            let line = pair.filter(|(pair, _)| pair.id == id).map(|(_, line)| (source, line));
            self.refresh_id(id, line, known, streams, gathered);
        }
    }

    fn refresh_id(
        &mut self,
        id: SampleId,
        line: Option<(Source, &str)>,
        known: &KnownRows,
        streams: &[u32],
        gathered: &mut Gathered,
    ) {
        let made = &self.made;
        let order = |source: &Source| made.get(source).map(|pair| order_of(pair.sides, *source, known));
        let makers = self.by_id.get(&id.0).map_or(&[][..], Makers::all);
        let winner = makers.iter().min_by_key(|source| order(source)).copied();
        let held = self.file.get(&id.0).copied();
        let now = winner.and_then(|winner| Some((winner, *made.get(&winner)?)));
        if let (Some(held), Some((winner, pair))) = (held, now)
            && held == (winner, pair.sides, pair.task)
        {
            return;
        }
        let stands = held.is_some_and(|(source, ..)| makers.contains(&source));
        let line = line.filter(|(source, _)| Some(*source) == winner).map(|(_, line)| line);
        if held.is_some() && (line.is_some() || !stands) {
            gathered.drop_line(Dataset::Preference, id);
            self.removed(id);
        }
        match (now, line) {
            (Some((winner, pair)), Some(line)) => {
                gathered.add_line(Dataset::Preference, id, line);
                self.hold(id, winner, pair.sides, pair.task);
            }
            // It was made before, and lost to one that is gone or changed now.
            (Some((winner, pair)), None) => self.want(winner, pair.sides, known, streams),
            (None, _) => {}
        }
    }

    fn want(&mut self, source: Source, sides: Sides, known: &KnownRows, streams: &[u32]) {
        let line = |place: Place| known.get(place).map(LineAt::of);
        let asked = asked_of(&known.links, sides.chosen, sides.rejected);
        if let (Some(chosen), Some(rejected)) = (line(sides.chosen), line(sides.rejected)) {
            let (task, task_giver) = (task_stamp(asked, known, streams), giver_of(asked, known));
            self.wanted.push(PairRow { source, sides, task, chosen, rejected, task_giver });
        }
    }
}

/// Where a source that makes a pair stands among those that make the same.
pub(super) fn order_of(
    sides: Sides,
    source: Source,
    known: &KnownRows,
) -> (Option<Key>, Option<Key>, Source) {
    let canonical = |place| known.get(place).map(|row| row.moment.canonical());
    (canonical(sides.chosen), canonical(sides.rejected), source)
}

fn task_of(sides: Sides, known: &KnownRows, streams: &[u32]) -> u32 {
    task_stamp(asked_of(&known.links, sides.chosen, sides.rejected), known, streams)
}

/// The row whose task a pair is of: a correction answers what its target was asked.
pub(super) fn asked_of(links: &Links, chosen: Place, rejected: Place) -> Place {
    let corrects =
        links.rows.get(chosen).is_some_and(|row| matches!(row.part(), Part::Human | Part::Overseer));
    if corrects { rejected } else { chosen }
}
