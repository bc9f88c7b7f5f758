//! Receipt, version 1: the durable record of one commit. The receipt is the commit (SPEC section 8).

use serde::{Deserialize, Serialize};

use super::scalars::{EventTime, Sha256Hex};

/// What a commit was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// How many rows came in, and what became of them. `in = evidence + quarantined + duplicate + blank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCounts {
    /// Rows taken in.
    #[serde(rename = "in")]
    pub rows_in: u64,
    /// Lines written for them: evidence and quarantined.
    pub out: u64,
    /// Rows that became evidence.
    pub evidence: u64,
    /// Rows that were refused.
    pub quarantined: u64,
    /// Rows whose `sig_hash` was known in their stream.
    pub duplicate: u64,
    /// Rows of nothing but white space.
    pub blank: u64,
    /// Superseding scores.
    pub rescored: u64,
    /// Samples added to exports.
    pub exported: u64,
    /// Samples taken back.
    pub retracted: u64,
    /// Samples held back.
    pub withheld: u64,
}

impl RecordCounts {
    /// Whether every row that came in went somewhere.
    pub fn conserved(&self) -> bool {
        self.rows_in == self.evidence + self.quarantined + self.duplicate + self.blank
            && self.out == self.evidence + self.quarantined
    }

    /// What these counts have beyond others that came before.
    #[must_use]
    pub fn minus(&self, before: &Self) -> Self {
        Self {
            rows_in: self.rows_in - before.rows_in,
            out: self.out - before.out,
            evidence: self.evidence - before.evidence,
            quarantined: self.quarantined - before.quarantined,
            duplicate: self.duplicate - before.duplicate,
            blank: self.blank - before.blank,
            rescored: self.rescored - before.rescored,
            exported: self.exported - before.exported,
            retracted: self.retracted - before.retracted,
            withheld: self.withheld - before.withheld,
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.out += other.out;
        self.evidence += other.evidence;
        self.quarantined += other.quarantined;
        self.duplicate += other.duplicate;
        self.blank += other.blank;
        self.rescored += other.rescored;
        self.exported += other.exported;
        self.retracted += other.retracted;
        self.withheld += other.withheld;
    }
}

/// A range of whole rows that the commit took from a stream. Offsets in bytes within the generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRange {
    /// The file, as it was named when it was read.
    pub path: String,
    /// The stream.
    pub stream: String,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Device, inode and birth time of the file.
    pub identity: String,
    /// First byte.
    pub from: u64,
    /// The byte behind the last.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<EventTime>,
}

/// A range of bytes that the commit wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputRange {
    /// The file, relative to the output folder.
    pub path: String,
    /// First byte.
    pub from: u64,
    /// The byte behind the last.
    pub to: u64,
    /// Lines in the range.
    pub rows: u64,
    /// SHA-256 of the range.
    pub sha256: Sha256Hex,
    /// Of a replaced file: SHA-256 of the whole old file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Sha256Hex>,
}

/// Bytes of a stream that nobody read before they were gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The stream.
    pub stream: String,
    /// The generation the bytes belonged to; of a whole unread file none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// First byte that was not read.
    pub from: u64,
    /// The byte behind the last, as far as it was ever seen.
    pub to: u64,
    /// What happened, for a person.
    pub reason: String,
}

/// One stream in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamState {
    /// The file, as it was last named.
    pub path: String,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Device, inode and birth time of the file.
    pub identity: String,
    /// The cursor: rows before this byte are committed.
    pub offset: u64,
    /// Rows before the cursor in this generation.
    pub line: u64,
    /// SHA-256 of the up to 4 KiB before the cursor.
    pub anchor: Sha256Hex,
    /// Time of the last row so far that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<EventTime>,
    /// Totals of the stream over all generations.
    pub counts: RecordCounts,
    /// The receipt that last touched the stream.
    pub last_seq: u64,
}

/// One output file in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputState {
    /// Committed length in bytes.
    pub len: u64,
    /// Committed lines.
    pub rows: u64,
}

/// Everything committed so far: what a checkpoint holds, and what folding receipts over it gives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommittedState {
    /// By stream name.
    pub streams: std::collections::BTreeMap<String, StreamState>,
    /// By path relative to the output folder.
    pub outputs: std::collections::BTreeMap<String, OutputState>,
    /// Evidence bytes of each stream that the exports have taken into account.
    pub export_cursors: std::collections::BTreeMap<String, u64>,
    /// Totals over everything.
    pub totals: RecordCounts,
}

/// One line of `receipts.jsonl`. On disk a last member `check` follows: the first 16 hex digits of the SHA-256 of the
/// line before it, so that a damaged last line is told from a whole one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Always 1.
    pub schema_version: u32,
    /// Number of the commit, from 0.
    pub seq: u64,
    /// SHA-256 of the line before, newline included; zeros for the first.
    pub prev_sha256: Sha256Hex,
    /// The command that committed.
    pub command: String,
    /// What the commit was for.
    pub kind: ReceiptKind,
    /// The commit distilld was built from; zeros when it was built outside git.
    pub git_sha: String,
    /// Whether the tree it was built from had changes.
    pub git_dirty: bool,
    /// Version of what records mean.
    pub rules_version: String,
    /// Version of the scorer.
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
    pub duration_ms: u64,
    /// Wall clock, UTC.
    pub started_at: EventTime,
    /// Wall clock, UTC.
    pub ended_at: EventTime,
    /// Bytes that were gone before they could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Evidence bytes of each stream that the exports have taken into account, where this commit moved them.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub export_cursors: std::collections::BTreeMap<String, u64>,
    /// Of a checkpoint: everything committed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CommittedState>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            schema_version: 1,
            seq: 7,
            prev_sha256: Sha256Hex([0; 32]),
            command: "run".to_owned(),
            kind: ReceiptKind::Batch,
            git_sha: "0".repeat(40),
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
            export_cursors: std::collections::BTreeMap::new(),
            state: None,
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

    #[test]
    fn counts_that_lose_a_row_are_not_conserved() {
        let whole = RecordCounts {
            rows_in: 4,
            out: 2,
            evidence: 1,
            quarantined: 1,
            duplicate: 1,
            blank: 1,
            ..Default::default()
        };
        assert!(whole.conserved());
        assert!(!RecordCounts { rows_in: 5, ..whole }.conserved());
        assert!(!RecordCounts { out: 3, ..whole }.conserved());
    }
}
