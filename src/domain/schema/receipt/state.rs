//! Everything committed so far: what a checkpoint holds, and what folding receipts over it gives.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Receipt, RecordCounts};
use crate::domain::schema::checked::{Text, text_of};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};

/// One stream in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamState {
    /// The file, as it was last named.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub path: String,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Device, inode and birth time of the file.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub identity: String,
    /// The cursor: rows before this byte are committed.
    #[schemars(extend("x-unit" = "bytes"))]
    pub offset: u64,
    /// Rows before the cursor in this generation.
    pub line: u64,
    /// SHA-256 of the up to 4 KiB before the cursor.
    pub anchor: Sha256Hex,
    /// Time of the last row so far that had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<EventTime>,
    /// Totals of the stream over all generations.
    pub counts: RecordCounts,
    /// The receipt that last touched the stream.
    pub last_seq: u64,
}

/// One output file in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputState {
    /// Committed length in bytes.
    #[schemars(extend("x-unit" = "bytes"))]
    pub len: u64,
    /// Committed lines.
    pub rows: u64,
}

/// Everything committed so far: what a checkpoint holds, and what folding receipts over it gives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommittedState {
    /// By stream name.
    pub streams: BTreeMap<String, StreamState>,
    /// By path relative to the output folder.
    pub outputs: BTreeMap<String, OutputState>,
    /// Evidence bytes of each stream that the exports have taken into account.
    pub export_cursors: BTreeMap<String, u64>,
    /// Totals over everything.
    pub totals: RecordCounts,
}

impl CommittedState {
    /// Folds one receipt into the state.
    pub fn apply(&mut self, receipt: &Receipt) {
        if let Some(state) = &receipt.state {
            self.clone_from(state);
        }
        for input in &receipt.input_files {
            let counts = RecordCounts {
                rows_in: input.rows,
                out: input.evidence + input.quarantined,
                evidence: input.evidence,
                quarantined: input.quarantined,
                duplicate: input.duplicate,
                blank: input.blank,
                ..RecordCounts::default()
            };
            let before = self.streams.get(&input.stream);
            let same_generation = before.filter(|stream| stream.generation == input.generation);
            let mut totals = before.map_or_else(RecordCounts::default, |stream| stream.counts);
            totals.add(&counts);
            let stream = StreamState {
                path: input.path.clone(),
                generation: input.generation,
                identity: input.identity.clone(),
                offset: input.to,
                line: same_generation.map_or(0, |stream| stream.line) + input.rows,
                anchor: input.anchor,
                last_timestamp: input.last_timestamp,
                counts: totals,
                last_seq: receipt.seq,
            };
            self.streams.insert(input.stream.clone(), stream);
        }
        for output in &receipt.output_files {
            let state = self.outputs.entry(output.path.clone()).or_default();
            let rows_before = if output.from == 0 { 0 } else { state.rows };
            *state = OutputState { len: output.to, rows: rows_before + output.rows };
        }
        for (stream, to) in &receipt.export_cursors {
            self.export_cursors.insert(stream.clone(), *to);
        }
        self.totals.add(&receipt.record_counts);
    }

    /// The committed length of an output file.
    pub fn output_len(&self, path: &str) -> u64 {
        self.outputs.get(path).map_or(0, |output| output.len)
    }
}
