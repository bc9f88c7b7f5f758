//! L1: what is said of a run, and the rows of each run.

use hashbrown::HashTable;

use super::facts::{Facts, Key};
use super::map::{KeyMap, KeySet, spread};
use super::moment::Moment;
use super::reached::Reached;
use super::rows::{NONE, Place, Rows};

/// The runs.
#[derive(Debug, Default)]
pub(super) struct ByRun {
    /// The last row of each run; the others follow it.
    heads: HashTable<Place>,
    /// What judging rows say of a run, whether or not it has rows.
    said: KeyMap<Reached>,
    /// Runs that a person has reached, by whatever link: there a later failure matters though it is no new signal.
    people: KeySet,
}

impl ByRun {
    /// The rows of a run, latest arrival first.
    pub(super) fn rows<'r>(&self, rows: &'r Rows, run: Key) -> impl Iterator<Item = Place> + use<'r> {
        let same = |place: &Place| rows.get(*place).is_some_and(|row| row.run == run);
        let mut next = self.heads.find(spread(run), same).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let place = next;
            next = rows.get(place)?.next_in_run;
            Some(place)
        })
    }

    /// Puts a row into its run.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place, run: Key) {
        let same = |other: &Place| rows.get(*other).is_some_and(|row| row.run == run);
        if let Some(head) = self.heads.find(spread(run), same).copied() {
            let behind = rows.get(head).map_or(NONE, |row| row.next_in_run);
            if let Some(row) = rows.get_mut(place) {
                row.next_in_run = behind;
            }
            if let Some(head) = rows.get_mut(head) {
                head.next_in_run = place;
            }
            return;
        }
        let hash_of = |other: &Place| rows.get(*other).map_or(0, |row| spread(row.run));
        self.heads.insert_unique(spread(run), place, hash_of);
    }

    /// Takes in what a row says of a run; whether the run's rows may be touched by it.
    pub(super) fn judge(&mut self, run: Key, moment: Moment, facts: &Facts) -> bool {
        let said = self.said.entry(run).or_default();
        let before = *said;
        said.take(moment, facts.says);
        let failed_later = said.failed != before.failed && self.people.contains(&run);
        said.signals != before.signals || said.human != before.human || failed_later
    }

    /// Notes that a person has reached a row of the run.
    pub(super) fn note_person(&mut self, run: Key) {
        self.people.insert(run);
    }

    pub(super) fn reach(&self, run: Key, reached: &mut Reached) {
        if let Some(said) = self.said.get(&run) {
            reached.join(said);
        }
    }
}
