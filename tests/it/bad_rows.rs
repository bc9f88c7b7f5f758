//! Bad rows: each line is exactly one of evidence, quarantine, duplicate or blank, and the cursor always moves on.
//!
//! The rows stand in fixtures/bad, which fixtures/bad/make.py makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Lab, review_row};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad")
}

fn sha256(bytes: &[u8]) -> String {
    faster_hex::hex_string(&Sha256::digest(bytes))
}

/// The row of a quarantine line, as far as it was kept.
#[track_caller]
fn kept(quarantined: &Value) -> Vec<u8> {
    match (quarantined.get("row"), quarantined.get("row_base64")) {
        (Some(row), None) => row.as_str().unwrap().as_bytes().to_vec(),
        (None, Some(row)) => base64::engine::general_purpose::STANDARD.decode(row.as_str().unwrap()).unwrap(),
        _ => panic!("row or row_base64, and not both: {quarantined}"),
    }
}

/// Fails unless the quarantine names these rows of `raw` with these reasons, and says of each what it must.
#[track_caller]
fn check_quarantine(lab: &Lab, raw: &[u8], reasons: &[&str]) {
    let quarantine = lab.lines("quarantine/scrum_reviews.jsonl");
    assert_eq!(quarantine.iter().map(|q| q["reason"].as_str().unwrap()).collect::<Vec<_>>(), reasons);
    for line in &quarantine {
        let mut keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        keys.retain(|key| !key.starts_with("row"));
        keys.sort_unstable();
        let expected = [
            "byte_offset",
            "detail",
            "generation",
            "length",
            "line_offset",
            "reason",
            "sha256",
            "source_file",
        ];
        assert_eq!(keys, expected);
        assert_eq!(line["source_file"], "data/_kb/scrum_reviews.jsonl");
        assert_eq!(line["generation"], 0);
        let from = line["byte_offset"].as_u64().unwrap() as usize;
        let row = &raw[from..from + line["length"].as_u64().unwrap() as usize];
        assert!(!row.contains(&b'\n') && raw[from + row.len()] == b'\n', "not a whole line: {line}");
        let lines_before = memchr::memchr_iter(b'\n', &raw[..from]).count();
        assert_eq!(line["line_offset"], lines_before);
        assert_eq!(line["sha256"], sha256(row));
        let whole = line["reason"] != "oversize";
        assert_eq!(kept(line), if whole { row } else { &row[..256] });
        assert!(!line["detail"].as_str().unwrap().is_empty());
    }
}

/// Distils one fixture: these reasons come out, the rows around come through, and nothing is lost.
#[track_caller]
fn check(folder: &str, reasons: &[&str]) -> Lab {
    let raw = fs::read(fixtures().join(folder).join("scrum_reviews.jsonl")).unwrap();
    let lab = Lab::new();
    lab.config(&fs::read_to_string(fixtures().join("config.toml")).unwrap());
    lab.append("scrum_reviews", &raw);
    let summary = lab.run_once();
    check_quarantine(&lab, &raw, reasons);
    let rows = memchr::memchr_iter(b'\n', &raw).count() as u64;
    let counts = &summary["totals"];
    assert_eq!(counts["in"], rows);
    assert_eq!(counts["quarantined"], reasons.len());
    assert_eq!(counts["evidence"], rows - reasons.len() as u64);
    let evidence = lab.lines("evidence/scrum_reviews.jsonl");
    let texts: Vec<_> = evidence.iter().filter_map(|e| e["text"].as_str()).collect();
    let between = (0..reasons.len()).map(|number| format!("between {number}"));
    for text in between.chain(["before".to_owned(), "after".to_owned()]) {
        assert!(texts.contains(&text.as_str()), "{text} is missing");
    }
    for (field, counts) in [("receipts", lab.receipts()), ("status", vec![lab.status()])] {
        for of in counts.iter().map(|c| if field == "status" { &c["totals"] } else { &c["record_counts"] }) {
            let n = |key: &str| of[key].as_u64().unwrap();
            assert_eq!(n("in"), n("evidence") + n("quarantined") + n("duplicate") + n("blank"));
            assert_eq!(n("out"), n("evidence") + n("quarantined"));
        }
    }
    assert_eq!(lab.status()["lag_bytes"], 0);
    lab
}

#[test]
fn bytes_that_are_no_text_are_kept_as_base64() {
    let lab = check("utf8", &["utf8"; 5]);
    let quarantine = lab.lines("quarantine/scrum_reviews.jsonl");
    let as_base64: Vec<_> = quarantine.iter().map(|q| q.get("row_base64").is_some()).collect();
    // The escaped surrogate stands in a row that is UTF-8 itself.
    assert_eq!(as_base64, [true, true, true, false, true]);
}

