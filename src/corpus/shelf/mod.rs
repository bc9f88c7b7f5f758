//! Fragments that texts are put together from, escaped once so that a row only copies them.

mod code;
mod knowledge;
mod remarks;

use super::dice::Dice;
use super::names::SYMBOLS;
use super::stream::Spelling;

/// What a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A sentence of a review.
    Remark,
    /// A sentence in another script, with emoji or combining marks.
    World,
    /// A fenced block of code.
    Code,
    /// A fenced diff.
    Diff,
    /// A table, quote, log or list.
    Block,
    /// A line of a scratchpad: a step, a decision, a question, a command.
    Step,
    /// One line on what an audit found.
    Finding,
    Claim,
    Fact,
    Lesson,
    Procedure,
    Hint,
    Note,
    Reason,
    Analysis,
    Error,
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Remark,
        Self::World,
        Self::Code,
        Self::Diff,
        Self::Block,
        Self::Step,
        Self::Finding,
        Self::Claim,
        Self::Fact,
        Self::Lesson,
        Self::Procedure,
        Self::Hint,
        Self::Note,
        Self::Reason,
        Self::Analysis,
        Self::Error,
    ];

    /// The fragments. In those that [`Kind::has_slots`], `~` stands for a symbol and `^` for a number.
    const fn fragments(self) -> &'static [&'static str] {
        match self {
            Self::Remark => remarks::REMARKS,
            Self::World => remarks::WORLD,
            Self::Code => code::CODE,
            Self::Diff => code::DIFFS,
            Self::Block => code::BLOCKS,
            Self::Step => remarks::STEPS,
            Self::Finding => remarks::FINDINGS,
            Self::Claim => remarks::CLAIMS,
            Self::Fact => knowledge::FACTS,
            Self::Lesson => knowledge::LESSONS,
            Self::Procedure => knowledge::PROCEDURES,
            Self::Hint => knowledge::HINTS,
            Self::Note => remarks::NOTES,
            Self::Reason => knowledge::REASONS,
            Self::Analysis => knowledge::ANALYSES,
            Self::Error => knowledge::ERRORS,
        }
    }

    const fn has_slots(self) -> bool {
        !matches!(self, Self::Code | Self::Diff | Self::Block | Self::World)
    }
}

/// All fragments, escaped for both spellings.
#[derive(Debug)]
pub(crate) struct Shelf {
    compact: Vec<Vec<String>>,
    python: Vec<Vec<String>>,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let all = |escape: fn(&str) -> String| {
            Kind::ALL.iter().map(|kind| kind.fragments().iter().map(|text| escape(text)).collect()).collect()
        };
        Self { compact: all(escape_compact), python: all(escape_python) }
    }

    /// Appends one fragment of a kind, its slots filled.
    pub(crate) fn push(&self, kind: Kind, spelling: Spelling, dice: &mut Dice, into: &mut String) {
        let kinds = match spelling {
            Spelling::Compact => &self.compact,
            Spelling::Python => &self.python,
        };
        let Some(fragment) = kinds.get(kind as usize).and_then(|fragments| dice.pick(fragments)) else {
            return;
        };
        if !kind.has_slots() {
            into.push_str(fragment);
            return;
        }
        let mut rest = fragment.as_str();
        while let Some((before, after)) = rest.split_once(['~', '^']) {
            into.push_str(before);
            if rest.as_bytes().get(before.len()) == Some(&b'~') {
                into.push_str(dice.word(&SYMBOLS));
            } else {
                let number = dice.between(2, 1_900);
                super::time::push_padded(into, number, 1);
            }
            rest = after;
        }
        into.push_str(rest);
    }
}

/// Escapes what JSON asks for and leaves the rest as UTF-8.
fn escape_compact(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            control if control < ' ' => push_unit(&mut escaped, u32::from(control)),
            other => escaped.push(other),
        }
    }
    escaped
}

/// As [`escape_compact`], with everything beyond ASCII as UTF-16 escapes.
fn escape_python(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in escape_compact(text).chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                push_unit(&mut escaped, u32::from(*unit));
            }
        }
    }
    escaped
}

fn push_unit(escaped: &mut String, unit: u32) {
    escaped.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        escaped.push(char::from_digit(unit >> shift & 15, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fragment_survives_both_escapes() {
        for kind in Kind::ALL {
            assert!(!kind.fragments().is_empty(), "{kind:?}");
            for text in kind.fragments() {
                for escaped in [escape_compact(text), escape_python(text)] {
                    let read: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
                    assert_eq!(read, *text);
                }
                assert!(escape_python(text).is_ascii());
            }
        }
    }

    #[test]
    fn kinds_stand_in_the_order_of_their_table() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
