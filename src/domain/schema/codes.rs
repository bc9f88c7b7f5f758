//! The codes that stand in markers and reasons: signals, rules, and markers that are no signals.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::score::rule_codes;
use crate::domain::signal::Code;

/// Markers that are no signals.
pub const PLAIN_MARKERS: [&str; 8] = [
    "confidence.low",
    "phase.fake",
    "phase.partial",
    "phase.verified",
    "row.unterminated",
    "self_judged",
    "shape.unknown",
    "thin.rejection",
];

fn signals() -> impl Iterator<Item = &'static str> {
    Code::ALL.iter().map(|code| code.name())
}

fn markers() -> impl Iterator<Item = &'static str> {
    signals().chain(PLAIN_MARKERS)
}

fn reasons() -> impl Iterator<Item = &'static str> {
    signals().chain(rule_codes())
}

macro_rules! codes {
    ($( $(#[doc = $doc:literal])* $name:ident: $all:ident; )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(&'static str);

        impl $name {
            /// The code of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                $all().find(|code| *code == name).map(Self)
            }

            /// The code as it stands in records.
            pub const fn name(self) -> &'static str {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = Cow::<str>::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is no code")))
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
                    "enum": $all().collect::<Vec<_>>(),
                })
            }
        }
    )* };
}

codes! {
    /// What a row says, as a code: a signal, or an oddity worth noting.
    Marker: markers;
    /// Why a score is what it is: a signal that reached the work, or the rule that decided.
    Reason: reasons;
}

/// Reads a list of markers as their names.
pub(super) fn marker_names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<&'static str>, D::Error> {
    let markers: Vec<Marker> = super::checked::filled_list(deserializer)?;
    Ok(markers.into_iter().map(Marker::name).collect())
}
