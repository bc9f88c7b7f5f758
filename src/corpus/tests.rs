//! The corpus as its readers meet it: exact counts, the same bytes, every row acceptable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stream::Stream;
use super::{Summary, generate};

/// A folder of its own that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("distilld-corpus-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn kb(&self) -> PathBuf {
        self.0.join("data/_kb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Files = BTreeMap<&'static str, String>;

fn corpus(name: &str, seed: u64, rows: u64) -> (Summary, Files) {
    let folder = Folder::new(name);
    let summary = generate(seed, rows, &folder.kb()).unwrap();
    assert!(rows == 0 || folder.0.join("data/_observer/ops.jsonl").is_file());
    (summary, read(&folder.kb()))
}

fn read(kb: &Path) -> Files {
    Stream::ALL
        .into_iter()
        .map(|stream| (stream.name(), std::fs::read_to_string(stream.path(kb)).unwrap()))
        .collect()
}

/// The fields a row must have, with a letter for their type.
fn bold(stream: Stream) -> &'static str {
    match stream {
        Stream::Audits => "pr_number:i head_sha:h audited_at:t",
        Stream::AuditFacts | Stream::AuditLessons => "pr_number:i head_sha:h extracted_at:t extractor:s",
        Stream::AuditDiscrepancies => "pr_number:i head_sha:h claim_idx:i votes:v resolution:s",
        Stream::ScrumReviews => "file:s reviewed_at:t accepted_model:s",
        Stream::AutoApply => "file:s ts:t action:s",
        Stream::ModeExperiments => "ts:t task_class:s mode:s model:s",
        Stream::ObserverEscalations => "ts:t sig_hash:s",
        Stream::HumanOverrides => "ts:t action:s",
        Stream::ModelTrust => "run_id:s task_type:s accepted_model:s",
        Stream::Outcomes => "run_id:s created_at:t total_events:i ok_events:i",
        Stream::PhaseSweepFindings => "phase:p status:s discovered_at:t",
        Stream::PathwayRecommendations => "run_id:s",
        Stream::Signatures | Stream::Classifications => "",
        Stream::ContractAnalyses => "ts:t ok:b",
        Stream::DistilledFacts | Stream::DistilledProcedures | Stream::DistilledConfigHints => {
            "run_id:s created_at:t text:s"
        }
        Stream::ObserverReviews
        | Stream::OverseerCorrections
        | Stream::DocDriftCorrections
        | Stream::ObserverOps => "ts:t",
    }
}

fn check_field(value: &Value, kind: &str) -> bool {
    let text = value.as_str().unwrap_or_default();
    match kind {
        "i" => value.is_u64(),
        "b" => value.is_boolean(),
        "s" => !text.is_empty(),
        "h" => text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        "t" => text.len() >= 24 && (text.ends_with('Z') || text.ends_with("+02:00")),
        "p" => value.is_u64() || !text.is_empty(),
        "v" => value.as_array().is_some_and(|votes| {
            !votes.is_empty() && votes.iter().all(|vote| vote["n"].is_u64() && vote["verdict"].is_string())
        }),
        other => panic!("no such kind: {other}"),
    }
}

fn check_rows(files: &Files) {
    for stream in Stream::ALL {
        for line in files[stream.name()].lines() {
            let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(row.is_object(), "{line}");
            for field in bold(stream).split_whitespace() {
                let (name, kind) = field.split_once(':').unwrap();
                assert!(check_field(&row[name], kind), "{} lacks {name}: {line}", stream.name());
            }
            assert!(row.get("schema_version").is_none_or(|version| version == 1));
        }
    }
}

#[test]
fn a_corpus_has_exactly_the_rows_asked_for_and_each_is_acceptable() {
    for rows in [0, 1, 23, 500, 1_200, 5_000] {
        let (summary, files) = corpus(&format!("rows-{rows}"), 7, rows);
        assert_eq!(summary.rows, rows);
        let lines: usize = files.values().map(|text| text.lines().count()).sum();
        assert_eq!(lines as u64, rows);
        assert_eq!(files.values().map(String::len).sum::<usize>() as u64, summary.bytes);
        for (name, count) in &summary.streams {
            assert_eq!(files[name].lines().count() as u64, *count, "{name}");
        }
        check_rows(&files);
    }
}

#[test]
fn a_seed_decides_every_byte() {
    assert_eq!(corpus("same-1", 3, 3_000), corpus("same-2", 3, 3_000));
    assert_ne!(corpus("other-1", 3, 100).1, corpus("other-2", 4, 100).1);
}

#[test]
fn a_longer_corpus_begins_with_the_shorter_one() {
    let (short, long) = (corpus("short", 11, 700).1, corpus("long", 11, 2_500).1);
    for (name, text) in &short {
        assert!(long[name].starts_with(text.as_str()), "{name}");
    }
}

#[test]
fn streams_share_a_small_corpus_evenly() {
    assert!(corpus("even-23", 1, 23).0.streams.iter().all(|&(_, rows)| rows == 1));
    assert!(corpus("even-500", 1, 500).0.streams.iter().all(|&(_, rows)| (21..=22).contains(&rows)));
    assert!(corpus("even-1200", 1, 1_200).0.streams.iter().all(|&(_, rows)| rows >= 40));
}

#[test]
fn a_rerun_replaces_what_was_there() {
    let folder = Folder::new("rerun");
    generate(1, 400, &folder.kb()).unwrap();
    generate(1, 23, &folder.kb()).unwrap();
    assert_eq!(read(&folder.kb()), corpus("rerun-fresh", 1, 23).1);
}

#[test]
fn some_reviews_are_delivered_twice() {
    for (rows, most_in_thousand) in [(100, 300), (1_200, 100), (60_000, 9)] {
        let files = corpus(&format!("twice-{rows}"), 5, rows).1;
        let parsed = files["scrum_reviews"].lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // A second delivery may order its members otherwise.
        let sorted = |mut row: Value| {
            row.sort_all_objects();
            row.to_string()
        };
        let mut texts: Vec<String> = parsed.map(sorted).collect();
        let all = texts.len();
        texts.sort();
        texts.dedup();
        let repeated = all - texts.len();
        assert!(repeated >= 1 && repeated * 1_000 <= all * most_in_thousand, "{repeated} of {all}");
    }
}

#[test]
fn streams_speak_of_the_same_things() {
    let files = corpus("links", 9, 20_000).1;
    let column = |stream: &str, field: &str| -> std::collections::BTreeSet<String> {
        let rows = files[stream].lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter_map(|row| row[field].as_str().map(str::to_owned)).collect()
    };
    for (one, its, other, theirs) in [
        ("auto_apply", "file", "scrum_reviews", "file"),
        ("observer_reviews", "file", "scrum_reviews", "file"),
        ("auto_apply", "commit", "audits", "head_sha"),
        ("audit_facts", "head_sha", "audits", "head_sha"),
        ("outcomes", "run_id", "mode_experiments", "run_id"),
        ("distilled_facts", "run_id", "mode_experiments", "run_id"),
        ("distilled_facts", "run_id", "contract_analyses", "run_id"),
        ("observer_escalations", "sig_hash", "signatures", "sig_hash"),
        ("human_overrides", "run_id", "mode_experiments", "run_id"),
        ("doc_drift_corrections", "head_sha", "audits", "head_sha"),
    ] {
        let shared = column(one, its).intersection(&column(other, theirs)).count();
        assert!(shared >= 8, "{one}.{its} and {other}.{theirs} share {shared}");
    }
}
