//! `distilld repair`: what was lost of the records comes back, byte for byte, or nothing is touched and it is said why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Lab, assert_same_files, review_row, wait_until};

const EVIDENCE: &str = "evidence/scrum_reviews.jsonl";
const SCORED: &str = "scored-runs/scrum_reviews.jsonl";
const QUARANTINE: &str = "quarantine/scrum_reviews.jsonl";
const SCRATCHPADS: &str = "scratchpads/scrum_reviews.jsonl";
const SFT: &str = "exports/sft/instruction_response.jsonl";

/// Rows in several commits and two generations, with duplicates, bad rows and a row without a time.
fn lab() -> Lab {
    let lab = Lab::generated(37, 600);
    lab.config("[batch]\nbytes_max = \"64 KiB\"\n");
    for number in [1, 2, 3, 1] {
        lab.append("scrum_reviews", review_row(number));
    }
    lab.append("scrum_reviews", "{\"file\":1}\n\nnot json\n");
    lab.run_once();
    fs::rename(lab.stream("scrum_reviews"), rotated(&lab)).unwrap();
    lab.append("scrum_reviews", [review_row(3), review_row(4), "[]\n".to_owned()].concat());
    lab.run_once();
    lab.append("scrum_reviews", (10..30).map(review_row).collect::<String>());
    lab.run_once();
    lab
}

