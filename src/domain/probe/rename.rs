//! Which expected field lives on under another name: one is missing, and an unknown one holds what it should hold.

use std::collections::BTreeMap;

use super::expected::Expected;
use super::findings::{Gone, Place, Rename, UnknownField};
use crate::domain::canonical::{Kind, Value};
use crate::domain::distil::StreamContext;
use crate::domain::streams::FieldShape;

/// In fewer rows than these, unless they are all there are, a rare field may be missing by chance.
const OBJECTS_TO_TELL_MIN: u64 = 30;
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
        for (fits, expected) in self.fits.iter_mut().zip(expected) {
            *fits += u64::from(filled && expected.shape.fits(value));
        }
        for (beside, here) in self.beside.iter_mut().zip(here) {
            *beside += u64::from(*here);
        }
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
        for (name, tally) in unknown {
            if let Some((score, fits)) = likelihood(field, lacks, name, tally, objects) {
                pairs.push((score, field, name, fits, lacks));
            }
        }
    }
    // The names decide between equals, so that the report is the same on every machine.
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (&a.1.name, a.2).cmp(&(&b.1.name, b.2))));
    let mut renames: Vec<Rename> = Vec::new();
    for (_, field, name, fits, lacks) in pairs {
        if renames.iter().any(|rename| rename.missing == field.name || rename.unknown == *name) {
            continue;
        }
        let first = unknown.get(name).map_or(0, |tally| tally.first_byte);
        renames.push(Rename {
            missing: field.name.clone(),
            unknown: name.clone(),
            required: field.required,
            from: (lacks.from_object > 0).then_some(Place { byte: first, line: None }),
            config: fits.then(|| field.reading_from(context.stream.name(), name)),
        });
    }
    renames.sort_by(|a, b| a.missing.cmp(&b.missing));
    renames
}

/// How likely it is that the unknown field is the missing one, and whether its values fit; `None` when it is not.
fn likelihood(
    field: &Expected,
    lacks: &Lacking,
    name: &str,
    tally: &UnknownTally,
    objects: u64,
) -> Option<(f64, bool)> {
    let beside = tally.beside.get(lacks.place).copied().unwrap_or_default();
    if beside > 0 || tally.first_object < lacks.from_object {
        return None;
    }
    let fitting = tally.fits.get(lacks.place).copied().unwrap_or_default();
    // An odd value among many is no other type.
    let fits = tally.filled > 0 && fitting * 2 >= tally.filled;
    let pointer_free = field.name.trim_start_matches('/').to_lowercase();
    let likeness = strsim::jaro_winkler(&pointer_free, &name.to_lowercase());
    if !fits && likeness < LIKENESS_MIN {
        return None;
    }
    // Any string is a text, but hardly any string is a time or a commit.
    let telling = match field.shape {
        FieldShape::Text | FieldShape::Texts | FieldShape::TextOrObject | FieldShape::WholeOrText => 0.5,
        FieldShape::Error => 0.0,
        _ => 1.0,
    };
    let covered = if field.required { tally.rows as f64 / objects.max(1) as f64 } else { 0.0 };
    Some((likeness + covered + if fits { telling } else { 0.0 }, fits))
}

#[cfg(test)]
mod tests {
    use super::*;

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
