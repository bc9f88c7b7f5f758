//! How much an outcome holds for: counts, shares and words beside it.

use std::borrow::Cow;

use super::super::ValidationStatus::{self, Failed, Passed};
use super::{bare, ends_clause, is, of_word};

/// What the words around an outcome word say of how much it holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// Nothing.
    Untold,
    /// `not`, `never`.
    Not,
    /// `no`, `without`.
    No,
    /// `0`, of nobody knows how many.
    Zero,
    /// `0/12`.
    NoneOf,
    /// `10/12`, `10 of 12`.
    Part,
    /// `12`, `12/12`.
    Whole,
}

/// How far before an outcome word stands what says how much it holds for, in words: `not all tests pass`.
pub(super) const REACH: usize = 3;

/// How much the outcome word at the start of `from` holds for, which stands behind the words of its clause.
pub(super) fn amount(clause: &[&str], from: &[&str], status: ValidationStatus) -> Amount {
    // `passed 12 failed 0`: the numbers stand behind their words.
    let counts_behind = clause.first().is_some_and(|word| of_word(word).is_some());
    let behind = behind(from, status);
    if counts_behind && behind != Amount::Untold {
        return behind;
    }
    for (back, written) in clause.iter().rev().take(REACH).enumerate() {
        if of_word(written).is_some() || is(written, &["and", "or"]) {
            break;
        }
        let word = bare(written);
        if status == Failed && is(word, &["stopped", "stops"]) {
            return Amount::Not;
        }
        if is(word, &["not", "never", "cannot"]) || word.ends_with("n't") || word.ends_with("n’t") {
            return Amount::Not;
        }
        if is(word, &["no", "without"]) || (status == Failed && is(word, &["nothing", "none"])) {
            return Amount::No;
        }
        if status == Passed && is(word, &SOME) {
            return Amount::Part;
        }
        let before = clause.get(..clause.len() - 1 - back).unwrap_or_default();
        if let Some(amount) = share(before, written) {
            return amount;
        }
        if let Some(amount) = counted(before, word) {
            return amount;
        }
    }
    behind
}

/// The amount right behind an outcome word: `passed (10/12)`, `errors: 0`.
fn behind(from: &[&str], status: ValidationStatus) -> Amount {
    let [word, rest @ ..] = from else { return Amount::Untold };
    if ends_clause(word) && !word.ends_with(':') {
        return Amount::Untold;
    }
    let amount = match rest {
        [part, of, whole, ..] if is(of, &["of"]) => counted(&[part, of], bare(whole)),
        [none, ..] if status == Failed && is(bare(none), &["none", "nothing"]) => Some(Amount::Zero),
        [number, ..] => share(&[], number).or_else(|| counted(&[], bare(number))),
        [] => None,
    };
    // `passed 0 warnings` says nothing of how many passed, `failed 0` all of it.
    amount
        .filter(|amount| match status {
            Failed => matches!(amount, Amount::Zero | Amount::NoneOf),
            _ => matches!(amount, Amount::Part | Amount::NoneOf),
        })
        .unwrap_or(Amount::Untold)
}

/// Words for less than all.
const SOME: [&str; 11] =
    ["most", "nearly", "almost", "few", "fewer", "hardly", "half", "some", "many", "thirds", "partly"];

/// The amount that a percentage tells: `98%`, `98 percent`.
fn share(before: &[&str], word: &str) -> Option<Amount> {
    let word = word.trim_matches(['(', ')', ',', '.', ';']);
    let number = match word.strip_suffix('%') {
        Some(number) => number,
        None if is(word, &["percent"]) => before.last()?,
        None => return None,
    };
    let number: f64 = number.parse().ok()?;
    Some(match number {
        0.0 => Amount::NoneOf,
        100.0 => Amount::Whole,
        _ => Amount::Part,
    })
}

/// The amount that a number tells, with the words before it: `12`, `10/12`, `10 out of the 12`.
fn counted(before: &[&str], word: &str) -> Option<Amount> {
    let number = |word: &str| word.parse::<u32>().ok();
    if is(word, &["zero"]) {
        return Some(Amount::Zero);
    }
    let before = before.strip_suffix(&["the"]).unwrap_or(before);
    let (part, whole) = match before {
        [.., part, out, of] if is(of, &["of"]) && is(out, &["out"]) => (number(bare(part)), number(word)?),
        [.., part, of] if is(of, &["of"]) => (number(bare(part)), number(word)?),
        _ => match word.split_once('/') {
            Some((part, whole)) => (Some(number(part)?), number(whole)?),
            None => (None, number(word)?),
        },
    };
    Some(match (part, whole) {
        (None, 0) => Amount::Zero,
        (Some(0), 1..) => Amount::NoneOf,
        (Some(part), whole) if part < whole => Amount::Part,
        _ => Amount::Whole,
    })
}

/// A text in which `9 / 10` is one word.
pub(super) fn with_shares_joined(text: &str) -> Cow<'_, str> {
    const APART: &str = " / ";
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let mut shares = text.match_indices(APART).map(|(at, _)| at).filter(|at| {
        digit(at.checked_sub(1).and_then(|before| bytes.get(before))) && digit(bytes.get(at + APART.len()))
    });
    let Some(first) = shares.next() else { return Cow::Borrowed(text) };
    let mut joined = String::with_capacity(text.len());
    let mut from = 0;
    for at in std::iter::once(first).chain(shares) {
        joined.push_str(text.get(from..at).unwrap_or_default());
        joined.push('/');
        from = at + APART.len();
    }
    joined.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(joined)
}
