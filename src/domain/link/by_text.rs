//! Work by its text and by the input it answers: what is one sample, and what makes a pair.

use hashbrown::HashTable;

use super::crowd::{CROWD_MIN, Crowds};
use super::facts::Key;
use super::map::spread;
use super::rows::{NONE, Place, Rows, TextRow};

/// The texts.
#[derive(Debug)]
pub(super) struct ByText {
    texts: Chains,
    inputs: Chains,
    pub(super) crowds: Crowds,
}

/// Rows that share a key: of each key the row that came first, and the others behind it.
#[derive(Debug)]
struct Chains {
    heads: HashTable<Place>,
    key: fn(&TextRow) -> Key,
    next: fn(&mut TextRow) -> &mut Place,
}

impl Default for ByText {
    fn default() -> Self {
        let chains = |key, next| Chains { heads: HashTable::new(), key, next };
        Self {
            texts: chains(|row| row.facts.text, |row| &mut row.next_in_text),
            inputs: chains(|row| row.facts.input, |row| &mut row.next_in_input),
            crowds: Crowds::default(),
        }
    }
}

impl ByText {
    /// Puts a row with a text in.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) {
        let shares_text = self.texts.insert(rows, place);
        let shares_input = self.inputs.insert(rows, place);
        let Some(facts) = rows.text(place).map(|text| text.facts) else { return };
        self.crowds.insert(rows, place);
        if shares_text
            && !self.crowds.texts.contains_key(&facts.text)
            && self.of_text(rows, facts.text).nth(CROWD_MIN - 1).is_some()
        {
            let of_text = self.texts.of(rows, facts.text);
            self.crowds.gather_text(rows, facts.text, of_text);
        }
        if shares_input
            && !self.crowds.inputs.contains_key(&facts.input)
            && self.of_input(rows, facts.input).nth(CROWD_MIN - 1).is_some()
        {
            let of_input = self.inputs.of(rows, facts.input);
            self.crowds.gather_input(rows, facts.input, of_input);
        }
    }

    pub(super) fn of_text<'r>(&self, rows: &'r Rows, text: Key) -> impl Iterator<Item = Place> + use<'r> {
        self.texts.of(rows, text)
    }

    pub(super) fn of_input<'r>(&self, rows: &'r Rows, input: Key) -> impl Iterator<Item = Place> + use<'r> {
        self.inputs.of(rows, input)
    }
}

impl Chains {
    /// Puts a row behind the head of its key; one without a key stays out. Whether others share the key.
    fn insert(&mut self, rows: &mut Rows, place: Place) -> bool {
        let key_at = |rows: &Rows, place: Place| rows.text(place).map_or(0, self.key);
        let key = key_at(rows, place);
        if key == 0 {
            return false;
        }
        let Some(head) = self.heads.find(spread(key), |head| key_at(rows, *head) == key).copied() else {
            let hash = |other: &Place| spread(rows.text(*other).map_or(0, self.key));
            self.heads.insert_unique(spread(key), place, hash);
            return false;
        };
        let behind = rows.text_mut(head).map_or(NONE, |head| std::mem::replace((self.next)(head), place));
        if let Some(row) = rows.text_mut(place) {
            *(self.next)(row) = behind;
        }
        true
    }

    fn of<'r>(&self, rows: &'r Rows, key: Key) -> impl Iterator<Item = Place> + use<'r> {
        let key_of = self.key;
        let same = |place: &Place| rows.text(*place).is_some_and(|row| key_of(row) == key);
        let mut next = self.heads.find(spread(key), same).copied().unwrap_or(NONE);
        let next_of = self.next;
        std::iter::from_fn(move || {
            let place = next;
            let mut row = *rows.text(place)?;
            next = *next_of(&mut row);
            Some(place)
        })
    }
}
