//! Crowds: what is asked of a text or an input that many rows share, kept in order so that nobody walks over all of them.

use std::collections::BTreeMap;

use super::by_text::{has_own_input, has_own_text};
use super::facts::{Key, Part};
use super::map::KeyMap;
use super::rows::{Place, Row, Rows};
use crate::domain::score::Category;

/// From so many rows on a text or an input is a crowd.
pub(super) const CROWD_MIN: usize = 64;

/// Rows by their category, each kind in canonical order.
#[derive(Debug, Default)]
pub struct Group {
    rows: BTreeMap<(Category, bool, u64), Place>,
    /// How many rows of a category each run has.
    runs: BTreeMap<(Category, Key), u32>,
}

impl Group {
    /// Puts a row in.
    pub fn insert(&mut self, row: &Row, place: Place) {
        // Nobody asks for what waits for a person.
        if row.category != Category::NeedsHumanReview {
            self.rows.insert((row.category, row.has_secret(), row.moment.canonical()), place);
            *self.runs.entry((row.category, row.run)).or_default() += 1;
        }
    }

    /// Takes a row out that had a category.
    fn remove(&mut self, row: &Row, category: Category) {
        self.rows.remove(&(category, row.has_secret(), row.moment.canonical()));
        if let Some(count) = self.runs.get_mut(&(category, row.run)) {
            *count -= 1;
            if *count == 0 {
                self.runs.remove(&(category, row.run));
            }
        }
    }

    /// The rows of a category, with or without a secret, in canonical order; each behind what it is ordered by.
    pub fn rows(&self, category: Category, secret: bool) -> impl Iterator<Item = (u64, Place)> + '_ {
        let range = self.rows.range((category, secret, 0)..=(category, secret, u64::MAX));
        range.map(|((_, _, order), place)| (*order, *place))
    }

    /// The runs of a category, each once.
    pub fn runs(&self, category: Category) -> impl Iterator<Item = Key> + '_ {
        self.runs.range((category, 0)..=(category, Key::MAX)).map(|((_, run), _)| *run)
    }
}

/// Accepted and rejected rows, each kind in canonical order.
#[derive(Debug, Default)]
pub struct Opponents(BTreeMap<(Category, u64), Place>);

impl Opponents {
    pub(super) fn insert(&mut self, row: &Row, place: Place) {
        if matches!(row.category, Category::Accepted | Category::Rejected) {
            self.0.insert((row.category, row.moment.canonical()), place);
        }
    }

    /// The canonically first row of a category.
    pub fn first(&self, category: Category) -> Option<Place> {
        self.0.range((category, 0)..=(category, u64::MAX)).next().map(|(_, place)| *place)
    }
}

/// The rows of a text: all of them, and apart by the instruction that they answer.
#[derive(Debug, Default)]
pub struct Crowd {
    /// All rows.
    pub all: Group,
    /// Those of streams that have an instruction, by its key.
    pub answers: BTreeMap<Key, Group>,
    /// People who correct: what they answer may become another instruction.
    pub people: Vec<Place>,
}

impl Crowd {
    pub(super) fn insert(&mut self, row: &Row, place: Place, instruction: Key) {
        self.all.insert(row, place);
        if row.part() == Part::Human {
            self.people.push(place);
        } else if instruction != 0 {
            self.answers.entry(instruction).or_default().insert(row, place);
        }
    }
}

/// The texts and inputs that many rows share.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    pub(super) texts: KeyMap<Crowd>,
    pub(super) inputs: KeyMap<Opponents>,
}

impl Crowds {
    /// Makes a crowd of the rows of a text.
    pub(super) fn gather_text(&mut self, rows: &Rows, text: Key, of_text: impl Iterator<Item = Place>) {
        let crowd = self.texts.entry(text).or_default();
        for place in of_text {
            if let (Some(row), Some(text)) = (rows.get(place), rows.text(place)) {
                crowd.insert(row, place, text.facts.instruction);
            }
        }
    }

    /// Does the same with the rows of an input.
    pub(super) fn gather_input(&mut self, rows: &Rows, input: Key, of_input: impl Iterator<Item = Place>) {
        let opponents = self.inputs.entry(input).or_default();
        for place in of_input {
            if let Some(row) = rows.get(place) {
                opponents.insert(row, place);
            }
        }
    }

    /// Notes that a row has another category than before.
    pub(super) fn moved(&mut self, rows: &Rows, place: Place, before: Category) {
        let (Some(row), Some(text)) = (rows.get(place), rows.text(place)) else { return };
        let facts = text.facts;
        let mut move_in = |group: &mut Group| {
            group.remove(row, before);
            group.insert(row, place);
        };
        if !has_own_text(rows, place)
            && let Some(crowd) = self.texts.get_mut(&facts.text)
        {
            move_in(&mut crowd.all);
            // A person's row is in no group of an instruction.
            if row.part() != Part::Human {
                crowd.answers.get_mut(&facts.instruction).into_iter().for_each(&mut move_in);
            }
        }
        if !has_own_input(rows, place)
            && let Some(opponents) = self.inputs.get_mut(&facts.input)
        {
            opponents.0.remove(&(before, row.moment.canonical()));
            opponents.insert(row, place);
        }
    }
}
