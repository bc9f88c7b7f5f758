//! The published schemas: `schema`, `validate`, and the records in `fixtures/schemas`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use distilld::domain::schema::published::{SHAPES, shape};

use crate::support::Lab;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn distilld(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_distilld")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The records of a shape in `valid` or `invalid`.
fn records(shape: &str, folder: &str) -> Vec<PathBuf> {
    let folder = repository("fixtures/schemas").join(shape).join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_valid_record_is_accepted_and_every_invalid_one_refused_with_its_place() {
    for shape in &SHAPES {
        let (valid, invalid) = (records(shape.name, "valid"), records(shape.name, "invalid"));
        assert!(
            valid.len() >= 3 && invalid.len() >= 6,
            "{}: {} and {}",
            shape.name,
            valid.len(),
            invalid.len()
        );
        for file in valid {
            let judged = distilld(&["validate", "--schema", shape.name, file.to_str().unwrap()]);
            assert!(judged.status.success(), "{}: {}", file.display(), stdout(&judged));
        }
        for file in invalid {
            let judged = distilld(&["validate", "--schema", shape.name, file.to_str().unwrap()]);
            assert_eq!(judged.status.code(), Some(1), "{} was accepted", file.display());
            let place = format!("{}:1: ", file.display());
            assert!(stdout(&judged).starts_with(&place), "{}", stdout(&judged));
        }
    }
}

#[test]
fn only_an_accepted_sample_trains_and_only_a_usable_one_is_retrieved() {
    let judge = |name: &str, member: &str, category: &str| {
        let text = fs::read_to_string(&records(name, "valid")[0]).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record[member] = category.into();
        shape(name).unwrap().judge(&record.to_string())
    };
    let (sft, rag) = (("SftSample", "quality_score"), ("RagSample", "success_score"));
    assert!(judge(sft.0, sft.1, "accepted").is_ok());
    for category in ["partially_accepted", "rejected", "needs_human_review"] {
        assert_eq!(judge(sft.0, sft.1, category).unwrap_err().path, "/quality_score", "{category}");
    }
    for category in ["accepted", "partially_accepted"] {
        assert!(judge(rag.0, rag.1, category).is_ok());
    }
    for category in ["rejected", "needs_human_review"] {
        assert_eq!(judge(rag.0, rag.1, category).unwrap_err().path, "/success_score", "{category}");
    }
}

#[test]
fn the_schemas_in_docs_are_those_of_this_distilld_and_any_change_is_named() {
    let docs = repository("docs/schemas");
    let checked = distilld(&["schema", "--check", docs.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stdout(&checked));
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().to_str().unwrap();
    assert!(distilld(&["schema", "--into", into]).status.success());
    let wrong = |what: &str| {
        let checked = distilld(&["schema", "--check", into]);
        assert_eq!(checked.status.code(), Some(1), "{what}");
        assert!(stdout(&checked).contains(what), "{}", stdout(&checked));
        assert!(distilld(&["schema", "--into", into]).status.success());
    };
    let ledger = dir.path().join("ModelLedgerEntry.schema.json");
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, text.replacen("\"minimum\": 1", "\"minimum\": 0", 1)).unwrap();
    wrong("ModelLedgerEntry.schema.json differs from line");
    fs::remove_file(dir.path().join("audits.schema.json")).unwrap();
    wrong("audits.schema.json is missing");
    fs::write(dir.path().join("records.ts"), "").unwrap();
    wrong("records.ts differs from line 1");
    fs::write(dir.path().join("Old.schema.json"), "{}").unwrap();
    let checked = distilld(&["schema", "--check", into]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout(&checked).contains("Old.schema.json"));
}

#[test]
fn every_line_of_a_run_is_of_its_published_shape() {
    let lab = Lab::generated(3, 1000);
    lab.append("audits", "{\"pr_number\": 1}\nno json\n\"\\ud800\"\n");
    lab.append("audits", b"\xff\n");
    lab.run_once();
    for (name, folder) in [
        ("EvidenceRecord", "evidence"),
        ("ScoredRun", "scored-runs"),
        ("QuarantineRow", "quarantine"),
        ("ScratchpadSummary", "scratchpads"),
        ("Receipt", "receipts"),
        ("RagSample", "exports/rag"),
        ("SftSample", "exports/sft"),
        ("PreferenceSample", "exports/preference"),
    ] {
        let mut lines = 0;
        for entry in fs::read_dir(lab.out().join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            for line in text.lines() {
                shape(name).unwrap().judge(line).unwrap_or_else(|refusal| panic!("{refusal:?}: {line}"));
                lines += 1;
            }
        }
        assert!(lines > 0, "no {name} was written");
    }
}

#[test]
fn rows_are_judged_as_the_daemon_takes_them_and_names_are_forgiving() {
    let rows = repository("fixtures/kb/audits.jsonl");
    assert!(distilld(&["validate", "--schema", "audits", rows.to_str().unwrap()]).status.success());
    let record = &records("ScoredRun", "valid")[0];
    assert!(distilld(&["validate", "--schema", "scored_run", record.to_str().unwrap()]).status.success());
    let unknown = distilld(&["validate", "--schema", "Row", rows.to_str().unwrap()]);
    assert_eq!(unknown.status.code(), Some(64));
    assert_eq!(distilld(&["validate", "--schema", "audits", "/nowhere"]).status.code(), Some(74));
    let json = distilld(&["validate", "--json", "--schema", "ScoredRun", rows.to_str().unwrap()]);
    let first: serde_json::Value = serde_json::from_str(stdout(&json).lines().next().unwrap()).unwrap();
    assert_eq!((json.status.code(), &first["line"]), (Some(1), &serde_json::json!(1)));
}
