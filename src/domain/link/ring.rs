//! Rings: the rows that share a key, each naming the next, and a table of the first row of each ring.
//!
//! A row that is alone says so itself. Most rows are, and then nobody has to ask the table who else there is.

use std::marker::PhantomData;

use hashbrown::HashTable;

use super::facts::Key;
use super::map::spread;
use super::rows::{NONE, Place, Rows};

/// What rows share, and where each keeps the next one; [`NONE`] while it is alone.
pub(super) trait Shared {
    /// The key of the row at a place; a row without one is in no ring.
    fn key(rows: &Rows, place: Place) -> Option<Key>;
    fn next(rows: &Rows, place: Place) -> Option<Place>;
    fn next_mut(rows: &mut Rows, place: Place) -> Option<&mut Place>;
}

/// The rings of all keys of a kind.
#[derive(Debug)]
pub(super) struct Rings<S> {
    /// Of each ring the row that came first.
    heads: HashTable<Place>,
    of: PhantomData<S>,
}

impl<S> Default for Rings<S> {
    fn default() -> Self {
        Self { heads: HashTable::new(), of: PhantomData }
    }
}

/// Below this share of all rows a table grows by itself: to look through all rows would cost more.
const FEW: usize = 8;

impl<S: Shared> Rings<S> {
    /// Puts a row into the ring of its key, behind the head; whether others are there.
    pub(super) fn insert(&mut self, rows: &mut Rows, place: Place) -> bool {
        let Some(key) = S::key(rows, place) else { return false };
        let Some(head) = self.head(rows, key) else {
            self.make_room(rows, place);
            self.heads.insert_unique(spread(key), place, |place| hash::<S>(rows, *place));
            return false;
        };
        if let Some(next) = S::next_mut(rows, head) {
            let behind = std::mem::replace(next, place);
            if let Some(next) = S::next_mut(rows, place) {
                *next = if behind == NONE { head } else { behind };
            }
        }
        true
    }

    /// The first row of a key.
    pub(super) fn head(&self, rows: &Rows, key: Key) -> Option<Place> {
        self.heads.find(spread(key), |head| S::key(rows, *head) == Some(key)).copied()
    }

    /// The rows of a key: the first, and then the latest arrival first.
    pub(super) fn of<'r>(&self, rows: &'r Rows, key: Key) -> impl Iterator<Item = Place> + use<'r, S> {
        members::<S>(rows, self.head(rows, key))
    }

    /// Makes room for one more: `place`, which is not in the table yet.
    fn make_room(&mut self, rows: &Rows, place: Place) {
        let len = self.heads.len();
        if len < self.heads.capacity() || len < rows.len() / FEW {
            return;
        }
        // The rows one after the other are read much faster than in the order of the old table, and that one is gone before
        // there is a new one.
        self.heads = HashTable::new();
        self.heads = HashTable::with_capacity(len + 1);
        for place in 0..place {
            if let Some(key) = S::key(rows, place)
                && (is_alone::<S>(rows, place) || self.head(rows, key).is_none())
            {
                self.heads.insert_unique(spread(key), place, |place| hash::<S>(rows, *place));
            }
        }
    }
}

fn hash<S: Shared>(rows: &Rows, place: Place) -> u64 {
    S::key(rows, place).map_or(0, spread)
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