#[test]
fn raw_control_bytes_are_refused() {
    let lab = check("control", &["control"; 4]);
    assert!(lab.lines("quarantine/scrum_reviews.jsonl")[2]["row"].as_str().unwrap().contains('\0'));
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let lab = check("depth", &["depth"; 3]);
    let evidence = lab.lines("evidence/scrum_reviews.jsonl");
    assert!(
        evidence.iter().any(|e| e["text"].as_str().unwrap().matches("{\"a\":").count() == 126),
        "127 levels are fine"
    );
}

#[test]
fn what_is_no_number_is_refused() {
    check("number", &["number"; 5]);
}

#[test]
fn a_second_value_on_a_line_is_refused() {
    check("trailing", &["trailing"; 3]);
}

#[test]
fn what_is_no_object_is_refused() {
    check("not_object", &["not_object"; 5]);
}

#[test]
fn a_row_over_the_limit_keeps_its_start() {
    let lab = check("oversize", &["oversize"; 3]);
    let longest = lab.lines("evidence/scrum_reviews.jsonl");
    assert!(longest.iter().any(|e| e["text"].as_str().unwrap().len() > 65_000), "a row at the limit is fine");
}

#[test]
fn a_key_twice_is_refused() {
    check("duplicate_key", &["duplicate_key"; 3]);
}

#[test]
fn a_required_field_that_is_missing_is_named() {
    let model = "missing_field:accepted_model";
    let reasons = ["missing_field:file", "missing_field:reviewed_at", model, model, "missing_field:file"];
    check("missing_field", &reasons);
}

#[test]
fn a_required_field_of_a_wrong_type_is_named() {
    let model = "wrong_type:accepted_model";
    check("wrong_type", &["wrong_type:file", "wrong_type:reviewed_at", model, model]);
}

#[test]
fn a_time_that_is_none_is_named() {
    check("bad_time", &["bad_time:reviewed_at"; 4]);
}

#[test]
fn another_schema_version_is_refused() {
    check("schema_version", &["schema_version"; 4]);
}

#[test]
fn what_is_no_json_is_refused() {
    check("json", &["json"; 5]);
}

