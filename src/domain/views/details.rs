//! The details of rows by number: equal ones are held once, and a row's files apart from the rest.

use super::detail::Items;
use super::names::{Name, Names, push};

/// What [`Details::of`] gives for nothing.
const EMPTY: Name = 0;
/// Marks the number of two details.
const PAIR: Name = 1 << 31;

/// Details of rows.
///
/// A thousand rows have the same files and a thousand the same rest, but few have both: as one text, 200,000 rows of telemetry
/// had 120,000, and to look for each was a third of what it took to read a row. Two numbers are not looked for.
#[derive(Debug)]
pub(super) struct Details {
    texts: Names,
    pairs: Vec<(Name, Name)>,
}

impl Default for Details {
    fn default() -> Self {
        let mut texts = Names::default();
        texts.of("");
        Self { texts, pairs: Vec::new() }
    }
}

impl Details {
    /// The number of a packed detail.
    pub(super) fn of(&mut self, packed: &str) -> Name {
        self.texts.of(packed)
    }

    /// What was packed, of a number that [`Details::of`] gave.
    pub(super) fn text(&self, detail: Name) -> &str {
        self.texts.text(detail)
    }

    /// The number of two details together.
    pub(super) fn both(&mut self, first: Name, then: Name) -> Name {
        match (first, then) {
            (detail, EMPTY) | (EMPTY, detail) => detail,
            pair => {
                push(&mut self.pairs, pair);
                PAIR | (self.pairs.len() - 1) as Name
            }
        }
    }

    /// The items of a detail, or of two.
    pub(super) fn items(&self, detail: Name) -> Items<'_> {
        let (first, then) = match detail & PAIR {
            0 => (detail, EMPTY),
            _ => self.pairs.get((detail & !PAIR) as usize).copied().unwrap_or((EMPTY, EMPTY)),
        };
        Items::new([self.text(first), self.text(then)])
    }

    /// Memory that they take, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.texts.memory() + self.pairs.capacity() * size_of::<(Name, Name)>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::detail::{Item, Packer};
    use super::*;

    #[test]
    fn two_details_are_read_one_after_the_other() {
        let mut details = Details::default();
        let detail = |details: &mut Details, items: &[Item]| {
            let mut packer = Packer::default();
            for item in items {
                packer.put(*item);
            }
            details.of(packer.packed())
        };
        let (files, rest) = ([Item::File(3), Item::File(300)], [Item::Attempt(2)]);
        let (first, then) = (detail(&mut details, &files), detail(&mut details, &rest));
        let nothing = detail(&mut details, &[]);
        for (first, then, expected) in [
            (first, then, [&files[..], &rest].concat()),
            (then, first, [&rest[..], &files].concat()),
            (first, nothing, files.to_vec()),
            (nothing, then, rest.to_vec()),
            (nothing, nothing, Vec::new()),
        ] {
            let both = details.both(first, then);
            assert_eq!(details.items(both).collect::<Vec<_>>(), expected);
        }
    }
}
