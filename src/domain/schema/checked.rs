//! Checked scalars and lists of the published shapes: what reading enforces and what the schema says, side by side.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::SCHEMA_VERSION;
use super::strict::INTEGER_MAX;

/// A string scalar: its rule in Rust, and the keywords that say the same.
macro_rules! text_scalars {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident: $holds:expr, $why:literal, { $($keywords:tt)* };
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a text that keeps the rule.
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                let holds: fn(&str) -> bool = $holds;
                holds(&text).then_some(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom($why))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": concat!($($doc,)*).trim(),
                    "type": "string",
                    $($keywords)*
                })
            }
        }
    )* };
}

text_scalars! {
    /// Any text but the empty one.
    Text: |text| !text.is_empty(), "empty", { "minLength": 1 };
    /// A text that has more in it than white space.
    Words: |text| text.chars().any(|c| !c.is_whitespace()), "nothing but white space",
        { "pattern": "[^\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]" };
    /// A stream's name, also of its output files.
    StreamName: is_stream_name, "not a name of 1 to 64 characters from a-z, 0-9 and _",
        { "pattern": "^[a-z0-9_]{1,64}$", "examples": ["scrum_reviews"] };
    /// A git commit in lower-case hex.
    GitSha: |text| is_hex(text, 40), "not a commit of 40 lower-case hex digits",
        { "pattern": "^[0-9a-f]{40}$", "examples": ["0123456789abcdef0123456789abcdef01234567"] };
    /// The first 16 hex digits of a SHA-256.
    Hex16: |text| is_hex(text, 16), "not 16 lower-case hex digits",
        { "pattern": "^[0-9a-f]{16}$", "examples": ["e3b0c44298fc1c14"] };
    /// A release and the settings it ran with: a semantic version, `+`, and the first 12 hex digits of their hash.
    Version: is_version, "not a version such as 1.0.0+d344f1424ae8",
        { "pattern": "^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[+][0-9a-f]{12}$", "examples": ["1.0.0+d344f1424ae8"] };
    /// Bytes that are no UTF-8, in base64 with padding.
    Base64: is_base64, "not base64",
        { "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$", "examples": ["eyJhIjr/fQ=="] };
    /// `rag_` and the first 16 hex digits of the content's hash.
    RagId: |text| is_id(text, "rag_"), "not rag_ and 16 lower-case hex digits",
        { "pattern": "^rag_[0-9a-f]{16}$", "examples": ["rag_9c11e7ba07a8cbc8"] };
    /// `sft_` and the first 16 hex digits of the content's hash.
    SftId: |text| is_id(text, "sft_"), "not sft_ and 16 lower-case hex digits",
        { "pattern": "^sft_[0-9a-f]{16}$", "examples": ["sft_3f2a9c01d4e5b678"] };
    /// `pref_` and the first 16 hex digits of the content's hash.
    PreferenceId: |text| is_id(text, "pref_"), "not pref_ and 16 lower-case hex digits",
        { "pattern": "^pref_[0-9a-f]{16}$", "examples": ["pref_77ab01cd23ef4567"] };
    /// `playbook_` and the first 16 hex digits of the hash of task type and problem pattern.
    PlaybookId: |text| is_id(text, "playbook_"), "not playbook_ and 16 lower-case hex digits",
        { "pattern": "^playbook_[0-9a-f]{16}$", "examples": ["playbook_5b1d2c3e4f506172"] };
}

impl Default for GitSha {
    /// Zeros: built outside git.
    fn default() -> Self {
        Self("0".repeat(40))
    }
}

fn is_stream_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| is_hex(digits, 16))
}

fn is_version(text: &str) -> bool {
    let Some((release, settings)) = text.split_once('+') else { return false };
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    release.split('.').count() == 3 && release.split('.').all(number) && is_hex(settings, 12)
}

fn is_base64(text: &str) -> bool {
    let padding = text.len() - text.trim_end_matches('=').len();
    let digits = text.len() - padding;
    text.len().is_multiple_of(4)
        && digits > 0
        && padding <= 2
        && text.bytes().take(digits).all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// Whether a text is that many lower-case hex digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The version of the shape: always 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchemaVersion;

impl Serialize for SchemaVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(SCHEMA_VERSION)
    }
}

impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            SCHEMA_VERSION => Ok(Self),
            _ => Err(D::Error::custom("not schema version 1")),
        }
    }
}

impl JsonSchema for SchemaVersion {
    fn schema_name() -> Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "The version of the shape.", "type": "integer", "const": SCHEMA_VERSION })
    }
}

/// A number scalar: its rule in Rust, and the keywords that say the same.
macro_rules! number_scalars {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident($inner:ty): $holds:expr, $why:literal, { $($keywords:tt)* };
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Takes a number that keeps the rule.
            pub fn new(number: $inner) -> Option<Self> {
                let holds: fn($inner) -> bool = $holds;
                holds(number).then_some(Self(number))
            }

            /// The number.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(<$inner>::deserialize(deserializer)?).ok_or_else(|| D::Error::custom($why))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": concat!($($doc,)*).trim(), $($keywords)* })
            }
        }
    )* };
}

number_scalars! {
    /// A share, from 0 to 1.
    Share(f64): |share| (0.0..=1.0).contains(&share), "not in [0, 1]",
        { "type": "number", "minimum": 0, "maximum": 1, "examples": [0.84] };
    /// An amount, 0 or more.
    Amount(f64): |amount| amount.is_finite() && amount >= 0.0, "less than 0",
        { "type": "number", "minimum": 0, "examples": [0.0125] };
    /// A count of at least one.
    Positive(u64): |count| (1..=INTEGER_MAX as u64).contains(&count), "not 1 or more",
        { "type": "integer", "minimum": 1, "maximum": INTEGER_MAX, "examples": [3] };
}

impl Eq for Positive {}

/// A list that has something in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// Takes a list that is not empty.
    pub fn new(items: Vec<T>) -> Option<Self> {
        (!items.is_empty()).then_some(Self(items))
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NonEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        filled_list(deserializer).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for NonEmpty<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("NonEmpty_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "minItems": 1 })
    }
}

/// A list that has something in it, and nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Distinct<T>(NonEmpty<T>);

impl<T: Ord> Distinct<T> {
    /// Takes a list that is not empty and holds nothing twice.
    pub fn new(items: Vec<T>) -> Option<Self> {
        let mut ordered: Vec<&T> = items.iter().collect();
        ordered.sort_unstable();
        let repeats = ordered.windows(2).any(|pair| pair.first() == pair.last());
        if repeats { None } else { NonEmpty::new(items).map(Self) }
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        self.0.as_slice()
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Distinct<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(filled_list(deserializer)?).ok_or_else(|| D::Error::custom("holds an item twice"))
    }
}

impl<T: JsonSchema> JsonSchema for Distinct<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Distinct_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = NonEmpty::<T>::json_schema(generator);
        schema.insert("uniqueItems".to_owned(), true.into());
        schema
    }
}

/// Reads a list that has something in it: an empty one is left out instead.
pub(super) fn filled_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let items = Vec::deserialize(deserializer)?;
    if items.is_empty() { Err(D::Error::custom("an empty list")) } else { Ok(items) }
}

/// Reads a text scalar where the type that is written holds a plain text.
pub(super) fn text_of<'de, S, T, D>(deserializer: D) -> Result<T, D::Error>
where
    S: Deserialize<'de> + Into<String>,
    T: From<String>,
    D: Deserializer<'de>,
{
    S::deserialize(deserializer).map(|text| T::from(text.into()))
}
