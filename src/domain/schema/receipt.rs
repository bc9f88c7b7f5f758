//! Receipt, version 1: the durable record of one commit. The receipt is the commit (SPEC section 8).

mod counts;
mod ranges;
mod state;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{GitSha, Hex16, SchemaVersion, Text, Version, filled_list, text_of};
use super::published::Published;
use super::record::{Invalid, hold};
use super::scalars::{EventTime, Sha256Hex};
pub use counts::RecordCounts;
pub use ranges::{Gap, InputRange, OutputRange, ReplacedHead};
pub use state::{CommittedState, OutputState, StreamState};

/// What a commit was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptKind {
    /// The first receipt of an output folder.
    Genesis,
    /// Rows became lines, or samples were added.
    Batch,
    /// Bytes of a stream were gone before they could be read.
    Gap,
    /// A file was replaced.
    Replace,
    /// Views were refreshed.
    View,
    /// The first receipt of a file after a sealed one: holds the whole committed state.
    Checkpoint,
    /// The output was made anew from offset zero.
    Replay,
}

/// The durable record of one commit: one line of `receipts.jsonl`.
///
/// On disk a last member `check` follows, so that a damaged last line is told from a whole one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "The durable record of one commit: one line of `receipts.jsonl`.",
    extend("allOf" = [
        {
            "if": { "required": ["kind"], "properties": { "kind": { "const": "checkpoint" } } },
            "then": { "required": ["state"] },
            "else": { "not": { "required": ["state"] } }
        },
        {
            "if": { "required": ["kind"], "properties": { "kind": { "const": "gap" } } },
            "then": { "required": ["gaps"] }
        },
        {
            "if": { "required": ["kind"], "properties": { "kind": { "const": "replay" } } },
            "then": { "required": ["replaces_head"] },
            "else": { "not": { "required": ["replaces_head"] } }
        },
        {
            "if": { "required": ["kind"], "properties": { "kind": { "const": "genesis" } } },
            "then": { "properties": { "seq": { "const": 0 } } }
        },
        {
            "if": { "required": ["seq"], "properties": { "seq": { "const": 0 } } },
            "then": { "properties": { "prev_sha256": { "const": Sha256Hex([0; 32]) } } }
        },
        {
            "if": { "required": ["validation_pass"], "properties": { "validation_pass": { "const": false } } },
            "then": { "properties": { "errors": { "minItems": 1 } } }
        }
    ])
)]
pub struct Receipt {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// Number of the commit, from 0.
    pub seq: u64,
    /// SHA-256 of the line before, newline included; zeros for the first.
    pub prev_sha256: Sha256Hex,
    /// The command that committed.
    #[serde(deserialize_with = "text_of::<Text, _, _>")]
    #[schemars(with = "Text")]
    pub command: String,
    /// What the commit was for.
    pub kind: ReceiptKind,
    /// The commit distilld was built from; zeros when it was built outside git (OpenTelemetry: `vcs.ref.head.revision`).
    pub git_sha: GitSha,
    /// Whether the tree it was built from had changes.
    pub git_dirty: bool,
    /// Version of what records mean.
    #[serde(deserialize_with = "text_of::<Version, _, _>")]
    #[schemars(with = "Version")]
    pub rules_version: String,
    /// Version of the scorer.
    #[serde(deserialize_with = "text_of::<Version, _, _>")]
    #[schemars(with = "Version")]
    pub scorer_version: String,
    /// SHA-256 of the config in force.
    pub config_sha256: Sha256Hex,
    /// What was taken in.
    pub input_files: Vec<InputRange>,
    /// What was written.
    pub output_files: Vec<OutputRange>,
    /// How many rows, and what became of them.
    pub record_counts: RecordCounts,
    /// Whether every check of the commit passed.
    pub validation_pass: bool,
    /// What went wrong.
    pub errors: Vec<String>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// How long the commit took, in milliseconds, from the first row read to the last sync before this line.
    #[schemars(extend("x-unit" = "ms"))]
    pub duration_ms: u64,
    /// Wall clock, UTC.
    pub started_at: EventTime,
    /// Wall clock, UTC.
    pub ended_at: EventTime,
    /// Bytes that were gone before they could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub gaps: Vec<Gap>,
    /// Evidence bytes of each stream that the exports have taken into account, where this commit moved them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub export_cursors: BTreeMap<String, u64>,
    /// Of a replay: the last receipt of the output that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_head: Option<ReplacedHead>,
    /// Of a checkpoint: everything committed before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CommittedState>,
    /// On disk: the first 16 hex digits of the SHA-256 of the line before this member. It is put there by
    /// [`Receipt::to_line`] and taken away by [`Receipt::from_line`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(description = "The first 16 hex digits of the SHA-256 of the line before this member.")]
    pub check: Option<Hex16>,
}

