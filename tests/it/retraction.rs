//! What was accepted and no longer is leaves the exports: with the row that says so, through any kill, and at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::crash::{assert_no_leak, have, kill_at, samples, strays, whole_receipts};
use crate::support::{Lab, assert_receipts_hold, assert_same_files, wait_until};

const SFT: &str = "exports/sft/instruction_response.jsonl";
const RETRACTIONS: &str = "exports/retractions.jsonl";

/// The score of every row that counts now, without what depends on its history.
fn scores(lab: &Lab) -> BTreeSet<String> {
    let output = lab.run(&["scores", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let score: Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", score["provenance"], score["category"], score["reasons"])
        })
        .collect()
}

fn review(number: u32) -> Value {
    json!({
        "file": format!("src/{number}.rs"), "reviewed_at": format!("2026-04-26T14:00:{number:02}.000Z"),
        "accepted_model": "qwen3-coder:480b", "run_id": format!("run_{number}"), "gates": {"g1": true},
        "review": format!("Finding {number}: the lock is held across the call."),
    })
}

fn word(action: &str, number: u32) -> Value {
    json!({"ts": "2026-05-01T00:00:00.000Z", "action": action, "actor": "jun", "reason": "seen in production", "run_id": format!("run_{number}")})
}

/// Ten accepted reviews, distilled.
fn ten_reviews() -> Lab {
    let lab = Lab::new();
    lab.config("[batch]\nrows_max = 2\nworkers = 1\n");
    (0..10).for_each(|number| lab.append("scrum_reviews", format!("{}\n", review(number))));
    lab.run_once();
    assert_eq!(lab.lines(SFT).len(), 10);
    lab
}

/// Words and reverts that take six of them back, and one back again.
fn takes_back(lab: &Lab) {
    let revert =
        json!({"file": "src/5.rs", "ts": "2026-04-26T15:00:00.000Z", "action": "reverted", "commit": "ab"});
    lab.append("auto_apply", format!("{revert}\n"));
    for (action, number) in [("reject", 0), ("partial", 1), ("review", 2), ("reject", 3), ("reject", 4)] {
        lab.append("human_overrides", format!("{}\n", word(action, number)));
    }
    let again = json!({"ts": "2026-05-02T00:00:00.000Z", "action": "accept", "actor": "eva", "reason": "fixed", "run_id": "run_3"});
    lab.append("human_overrides", format!("{again}\n"));
}

#[test]
fn lines_that_somebody_else_changed_are_not_copied_when_another_goes() {
    let lab = ten_reviews();
    let path = lab.out().join(SFT);
    let whole = fs::read_to_string(&path).unwrap();
    let changed = whole.replace("Finding 7: the lock is held", "Finding 7: ALL IS WELL HERE");
    assert_eq!((changed.len(), changed != whole), (whole.len(), true));
    fs::write(&path, &changed).unwrap();
    takes_back(&lab);
    let run = lab.run(&["run", "--once"]);
    assert_eq!(run.status.code(), Some(65), "{run:?}");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains(SFT) && said.contains("distilld repair"), "{said}");
    assert!(fs::read_to_string(&path).unwrap() == changed);
    // What it advises helps.
    assert!(lab.run(&["repair"]).status.success());
    lab.run_once();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("Finding 7: the lock is held") && !text.contains("ALL IS WELL"), "{text}");
    assert_eq!(lab.lines(SFT).len(), 5);
    assert!(lab.run(&["verify", "--strict"]).status.success());
}

