//! The ranges of bytes that a receipt answers for: read, written, and lost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::schema::checked::{StreamName, Text, text_of};
use crate::domain::schema::cross;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};

/// A range of whole rows that the commit took from a stream. Offsets in bytes within the generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [
    cross::at_most("/from", "/to"),
    cross::sum("/rows", &["/evidence", "/quarantined", "/duplicate", "/blank"]),
]))]
pub struct InputRange {
    /// The file, as it was named when it was read.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub path: String,
    /// The stream.
    #[serde(deserialize_with = "text_of::<StreamName, _, _>")]
    #[schemars(with = "StreamName")]
    pub stream: String,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Device, inode and birth time of the file.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub identity: String,
    /// First byte.
    #[schemars(extend("x-unit" = "bytes"))]
    pub from: u64,
    /// The byte behind the last.
    #[schemars(extend("x-unit" = "bytes"))]
    pub to: u64,
    /// Rows in the range, blank ones too.
    pub rows: u64,
    /// SHA-256 of the range.
    pub sha256: Sha256Hex,
    /// SHA-256 of the up to 4 KiB before `to`.
    pub anchor: Sha256Hex,
    /// Rows that became evidence.
    pub evidence: u64,
    /// Rows that were refused.
    pub quarantined: u64,
    /// Rows that were known.
    pub duplicate: u64,
    /// Rows of nothing but white space.
    pub blank: u64,
    /// Time of the last row so far that had one: what a row without a time is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<EventTime>,
}

/// A range of bytes that the commit wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [cross::at_most("/from", "/to")]))]
pub struct OutputRange {
    /// The file, relative to the output folder.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub path: String,
    /// First byte.
    #[schemars(extend("x-unit" = "bytes"))]
    pub from: u64,
    /// The byte behind the last.
    #[schemars(extend("x-unit" = "bytes"))]
    pub to: u64,
    /// Lines in the range.
    pub rows: u64,
    /// SHA-256 of the range.
    pub sha256: Sha256Hex,
    /// Of a replaced file: SHA-256 of the whole old file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Sha256Hex>,
}

/// Bytes of a stream that nobody read before they were gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [cross::at_most("/from", "/to")]))]
pub struct Gap {
    /// The stream.
    #[serde(deserialize_with = "text_of::<StreamName, _, _>")]
    #[schemars(with = "StreamName")]
    pub stream: String,
    /// The generation the bytes belonged to; of a whole unread file none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// First byte that was not read.
    #[schemars(extend("x-unit" = "bytes"))]
    pub from: u64,
    /// The byte behind the last, as far as it was ever seen.
    #[schemars(extend("x-unit" = "bytes"))]
    pub to: u64,
    /// What happened, for a person.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub reason: String,
}

/// The last receipt of an output that another output took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplacedHead {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of its line, newline included.
    pub sha256: Sha256Hex,
}
