//! Where a record comes from: one row of one generation of one stream.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Text, text_of};
use super::scalars::{EventTime, Sha256Hex, TimeText};
use crate::domain::render::Object;

/// The place of a row, by which every record can be traced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance<'a> {
    /// The stream's logical name, such as `data/_kb/audits.jsonl`, wherever the file really lies.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text", example = "data/_kb/audits.jsonl")]
    pub source_file: Cow<'a, str>,
    /// Which life of the stream's file, from 0.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
    /// Byte within the generation at which the line starts.
    #[schemars(extend("x-unit" = "bytes"))]
    pub byte_offset: u64,
    /// SHA-256 of the row's canonical JSON.
    pub sig_hash: Sha256Hex,
    /// The record's place in event time; the same instant as its `timestamp`.
    pub recorded_at: EventTime,
}

impl Provenance<'_> {
    /// The provenance as JSON.
    pub fn render(&self) -> String {
        let mut json = String::with_capacity(256);
        self.render_to(&self.recorded_at.text(), &mut json);
        json
    }

    /// Appends the provenance as JSON; `recorded_at` is its own, printed.
    pub fn render_to(&self, recorded_at: &TimeText, json: &mut String) {
        let mut object = Object::new(json);
        object.plain("source_file", &self.source_file);
        object.int("generation", self.generation);
        object.int("line_offset", self.line_offset);
        object.int("byte_offset", self.byte_offset);
        object.hash("sig_hash", &self.sig_hash);
        object.time_text("recorded_at", recorded_at);
        object.end();
    }
}