#[test]
fn a_sample_goes_in_the_commit_of_the_row_that_takes_it_back() {
    let lab = ten_reviews();
    takes_back(&lab);
    lab.run_once();
    assert_receipts_hold(&lab);
    let there: BTreeSet<String> =
        lab.lines(SFT).iter().map(|row| row["source_run_ids"][0].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> =
        [3, 6, 7, 8, 9].into_iter().map(|number| format!("run_{number}")).collect();
    assert_eq!(there, expected);
    let taken: Vec<Value> = lab.lines(RETRACTIONS);
    let sft = |row: &&Value| row["dataset"] == "sft";
    let whose: BTreeSet<&str> = taken.iter().filter(sft).map(|row| row["run_id"].as_str().unwrap()).collect();
    assert!(
        ["run_0", "run_1", "run_2", "run_4", "run_5"].into_iter().all(|run| whose.contains(run)),
        "{whose:?}"
    );
    for row in &taken {
        // Every retraction names its cause, and stands in the receipt that took the cause in.
        let cause = &row["caused_by"];
        let name = cause["source_file"].as_str().unwrap();
        assert!(["data/_kb/human_overrides.jsonl", "data/_kb/auto_apply.jsonl"].contains(&name), "{row}");
        let took = whole_receipts(&lab).into_iter().find(|receipt| {
            let outputs = receipt["output_files"].as_array().unwrap();
            outputs.iter().any(|output| {
                let path = output["path"] == RETRACTIONS;
                path && bytes_of(&lab, output).contains(row["sample_id"].as_str().unwrap())
            })
        });
        let inputs = took.unwrap()["input_files"].as_array().unwrap().clone();
        let line = cause["byte_offset"].as_u64().unwrap();
        let holds = |input: &Value| {
            name.contains(input["stream"].as_str().unwrap())
                && (input["from"].as_u64().unwrap()..input["to"].as_u64().unwrap()).contains(&line)
        };
        assert!(inputs.iter().any(holds), "{row} in the receipt of {inputs:?}");
    }
}

/// What a range of a receipt covers.
fn bytes_of(lab: &Lab, output: &Value) -> String {
    let bytes = fs::read(lab.out().join(output["path"].as_str().unwrap())).unwrap();
    let [from, to] = ["from", "to"].map(|end| output[end].as_u64().unwrap() as usize);
    String::from_utf8(bytes[from..to].to_vec()).unwrap()
}

#[test]
fn killed_at_any_system_call_while_samples_are_taken_back_nothing_leaks_and_nothing_stays_behind() {
    if !have("strace") {
        return;
    }
    let lab = ten_reviews();
    let kept = [lab.out(), lab.state()].map(|folder| (folder.clone(), folder.with_extension("kept")));
    for (folder, kept) in &kept {
        fs::rename(folder, kept).unwrap();
    }
    let start_over = || {
        for (folder, kept) in &kept {
            let _ = fs::remove_dir_all(folder);
            let copied = Command::new("cp").arg("-a").arg(kept).arg(folder).status().unwrap();
            assert!(copied.success());
        }
    };
    takes_back(&lab);
    start_over();
    lab.run_once();
    let (files, ids, judged) = (lab.promise2(), samples(&lab), scores(&lab));
    let mut kills: BTreeMap<&str, u64> = BTreeMap::new();
    // Every call that a replacement makes; of writes, which are many, every second.
    for (call, step) in
        [("linkat", 1), ("rename", 1), ("unlink", 1), ("fsync", 1), ("fdatasync", 1), ("pwrite64", 2)]
    {
        for when in (1..).step_by(step) {
            start_over();
            if !kill_at(&lab, call, when) {
                break;
            }
            *kills.entry(call).or_default() += 1;
            assert_no_leak(&lab);
            lab.run_once();
            assert_same_files(&lab.promise2(), &files);
            assert_no_leak(&lab);
            assert_receipts_hold(&lab);
            assert_eq!((samples(&lab), scores(&lab)), (ids.clone(), judged.clone()), "{call} {when}");
            assert_eq!(strays(&lab.out()), Vec::<std::path::PathBuf>::new(), "{call} {when}");
        }
    }
    println!("kills: {kills:?}");
    assert!(kills.values().sum::<u64>() >= 60 && kills.len() == 6, "{kills:?}");
}

#[test]
fn a_word_beside_a_running_daemon_takes_the_sample_back_and_review_says_why() {
    let lab = ten_reviews();
    let mut daemon = lab.distilld().arg("run").spawn().unwrap();
    wait_until("the lock", || Path::new(&lab.state().join("lock")).exists());
    let has = |run: &str| lab.lines(SFT).iter().any(|row| row["source_run_ids"][0] == run);
    let asked = Instant::now();
    let said = ["override", "run_8", "--action", "review", "--reason", "look again", "--actor", "jun"];
    assert!(lab.run(&said).status.success());
    wait_until("run_8 is out of the SFT file", || !has("run_8"));
    println!("{:?} from the word to the file", asked.elapsed());
    // The file is in its place a moment before the receipt is.
    let is_retracted = |receipt: &Value| receipt["record_counts"]["retracted"].as_u64() > Some(0);
    wait_until("the receipt", || whole_receipts(&lab).iter().any(is_retracted));
    let queue = lab.run(&["review", "--json"]);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let queue: Value = serde_json::from_slice(&queue.stdout).unwrap();
    let item = queue["queue"].as_array().unwrap().iter().find(|item| item["run_id"] == "run_8").unwrap();
    assert_eq!((&item["why"], &item["category"]), (&json!("rule.human"), &json!("needs_human_review")));
    assert!(item["reasons"].as_array().unwrap().contains(&json!("human.review")), "{item}");
    assert_eq!(item["caused_by"]["source_file"], "data/_kb/human_overrides.jsonl");
    assert!(item["text"].as_str().unwrap().starts_with("Finding 8"));
}
