//! The documented fields of a stream's rows, declared once: schemas are made from them, and `probe` looks for them.

use serde_json::{Map, Value as Json, json};

use super::audits::severity;
use crate::domain::canonical::{Kind, Value};
use crate::domain::row::{Word, as_bool, as_int, as_number, as_sha40, as_text, as_time, verdict_word};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::schema::strict::INTEGER_MAX;

/// One documented field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Its documented name.
    pub name: &'static str,
    /// Whether a row without it is refused. An optional one of another shape counts as absent.
    pub required: bool,
    /// What it holds.
    pub shape: FieldShape,
    /// What it says, for a person.
    pub about: &'static str,
    /// The unit of a number, such as `ms`.
    pub unit: Option<&'static str>,
    /// The field whose number this one must not exceed, or the row is refused.
    pub at_most: Option<&'static str>,
    /// Whether no record takes it up: only its type is looked at.
    pub unread: bool,
}

/// A field that a row must have.
pub(super) const fn required(name: &'static str, shape: FieldShape, about: &'static str) -> Field {
    Field { name, required: true, shape, about, unit: None, at_most: None, unread: false }
}

/// A field that a row may have.
pub(super) const fn optional(name: &'static str, shape: FieldShape, about: &'static str) -> Field {
    Field { name, required: false, shape, about, unit: None, at_most: None, unread: false }
}

impl Field {
    pub(super) const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    pub(super) const fn at_most(self, other: &'static str) -> Self {
        Self { at_most: Some(other), ..self }
    }

