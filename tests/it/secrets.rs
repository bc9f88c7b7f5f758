//! Looking for secrets costs little in every text, also in one that was made to be looked at as often as possible; and none
//! comes into what others are given.

use std::fs;
use std::time::{Duration, Instant};

use distilld::domain::exports::secrets::find;
use serde_json::json;

use crate::support::Lab;

/// 400 kB of each: work that grows with the square of the length would take minutes.
#[test]
fn texts_made_to_be_slow_are_not() {
    for piece in [
        "xoxb-",
        "sk-",
        "sk-ant-",
        "://",
        "://a:",
        ".eyJ",
        "ghp_",
        "hvs.",
        "Bearer ",
        "glpat-A",
        "[0;",
        "eyJ-",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n\\\\",
        "secret_access_key",
        "Private-Lines: 1\n",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let started = Instant::now();
        assert_eq!(find(&text), None, "{piece}");
        assert!(started.elapsed() < Duration::from_secs(5), "{piece}: {:?}", started.elapsed());
    }
}

/// A password in a URL, put together here so that none stands in this file.
fn url() -> String {
    ["postgres://admin:hunter22kk", "@db.corp.io/x"].concat()
}

/// Everything that exports and a snapshot hold.
fn exported(lab: &Lab) -> String {
    let into = lab.root().join("dataset");
    let made = lab.run(&["snapshot", "--into", into.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let mut all = String::new();
    let mut folders = vec![lab.out().join("exports"), into];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

fn review(file: &str, run: &str, text: &str, minute: u32) -> String {
    let row = json!({
        "file": file, "reviewed_at": format!("2026-04-26T00:{minute:02}:00Z"), "accepted_model": "qwen3:1",
        "review": text, "run_id": run, "gates": {"g": true}, "verdict": "accept",
    });
    format!("{row}\n")
}

/// The instruction of a correction's sample names the file of its target, and only the correction's own names were looked at.
#[test]
fn a_secret_in_the_name_of_a_corrected_file_is_in_no_instruction() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review(&format!("a.rs?{}", url()), "r1", "raw text one", 1));
    let word = json!({
        "ts": "2026-04-26T00:09:00Z", "action": "correct", "actor": "jun", "reason": "because", "run_id": "r1",
        "corrected_text": "better",
    });
    lab.append("human_overrides", format!("{word}\n"));
    lab.run_once();
    assert!(!exported(&lab).contains("hunter22kk"));
}

/// A support row gave a run its task type, and a snapshot lists every run of a text.
#[test]
fn a_secret_comes_into_samples_by_no_run_and_no_task_type() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review("a.rs", "r1", "same text", 1));
    lab.append("scrum_reviews", review("a.rs", &format!("run {}", url()), "same text", 2));
    let kind = json!({"run_id": "r1", "task_type": url(), "ts": "2026-04-26T00:03:00Z"});
    lab.append("classifications", format!("{kind}\n"));
    lab.run_once();
    let all = exported(&lab);
    assert!(all.contains("same text") && !all.contains("hunter22kk"));
}

/// The queue left texts out that waited for their secret, and showed those that waited for anything else.
#[test]
fn review_shows_no_secret_whatever_a_row_waits_for() {
    let lab = Lab::new();
    let row = json!({
        "file": "c.rs", "reviewed_at": "2026-04-26T00:00:00Z", "accepted_model": "m", "run_id": "r3", "verdict": "reject",
        "review": format!("see {}", url()),
    });
    lab.append("scrum_reviews", format!("{row}\n"));
    lab.run_once();
    for arguments in [&["review"][..], &["review", "--json"]] {
        let shown = String::from_utf8(lab.run(arguments).stdout).unwrap();
        assert!(shown.contains("r3") && !shown.contains("hunter22kk"), "{shown}");
    }
}

/// Such a pair stood in the export, `verify` called it no pair, and no snapshot could be made.
#[test]
fn a_vote_against_white_space_makes_no_pair() {
    let lab = Lab::new();
    let row = json!({
        "pr_number": 1, "head_sha": "a".repeat(40), "claim_idx": 0, "votes": [{"n": 1, "verdict": "x"}], "resolution": "x",
        "chosen": "yes", "rejected": " ",
    });
    lab.append("audit_discrepancies", format!("{row}\n"));
    lab.append("scrum_reviews", review("a.rs", "r1", "a text", 1));
    lab.run_once();
    assert!(!exported(&lab).contains("\"rejected\":\" \""));
    assert!(lab.run(&["verify"]).status.success());
}
