//! The life of one row, in the shape in which it is told.

use serde_json::Value;

use super::receipts::Covered;
use crate::domain::exports::holds_secret;
use crate::domain::schema::scalars::Escaped;

/// What an id names, and the lives of the rows behind it.
#[derive(Debug, serde::Serialize)]
pub struct Explanation {
    /// The id.
    pub id: String,
    /// What it names: a run, a row, a sample, or an item of a view.
    pub what: &'static str,
    /// The sample or the item itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
    /// How many rows there are behind it.
    pub total: usize,
    /// The first of them in canonical order.
    pub rows: Vec<Story>,
}

/// The life of one row.
#[derive(Debug, serde::Serialize)]
pub struct Story {
    /// Its stream.
    pub stream: String,
    /// Whether its texts are held back for a secret.
    pub withheld: bool,
    /// The row itself.
    pub source: SourceRow,
    /// Its EvidenceRecord.
    pub evidence: Value,
    /// The receipt that covers the evidence and the first score.
    pub committed: Option<Covered>,
    /// Every signal that counts for it now.
    pub signals: Vec<Signal>,
    /// The ScoredRun that counts now.
    pub score: Value,
    /// All its scores, the first one first.
    pub history: Vec<Scored>,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// What was taken back of it.
    pub retractions: Vec<Sample>,
}

/// What became of the source row.
#[derive(Debug, serde::Serialize)]
pub struct SourceRow {
    /// `there`, `changed`, `gone`, or `unknown` where no receipt is found.
    pub state: &'static str,
    /// The file that holds it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The receipt that took it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Covered>,
}

/// One signal, and the row it comes from.
#[derive(Debug, serde::Serialize)]
pub struct Signal {
    /// Its code.
    pub code: &'static str,
    /// By which link.
    pub link: &'static str,
    /// The stream of the row that says so.
    pub stream: String,
    /// Its run.
    pub run_id: String,
    /// Its place, hash and time.
    pub provenance: Value,
}

/// One score and the receipt that covers it.
#[derive(Debug, serde::Serialize)]
pub struct Scored {
    /// The ScoredRun.
    pub score: Value,
    /// The receipt.
    pub receipt: Option<Covered>,
}

/// One sample, there or taken back.
#[derive(Debug, serde::Serialize)]
pub struct Sample {
    /// Its dataset.
    pub dataset: String,
    /// The line of the export or of the retractions.
    pub line: Value,
    /// The receipt that wrote it there.
    pub receipt: Option<Covered>,
}

/// What stands for a text with a secret in it.
pub const WITHHELD: &str = "[withheld: it holds a secret]";
/// Members that hold texts which a row with a secret keeps to itself.
const TEXTS: [&str; 7] =
    ["text", "explanation", "reason", "corrected_text", "observer_notes", "arguments", "result"];

/// Takes secrets out of a value: every text that holds one, and of a row with a secret all its texts.
pub(super) fn mask(value: &mut Value, withheld: bool) {
    match value {
        Value::String(text) => {
            if holds_secret(&Escaped::from_plain(text)) {
                WITHHELD.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, withheld)),
        Value::Object(members) => {
            for (name, member) in members {
                if withheld && TEXTS.contains(&name.as_str()) {
                    *member = Value::String(WITHHELD.to_owned());
                } else {
                    mask(member, withheld);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a text of a source row, as JSON, may be shown.
pub(super) fn may_show(row: &str, withheld: bool) -> bool {
    let Ok(mut value) = serde_json::from_str::<Value>(row) else { return false };
    let before = value.clone();
    mask(&mut value, false);
    !withheld && before == value && !holds_secret(&Escaped::from_plain(row))
}
