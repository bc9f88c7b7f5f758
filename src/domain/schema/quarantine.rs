//! One line of a quarantine file: a row that could not become evidence, and why.

use base64::Engine as _;

use super::scalars::Sha256Hex;
use crate::domain::reject::Reject;
use crate::domain::render::Object;

/// A refused row. `length` is in bytes, without the newline.
#[derive(Debug)]
pub struct QuarantineRow<'a> {
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

impl QuarantineRow<'_> {
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
