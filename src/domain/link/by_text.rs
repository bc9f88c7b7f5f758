//! Work by its text and by the input it answers: what is one sample, and what makes a pair.

use super::crowd::{CROWD_MIN, Crowds};
use super::facts::Key;
use super::map::spread;
use super::ring::{Mates, Rings, Shared, is_alone, members};
use super::rows::{Place, Rows};

/// The texts.
#[derive(Debug, Default)]
pub(super) struct ByText {
    texts: Rings<OfText>,
    inputs: Rings<OfInput>,
    pub(super) crowds: Crowds,
}

#[derive(Debug)]
struct OfText;

impl Shared for OfText {
    fn key(rows: &Rows, place: Place) -> Option<Key> {
        rows.text(place).map(|text| text.facts.text)
    }

    fn next(rows: &Rows, place: Place) -> Option<Place> {
        rows.text(place).map(|text| text.next_in_text)
    }

    fn next_mut(rows: &mut Rows, place: Place) -> Option<&mut Place> {
        rows.text_mut(place).map(|text| &mut text.next_in_text)
    }

    fn most(rows: &Rows) -> usize {
        rows.texts()
    }
}

#[derive(Debug)]
struct OfInput;

impl Shared for OfInput {
    fn key(rows: &Rows, place: Place) -> Option<Key> {
        rows.text(place).map(|text| text.facts.input).filter(|input| *input != 0)
    }

    fn next(rows: &Rows, place: Place) -> Option<Place> {
        rows.text(place).map(|text| text.next_in_input)
    }

    fn next_mut(rows: &mut Rows, place: Place) -> Option<&mut Place> {
        rows.text_mut(place).map(|text| &mut text.next_in_input)
    }

    fn most(rows: &Rows) -> usize {
        rows.texts()
    }
}

impl ByText {
    /// Puts a row with a text in.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) {
        let shares_text = self.texts.insert(rows, place);
        let shares_input = self.inputs.insert(rows, place);
        let (Some(row), Some(text)) = (rows.get(place), rows.text(place)) else { return };
        let facts = text.facts;
        if shares_text {
            if let Some(crowd) = self.crowds.texts.get_mut(&facts.text) {
                crowd.insert(row, place, facts.instruction);
            } else {
                self.count_text(rows, place, facts.text);
            }
        }
        if shares_input {
            if let Some(opponents) = self.crowds.inputs.get_mut(&facts.input) {
                opponents.insert(row, place);
            } else {
                self.count_input(rows, place, facts.input);
            }
        }
    }

    /// Gathers the crowd of a text that has none, when one of its rows is counted and there are enough.
    fn count_text(&mut self, rows: &Rows, place: Place, text: Key) {
        if is_counted(place) && of_text(rows, place).nth(CROWD_MIN - 1).is_some() {
            self.crowds.gather_text(rows, text, of_text(rows, place));
        }
    }

    /// Does the same with an input.
    fn count_input(&mut self, rows: &Rows, place: Place, input: Key) {
        if is_counted(place) && of_input(rows, place).nth(CROWD_MIN - 1).is_some() {
            self.crowds.gather_input(rows, input, of_input(rows, place));
        }
    }

    /// Finds the rows of each text among all rows.
    pub(super) fn find_texts(rows: &Rows) -> Mates {
        Rings::<OfText>::find(rows)
    }

    /// Does the same with inputs.
    pub(super) fn find_inputs(rows: &Rows) -> Mates {
        Rings::<OfInput>::find(rows)
    }

    /// Takes in the texts and inputs of all rows.
    pub(super) fn take(&mut self, rows: &mut Rows, texts: Mates, inputs: Mates) {
        for (_, place) in self.texts.take(rows, texts) {
            let text = rows.text(place).map(|text| text.facts.text);
            if let Some(text) = text.filter(|text| !self.crowds.texts.contains_key(text)) {
                self.count_text(rows, place, text);
            }
        }
        for (_, place) in self.inputs.take(rows, inputs) {
            let input = rows.text(place).map(|text| text.facts.input);
            if let Some(input) = input.filter(|input| !self.crowds.inputs.contains_key(input)) {
                self.count_input(rows, place, input);
            }
        }
    }

    /// The first row of a text.
    pub(super) fn first_of_text(&self, rows: &Rows, text: Key) -> Option<Place> {
        self.texts.head(rows, text)
    }

    pub(super) fn of_text<'r>(&self, rows: &'r Rows, text: Key) -> impl Iterator<Item = Place> + use<'r> {
        self.texts.of(rows, text)
    }

    pub(super) fn of_input<'r>(&self, rows: &'r Rows, input: Key) -> impl Iterator<Item = Place> + use<'r> {
        self.inputs.of(rows, input)
    }
}

/// Whether those who share something with a new row are counted: with one row in 64, by no pattern that rows could come in. To
/// count the seven rows of each input with every row was a twentieth of a run.
fn is_counted(place: Place) -> bool {
    spread(u64::from(place)).is_multiple_of(64)
}

/// The rows that have the text of the row at a place, itself among them.
pub(super) fn of_text(rows: &Rows, place: Place) -> impl Iterator<Item = Place> + '_ {
    members::<OfText>(rows, Some(place))
}

/// The rows that answer the input of the row at a place, itself among them.
fn of_input(rows: &Rows, place: Place) -> impl Iterator<Item = Place> + '_ {
    members::<OfInput>(rows, Some(place))
}

/// Whether no other row has the row's text.
pub(super) fn has_own_text(rows: &Rows, place: Place) -> bool {
    is_alone::<OfText>(rows, place)
}

/// Whether no other row answers the row's input.
pub(super) fn has_own_input(rows: &Rows, place: Place) -> bool {
    is_alone::<OfInput>(rows, place)
}
