//! Corrections: whose text a person or an overseer corrects.

use super::Links;
use super::facts::{Facts, Judged, Key, Part};
use super::map::KeyMap;
use super::rows::Place;

/// The rows of people who say something, and of overseers who correct a text.
#[derive(Debug, Default)]
pub(super) struct Corrections {
    judged: KeyMap<Judged>,
    /// Corrections by the run that they are of.
    of_run: KeyMap<Vec<Place>>,
}

impl Corrections {
    pub(super) fn insert(&mut self, place: Place, facts: &Facts) {
        let speaks = facts.part == Part::Human && !facts.says.is_empty();
        if speaks || (facts.makes_pair && facts.part == Part::Overseer) {
            self.judged.insert(u64::from(place), facts.judged);
        }
        if let (Part::Human | Part::Overseer, true, Judged::Run(run)) =
            (facts.part, facts.makes_pair, facts.judged)
        {
            self.of_run.entry(run).or_default().push(place);
        }
    }
}

impl Links {
    /// The work whose text a correction is of: of what it reaches and what has an instruction and a text, the canonically
    /// first.
    pub fn corrected(&self, correction: Place) -> Option<Place> {
        self.target(correction, |place| self.rows.instruction(place) != 0 && self.rows.text(place).is_some())
    }

    /// The canonically first work that a correction reaches and that is what it may be of.
    fn target(&self, correction: Place, may_be: impl Fn(Place) -> bool) -> Option<Place> {
        let row = self.rows.get(correction)?;
        let fits = |place: &Place| *place != correction && may_be(*place);
        match *self.corrections.judged.get(&u64::from(correction))? {
            Judged::Run(run) => self.first(self.of_run(run).filter(fits)),
            Judged::File(file) => self.meant(row.part(), file, row.moment).filter(fits),
            // Work that names a pull request has no instruction.
            Judged::Pull(..) | Judged::Signature(_) | Judged::Nothing => None,
        }
    }

    /// The corrections that may be of a row.
    pub fn corrections(&self, place: Place) -> Vec<Place> {
        let Some(row) = self.rows.get(place) else { return Vec::new() };
        let mut corrections = self.correctors(place);
        corrections.retain(|place| self.rows.get(*place).is_some_and(super::Row::makes_pair));
        corrections.extend(self.corrections.of_run.get(&row.run).into_iter().flatten());
        corrections
    }

    /// The rows of people whose word reaches no work at all, in no order.
    pub fn lost_people(&self) -> impl Iterator<Item = Place> + '_ {
        let people = self.corrections.judged.keys().map(|place| *place as Place);
        let human = |place: &Place| self.rows.get(*place).is_some_and(|row| row.part() == Part::Human);
        people.filter(human).filter(|place| self.is_lost(*place))
    }

    /// Whether a person's word reaches no work at all.
    fn is_lost(&self, place: Place) -> bool {
        let Some(row) = self.rows.get(place) else { return false };
        let is_work =
            |other: &Place| *other != place && self.rows.get(*other).is_some_and(super::Row::is_work);
        match self.corrections.judged.get(&u64::from(place)) {
            None => false,
            // It names nobody.
            Some(Judged::Nothing | Judged::Signature(_)) => true,
            Some(Judged::Run(run)) => !self.of_run(*run).any(|other| is_work(&other)),
            Some(Judged::Pull(pull, commit)) => {
                !self.by_pull.has_work(*pull, *commit, row.moment.time, place)
            }
            Some(Judged::File(file)) => !self.has_review(*file, row.moment.time),
        }
    }

    /// The row whose instruction a row's text answers: its own, or that of the work that a person corrects.
    pub fn asked(&self, place: Place) -> Place {
        let corrects = self.rows.get(place).is_some_and(|row| row.part() == Part::Human);
        let target = || self.target(place, |target| self.rows.instruction(target) != 0);
        if corrects { target().unwrap_or(place) } else { place }
    }

    /// The instruction that a row's text answers; 0 without one.
    pub fn instruction(&self, place: Place) -> Key {
        self.rows.instruction(self.asked(place))
    }
}
