//! Checked scalars and lists of the published shapes: what reading enforces and what the schema says, side by side.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::SCHEMA_VERSION;

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
    /// A release and the settings it ran with: a semantic version, `+`, and the first 12 hex digits of their hash.
    Version: is_version, "not a version such as 1.0.0+d344f1424ae8",
        { "pattern": "^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[+][0-9a-f]{12}$", "examples": ["1.0.0+d344f1424ae8"] };
    /// Bytes that are no UTF-8, in base64 with padding.
    Base64: is_base64, "not base64",
        { "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$", "examples": ["eyJhIjr/fQ=="] };
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

/// A share, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Share(f64);

impl Share {
    /// Takes a number in [0, 1].
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not in [0, 1]"))
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A share.", "type": "number", "minimum": 0, "maximum": 1, "examples": [0.84] })
    }
}
