//! Lists of lines, kept: what follows from the parts of a single row is made once for many rows.

use crate::domain::views::names::Name;
use crate::domain::views::row::NONE;

const LISTS: usize = 1 << 14;
/// Parts that are longer are rarely met again.
pub(super) const SHARED_BYTES_MAX: usize = 1 << 10;

/// The lists of the latest runs of a single row, by the number of its parts. Many such rows have the same parts, and sorting
/// and writing the lists was a third of a line.
#[derive(Debug)]
pub(super) struct Lists(Vec<(Name, String)>);

impl Default for Lists {
    fn default() -> Self {
        Self(vec![(NONE, String::new()); LISTS])
    }
}

impl Lists {
    /// The list of some parts, or of others that it may take the place of.
    pub(super) fn slot(&mut self, parts: Name) -> Option<&mut (Name, String)> {
        let slots = self.0.len();
        self.0.get_mut(parts as usize % slots)
    }
}
