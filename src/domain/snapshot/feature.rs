//! The columns of a view: what its card and its metadata declare, so that no reader has to guess a type.

use std::fmt::Write as _;

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// The key.
    pub name: &'static str,
    /// What stands there.
    pub kind: FeatureKind,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy)]
pub enum FeatureKind {
    /// A string.
    Text,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// A list of strings.
    Texts,
    /// An object.
    Object(&'static [Feature]),
    /// A list of objects.
    Objects(&'static [Feature]),
}

/// A string column.
pub(super) const fn text(name: &'static str) -> Feature {
    Feature { name, kind: FeatureKind::Text }
}

/// A column of whole numbers.
pub(super) const fn whole(name: &'static str) -> Feature {
    Feature { name, kind: FeatureKind::Whole }
}

/// A column of lists of strings.
pub(super) const fn texts(name: &'static str) -> Feature {
    Feature { name, kind: FeatureKind::Texts }
}

/// A column of objects.
pub(super) const fn object(name: &'static str, of: &'static [Feature]) -> Feature {
    Feature { name, kind: FeatureKind::Object(of) }
}

/// A column of lists of objects.
pub(super) const fn objects(name: &'static str, of: &'static [Feature]) -> Feature {
    Feature { name, kind: FeatureKind::Objects(of) }
}

impl FeatureKind {
    /// The type's name for `datasets`, where it has one of its own.
    const fn dtype(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("string"),
            Self::Whole => Some("int64"),
            Self::Flag => Some("bool"),
            Self::Texts | Self::Object(_) | Self::Objects(_) => None,
        }
    }
}

/// Appends the columns as YAML, as the header of a dataset card lists them.
pub fn push_yaml(out: &mut String, features: &[Feature], indent: usize) {
    for feature in features {
        let pad = " ".repeat(indent);
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{pad}- name: {}", feature.name);
        let _ = match feature.kind {
            FeatureKind::Text | FeatureKind::Whole | FeatureKind::Flag => {
                writeln!(out, "{pad}  dtype: {}", feature.kind.dtype().unwrap_or_default())
            }
            FeatureKind::Texts => writeln!(out, "{pad}  list: string"),
            FeatureKind::Object(_) => writeln!(out, "{pad}  struct:"),
            FeatureKind::Objects(_) => writeln!(out, "{pad}  list:"),
        };
        if let FeatureKind::Object(inner) | FeatureKind::Objects(inner) = feature.kind {
            push_yaml(out, inner, indent + 2);
        }
    }
}

/// Whether a row has just these keys, in this order, each with a value of its kind; and no empty list anywhere.
#[cfg(test)]
pub(super) fn fits(row: &serde_json::Value, features: &[Feature]) -> bool {
    use serde_json::Value;
    let Value::Object(members) = row else { return false };
    let fits_one = |value: &Value, kind: FeatureKind| match (kind, value) {
        (FeatureKind::Text, Value::String(_)) | (FeatureKind::Flag, Value::Bool(_)) => true,
        (FeatureKind::Whole, Value::Number(number)) => number.is_u64(),
        (FeatureKind::Texts, Value::Array(items)) => !items.is_empty() && items.iter().all(Value::is_string),
        (FeatureKind::Object(inner), value) => fits(value, inner),
        (FeatureKind::Objects(inner), Value::Array(items)) => {
            !items.is_empty() && items.iter().all(|item| fits(item, inner))
        }
        _ => false,
    };
    members.keys().map(String::as_str).eq(features.iter().map(|feature| feature.name))
        && members.values().zip(features).all(|(value, feature)| fits_one(value, feature.kind))
}