impl Published for Receipt {
    const NAME: &'static str = "Receipt";

    fn check(&self) -> Result<(), Invalid> {
        let checkpoint = self.kind == ReceiptKind::Checkpoint;
        hold(self.state.is_some() == checkpoint, "state", "stands in a checkpoint alone")?;
        let replay = self.kind == ReceiptKind::Replay;
        hold(
            self.replaces_head.is_some() == replay,
            "replaces_head",
            "stands in the receipt of a replay alone",
        )?;
        let told = self.kind != ReceiptKind::Gap || !self.gaps.is_empty();
        hold(told, "gaps", "stand in the receipt of a gap")?;
        let first = self.seq > 0 || self.prev_sha256 == Sha256Hex([0; 32]);
        hold(first, "prev_sha256", "is zeros in the first receipt")?;
        let genesis = self.kind != ReceiptKind::Genesis || self.seq == 0;
        hold(genesis, "seq", "is 0 in a genesis receipt")?;
        hold(self.validation_pass || !self.errors.is_empty(), "errors", "say what did not pass")
    }
}

/// Where the `check` member starts, as it is written.
const CHECK: &str = ",\"check\":\"";

impl Receipt {
    /// The receipt as a line with its newline.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(self)?;
        line.pop();
        let check = Sha256Hex::of(line.as_bytes()).first16();
        line.push_str(CHECK);
        line.push_str(&check);
        line.push_str("\"}\n");
        Ok(line)
    }

    /// Reads a line (without its newline); `None` when it is not whole.
    pub fn from_line(line: &str) -> Option<Self> {
        let at = line.rfind(CHECK)?;
        let (body, tail) = line.split_at_checked(at)?;
        let check = tail.strip_prefix(CHECK)?.strip_suffix("\"}")?;
        if check != Sha256Hex::of(body.as_bytes()).first16() {
            return None;
        }
        serde_json::from_str(&format!("{body}}}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            schema_version: SchemaVersion,
            seq: 7,
            prev_sha256: Sha256Hex([0; 32]),
            command: "run".to_owned(),
            kind: ReceiptKind::Batch,
            git_sha: GitSha::default(),
            git_dirty: false,
            rules_version: "1.0.0+000000000000".to_owned(),
            scorer_version: "1.0.0+000000000000".to_owned(),
            config_sha256: Sha256Hex([1; 32]),
            input_files: Vec::new(),
            output_files: Vec::new(),
            record_counts: RecordCounts::default(),
            validation_pass: true,
            errors: Vec::new(),
            warnings: vec!["odd: \",\"check\":\"".to_owned()],
            duration_ms: 1,
            started_at: EventTime::EPOCH,
            ended_at: EventTime::EPOCH,
            gaps: Vec::new(),
            export_cursors: BTreeMap::new(),
            replaces_head: None,
            state: None,
            check: None,
        }
    }

    #[test]
    fn a_receipt_reads_what_it_writes() {
        let line = receipt().to_line().unwrap();
        assert_eq!(Receipt::from_line(line.trim_end()), Some(receipt()));
    }

    #[test]
    fn any_flipped_bit_of_a_line_is_seen() {
        let line = receipt().to_line().unwrap().into_bytes();
        for at in 0..line.len() - 1 {
            for bit in 0..8 {
                let mut flipped = line.clone();
                flipped[at] ^= 1 << bit;
                let read = std::str::from_utf8(&flipped[..line.len() - 1]).ok().and_then(Receipt::from_line);
                assert!(read.is_none(), "bit {bit} of byte {at}");
            }
        }
    }
}