    pub(super) const fn unread(self) -> Self {
        Self { unread: true, ..self }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldShape {
    /// A string; an empty one is as good as none.
    Text,
    /// A string of the verdict words.
    Verdict,
    /// An RFC 3339 time.
    Time,
    /// A git commit of 40 hex digits.
    Commit,
    /// A SHA-256 of 64 hex digits.
    Sha256,
    /// `true` or `false`.
    Flag,
    /// A whole number of at least `min`, and at most 2^53 − 1.
    Whole {
        /// The least it may be.
        min: i64,
    },
    /// A number.
    Number {
        /// The least it may be.
        min: f64,
        /// The most it may be.
        max: f64,
    },
    /// Any array.
    Array,
    /// Any object.
    Object,
    /// An array of texts (of objects the member that holds their text is taken), or one text.
    Texts,
    /// An array of names, or one name.
    Names,
    /// An array of commands: strings, or objects with `cmd`.
    Commands,
    /// An object of flags: gates by name, and whether they passed.
    Gates,
    /// An array of an auditor's findings: objects with `check`.
    Findings,
    /// A whole number or a string.
    WholeOrText,
    /// A string, or an object that is kept as its canonical JSON.
    TextOrObject,
    /// An array of documents, or an object that names corpora and counts hits.
    Sources,
    /// The version of the row's shape.
    Version,
    /// Any value: an error is reported by anything but `false`, `0` and what is empty.
    Error,
}

impl FieldShape {
    /// Any whole number.
    pub(super) const WHOLE: Self = Self::Whole { min: -INTEGER_MAX };
    /// A whole number from 0.
    pub(super) const COUNT: Self = Self::Whole { min: 0 };
    /// A whole number from 1.
    pub(super) const FROM_ONE: Self = Self::Whole { min: 1 };
    /// A number from 0.
    pub(super) const AMOUNT: Self = Self::Number { min: 0.0, max: f64::MAX };
    /// A number from 0 to 1.
    pub(super) const SHARE: Self = Self::Number { min: 0.0, max: 1.0 };

    /// Whether a value is of this shape: of an optional field, whether it is taken without a warning.
    pub fn fits(self, value: Value<'_>) -> bool {
        let is = |kind| value.kind() == kind;
        match self {
            Self::Text => is(Kind::String),
            Self::Verdict => {
                let known = |text: &str| text.is_empty() || verdict_word(text) != Word::None;
                as_text(value).is_some_and(|text| known(&text.plain()))
            }
            Self::Time => as_time(value).is_some(),
            Self::Commit => as_sha40(value).is_some(),
            Self::Sha256 => as_text(value).is_some_and(|text| Sha256Hex::parse(&text.plain()).is_some()),
            Self::Flag => as_bool(value).is_some(),
            Self::Whole { min } => as_int(value).is_some_and(|number| number >= min),
            Self::Number { min, max } => as_number(value)
                .and_then(|digits| digits.0.parse::<f64>().ok())
                .is_some_and(|number| (min..=max).contains(&number)),
            Self::Array | Self::Commands => is(Kind::Array),
            Self::Object => is(Kind::Object),
            Self::Texts => is(Kind::Array) || is(Kind::String),
            Self::Names => {
                is(Kind::String) || (is(Kind::Array) && value.items().all(|item| item.kind() == Kind::String))
            }
            Self::Gates => is(Kind::Object) && value.members().all(|(_, gate)| as_bool(gate).is_some()),
            Self::Findings => {
                let is_finding =
                    |item: Value<'_>| item.get("check").and_then(as_text).is_some() && severity(item).is_ok();
                is(Kind::Array) && value.items().all(is_finding)
            }
            Self::WholeOrText => as_int(value).is_some() || is(Kind::String),
            Self::TextOrObject => is(Kind::String) || is(Kind::Object),
            Self::Sources => is(Kind::Array) || is(Kind::Object),
            Self::Version => as_int(value) == Some(1),
            Self::Error => true,
        }
    }

    /// The keywords of JSON Schema that say the same; `filled` asks that a text is not empty.
    pub(super) fn keywords(self, filled: bool) -> Json {
        let text =
            || if filled { json!({"type": "string", "minLength": 1}) } else { json!({"type": "string"}) };
        let whole = |min: i64| json!({"type": "integer", "minimum": min, "maximum": INTEGER_MAX});
        match self {
            Self::Text => text(),
            Self::Verdict => json!({"type": "string", "examples": ["accept", "reject"]}),
            Self::Time => json!({
                "type": "string", "pattern": time_pattern(), "examples": ["2026-04-26T14:03:11.482Z"],
            }),
            Self::Commit => json!({
                "type": "string", "pattern": "^[0-9a-fA-F]{40}$",
                "examples": ["0123456789abcdef0123456789abcdef01234567"],
            }),
            Self::Sha256 => json!({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Whole { min } => whole(min),
            Self::Number { min, max } => {
                let mut number = Map::from_iter([("type".to_owned(), json!("number"))]);
                number.insert("minimum".to_owned(), bound(min));
                if max < f64::MAX {
                    number.insert("maximum".to_owned(), bound(max));
                }
                Json::Object(number)
            }
            Self::Array => json!({"type": "array"}),
            Self::Object => json!({"type": "object"}),
            Self::Texts => json!({"anyOf": [{"type": "array"}, text()]}),
            Self::Names => json!({"anyOf": [{"type": "array", "items": {"type": "string"}}, text()]}),
            Self::Commands => json!({
                "type": "array", "examples": [["cargo test", {"cmd": "cargo fmt", "exit_code": 0, "duration_ms": 12.5}]],
            }),
            Self::Gates => json!({
                "type": "object", "additionalProperties": {"type": "boolean"}, "examples": [{"g1": true, "g2": false}],
            }),
            Self::Findings => json!({
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"check": {"type": "string"}, "severity": {"anyOf": [{"type": "string", "pattern": SEVERITIES}, {"type": "null"}]}},
                    "required": ["check"],
                },
                "examples": [[{"check": "static", "severity": "warn", "summary": "an unused import"}]],
            }),
            Self::WholeOrText => json!({"anyOf": [whole(-INTEGER_MAX), text()]}),
            Self::TextOrObject => json!({"anyOf": [text(), {"type": "object"}]}),
            Self::Sources => json!({"anyOf": [{"type": "array"}, {"type": "object"}]}),
            Self::Version => json!({"const": 1}),
            Self::Error => json!({}),
        }
    }
}

/// What [`severity`] accepts of a text.
const SEVERITIES: &str = "^(?:[Bb][Ll][Oo][Cc][Kk]|[Ww][Aa][Rr][Nn]|[Ii][Nn][Ff][Oo])?$";

/// A bound as people write it: 0 rather than 0.0.
fn bound(number: f64) -> Json {
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}

/// What [`as_time`] accepts: a date that there is, `T` or a space, a time of day with or without a fraction, a leap
/// second, and a zone or none.
fn time_pattern() -> String {
    let year = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])";
    let long = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])";
    let short = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)";
    let february = "02-(?:0[1-9]|1[0-9]|2[0-8])";
    let by_four = "(?:0[48]|[2468][048]|[13579][26])";
    let leap = format!("(?:[0-9]{{2}}{by_four}|{by_four}00)-02-29");
    let clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:[.][0-9]+)?";
    let zone = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?";
    format!("^(?:{year}-(?:{long}|{short}|{february})|{leap})[Tt ]{clock}{zone}$")
}
