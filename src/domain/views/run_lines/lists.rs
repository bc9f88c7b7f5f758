//! Lists of lines, kept: what follows from the parts of a single row is made once for many rows.

use crate::domain::render::Object;
use crate::domain::views::names::Name;
use crate::domain::views::row::NONE;
use crate::domain::views::shown::Numbers;

const LISTS: usize = 1 << 14;
/// Parts that are longer are rarely met again.
pub(super) const SHARED_BYTES_MAX: usize = 1 << 10;

/// What follows from some parts of a single row.
#[derive(Debug, Clone)]
struct Known {
    parts: Name,
    /// Whether the line shows nothing else of them, so that they need not be looked at.
    is_all: bool,
    /// The members that are lists, as they stand in the line.
    lists: String,
}

/// The lists of the latest parts, each in the one place where it may be.
#[derive(Debug)]
struct Latest(Vec<Known>);

impl Default for Latest {
    fn default() -> Self {
        Self(vec![Known { parts: NONE, is_all: false, lists: String::new() }; LISTS])
    }
}

impl Latest {
    fn is_all_of(&self, parts: Name) -> bool {
        self.0.get(parts as usize % self.0.len()).is_some_and(|known| known.parts == parts && known.is_all)
    }

    fn write(&mut self, parts: Name, is_all: bool, o: &mut Object<'_>, make: impl Fn(&mut Object<'_>)) {
        let slots = self.0.len();
        let Some(known) = self.0.get_mut(parts as usize % slots) else { return make(o) };
        if known.parts != parts {
            (known.parts, known.is_all) = (parts, is_all);
            known.lists.clear();
            let mut o = Object::new(&mut known.lists);
            make(&mut o);
            o.end();
        }
        o.members(&known.lists);
    }
}

/// The lists of the latest runs of a single row, by the numbers of its parts. Many such rows have the same parts, and sorting
/// and writing the lists was a third of a line.
#[derive(Debug, Default)]
pub(super) struct Lists {
    files: Latest,
    rest: Latest,
}

impl Lists {
    /// Whether all that a line shows of these parts is known.
    pub(super) fn are_all_of(&self, shown: Numbers) -> bool {
        self.files.is_all_of(shown.files) && self.rest.is_all_of(shown.rest)
    }

    /// Writes the list of files, which `make` does when it is not known.
    pub(super) fn write_files(&mut self, shown: Numbers, o: &mut Object<'_>, make: impl Fn(&mut Object<'_>)) {
        self.files.write(shown.files, true, o, make);
    }

    /// Writes the other lists; `are_all` when the line shows nothing else of the parts.
    pub(super) fn write_rest(
        &mut self,
        shown: Numbers,
        are_all: bool,
        o: &mut Object<'_>,
        make: impl Fn(&mut Object<'_>),
    ) {
        self.rest.write(shown.rest, are_all, o, make);
    }
}
