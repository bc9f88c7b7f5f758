//! Rings: the rows that share a key, each naming the next, and a table of the first row of each ring.
//!
//! A row that is alone says so itself. Most rows are, and then nobody has to ask the table who else there is.

use std::marker::PhantomData;

use super::facts::Key;
use super::map::spread;
use super::places::Places;
use super::rows::{NONE, Place, Rows};

/// What rows share, and where each keeps the next one; [`NONE`] while it is alone.
pub(super) trait Shared {
    /// The key of the row at a place; a row without one is in no ring.
    fn key(rows: &Rows, place: Place) -> Option<Key>;
    fn next(rows: &Rows, place: Place) -> Option<Place>;
    fn next_mut(rows: &mut Rows, place: Place) -> Option<&mut Place>;
    /// How many rows may have a key.
    fn most(rows: &Rows) -> usize;
}

/// The rings of all keys of a kind.
#[derive(Debug)]
pub(super) struct Rings<S> {
    /// Of each ring the row that came first.
    heads: Places,
    of: PhantomData<S>,
}

/// The rows that share a key of a kind, found for all rows at once.
#[derive(Debug)]
pub struct Mates {
    heads: Places,
    /// Each row that is not the first of its key, behind that one; the rows of a key in order.
    pub(super) others: Vec<(Place, Place)>,
}

impl<S> Default for Rings<S> {
    fn default() -> Self {
        Self { heads: Places::default(), of: PhantomData }
    }
}

impl<S: Shared> Rings<S> {
    /// Puts a row into the ring of its key, behind the head; whether others are there.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) -> bool {
        let Some(key) = S::key(rows, place) else { return false };
        let Some(head) = self.head(rows, key) else {
            self.heads.insert(spread(key), place, |place| S::key(rows, place).map_or(0, spread));
            return false;
        };
        join::<S>(rows, head, place);
        true
    }

    /// Finds the rings of all rows, none of which is in one yet.
    pub(super) fn find(rows: &Rows) -> Mates {
        let (heads, others) = Places::of_first(
            rows.len(),
            S::most(rows),
            |place| S::key(rows, place).map(spread),
            |one, other| S::key(rows, one) == S::key(rows, other),
        );
        Mates { heads, others }
    }

    /// Puts all rows into the rings that were found.
    pub(super) fn take(&mut self, rows: &mut Rows, mates: Mates) -> Vec<(Place, Place)> {
        self.heads = mates.heads;
        for (head, place) in &mates.others {
            join::<S>(rows, *head, *place);
        }
        mates.others
    }

    /// The first row of a key.
    pub(super) fn head(&self, rows: &Rows, key: Key) -> Option<Place> {
        self.heads.find(spread(key), |head| S::key(rows, head) == Some(key))
    }

    /// The rows of a key: the first, and then the latest arrival first.
    pub(super) fn of<'r>(&self, rows: &'r Rows, key: Key) -> impl Iterator<Item = Place> + use<'r, S> {
        members::<S>(rows, self.head(rows, key))
    }
}

fn join<S: Shared>(rows: &mut Rows, head: Place, place: Place) {
    if let Some(next) = S::next_mut(rows, head) {
        let behind = std::mem::replace(next, place);
        if let Some(next) = S::next_mut(rows, place) {
            *next = if behind == NONE { head } else { behind };
        }
    }
}

/// Whether no other row shares the row's key.
pub(super) fn is_alone<S: Shared>(rows: &Rows, place: Place) -> bool {
    S::next(rows, place).is_none_or(|next| next == NONE)
}

/// The rows of a ring from one of them on.
pub(super) fn members<S: Shared>(
    rows: &Rows,
    from: Option<Place>,
) -> impl Iterator<Item = Place> + use<'_, S> {
    let mut at = from;
    std::iter::from_fn(move || {
        let place = at?;
        at = S::next(rows, place).filter(|next| *next != NONE && Some(*next) != from);
        Some(place)
    })
}
