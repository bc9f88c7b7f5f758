//! Stories of a few rows whose end was worked out by hand, for every sentence of SPEC sections 5 and 6 and for the
//! samples of section 7. The oracle is held to them, and so is distilld.

use serde_json::{Value, json};

use super::delivery::Delivery;
use super::property::deliver;
use super::read::Kb;
use super::stories::stamp;
use super::{Answer, answer};
use crate::support::sha256_hex;

mod by_file;
mod by_head;
mod by_run;
mod made;
mod restarts;
mod rules;

/// Rows with their streams, in the order of their files.
type Rows = Vec<(&'static str, Value)>;

/// A commit.
const SHA: &str = "abcdef0123456789abcdef0123456789abcdef01";
/// One day, in milliseconds.
const DAY: i64 = 86_400_000;

/// A small story, and what holds at its end.
struct Case {
    about: &'static str,
    rows: Rows,
    /// `STREAM:LINE CATEGORY REASON…`, for every row in question.
    ends: Vec<&'static str>,
    /// All samples: the export, the run, and the content.
    samples: Option<Vec<Sample>>,
}

/// A sample: the export's prefix, the run it is of, and the texts that it is made from.
type Sample = (&'static str, String, Vec<&'static str>);

/// A case about scores.
fn case<const N: usize>(about: &'static str, rows: Rows, ends: [&'static str; N]) -> Case {
    Case { about, rows, ends: ends.to_vec(), samples: None }
}

/// A case about samples: these and no others.
fn made<const N: usize>(
    about: &'static str,
    rows: Rows,
    samples: [(&'static str, &str, Vec<&'static str>); N],
) -> Case {
    let samples = samples.into_iter().map(|(prefix, run, texts)| (prefix, run.to_owned(), texts)).collect();
    Case { about, rows, ends: Vec::new(), samples: Some(samples) }
}

/// So many milliseconds after noon.
fn at(millis: i64) -> String {
    stamp(1_777_204_800_000 + millis)
}

fn with(mut row: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    row.as_object_mut().unwrap().extend(more);
    row
}

/// A review of the file `a`; without more it stands on one opinion.
fn review(millis: i64, more: Value) -> (&'static str, Value) {
    ("scrum_reviews", with(json!({"file": "a", "reviewed_at": at(millis), "accepted_model": "m"}), more))
}

fn apply(millis: i64, action: &str, more: Value) -> (&'static str, Value) {
    ("auto_apply", with(json!({"file": "a", "ts": at(millis), "action": action}), more))
}

fn audit(millis: i64, more: Value) -> (&'static str, Value) {
    ("audits", with(json!({"pr_number": 1, "head_sha": SHA, "audited_at": at(millis)}), more))
}

fn finding(check: &str, severity: &str) -> Value {
    json!({"findings": [{"check": check, "severity": severity}]})
}

fn facts(millis: i64, more: Value) -> (&'static str, Value) {
    let row = json!({"pr_number": 1, "head_sha": SHA, "extracted_at": at(millis), "extractor": "m", "facts": ["f"]});
    ("audit_facts", with(row, more))
}

fn human(millis: i64, action: &str, more: Value) -> (&'static str, Value) {
    ("human_overrides", with(json!({"ts": at(millis), "action": action}), more))
}

fn observer(millis: i64, verdict: &str, more: Value) -> (&'static str, Value) {
    ("observer_reviews", with(json!({"ts": at(millis), "verdict": verdict}), more))
}

fn overseer(millis: i64, more: Value) -> (&'static str, Value) {
    ("overseer_corrections", with(json!({"ts": at(millis)}), more))
}

/// An answer of the run `r` that nothing speaks for or against.
fn experiment(millis: i64, more: Value) -> (&'static str, Value) {
    let row = json!({"ts": at(millis), "task_class": "t", "mode": "m", "model": "m", "run_id": "r"});
    ("mode_experiments", with(row, more))
}

fn outcome(millis: i64, total: i64, ok: i64, more: Value) -> (&'static str, Value) {
    let row = json!({"run_id": "r", "created_at": at(millis), "total_events": total, "ok_events": ok});
    ("outcomes", with(row, more))
}

fn escalation(millis: i64, more: Value) -> (&'static str, Value) {
    ("observer_escalations", with(json!({"ts": at(millis), "sig_hash": "s"}), more))
}

fn signature(millis: i64, run: &str, sig: &str) -> (&'static str, Value) {
    ("signatures", json!({"run_id": run, "sig_hash": sig, "created_at": at(millis)}))
}

fn fact(millis: i64, text: &str, more: Value) -> (&'static str, Value) {
    let row =
        json!({"run_id": "r", "created_at": at(millis), "text": text, "extractor": "m", "verifier": "v"});
    ("distilled_facts", with(row, more))
}

/// The rows by stream.
fn kb_of(rows: &Rows) -> Kb {
    let mut kb = Kb::new();
    for (stream, row) in rows {
        kb.entry((*stream).to_owned()).or_default().push(row.to_string());
    }
    kb
}

/// The run of a row that has one of its own.
fn run_of(row: &(&'static str, Value)) -> String {
    super::read::run_of(row.0, &row.1.to_string())
}

impl Case {
    /// Fails unless the answer is what was worked out.
    #[track_caller]
    fn hold(&self, answer: &Answer) {
        for line in &self.ends {
            let mut words = line.split_whitespace();
            let (stream, number) = words.next().unwrap().split_once(':').unwrap();
            let expected: Vec<&str> = words.collect();
            let found = answer.scores.get(&(stream.to_owned(), number.parse().unwrap()));
            let found = found.unwrap_or_else(|| panic!("{}: {line}: there is no such evidence", self.about));
            let told: Vec<&str> =
                std::iter::once(found.category).chain(found.reasons.iter().map(String::as_str)).collect();
            assert_eq!(told, expected, "{}: {stream}:{number}", self.about);
        }
        let Some(samples) = &self.samples else { return };
        let all = [&answer.samples.rag, &answer.samples.sft, &answer.samples.preference];
        let found: Vec<&String> = all.into_iter().flatten().collect();
        let told = format!("{}: {found:#?}", self.about);
        assert_eq!(found.len(), samples.len(), "{told}");
        for (prefix, run, texts) in samples {
            let id = format!("{prefix}_{}", &sha256_hex(texts.join("\0").as_bytes())[..16]);
            let is_it = |line: &&String| line.starts_with(&id) && line.contains(&format!(" of {run} "));
            assert!(found.iter().any(is_it), "{prefix} of {run} {texts:?} is missing: {told}");
        }
    }
}

fn all() -> Vec<Case> {
    [by_run::cases(), by_head::cases(), by_file::cases(), rules::cases(), made::cases()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn the_oracle_says_what_was_worked_out_by_hand() {
    for case in all() {
        case.hold(&answer(&kb_of(&case.rows)));
    }
}

#[test]
fn distilld_says_what_was_worked_out_by_hand() {
    for case in all() {
        let kb = kb_of(&case.rows);
        let bench =
            deliver(&kb, &Delivery::whole(&kb)).unwrap_or_else(|wrong| panic!("{}: {wrong}", case.about));
        case.hold(&bench.answer(&kb));
    }
}
