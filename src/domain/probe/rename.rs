//! Which expected field lives on under another name: one is missing, and an unknown one holds what it should hold.

use std::collections::BTreeMap;

use super::expected::Expected;
use super::findings::{Gone, Place, Rename, UnknownField};
use crate::domain::canonical::{Kind, Value};
use crate::domain::distil::StreamContext;
use crate::domain::streams::FieldShape;

/// In fewer rows than these, unless they are all there are, a rare field may be missing by chance.
const OBJECTS_TO_TELL_MIN: u64 = 30;
/// In fewer rows than these it is not looked for an error by another name.
const ERROR_OBJECTS_MIN: u64 = 50;
/// A field that was there has gone when it is this unlikely that it is missing by chance from there on.
const CHANCE_MAX: f64 = 1e-6;
/// Names from this likeness on (of 1) are taken for one another whatever the values are.
const LIKENESS_MIN: f64 = 0.85;

/// How often a field that the stream does not know was seen, and with what.
#[derive(Debug)]
pub(super) struct UnknownTally {
    rows: u64,
    first_object: u64,
    first_byte: u64,
    example: String,
    kinds: BTreeMap<&'static str, u64>,
    filled: u64,
    /// Values that are times, commits or hashes.
    special: u64,
    /// For each expected field: values that would fit it.
    fits: Vec<u64>,
    /// For each expected field: rows that have both.
    beside: Vec<u64>,
}

impl UnknownTally {
    pub(super) fn new(expected: usize, first_object: u64, first_byte: u64, example: String) -> Self {
        Self {
            rows: 0,
            first_object,
            first_byte,
            example,
            kinds: BTreeMap::new(),
            filled: 0,
            special: 0,
            fits: vec![0; expected],
            beside: vec![0; expected],
        }
    }

    /// Takes a value; `here` says which expected fields its row has.
    pub(super) fn note(&mut self, value: Value<'_>, expected: &[Expected], here: &[bool]) {
        self.rows += 1;
        *self.kinds.entry(kind_name(value.kind())).or_default() += 1;
        let filled = value.kind() != Kind::Null;
        self.filled += u64::from(filled);
        let special = [FieldShape::Time, FieldShape::Commit, FieldShape::Sha256];
        self.special += u64::from(special.iter().any(|shape| shape.fits(value)));
        for (fits, expected) in self.fits.iter_mut().zip(expected) {
            *fits += u64::from(filled && expected.shape.fits(value));
        }
        for (beside, here) in self.beside.iter_mut().zip(here) {
            *beside += u64::from(*here);
        }
    }

    fn looks_like_an_error(&self, objects: u64) -> bool {
        let is_wordy = self.kinds.keys().all(|kind| ["string", "object", "null"].contains(kind));
        objects >= ERROR_OBJECTS_MIN && self.rows * 8 <= objects && is_wordy && self.special < self.filled
    }

    pub(super) fn told(self, name: String) -> UnknownField {
        let first = Place { byte: self.first_byte, line: None };
        UnknownField { name, rows: self.rows, kinds: self.kinds, first, example: self.example }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "flag",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

/// A field that is missing, and from which row on.
#[derive(Debug)]
pub(super) struct Lacking {
    place: usize,
    from_object: u64,
}

/// The expected fields that are missing: required ones that rows were refused for, others that were never seen or were
/// seen up to some row and no more.
pub(super) fn lacking(
    expected: &[Expected],
    objects: u64,
    every_row: bool,
    refused_for: impl Fn(&str) -> bool,
) -> Vec<Lacking> {
    let enough = objects > 0 && (every_row || objects >= OBJECTS_TO_TELL_MIN);
    let missing = |(place, field): (usize, &Expected)| {
        let missing = if field.required { refused_for(&field.name) } else { enough && field.rows == 0 };
        if missing {
            return Some(Lacking { place, from_object: 0 });
        }
        is_gone(field, objects).then_some(Lacking { place, from_object: field.last_object + 1 })
    };
    expected.iter().enumerate().filter(|(_, field)| field.can_be_renamed()).filter_map(missing).collect()
}

/// The fields that rows had up to some row, and no more.
pub(super) fn gone(expected: &[Expected], objects: u64) -> Vec<Gone> {
    let told = |field: &Expected| {
        let last = Place { byte: field.last_byte, line: None };
        Gone { name: field.name.clone(), rows: field.rows, last }
    };
    expected.iter().filter(|field| is_gone(field, objects)).map(told).collect()
}

fn is_gone(field: &Expected, objects: u64) -> bool {
    let since = field.last_object + 1;
    has_gone(field.rows, since, objects.saturating_sub(since))
}

/// Whether a field that `rows` of `since` rows have can hardly be missing from the next `missing` by chance.
fn has_gone(rows: u64, since: u64, missing: u64) -> bool {
    let usual = rows as f64 / (since + 1) as f64;
    rows > 0 && (1.0 - usual).powf(missing as f64) <= CHANCE_MAX
}

/// A missing field and one that could be it.
struct Pair<'p> {
    field: &'p Expected,
    unknown: &'p str,
    tally: &'p UnknownTally,
    from_object: u64,
    likelihood: f64,
    fits: bool,
}

/// The likeliest pairs of a field that is missing and one that nobody expected; each in one pair at most.
pub(super) fn likely(
    expected: &[Expected],
    lacking: &[Lacking],
    unknown: &BTreeMap<String, UnknownTally>,
    objects: u64,
    context: StreamContext<'_>,
) -> Vec<Rename> {
    let mut pairs = Vec::new();
    for lacks in lacking {
        let Some(field) = expected.get(lacks.place) else { continue };
        pairs.extend(unknown.iter().filter_map(|(name, tally)| pair(field, lacks, name, tally, objects)));
    }
    // The names decide between equals, so that the report is the same on every machine.
    pairs.sort_by(|a, b| {
        let by_name = || (&a.field.name, a.unknown).cmp(&(&b.field.name, b.unknown));
        b.likelihood.total_cmp(&a.likelihood).then_with(by_name)
    });
    let mut chosen: Vec<&Pair<'_>> = Vec::new();
    for pair in &pairs {
        if chosen.iter().all(|other| other.field.name != pair.field.name && other.unknown != pair.unknown) {
            chosen.push(pair);
        }
    }
    let is_taken = |name: &str| chosen.iter().any(|pair| pair.unknown == name);
    let told = |pair: &&Pair<'_>| Rename {
        missing: pair.field.name.clone(),
        unknown: pair.unknown.to_owned(),
        or: pairs
            .iter()
            .filter(|other| other.field.name == pair.field.name && other.fits && !is_taken(other.unknown))
            .map(|other| other.unknown.to_owned())
            .collect(),
        required: pair.field.required,
        from: (pair.from_object > 0).then_some(Place { byte: pair.tally.first_byte, line: None }),
        config: pair.fits.then(|| pair.field.reading_from(context.stream.name(), pair.unknown)),
    };
    let mut renames: Vec<Rename> = chosen.iter().map(told).collect();
    renames.sort_by(|a, b| a.missing.cmp(&b.missing));
    renames
}

