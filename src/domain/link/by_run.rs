//! L1: what is said of a run, and the rows of each run.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::facts::{Facts, Key};
use super::map::KeyMap;
use super::moment::Moment;
use super::reached::Reached;
use super::ring::{Mates, Rings, Shared, is_alone, members};
use super::rows::{Place, Rows};
use crate::domain::signal::SignalSet;

/// The runs.
#[derive(Debug, Default)]
pub(super) struct ByRun {
    rows: Rings<OfRun>,
    /// What judging rows say of a run, whether or not it has rows. A row that says of its run what it says of itself, and is
    /// alone in it and with what it says, is not here: its own signals are all there is. Most outcomes are such rows, and one
    /// would be 25 B and more.
    said: KeyMap<Said>,
    /// Of runs that a person has reached, by whatever link: when the latest person spoke who reached a row, and when a
    /// failure did that such a row knows. There another moment matters though it brings no new signal.
    people: KeyMap<BTreeSet<Moment>>,
}

/// What is said of a run. Most say no more than that it came to its end, so that is kept small: 25 B a run and not 65.
#[derive(Debug, Default)]
struct Said {
    signals: SignalSet,
    /// All of it, where a person or a failure is among it.
    whole: Option<Box<Reached>>,
}

impl Said {
    fn reached(&self) -> Reached {
        self.whole.as_deref().copied().unwrap_or(Reached { signals: self.signals, ..Reached::default() })
    }

    /// Takes in what a row of that moment says; gives all that is said.
    fn take(&mut self, moment: Moment, signals: SignalSet) -> Reached {
        let mut reached = self.reached();
        reached.take(moment, signals);
        self.signals = reached.signals;
        if reached.human.is_some() || reached.failed.is_some() {
            self.whole = Some(Box::new(reached));
        }
        reached
    }
}

#[derive(Debug)]
struct OfRun;

impl Shared for OfRun {
    fn key(rows: &Rows, place: Place) -> Option<Key> {
        rows.get(place).map(|row| row.run)
    }

    fn next(rows: &Rows, place: Place) -> Option<Place> {
        rows.get(place).map(|row| row.next_in_run)
    }

    fn next_mut(rows: &mut Rows, place: Place) -> Option<&mut Place> {
        rows.get_mut(place).map(|row| &mut row.next_in_run)
    }

    fn most(rows: &Rows) -> usize {
        rows.len()
    }
}

/// The rows of the run of the row at a place, itself among them.
pub(super) fn of_run(rows: &Rows, place: Place) -> impl Iterator<Item = Place> + '_ {
    members::<OfRun>(rows, Some(place))
}

/// Whether no other row is of the row's run.
pub(super) fn has_own_run(rows: &Rows, place: Place) -> bool {
    is_alone::<OfRun>(rows, place)
}

impl ByRun {
    /// The rows of a run: the first, and then the latest arrival first.
    pub(super) fn rows<'r>(&self, rows: &'r Rows, run: Key) -> impl Iterator<Item = Place> + use<'r> {
        self.rows.of(rows, run)
    }

    /// Puts a row into its run; whether others are there.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) -> bool {
        let joins = self.rows.insert(rows, place);
        if joins {
            let mut others = of_run(rows, place).skip(1);
            if let (Some(other), None) = (others.next().and_then(|other| rows.get(other)), others.next())
                && other.speaks_of_itself()
            {
                self.said.entry(other.run).or_default().take(other.moment, other.own);
            }
        }
        joins
    }

    /// Finds the runs of all rows.
    pub(super) fn find(rows: &Rows) -> Mates {
        Rings::<OfRun>::find(rows)
    }

    /// Takes in the runs of all rows; gives each row that is not the first of its run, behind that one.
    pub(super) fn take(&mut self, rows: &mut Rows, mates: Mates) -> Vec<(Place, Place)> {
        let others = self.rows.take(rows, mates);
        for (first, other) in &others {
            let rows = [first, other].into_iter().filter_map(|place| rows.get(*place));
            for row in rows.filter(|row| row.speaks_of_itself()) {
                self.said.entry(row.run).or_default();
            }
        }
        if !self.said.is_empty() {
            for row in rows.iter().filter(|row| row.speaks_of_itself()) {
                if let Some(said) = self.said.get_mut(&row.run) {
                    said.take(row.moment, row.own);
                }
            }
        }
        others
    }

    /// Whether anybody judges a run.
    pub(super) fn is_judged(&self, run: Key) -> bool {
        self.said.contains_key(&run)
    }

    /// Takes in what the row at a place says of a run; whether the run's rows may be touched by it.
    pub(super) fn judge(&mut self, rows: &Rows, place: Place, run: Key, facts: &Facts) -> bool {
        let Some(row) = rows.get(place) else { return false };
        if !self.said.contains_key(&run) {
            if row.speaks_of_itself() && has_own_run(rows, place) {
                return false;
            }
            let first = self.rows.head(rows, run).and_then(|first| rows.get(first));
            if let Some(first) = first.filter(|first| first.speaks_of_itself()) {
                self.said.entry(run).or_default().take(first.moment, first.own);
            }
        }
        let entry = self.said.entry(run).or_default();
        let before = entry.reached();
        let said = entry.take(row.moment, facts.says);
        let action = |reached: &Reached| reached.human.map(|(_, action)| action);
        if said.signals != before.signals || action(&said) != action(&before) {
            return true;
        }
        // The signals are the same, and so is the latest word. It matters only when it, or the latest failure, has passed
        // a person or a failure that some row of the run knows.
        let Some(known) = self.people.get(&run) else { return false };
        let passes = |before: Option<Moment>, now: Option<Moment>| {
            let Some(now) = now.filter(|now| before != Some(*now)) else { return false };
            let from = before.map_or(Bound::Unbounded, Bound::Excluded);
            known.range((from, Bound::Excluded(now))).next().is_some()
        };
        let human = |reached: &Reached| reached.human.map(|(moment, _)| moment);
        passes(human(&before), human(&said)) || passes(before.failed, said.failed)
    }

    /// Notes that a person has reached a row of the run, and what else has.
    pub(super) fn note_person(&mut self, run: Key, reached: &Reached) {
        if let Some((person, _)) = reached.human {
            self.people.entry(run).or_default().extend([person].into_iter().chain(reached.failed));
        }
    }

    pub(super) fn reach(&self, run: Key, reached: &mut Reached) {
        if let Some(said) = self.said.get(&run) {
            reached.join(&said.reached());
        }
    }
}
