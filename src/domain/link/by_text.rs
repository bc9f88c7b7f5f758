//! Work by its text and by the input it answers: what is one sample, and what makes a pair.

use hashbrown::HashTable;

use super::facts::Key;
use super::map::spread;
use super::rows::{NONE, Place, Rows};

/// The texts.
#[derive(Debug, Default)]
pub(super) struct ByText {
    texts: HashTable<Place>,
    inputs: HashTable<Place>,
}

impl ByText {
    /// Puts a row with a text in.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) {
        let Some(facts) = rows.text(place).map(|text| text.facts) else { return };
        let text_of = |rows: &Rows, place: Place| rows.text(place).map_or(0, |text| text.facts.text);
        let input_of = |rows: &Rows, place: Place| rows.text(place).map_or(0, |text| text.facts.input);
        if let Some(head) =
            self.texts.find(spread(facts.text), |head| text_of(rows, *head) == facts.text).copied()
        {
            let behind = rows.text(head).map_or(NONE, |text| text.next_in_text);
            if let Some(text) = rows.text_mut(place) {
                text.next_in_text = behind;
            }
            if let Some(head) = rows.text_mut(head) {
                head.next_in_text = place;
            }
        } else {
            self.texts.insert_unique(spread(facts.text), place, |other| spread(text_of(rows, *other)));
        }
        if facts.input == 0 {
            return;
        }
        if let Some(head) =
            self.inputs.find(spread(facts.input), |head| input_of(rows, *head) == facts.input).copied()
        {
            let behind = rows.text(head).map_or(NONE, |text| text.next_in_input);
            if let Some(text) = rows.text_mut(place) {
                text.next_in_input = behind;
            }
            if let Some(head) = rows.text_mut(head) {
                head.next_in_input = place;
            }
        } else {
            self.inputs.insert_unique(spread(facts.input), place, |other| spread(input_of(rows, *other)));
        }
    }

    pub(super) fn of_text<'r>(&self, rows: &'r Rows, text: Key) -> impl Iterator<Item = Place> + use<'r> {
        let same = |place: &Place| rows.text(*place).is_some_and(|row| row.facts.text == text);
        let mut next = self.texts.find(spread(text), same).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let place = next;
            next = rows.text(place)?.next_in_text;
            Some(place)
        })
    }

    pub(super) fn of_input<'r>(&self, rows: &'r Rows, input: Key) -> impl Iterator<Item = Place> + use<'r> {
        let same = |place: &Place| rows.text(*place).is_some_and(|row| row.facts.input == input);
        let mut next = self.inputs.find(spread(input), same).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let place = next;
            next = rows.text(place)?.next_in_input;
            Some(place)
        })
    }
}
