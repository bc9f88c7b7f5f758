//! `distilld override` appends one row that the daemon takes for a person's word, or nothing at all.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::{Lab, review_row, wait_until};

/// A lab with one review, committed; and the id of its run.
fn lab_with_run() -> (Lab, String) {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1));
    lab.run_once();
    let run = lab.lines("evidence/scrum_reviews.jsonl")[0]["run_id"].as_str().unwrap().to_owned();
    (lab, run)
}

fn say(lab: &Lab, arguments: &[&str]) -> Output {
    lab.distilld().arg("override").args(arguments).env("USER", "jun").output().unwrap()
}

/// The rows that stand in the stream.
fn rows(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.stream("human_overrides")).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Fails unless the command ended so, with one line on standard error that holds `says`, and appended nothing.
#[track_caller]
fn assert_refused(lab: &Lab, arguments: &[&str], exit: i32, says: &str) {
    let before = fs::read(lab.stream("human_overrides")).ok();
    let output = say(lab, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{error}");
    assert!(error.lines().count() == 1 && error.contains(says), "{error}");
    assert_eq!(fs::read(lab.stream("human_overrides")).ok(), before);
}

#[test]
fn a_word_about_a_run_becomes_one_row_and_then_evidence() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    let reason = "checked by hand: \"fine\"\nall of it";
    let output = say(&lab, &[run, "--action", "accept", "--reason", reason, "--actor", "ann", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&done["evidence"], &done["byte_offset"]), (&1.into(), &0.into()));
    let rows = rows(&lab);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0], done["row"]);
    let keys: Vec<_> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ts", "run_id", "action", "actor", "reason"]);
    assert_eq!(rows[0]["reason"], reason);
    let ts = rows[0]["ts"].as_str().unwrap();
    assert!(ts.len() == 24 && ts.ends_with('Z') && ts > "2026", "{ts}");
    lab.run_once();
    let evidence = lab.lines("evidence/human_overrides.jsonl");
    assert_eq!(evidence[0]["human_override"]["action"], "accept");
    assert_eq!(evidence[0]["human_override"]["actor"], "ann");
    assert_eq!(evidence[0]["success_markers"], serde_json::json!(["human.accept"]));
}

#[test]
fn words_are_appended_behind_those_that_are_there() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    for action in ["accept", "partial", "reject", "review"] {
        let output = say(&lab, &[run, "--action", action, "--reason", "why"]);
        assert!(output.status.success(), "{output:?}");
        let line = String::from_utf8(output.stdout).unwrap();
        assert!(line.starts_with(&format!("jun: {action} {run} (1 pieces of evidence); ")), "{line}");
    }
    let actions: Vec<_> = rows(&lab).iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, ["accept", "partial", "reject", "review"]);
    assert!(rows(&lab).iter().all(|row| row["actor"] == "jun"));
}

#[test]
fn a_correction_brings_its_text() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    let file = lab.root().join("better.md");
    fs::write(&file, "# Better\n\n\"so\" \\o/ é\n").unwrap();
    let correct = [run, "--action", "correct", "--reason", "wrong file"];
    let from_file = ["--corrected-text-file", file.to_str().unwrap()];
    assert!(say(&lab, &[&correct[..], &["--corrected-text", "better"]].concat()).status.success());
    assert!(say(&lab, &[&correct[..], &from_file].concat()).status.success());
    let texts: Vec<_> = rows(&lab).iter().map(|row| row["corrected_text"].clone()).collect();
    assert_eq!(texts, ["better", "# Better\n\n\"so\" \\o/ é\n"]);
    lab.run_once();
    assert_eq!(lab.lines("evidence/human_overrides.jsonl")[1]["kind"], "work");

    assert_refused(&lab, &correct, 64, "--corrected-text");
    assert_refused(&lab, &[&correct[..], &["--corrected-text", " \n"]].concat(), 64, "empty");
    let reject = [run, "--action", "reject", "--reason", "x", "--corrected-text", "y"];
    assert_refused(&lab, &reject, 64, "--action correct");
    assert_refused(&lab, &[&correct[..], &["--corrected-text-file", "/no/such"]].concat(), 74, "/no/such");
    fs::write(&file, b"a\xff").unwrap();
    assert_refused(&lab, &[&correct[..], &from_file].concat(), 65, "UTF-8");
}

#[test]
fn a_run_that_is_not_there_is_refused_unless_forced() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    let about = |run| [run, "--action", "reject", "--reason", "why"];
    assert_refused(&lab, &about("nobody's"), 65, "nobody's");
    assert_refused(&lab, &about(&run[..run.len() - 1]), 65, "no committed evidence");
    // Named by a row, but not its run.
    assert_refused(&lab, &about("src/f1.rs"), 65, "no committed evidence");
    assert!(rows(&lab).is_empty());
    assert!(say(&lab, &[&about("to-come")[..], &["--force"]].concat()).status.success());
    assert_eq!(rows(&lab)[0]["run_id"], "to-come");
}

#[test]
fn an_unfinished_last_line_is_left_alone() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    lab.append("human_overrides", "{\"ts\":\"2026-04-26T14:03:11.482Z\",\"act");
    let about = [run, "--action", "reject", "--reason", "why"];
    assert_refused(&lab, &about, 65, "unfinished last line");
    lab.append("human_overrides", "ion\":\"review\"}\n");
    assert!(say(&lab, &about).status.success());
    assert_eq!(rows(&lab).len(), 2);
}

#[test]
fn somebody_says_something_or_nothing_is_written() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    assert_refused(&lab, &[run, "--action", "reject", "--reason", " "], 64, "--reason");
    assert_refused(&lab, &[run, "--action", "bless", "--reason", "x"], 64, "bless");
    assert_refused(&lab, &[run, "--action", "reject"], 64, "--reason");
    let mut nobody = lab.distilld();
    nobody.args(["override", run, "--action", "reject", "--reason", "x", "--actor", ""]).env_remove("USER");
    let output = nobody.output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("--actor"));
    lab.config("[limits]\nline_bytes_max = \"64 KiB\"\n");
    let long = "x".repeat(70_000);
    assert_refused(&lab, &[run, "--action", "reject", "--reason", &long], 65, "limits.line_bytes_max");
    assert!(rows(&lab).is_empty());
}

#[test]
fn a_word_beside_a_running_daemon_arrives() {
    let (lab, run) = lab_with_run();
    let run = run.as_str();
    let mut daemon = lab.distilld().arg("run").spawn().unwrap();
    let output = say(&lab, &[run, "--action", "reject", "--reason", "why"]);
    assert!(output.status.success(), "{output:?}");
    wait_until("the row is evidence", || lab.lines("evidence/human_overrides.jsonl").len() == 1);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}
