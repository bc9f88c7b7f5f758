//! What rows say, read from their JSON as SPEC section 3 has it: which rows are evidence, their run, time and text, and
//! the signals they carry. Shares no code with `src/domain`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::sha256_hex;

/// The rows of every stream in the order of its file, each without its newline.
pub type Kb = BTreeMap<String, Vec<String>>;

/// A set of signal codes.
pub type Codes = BTreeSet<String>;

/// The key by which a row names the work it judges.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub run: Option<String>,
    pub signature: Option<String>,
    pub pr: Option<i64>,
    pub sha: Option<String>,
    pub file: Option<String>,
}

/// One row that is evidence.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub stream: String,
    pub source_file: String,
    pub line: u64,
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    pub work: bool,
    pub run: String,
    pub text: Option<String>,
    /// Signals about its own work.
    pub own: Codes,
    /// Signals about the work of others.
    pub says: Codes,
    /// Whom it judges, when it judges.
    pub target: Target,
    /// What it is itself found by.
    pub pr: Option<i64>,
    pub sha: Option<String>,
    pub commit: Option<String>,
    pub file: Option<String>,
    pub attempt: Option<i64>,
    /// What it gives its run.
    pub signature: Option<String>,
    pub task_type: Option<String>,
    pub instruction: Option<String>,
    pub input_hash: Option<String>,
    /// The row itself.
    pub value: Value,
}

impl Row {
    /// The order between rows: time, then canonical order (there is one generation here).
    pub fn order(&self) -> (i64, &str, u64) {
        (self.time, &self.source_file, self.line)
    }

    /// Canonical order.
    pub fn place(&self) -> (&str, u64) {
        (&self.source_file, self.line)
    }

    pub fn is_later_than(&self, other: &Row) -> bool {
        self.order().cmp(&other.order()) == Ordering::Greater
    }

    pub fn has(&self, code: &str) -> bool {
        self.own.contains(code)
    }
}

/// All evidence, in canonical order.
pub fn evidence(kb: &Kb) -> Vec<Row> {
    let mut rows: Vec<Row> = kb.iter().flat_map(|(stream, lines)| stream_evidence(stream, lines)).collect();
    rows.sort_by(|a, b| a.place().cmp(&b.place()));
    rows
}

fn stream_evidence(stream: &str, lines: &[String]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let mut last_time = 0;
    for (line, text) in lines.iter().enumerate() {
        let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
        if !value.is_object() || !is_accepted(stream, &value) {
            continue;
        }
        let time = time_field(stream).and_then(|field| time(&value, field));
        last_time = time.unwrap_or(last_time);
        let hash = sha256_hex(canonical(&value).as_bytes());
        if !seen.insert(hash.clone()) {
            continue;
        }
        let mut row = Row {
            stream: stream.to_owned(),
            source_file: source_file(stream),
            line: line as u64,
            time: last_time,
            work: true,
            value,
            ..Row::default()
        };
        super::signals::fill(&mut row, &hash[..16]);
        rows.push(row);
    }
    rows
}

/// The run that a row of that stream would have.
pub fn run_of(stream: &str, row: &str) -> String {
    stream_evidence(stream, &[row.to_owned()]).pop().map(|row| row.run).unwrap_or_default()
}

pub fn source_file(stream: &str) -> String {
    if stream == "observer_ops" {
        "data/_observer/ops.jsonl".to_owned()
    } else {
        format!("data/_kb/{stream}.jsonl")
    }
}

/// RFC 8785, for rows with plain keys and numbers, which are all there are here.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let member = |(key, value): (&&String, &&Value)| {
                format!("{}:{}", serde_json::to_string(key).unwrap(), canonical(value))
            };
            format!("{{{}}}", sorted.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => serde_json::to_string(other).unwrap(),
    }
}

