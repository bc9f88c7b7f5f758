//! Why a row cannot become evidence: the row's fault, counted and quarantined, and on we go.

use super::canonical::{DEPTH_MAX, Fault, FaultKind};

/// The reason a row is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reject {
    /// Its bytes are no JSON value.
    Fault(Fault),
    /// It is JSON, but no object.
    NotObject,
    /// It is longer than the limit, in bytes.
    Oversize {
        /// The limit.
        limit: u64,
    },
    /// Its `schema_version` is not the expected one.
    SchemaVersion {
        /// The expected version.
        expected: i64,
    },
    /// A required field is not there.
    MissingField(String),
    /// A required field has another type than it should.
    WrongType {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A required time cannot be read.
    BadTime(String),
}

impl Reject {
    /// The reason as it stands in the quarantine file.
    pub fn reason(&self) -> String {
        match self {
            Self::Fault(fault) => match fault.kind {
                FaultKind::Utf8 => "utf8",
                FaultKind::Control => "control",
                FaultKind::Depth => "depth",
                FaultKind::Number => "number",
                FaultKind::Trailing => "trailing",
                FaultKind::DuplicateKey => "duplicate_key",
                FaultKind::Json => "json",
            }
            .to_owned(),
            Self::NotObject => "not_object".to_owned(),
            Self::Oversize { .. } => "oversize".to_owned(),
            Self::SchemaVersion { .. } => "schema_version".to_owned(),
            Self::MissingField(field) => format!("missing_field:{field}"),
            Self::WrongType { field, .. } => format!("wrong_type:{field}"),
            Self::BadTime(field) => format!("bad_time:{field}"),
        }
    }

    /// One sentence for a person; the same for the same row on every machine.
    pub fn detail(&self) -> String {
        match self {
            Self::Fault(Fault { kind, at }) => {
                let what = match kind {
                    FaultKind::Utf8 => "invalid UTF-8 or a lone surrogate".to_owned(),
                    FaultKind::Control => "a raw control byte".to_owned(),
                    FaultKind::Depth => format!("nested deeper than {DEPTH_MAX} levels"),
                    FaultKind::Number => "not a number that JSON can hold".to_owned(),
                    FaultKind::Trailing => "something behind the object".to_owned(),
                    FaultKind::DuplicateKey => "an object that has a key twice starts here".to_owned(),
                    FaultKind::Json => "not JSON from here on".to_owned(),
                };
                format!("byte {at}: {what}")
            }
            Self::NotObject => "the row is JSON, but not an object".to_owned(),
            Self::Oversize { limit } => {
                format!(
                    "the row is longer than limits.line_bytes_max ({limit} bytes); its first bytes are kept"
                )
            }
            Self::SchemaVersion { expected } => format!("schema_version is not {expected}"),
            Self::MissingField(field) => format!("the required field {field} is missing or empty"),
            Self::WrongType { field, expected } => format!("the required field {field} is not {expected}"),
            Self::BadTime(field) => format!("the required field {field} is not an RFC 3339 time"),
        }
    }
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
