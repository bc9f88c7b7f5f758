//! One line of a quarantine file: a row that could not become evidence, and why.

use base64::Engine as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Base64, Text};
use super::published::Published;
use super::record::{Invalid, hold};
use super::scalars::Sha256Hex;
use crate::domain::reject::Reject;
use crate::domain::render::Object;

/// A row that could not become evidence, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "if" = { "required": ["row"] },
    "then" = { "not": { "required": ["row_base64"] } },
    "else" = { "required": ["row_base64"] }
))]
pub struct QuarantineRow {
    /// The stream's logical name.
    #[schemars(example = "data/_kb/audits.jsonl")]
    pub source_file: Text,
    /// Which life of the stream's file, from 0.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
    /// Byte within the generation at which the line starts.
    #[schemars(extend("x-unit" = "bytes"))]
    pub byte_offset: u64,
    /// Length of the row, without its newline.
    #[schemars(extend("x-unit" = "bytes"))]
    pub length: u64,
    /// Why it was refused, and the field at fault if one is.
    #[schemars(example = "wrong_type:pr_number")]
    pub reason: Text,
    /// The reason as a sentence.
    pub detail: Text,
    /// The row as it stands; of a row beyond the limit its first bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Text>,
    /// The row when it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_base64: Option<Base64>,
    /// SHA-256 of the whole row, without its newline.
    pub sha256: Sha256Hex,
}

impl Published for QuarantineRow {
    const NAME: &'static str = "QuarantineRow";

    fn check(&self) -> Result<(), Invalid> {
        let one = self.row.is_some() != self.row_base64.is_some();
        hold(one, "row", "stands exactly when there is no row_base64")
    }
}

/// A refused row on its way into the quarantine file. `length` is in bytes, without the newline.
#[derive(Debug)]
pub struct Quarantined<'a> {
    /// The stream's logical name.
    pub source_file: &'a str,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
    /// Byte within the generation at which the line starts.
    pub byte_offset: u64,
    /// Length of the row in bytes.
    pub length: u64,
    /// Why it was refused.
    pub reject: Reject,
    /// The row, or for an oversize one its first bytes.
    pub row: &'a [u8],
    /// SHA-256 of the whole row.
    pub sha256: Sha256Hex,
}

impl Quarantined<'_> {
    /// Appends the line with its newline.
    pub fn render(&self, out: &mut String) {
        let mut o = Object::new(out);
        o.plain("source_file", self.source_file);
        o.int("generation", self.generation);
        o.int("line_offset", self.line_offset);
        o.int("byte_offset", self.byte_offset);
        o.int("length", self.length);
        o.plain("reason", &self.reject.reason());
        o.plain("detail", &self.reject.detail());
        match std::str::from_utf8(self.row) {
            Ok(row) => o.plain("row", row),
            Err(_) => o.plain("row_base64", &base64::engine::general_purpose::STANDARD.encode(self.row)),
        }
        o.hash("sha256", &self.sha256);
        o.end();
        out.push('\n');
    }
}
