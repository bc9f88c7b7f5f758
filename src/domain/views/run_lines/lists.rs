//! Lists of lines, kept: what follows from the parts of a single row is made once for many rows.

use crate::domain::views::names::Name;
use crate::domain::views::row::NONE;

const LISTS: usize = 1 << 14;
/// Parts that are longer are rarely met again.
pub(super) const SHARED_BYTES_MAX: usize = 1 << 10;

/// What follows from the parts of a single row.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) parts: Name,
    /// Whether the line shows nothing else of them, so that they need not be looked at.
    pub(super) is_all: bool,
    /// The members that are lists, as they stand in the line.
    pub(super) lists: String,
}

/// The lists of the latest runs of a single row, by the number of its parts. Many such rows have the same parts, and sorting
/// and writing the lists was a third of a line.
#[derive(Debug)]
pub(super) struct Lists(Vec<Known>);

impl Default for Lists {
    fn default() -> Self {
        Self(vec![Known { parts: NONE, is_all: false, lists: String::new() }; LISTS])
    }
}

impl Lists {
    /// The lists of some parts, or of others that they may take the place of.
    pub(super) fn slot(&mut self, parts: Name) -> Option<&mut Known> {
        let slots = self.0.len();
        self.0.get_mut(parts as usize % slots)
    }

    /// Whether all that a line shows of these parts is known.
    pub(super) fn are_all_of(&self, parts: Name) -> bool {
        self.0.get(parts as usize % self.0.len()).is_some_and(|known| known.parts == parts && known.is_all)
    }
}