/// The bold fields of SPEC section 3, and what each must be.
fn required(stream: &str) -> &'static [(&'static str, char)] {
    match stream {
        "audits" => &[("pr_number", 'i'), ("head_sha", 'h'), ("audited_at", 't')],
        "audit_facts" | "audit_lessons" => {
            &[("pr_number", 'i'), ("head_sha", 'h'), ("extracted_at", 't'), ("extractor", 's')]
        }
        "audit_discrepancies" => {
            &[("pr_number", 'i'), ("head_sha", 'h'), ("claim_idx", 'i'), ("votes", 'a'), ("resolution", 's')]
        }
        "scrum_reviews" => &[("file", 's'), ("reviewed_at", 't'), ("accepted_model", 's')],
        "auto_apply" => &[("file", 's'), ("ts", 't'), ("action", 's')],
        "mode_experiments" => &[("ts", 't'), ("task_class", 's'), ("mode", 's'), ("model", 's')],
        "observer_escalations" => &[("ts", 't'), ("sig_hash", 's')],
        "observer_reviews" | "overseer_corrections" | "doc_drift_corrections" | "observer_ops" => {
            &[("ts", 't')]
        }
        "model_trust" => &[("run_id", 's'), ("task_type", 's'), ("accepted_model", 's')],
        "outcomes" => &[("run_id", 's'), ("created_at", 't'), ("total_events", 'c'), ("ok_events", 'c')],
        "human_overrides" => &[("ts", 't'), ("action", 's')],
        "phase_sweep_findings" => &[("phase", 'p'), ("status", 's'), ("discovered_at", 't')],
        "pathway_recommendations" => &[("run_id", 's')],
        "contract_analyses" => &[("ts", 't'), ("ok", 'b')],
        "distilled_facts" | "distilled_procedures" | "distilled_config_hints" => {
            &[("run_id", 's'), ("created_at", 't'), ("text", 's')]
        }
        "signatures" | "classifications" => &[],
        other => panic!("the oracle does not know the stream {other}"),
    }
}

fn is_accepted(stream: &str, row: &Value) -> bool {
    let version = &row["schema_version"];
    let has = |(field, kind): &(&str, char)| match kind {
        'i' => row[*field].is_i64(),
        'c' => row[*field].as_i64().is_some_and(|count| count >= 0),
        'h' => text(row, field).is_some_and(|sha| is_hex(&sha, 40)),
        't' => time(row, field).is_some(),
        's' => text(row, field).is_some(),
        'a' => row[*field].is_array(),
        'b' => row[*field].is_boolean(),
        'p' => row[*field].is_i64() || text(row, field).is_some(),
        _ => unreachable!(),
    };
    (version.is_null() || *version == 1)
        && required(stream).iter().all(has)
        && (stream != "outcomes" || row["ok_events"].as_i64() <= row["total_events"].as_i64())
}

fn time_field(stream: &str) -> Option<&'static str> {
    Some(match stream {
        "audits" => "audited_at",
        "audit_facts" | "audit_lessons" => "extracted_at",
        "scrum_reviews" => "reviewed_at",
        "phase_sweep_findings" => "discovered_at",
        "outcomes" | "signatures" | "distilled_facts" | "distilled_procedures" | "distilled_config_hints" => {
            "created_at"
        }
        _ => "ts",
    })
}

fn time(row: &Value, field: &str) -> Option<i64> {
    let text = row[field].as_str()?;
    let instant: jiff::Timestamp = text.parse().or_else(|_| format!("{text}Z").parse()).ok()?;
    Some(instant.as_millisecond())
}

pub fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A text that is not empty.
pub fn text(row: &Value, field: &str) -> Option<String> {
    row[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

pub fn int(row: &Value, field: &str, min: i64) -> Option<i64> {
    row[field].as_i64().filter(|number| *number >= min)
}

pub fn sha(row: &Value) -> Option<String> {
    text(row, "head_sha").filter(|sha| is_hex(sha, 40)).map(|sha| sha.to_lowercase())
}