fn rotated(lab: &Lab) -> PathBuf {
    lab.stream("scrum_reviews").with_extension("jsonl.1")
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[track_caller]
fn repair(lab: &Lab, arguments: &[&str]) -> Value {
    let output = lab.run(&[&["repair", "--json"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_refused(lab: &Lab, words: &[&str]) {
    let before = contents(&lab.out());
    let output: Output = lab.run(&["repair"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(65), 1), "{output:?}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    assert_same_files(&contents(&lab.out()), &before);
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// What is done, to which files, and how.
type Damage<'d> = (&'d str, &'d [&'d str], &'d dyn Fn());

#[test]
fn lost_short_and_changed_records_come_back_byte_for_byte() {
    let lab = lab();
    let whole = contents(&lab.out());
    let path = |file: &str| lab.out().join(file);
    let cut = |file: &str, by: usize| {
        let bytes = fs::read(path(file)).unwrap();
        fs::write(path(file), &bytes[..bytes.len() - by]).unwrap();
    };
    let damages: [Damage<'_>; 9] = [
        ("evidence deleted", &[EVIDENCE], &|| fs::remove_file(path(EVIDENCE)).unwrap()),
        ("scores cut", &[SCORED], &|| cut(SCORED, 100)),
        ("quarantine emptied", &[QUARANTINE], &|| fs::write(path(QUARANTINE), "").unwrap()),
        ("a byte of evidence flipped", &[EVIDENCE], &|| flip(&path(EVIDENCE))),
        ("a byte of an old score flipped", &[SCORED], &|| flip(&path(SCORED))),
        ("scratchpads deleted", &[SCRATCHPADS], &|| fs::remove_file(path(SCRATCHPADS)).unwrap()),
        ("a byte of a scratchpad flipped", &[SCRATCHPADS], &|| flip(&path(SCRATCHPADS))),
        ("all three deleted", &[EVIDENCE, QUARANTINE, SCORED], &|| {
            for file in [EVIDENCE, SCORED, QUARANTINE] {
                fs::remove_file(path(file)).unwrap();
            }
        }),
        ("a folder deleted", &[EVIDENCE], &|| fs::remove_dir_all(path("evidence")).unwrap()),
    ];
    for (what, files, damage) in damages {
        damage();
        println!("{what}");
        let damaged = contents(&lab.out());
        let plan = repair(&lab, &["--dry-run"]);
        assert_same_files(&contents(&lab.out()), &damaged);
        let done = repair(&lab, &[]);
        assert_eq!(done, plan, "{what}");
        for file in files {
            assert_eq!(done["files"][file], fs::metadata(path(file)).unwrap().len(), "{what}: {done}");
        }
        assert_same_files(&contents(&lab.out()), &whole);
        assert_eq!(repair(&lab, &[]), json!({"files": {}, "left_to_run": []}), "{what}: it is done once");
        assert!(lab.run(&["verify", "--strict"]).status.success());
    }
    // distilld goes on as if nothing had been.
    fs::remove_file(path(EVIDENCE)).unwrap();
    let refused = lab.run(&["run", "--once"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("distilld repair"));
    repair(&lab, &[]);
    lab.append("scrum_reviews", [review_row(99), review_row(10)].concat());
    assert_eq!(lab.run_once()["totals"]["evidence"], 1);
    assert!(lab.run(&["verify", "--strict"]).status.success());
}

#[test]
fn rows_that_are_gone_are_made_up_for_by_old_lines_that_are_whole_and_by_nothing_else() {
    let lab = lab();
    let whole = contents(&lab.out());
    fs::rename(rotated(&lab), lab.root().join("elsewhere")).unwrap();
    let path = lab.out().join(EVIDENCE);
    let bytes = fs::read(&path).unwrap();
    // The end is lost, and its rows are there.
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    repair(&lab, &[]);
    assert_same_files(&contents(&lab.out()), &whole);
    // A scratchpad is made of its evidence when its row is gone.
    fs::remove_file(lab.out().join(SCRATCHPADS)).unwrap();
    repair(&lab, &[]);
    assert_same_files(&contents(&lab.out()), &whole);
    // The start is changed, and its rows are gone.
    let mut changed = bytes.clone();
    changed[40] ^= 1;
    for damaged in [&changed[..], &bytes[..40], b""] {
        fs::write(&path, damaged).unwrap();
        assert_refused(&lab, &[EVIDENCE, "generation 0 of scrum_reviews", "gone"]);
    }
    // Brought back, the rows serve, whatever file they are in now.
    fs::copy(lab.root().join("elsewhere"), rotated(&lab)).unwrap();
    repair(&lab, &[]);
    assert_same_files(&contents(&lab.out()), &whole);
}

#[test]
fn what_cannot_be_made_of_rows_alone_is_refused_or_left_to_run() {
    let lab = lab();
    let whole = contents(&lab.out());
    let path = |file: &str| lab.out().join(file);
    // Other rules give other lines.
    flip(&path(EVIDENCE));
    lab.config("[scorer]\ngrounding_high = 0.9\n");
    assert_refused(&lab, &["rules", "distilld replay"]);
    lab.config("[batch]\nbytes_max = \"64 KiB\"\n");
    repair(&lab, &[]);
    // Exports are run's to make.
    fs::remove_file(path(SFT)).unwrap();
    assert_eq!(repair(&lab, &[]), json!({"files": {}, "left_to_run": [SFT]}));
    let said = lab.run(&["repair"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("distilld run"), "{said:?}");
    fs::write(path(SFT), &whole[&path(SFT).display().to_string()]).unwrap();
    // Later scores are made of history.
    let mut forge = crate::forge::Forge::new(&lab);
    forge.append(&[("scored-runs/rescored.jsonl", "{}\n".to_owned())], &[("rescored", 1)]);
    forge.write();
    fs::remove_file(path("scored-runs/rescored.jsonl")).unwrap();
    assert_refused(&lab, &["rescored.jsonl", "distilld replay"]);
    // Receipts say what is right; nothing says what they should be.
    flip(&path("receipts/receipts.jsonl"));
    assert_refused(&lab, &["receipts are damaged", "receipts/receipts.jsonl line "]);
}

#[test]
fn nothing_is_repaired_beside_a_daemon_and_nothing_where_nothing_is() {
    let empty = Lab::new();
    assert_eq!(repair(&empty, &[]), json!({"files": {}, "left_to_run": []}));
    assert!(!empty.out().exists() && !empty.state().exists());
    let lab = lab();
    let start = || lab.distilld().arg("run").stderr(Stdio::null()).spawn().unwrap();
    let mut daemon = start();
    wait_until("the lock", || {
        // A repair that was there first makes the daemon give way, and end.
        if daemon.try_wait().unwrap().is_some() {
            daemon = start();
        }
        lab.run(&["repair"]).status.code() == Some(75)
    });
    assert!(lab.run(&["repair", "--dry-run"]).status.success());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_repair_that_is_killed_anywhere_is_made_good_by_the_next() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("strace is not there");
        return;
    }
    let lab = lab();
    let whole = contents(&lab.out());
    for call in ["pwrite64", "fdatasync", "rename", "fsync"] {
        for nth in 1..=3 {
            for file in [EVIDENCE, SCORED] {
                fs::remove_file(lab.out().join(file)).unwrap();
            }
            let distilld = lab.distilld();
            let mut traced = Command::new("strace");
            traced.args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("inject={call}:signal=SIGKILL:when={nth}"),
            ]);
            traced.arg(distilld.get_program()).args(distilld.get_args()).arg("repair");
            traced.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            repair(&lab, &[]);
            assert_same_files(&contents(&lab.out()), &whole);
        }
    }
    assert!(lab.run(&["verify", "--strict"]).status.success());
}
