//! Lines and items that are known by how they open.

use super::cue::{self, Cue};
use super::status::Status;

/// Whether a line opens the next part of notes that were split: `Shard 2/5`, `--- shard 2 of 5 ---`, `[shard 2/5]`.
pub(super) fn is_shard_header(line: &str) -> bool {
    let Some(start) = line.find(|c: char| c.is_ascii_alphanumeric()) else { return false };
    let words = line.get(start..).unwrap_or_default();
    let Some(rest) = words.get(..5).filter(|word| word.eq_ignore_ascii_case("shard")).and(words.get(5..))
    else {
        return false;
    };
    let rest = rest.trim_start_matches([' ', '#']);
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let counted = behind.trim_start();
    let total = counted.strip_prefix('/').or_else(|| counted.strip_prefix("of "));
    behind.len() < rest.len()
        && total.is_some_and(|total| total.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a line opens with a sentence that tells a decision: the whole line is the decision.
pub(super) fn is_decision_sentence(line: &str) -> bool {
    const OPENINGS: [&str; 10] = [
        "We decided ",
        "I decided ",
        "Decided to ",
        "Decided against ",
        "We agreed ",
        "Agreed to ",
        "Agreed with ",
        "We chose ",
        "We settled on ",
        "It was decided ",
    ];
    OPENINGS.iter().any(|opening| line.starts_with(opening))
}

/// Whether an item names nothing: a sign, a number, `n/a`, `yes`; `none`, `None. All is settled.`, but not `None of the
/// tests …`; and `no`, `nothing` or a number with no more than what the cue asks for, as in `No failures yet`.
pub(super) fn is_nothing(item: &str, cue: Cue) -> bool {
    let bare = item.trim_matches(|c: char| !c.is_alphanumeric());
    let counts = |word: &str| !word.contains(char::is_alphabetic) || matches!(word, "of" | "out");
    // `#12` is the number of something that is known elsewhere, and no count.
    let is_named = item.contains('#') && !bare.is_empty();
    if !is_named && bare.split_whitespace().all(counts) {
        // Of a check a sign tells the outcome, and a folder may have no letter.
        return !matches!(cue, Cue::Validation | Cue::Check | Cue::Paths);
    }
    let words = [
        "n/a",
        "na",
        "nil",
        "null",
        "yes",
        "tbd",
        "tba",
        "unknown",
        "not yet",
        "not decided",
        "not decided yet",
        "not yet decided",
        "undecided",
    ];
    // Of a check that is its outcome.
    let flags: &[&str] = if matches!(cue, Cue::Validation | Cue::Check) { &[] } else { &["true", "false"] };
    if words.iter().chain(flags).any(|word| bare.eq_ignore_ascii_case(word))
        || (!is_named && names_none(bare, cue))
    {
        return true;
    }
    ["none", "nothing", "n/a"].iter().any(|word| {
        let start = bare.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word));
        let behind = start.and(bare.get(word.len()..)).unwrap_or_default().trim_start();
        behind.starts_with(['.', ',', ';', ':', '(', '–', '—'])
    })
}

/// How many words may name what there is none of.
const MATTER_WORDS_MAX: usize = 3;
/// Words behind it that say no more.
const BEHIND: [&str; 15] = [
    "yet",
    "so far",
    "right now",
    "for now",
    "now",
    "currently",
    "at the moment",
    "at this time",
    "left",
    "remaining",
    "found",
    "known",
    "made",
    "needed",
    "required",
];
/// Words before it that say no more.
const BEFORE: [&str; 10] = ["further", "more", "other", "new", "has", "have", "is", "was", "been", "are"];

/// Whether a text says that there is none of what its cue asks for, or how many there are: `nothing failed`, `2 failures`.
fn names_none(bare: &str, cue: Cue) -> bool {
    let (first, mut matter) = bare.split_once(' ').unwrap_or((bare, ""));
    let number = first.bytes().all(|byte| byte.is_ascii_digit());
    if !(number || ["no", "nothing", "none", "zero"].iter().any(|none| first.eq_ignore_ascii_case(none))) {
        return false;
    }
    let asks = match cue {
        Cue::Next | Cue::Command => Cue::Step(Status::Open),
        cue => cue,
    };
    loop {
        matter = matter.trim();
        if matter.is_empty() || is_matter(matter, asks) {
            return true;
        }
        let Some(shorter) = BEHIND.iter().find_map(|word| without_end(matter, word)) else { return false };
        matter = shorter;
    }
}

/// Whether these words name what the cue asks for, and nothing else: they are a phrase of the same cue.
fn is_matter(matter: &str, cue: Cue) -> bool {
    if matter.split_whitespace().count() > MATTER_WORDS_MAX {
        return false;
    }
    let is = |word: &str, set: &[&str]| set.iter().any(|one| word.eq_ignore_ascii_case(one));
    let is_step = matches!(cue, Cue::Step(_));
    let mut rest = matter;
    loop {
        if cue::of_phrase(rest) == Some(cue) || (is_step && is(rest, &["steps", "items", "tasks", "work"])) {
            return true;
        }
        let Some((word, behind)) = rest.split_once(' ') else { return is(rest, &BEFORE) };
        if !(is(word, &BEFORE) || (is_step && is(word, &["steps", "items", "tasks", "tests", "checks"]))) {
            return false;
        }
        rest = behind.trim_start();
    }
}

/// A text without the words at its end.
fn without_end<'t>(text: &'t str, end: &str) -> Option<&'t str> {
    let (before, behind) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    let apart = before.is_empty() || before.ends_with(' ');
    (apart && behind.eq_ignore_ascii_case(end)).then_some(before)
}