#[test]
fn every_folder_works_with_the_config_beside_it() {
    let mut folders = 0;
    for entry in fs::read_dir(fixtures()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let lab = Lab::new();
        let output = Command::new(env!("CARGO_BIN_EXE_distilld"))
            .current_dir(lab.root())
            .arg("--config")
            .arg(fixtures().join("config.toml"))
            .arg("--kb")
            .arg(entry.path())
            .args(["--output", "out", "--state", "state", "run", "--once", "--json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let reason = entry.file_name().into_string().unwrap();
        let quarantine = lab.lines("quarantine/scrum_reviews.jsonl");
        assert!(!quarantine.is_empty());
        for line in quarantine {
            let found = line["reason"].as_str().unwrap();
            assert!(found == reason || found.starts_with(&format!("{reason}:")), "{reason}: {found}");
        }
        folders += 1;
    }
    assert_eq!(folders, 13);
}

#[test]
fn a_refused_row_is_refused_again_and_never_a_duplicate() {
    let lab = Lab::new();
    let refused = "{\"file\":\"src/a.rs\"}\n";
    lab.append("scrum_reviews", [refused, refused, &review_row(1), &review_row(1)].concat());
    let totals = &lab.run_once()["totals"];
    assert_eq!(
        (&totals["quarantined"], &totals["duplicate"], &totals["evidence"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn blank_lines_are_counted_and_nothing_else() {
    let lab = Lab::new();
    lab.append("scrum_reviews", format!("\n{}   \n\t\r\n\r\n{}", review_row(1), review_row(2)));
    let totals = &lab.run_once()["totals"];
    let counts =
        ["in", "evidence", "blank", "quarantined", "duplicate"].map(|key| totals[key].as_u64().unwrap());
    assert_eq!(counts, [6, 2, 4, 0, 0]);
    let lines: Vec<_> = lab
        .lines("evidence/scrum_reviews.jsonl")
        .iter()
        .map(|e| e["provenance"]["line_offset"].clone())
        .collect();
    assert_eq!(lines, [1, 5]);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_part_of_a_row() {
    let plain = Lab::new();
    plain.append("scrum_reviews", [review_row(1), review_row(2)].concat());
    plain.run_once();
    let marked = Lab::new();
    let rows = [review_row(1), review_row(2), review_row(1)].map(|row| row.replace('\n', "\r\n"));
    marked.append("scrum_reviews", format!("\u{feff}{}", rows.concat()));
    let totals = &marked.run_once()["totals"];
    assert_eq!((&totals["evidence"], &totals["duplicate"]), (&2.into(), &1.into()));
    let hashes = |lab: &Lab| -> Vec<Value> {
        lab.lines("evidence/scrum_reviews.jsonl")
            .iter()
            .map(|e| e["provenance"]["sig_hash"].clone())
            .collect()
    };
    assert_eq!(hashes(&marked), hashes(&plain));
    // The hash is over the value, in canonical form.
    let canonical = r#"{"accepted_model":"qwen3-coder:480b","file":"src/f1.rs","review":"finding 1","reviewed_at":"2026-04-26T14:00:01.000Z"}"#;
    assert_eq!(hashes(&plain)[0], sha256(canonical.as_bytes()));
}

/// Gives the file of scrum_reviews its rotated name; what is written next is another generation.
fn rotate(lab: &Lab) {
    lab.config("[watch]\nrotated_wait = \"0s\"\n");
    fs::rename(lab.stream("scrum_reviews"), lab.kb().join("scrum_reviews.jsonl.1")).unwrap();
    // Birth times order the generations.
    std::thread::sleep(std::time::Duration::from_millis(20));
}

#[test]
fn a_byte_order_mark_is_dropped_at_the_start_of_every_generation_and_nowhere_else() {
    let lab = Lab::new();
    lab.append("scrum_reviews", format!("\u{feff}{}\u{feff}{}", review_row(1), review_row(2)));
    rotate(&lab);
    lab.append("scrum_reviews", format!("\u{feff}{}", review_row(3)));
    let totals = &lab.run_once()["totals"];
    assert_eq!((&totals["evidence"], &totals["quarantined"]), (&2.into(), &1.into()));
    let refused = &lab.lines("quarantine/scrum_reviews.jsonl")[0];
    assert_eq!((&refused["reason"], &refused["line_offset"]), (&"json".into(), &1.into()));
    let generations: Vec<_> = lab
        .lines("evidence/scrum_reviews.jsonl")
        .iter()
        .map(|e| e["provenance"]["generation"].clone())
        .collect();
    assert_eq!(generations, [0, 1]);
}

#[test]
fn a_block_of_nuls_at_the_end_is_held_and_is_no_line() {
    let lab = Lab::new();
    let nuls = vec![0_u8; 4096];
    lab.append("scrum_reviews", review_row(1));
    lab.append("scrum_reviews", &nuls);
    assert_eq!(lab.run_once()["totals"]["in"], 1);
    assert_eq!(lab.status()["streams"]["scrum_reviews"]["cursor"], review_row(1).len());
    // The producer goes on behind the block, so that it is a line after all, and a bad one.
    lab.append("scrum_reviews", [review_row(2), review_row(3)].concat());
    let totals = &lab.run_once()["totals"];
    assert_eq!(
        (&totals["in"], &totals["quarantined"], &totals["evidence"]),
        (&2.into(), &1.into(), &1.into())
    );
    let refused = &lab.lines("quarantine/scrum_reviews.jsonl")[0];
    assert_eq!(
        (&refused["reason"], &refused["length"]),
        (&"control".into(), &(4096 + review_row(2).len() - 1).into())
    );
}

#[test]
fn a_finished_generation_that_ends_in_nuls_loses_nothing_else() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1));
    lab.append("scrum_reviews", vec![0_u8; 300]);
    rotate(&lab);
    lab.append("scrum_reviews", review_row(2));
    let totals = &lab.run_once()["totals"];
    assert_eq!(
        (&totals["in"], &totals["quarantined"], &totals["evidence"]),
        (&2.into(), &0.into(), &2.into())
    );
}

#[test]
fn the_last_row_of_a_finished_generation_needs_no_newline_but_is_marked() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1).trim_end());
    rotate(&lab);
    lab.append("scrum_reviews", review_row(2));
    assert_eq!(lab.run_once()["totals"]["evidence"], 2);
    let markers: Vec<_> =
        lab.lines("evidence/scrum_reviews.jsonl").iter().map(|e| e["failure_markers"].to_string()).collect();
    assert_eq!(markers, ["[\"row.unterminated\"]", "null"]);
}

/// On disk: a rotated file and its successor. `run --once` gave the rotated one no time to pass `rotated_wait`, saw no
/// progress and ended, on every run again: the successor was never read.
#[test]
fn one_pass_reads_every_generation_whatever_the_wait_for_rotated_files() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1));
    rotate(&lab);
    lab.config("[watch]\nrotated_wait = \"300ms\"\n");
    lab.append("scrum_reviews", review_row(2));
    assert_eq!(lab.run_once()["totals"]["evidence"], 2);
}

/// A line of white space over the limit was blank when it came in one chunk, and oversize when it came in several.
#[test]
fn white_space_over_the_limit_is_oversize_however_it_comes() {
    for bytes_max in ["1 B", "1 MiB"] {
        let lab = Lab::new();
        lab.config(&format!("[limits]\nline_bytes_max = \"1 KiB\"\n[batch]\nbytes_max = \"{bytes_max}\"\n"));
        lab.append("observer_reviews", format!("{}\n", " ".repeat(2000)));
        lab.append("observer_reviews", "{\"ts\":\"2026-04-26T14:03:11Z\"}\n \n");
        lab.run_once();
        let refused = lab.lines("quarantine/observer_reviews.jsonl");
        assert_eq!(
            refused.iter().map(|line| line["reason"].clone()).collect::<Vec<_>>(),
            ["oversize"],
            "{bytes_max}"
        );
        assert!(lab.run(&["verify"]).status.success(), "{bytes_max}");
    }
}
