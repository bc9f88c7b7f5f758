//! Golden bytes: for every stream, rows written by hand and exactly what is made of them.
//!
//! `fixtures/golden/<stream>/in.jsonl` goes in; `evidence.jsonl`, `scored-runs.jsonl` and `quarantine.jsonl` beside it come
//! out. They are the contract: look at every changed byte before you write them anew, with
//! `DISTILLD_BLESS=1 cargo test golden`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use distilld::domain::signal::Code;
use distilld::domain::streams::{STREAMS, Stream, source_file};
use serde_json::Value;

use crate::support::Lab;

const FOLDERS: [&str; 3] = ["evidence", "scored-runs", "quarantine"];

fn golden(stream: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(stream).join(file)
}

/// All streams distilled in one pass.
fn distilled() -> Lab {
    let lab = Lab::new();
    for stream in STREAMS {
        lab.append(stream.name(), fs::read(golden(stream.name(), "in.jsonl")).unwrap());
    }
    lab.run_once();
    lab
}

#[test]
fn every_stream_gives_its_golden_bytes() {
    let lab = distilled();
    let bless = std::env::var_os("DISTILLD_BLESS").is_some();
    for stream in STREAMS.map(Stream::name) {
        for folder in FOLDERS {
            let made =
                fs::read_to_string(lab.out().join(format!("{folder}/{stream}.jsonl"))).unwrap_or_default();
            let path = golden(stream, &format!("{folder}.jsonl"));
            if bless {
                fs::write(&path, &made).unwrap();
                continue;
            }
            let expected = fs::read_to_string(&path).unwrap();
            for (number, (made, expected)) in made.lines().zip(expected.lines()).enumerate() {
                assert_eq!(made, expected, "line {number} of {}", path.display());
            }
            assert_eq!(made, expected, "{}", path.display());
        }
    }
}

#[test]
fn golden_rows_reach_what_the_streams_can_say() {
    let lab = distilled();
    let mut said = BTreeSet::new();
    for stream in STREAMS.map(Stream::name) {
        assert!(!lab.lines(&format!("quarantine/{stream}.jsonl")).is_empty(), "{stream} has no refused row");
        for line in lab.lines(&format!("evidence/{stream}.jsonl")) {
            for markers in ["success_markers", "failure_markers"] {
                said.extend(
                    line[markers].as_array().into_iter().flatten().map(|m| m.as_str().unwrap().to_owned()),
                );
            }
        }
    }
    // link.ambiguous is found by linking, never said by a row.
    let unsaid: Vec<_> =
        Code::ALL.iter().map(|code| code.name()).filter(|code| !said.contains(*code)).collect();
    let by_name_only =
        ["gate.failed:g1", "gate.failed:g5", "auditor.block:dynamic", "human.review", "link.ambiguous"];
    assert!(unsaid.iter().all(|code| by_name_only.contains(code)), "{unsaid:?}");
}

/// Calls `look` with the path and value of everything in a record.
fn walk(path: &str, value: &Value, look: &mut impl FnMut(&str, &Value)) {
    look(path, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value, look));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(&format!("{path}[]"), item, look)),
        _ => {}
    }
}

fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[test]
fn no_record_holds_nulls_empty_lists_or_crooked_times() {
    let lab = distilled();
    let mut records = 0;
    for stream in STREAMS.map(Stream::name) {
        for folder in FOLDERS {
            for record in lab.lines(&format!("{folder}/{stream}.jsonl")) {
                records += 1;
                walk("", &record, &mut |path, value| {
                    assert!(!value.is_null(), "{path} is null in {record}");
                    assert_ne!(value, &serde_json::json!([]), "{path} is empty in {record}");
                    assert_ne!(value, &serde_json::json!({}), "{path} is empty in {record}");
                    let name = path.rsplit('.').next().unwrap();
                    if ["timestamp", "recorded_at", "scored_at", "at"].contains(&name) {
                        assert!(is_time(value.as_str().unwrap()), "{path} = {value}");
                    }
                    if ["sha256", "sig_hash", "input_hash", "output_hash"].contains(&name) {
                        assert_eq!(value.as_str().unwrap().len(), 64, "{path} = {value}");
                    }
                });
            }
        }
    }
    assert!(records > 200, "{records}");
}

#[test]
fn every_record_has_what_is_required_and_agrees_with_its_score() {
    let lab = distilled();
    for stream in STREAMS {
        let name = stream.name();
        let evidence = lab.lines(&format!("evidence/{name}.jsonl"));
        let scores = lab.lines(&format!("scored-runs/{name}.jsonl"));
        assert_eq!(evidence.len(), scores.len());
        for (record, score) in evidence.iter().zip(&scores) {
            for field in ["run_id", "task_id", "timestamp", "timestamp_origin", "model_role"] {
                assert!(record[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {record}");
            }
            assert_eq!((&record["schema_version"], &score["schema_version"]), (&1.into(), &1.into()));
            assert_eq!(record["source_stream"], name);
            assert_eq!(record["model_role"], stream.role().name());
            assert_eq!(record["provenance"]["source_file"], source_file(name));
            assert_eq!(record["provenance"]["recorded_at"], record["timestamp"]);
            assert_eq!(record.get("text").is_some(), record.get("output_hash").is_some());
            assert_eq!(score["provenance"], record["provenance"]);
            assert_eq!(score["evidence_run_id"], record["run_id"]);
            assert_eq!(score["scored_at"], record["timestamp"]);
            assert_eq!(score["score_seq"], 0);
            assert!(score.get("supersedes").is_none());
            let reasons: Vec<_> =
                score["reasons"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
            assert!(
                reasons.is_sorted() && reasons.iter().filter(|r| r.starts_with("rule.")).count() == 1,
                "{score}"
            );
            if record["kind"] == "support" {
                assert_eq!(
                    (&score["category"], reasons),
                    (&"needs_human_review".into(), vec!["rule.support"])
                );
            }
        }
    }
}

#[test]
fn every_row_is_accounted_for() {
    let lab = distilled();
    for stream in STREAMS.map(Stream::name) {
        let raw = fs::read_to_string(golden(stream, "in.jsonl")).unwrap();
        let counts = &lab.status()["streams"][stream]["counts"];
        let n = |key: &str| counts[key].as_u64().unwrap();
        assert_eq!(n("in"), raw.lines().count() as u64, "{stream}");
        assert_eq!(n("in"), n("evidence") + n("quarantined") + n("duplicate") + n("blank"), "{stream}");
        assert_eq!(n("evidence"), lab.lines(&format!("evidence/{stream}.jsonl")).len() as u64, "{stream}");
        assert_eq!(
            n("quarantined"),
            lab.lines(&format!("quarantine/{stream}.jsonl")).len() as u64,
            "{stream}"
        );
    }
}