/// How likely it is that an unknown field is the missing one; `None` when it is not.
fn pair<'p>(
    field: &'p Expected,
    lacks: &Lacking,
    unknown: &'p str,
    tally: &'p UnknownTally,
    objects: u64,
) -> Option<Pair<'p>> {
    let beside = tally.beside.get(lacks.place).copied().unwrap_or_default();
    if beside > 0 || tally.first_object < lacks.from_object {
        return None;
    }
    // What every row should have is not what few of those without it have.
    if field.required && tally.rows * 2 < objects - field.rows {
        return None;
    }
    let fitting = tally.fits.get(lacks.place).copied().unwrap_or_default();
    // An odd value among many is no other type.
    let fits = tally.filled > 0 && fitting * 2 >= tally.filled;
    // Where nothing fails there is no error to see. Only what is as rare and as wordy as one may be it.
    let fits = fits && (field.shape != FieldShape::Error || tally.looks_like_an_error(objects));
    let likeness = likeness(&field.name, unknown);
    if !fits && likeness < LIKENESS_MIN {
        return None;
    }
    // Any string is a text, but hardly any is a time; and a time is hardly a text that was named otherwise.
    let telling = match field.shape {
        _ if !fits => 0.0,
        FieldShape::Text | FieldShape::Texts | FieldShape::TextOrObject | FieldShape::WholeOrText => {
            if tally.special == tally.filled && likeness < LIKENESS_MIN { 0.0 } else { 0.5 }
        }
        FieldShape::Error => 0.0,
        _ => 1.0,
    };
    let since = objects.saturating_sub(lacks.from_object).max(1);
    let covered = tally.rows as f64 / since as f64;
    let likelihood = likeness * 2.0 + telling + covered / 2.0;
    Some(Pair { field, unknown, tally, from_object: lacks.from_object, likelihood, fits })
}

/// How alike two names are, from 0 to 1; one that holds the other is much like it.
fn likeness(expected: &str, unknown: &str) -> f64 {
    let bare = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let (expected, unknown) = (bare(expected), bare(unknown));
    let shorter = expected.len().min(unknown.len());
    if shorter >= 3 && (unknown.contains(&expected) || expected.contains(&unknown)) {
        let share = shorter as f64 / expected.len().max(unknown.len()) as f64;
        return 0.9 + 0.1 * share;
    }
    let likeness = strsim::jaro_winkler(&expected, &unknown);
    // Any two words are a little alike.
    if likeness < 0.7 { 0.0 } else { likeness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_when_one_holds_the_other_or_is_spelt_nearly_so() {
        for (expected, unknown) in [
            ("file", "my_file"),
            ("latency_ms", "latencyMs"),
            ("verdict", "verdikt"),
            ("commit", "commitSha"),
        ] {
            assert!(likeness(expected, unknown) >= LIKENESS_MIN, "{expected} {unknown}");
        }
        for (expected, unknown) in
            [("file", "path"), ("ts", "events"), ("error", "head_sha"), ("gates", "notes")]
        {
            assert!(likeness(expected, unknown) < LIKENESS_MIN, "{expected} {unknown}");
        }
    }

    #[test]
    fn a_field_has_gone_when_chance_does_not_explain_it() {
        assert!(has_gone(100, 100, 3));
        assert!(!has_gone(100, 100, 1));
        assert!(has_gone(500, 1000, 25));
        assert!(!has_gone(500, 1000, 10));
        assert!(!has_gone(2, 1000, 1000));
        assert!(!has_gone(0, 1, 1000));
    }
}
