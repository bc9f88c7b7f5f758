//! Which row's sample a file should hold for one text: a function of what is known, never of what was written before.

use super::Dataset;
use crate::domain::link::{Key, Links, Place, Row};
use crate::domain::score::Category;

/// Why a text that is good enough is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Withheld {
    /// The same content is allowed in one run and rejected in another.
    Conflict,
    /// There is a secret in it.
    Secret,
}

impl Withheld {
    /// The code in answers and retractions.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "conflict.content",
            Self::Secret => "secret",
        }
    }
}

/// What a file should hold for one content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sample of this row.
    Sample(Place),
    /// Nothing, though this row is good enough.
    Withheld(Withheld, Place),
    /// Nothing.
    Nothing,
}

/// What the RAG file should hold for a text.
pub fn rag(links: &Links, text: Key) -> Verdict {
    let rows = || links.of_text(text).filter_map(|place| Some((place, links.rows.get(place)?)));
    let allowed = |row: &Row| Dataset::Rag.allows(row.category);
    let eligible =
        rows().filter(|(place, row)| allowed(row) && !links.is_superseded(*place)).map(|(place, _)| place);
    choose(links, eligible, || rows().map(|(_, row)| row), allowed)
}

/// What the SFT file should hold for a text: one verdict for each instruction that it answers, by the instruction's key.
pub fn sft(links: &Links, text: Key) -> Vec<(Key, Verdict)> {
    let answers: Vec<(Key, Place)> = links
        .of_text(text)
        .map(|place| (links.instruction(place), place))
        .filter(|(instruction, _)| *instruction != 0)
        .collect();
    let mut instructions: Vec<Key> = answers.iter().map(|(instruction, _)| *instruction).collect();
    instructions.sort_unstable();
    instructions.dedup();
    let allowed = |row: &Row| Dataset::Sft.allows(row.category);
    let of = |instruction: Key| {
        let same = || answers.iter().filter(|(other, _)| *other == instruction).map(|(_, place)| *place);
        let rows = || same().filter_map(|place| links.rows.get(place));
        let eligible = same().filter(|place| links.rows.get(*place).is_some_and(allowed));
        choose(links, eligible, rows, allowed)
    };
    instructions.into_iter().map(|instruction| (instruction, of(instruction))).collect()
}

/// The canonically first of the eligible rows, unless something speaks against the content itself.
fn choose<'l, R: Iterator<Item = &'l Row>>(
    links: &Links,
    eligible: impl Iterator<Item = Place>,
    rows: impl Fn() -> R,
    allowed: impl Fn(&Row) -> bool,
) -> Verdict {
    let (secret, open): (Vec<Place>, Vec<Place>) =
        eligible.partition(|place| links.rows.get(*place).is_some_and(Row::has_secret));
    let Some(first) = links.first(open) else {
        return links
            .first(secret)
            .map_or(Verdict::Nothing, |first| Verdict::Withheld(Withheld::Secret, first));
    };
    // Two runs disagree when some row is allowed and some row of another run is rejected.
    let mut rejected = rows().filter(|row| row.category == Category::Rejected).map(|row| row.run);
    if let Some(run) = rejected.next() {
        let several = rejected.any(|other| other != run);
        if rows().any(|row| allowed(row) && (several || row.run != run)) {
            return Verdict::Withheld(Withheld::Conflict, first);
        }
    }
    Verdict::Sample(first)
}
