//! `distilld explain` tells the whole life of a row from what is committed, and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use distilld::domain::schema::receipt::{CommittedState, Receipt, ReceiptKind, RecordCounts};
use distilld::domain::schema::scalars::Sha256Hex;
use serde_json::Value;

use crate::support::{Lab, receipt_lines, review_row, sha256_hex};

fn review(file: &str, minute: u32, review: &str) -> String {
    format!(
        "{{\"file\":\"{file}\",\"reviewed_at\":\"2026-04-26T14:{minute:02}:00.000Z\",\"accepted_model\":\"qwen3-coder:480b\",\"review\":\"{review}\"}}\n"
    )
}

fn apply(file: &str, minute: u32, action: &str) -> String {
    format!(
        "{{\"file\":\"{file}\",\"ts\":\"2026-04-26T14:{minute:02}:00.000Z\",\"action\":\"{action}\",\"commit\":\"abc1234\",\"patches_applied\":1,\"patches_proposed\":1}}\n"
    )
}

/// A review that was applied, committed first without the apply; its evidence.
fn lab_with_life() -> (Lab, Value) {
    let lab = Lab::new();
    lab.append("scrum_reviews", review("src/a.rs", 1, "one finding"));
    lab.append("scrum_reviews", review_row(5));
    lab.run_once();
    lab.append("auto_apply", apply("src/a.rs", 2, "committed"));
    lab.run_once();
    let evidence = lab.lines("evidence/scrum_reviews.jsonl")[0].clone();
    (lab, evidence)
}

#[track_caller]
fn json(lab: &Lab, id: &str) -> Value {
    let output = lab.run(&["explain", id, "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_wrong(output: &Output, says: &str) {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.lines().count() == 1 && error.contains(says), "{error}");
}

fn text(evidence: &Value, pointer: &str) -> String {
    evidence.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn the_life_of_a_row_names_every_other_row_and_receipt_in_it() {
    let (lab, evidence) = lab_with_life();
    let explanation = json(&lab, &text(&evidence, "/run_id"));
    assert_eq!((&explanation["what"], &explanation["total"]), (&"run".into(), &1.into()));
    let row = &explanation["rows"][0];
    assert_eq!(row["evidence"], evidence);
    assert_eq!(row["source"]["state"], "there");
    assert_eq!(format!("{}\n", text(row, "/source/row")), review("src/a.rs", 1, "one finding"));
    let apply = row["signals"].as_array().unwrap().iter().find(|s| s["code"] == "apply.committed").unwrap();
    assert_eq!((&apply["link"], &apply["stream"]), (&"L4 file".into(), &"auto_apply".into()));
    assert_eq!(apply["run_id"], lab.lines("evidence/auto_apply.jsonl")[0]["run_id"]);
    let own = row["signals"].as_array().unwrap().iter().find(|s| s["code"] == "scrum.accept").unwrap();
    assert_eq!(own["link"], "own");
    let history = row["history"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["score"], lab.lines("scored-runs/scrum_reviews.jsonl")[0]);
    assert_eq!(history[1]["score"], lab.lines("scored-runs/rescored.jsonl")[0]);
    assert_eq!((&row["score"], text(row, "/score/category")), (&history[1]["score"], "accepted".to_owned()));
    let datasets: Vec<_> =
        row["samples"].as_array().unwrap().iter().map(|sample| sample["dataset"].clone()).collect();
    assert_eq!(datasets, ["rag", "sft"]);
    assert_eq!(row["retractions"].as_array().unwrap().len(), 0);

    // Each receipt that is named is one of the log, and holds what it is named for.
    let lines = receipt_lines(&lab.out());
    let holds = |covered: &Value, path: &str| {
        let line = &lines[covered["seq"].as_u64().unwrap() as usize];
        assert_eq!(covered["sha256"], sha256_hex(line));
        let receipt: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(
            (&covered["started_at"], &covered["ended_at"]),
            (&receipt["started_at"], &receipt["ended_at"])
        );
        let outputs = receipt["output_files"].as_array().unwrap().iter();
        assert!(outputs.map(|output| &output["path"]).any(|found| found == path), "{path}: {receipt}");
    };
    holds(&row["source"]["receipt"], "evidence/scrum_reviews.jsonl");
    holds(&row["committed"], "evidence/scrum_reviews.jsonl");
    holds(&history[0]["receipt"], "scored-runs/scrum_reviews.jsonl");
    holds(&history[1]["receipt"], "scored-runs/rescored.jsonl");
    holds(&row["samples"][0]["receipt"], "exports/rag/samples.jsonl");
    holds(&row["samples"][1]["receipt"], "exports/sft/instruction_response.jsonl");
}

#[test]
fn a_life_is_told_on_one_screen() {
    let (lab, evidence) = lab_with_life();
    let output = lab.run(&["explain", &text(&evidence, "/run_id")]);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.lines().count() <= 50, "{told}");
    for part in [
        "scrum_reviews, generation 0, line 0, byte 0",
        "there in ",
        "recorded_at 2026-04-26T14:01:00.000Z (event time)",
        "(wall clock ",
        "L4 file from auto_apply:0:0",
        "accepted by rule.passed",
        "one finding",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn rows_are_found_by_hash_sample_and_their_beginnings() {
    let (lab, evidence) = lab_with_life();
    let hash = text(&evidence, "/provenance/sig_hash");
    let sample = text(&lab.lines("exports/sft/instruction_response.jsonl")[0], "/sample_id");
    let run = text(&evidence, "/run_id");
    for (id, what) in [
        (hash.as_str(), "row"),
        (&hash[..6], "row"),
        (&hash.to_ascii_uppercase()[..10], "row"),
        (&sample, "sample"),
        (&sample[..10], "sample"),
        (&run[..run.len() - 4], "run"),
    ] {
        let explanation = json(&lab, id);
        assert_eq!(explanation["what"], what, "{id}");
        assert_eq!(explanation["rows"][0]["evidence"], evidence, "{id}");
    }
    assert_wrong(&lab.run(&["explain", "scrum:"]), "2 begin so");
    assert_wrong(&lab.run(&["explain", "scrum:"]), &run);
    assert_wrong(&lab.run(&["explain", "nobody's"]), "nothing in ");
    assert_wrong(&lab.run(&["explain", &hash[..5]]), "nothing in ");
}

#[test]
fn what_was_taken_back_is_told_with_its_cause() {
    let (lab, evidence) = lab_with_life();
    let sample = text(&lab.lines("exports/sft/instruction_response.jsonl")[0], "/sample_id");
    lab.append("auto_apply", apply("src/a.rs", 3, "reverted"));
    lab.run_once();
    let explanation = json(&lab, &sample);
    assert_eq!(explanation["what"], "retracted sample");
    let row = &explanation["rows"][0];
    assert_eq!(row["evidence"], evidence);
    assert_eq!(row["samples"].as_array().unwrap().len(), 0);
    let retractions = row["retractions"].as_array().unwrap();
    assert_eq!(retractions.len(), 2);
    for retraction in retractions {
        assert_eq!(retraction["line"]["caused_by"]["line_offset"], 1);
        assert!(retraction["receipt"]["seq"].is_u64());
    }
    let reverted = row["signals"].as_array().unwrap().iter().find(|s| s["code"] == "apply.reverted").unwrap();
    assert_eq!(reverted["provenance"]["line_offset"], 1);
}

#[test]
fn a_source_row_that_is_gone_or_changed_is_told_so() {
    let (lab, evidence) = lab_with_life();
    let run = text(&evidence, "/run_id");
    let main = lab.stream("scrum_reviews");
    let rotated = lab.kb().join("scrum_reviews.jsonl.1");
    fs::rename(&main, &rotated).unwrap();
    fs::write(&main, review_row(9)).unwrap();
    assert_eq!(json(&lab, &run)["rows"][0]["source"]["path"], rotated.to_str().unwrap());
    let bytes = fs::read_to_string(&rotated).unwrap().replace("one", "two");
    fs::write(&rotated, bytes).unwrap();
    assert_eq!(json(&lab, &run)["rows"][0]["source"]["state"], "changed");
    fs::remove_file(&rotated).unwrap();
    assert_eq!(json(&lab, &run)["rows"][0]["source"]["state"], "gone");
}

#[test]
fn a_secret_and_a_control_character_never_reach_the_terminal() {
    let lab = Lab::new();
    let secret = concat!("glpat-", "x7Kq2mNp9RsT4vWz8yBd");
    lab.append("scrum_reviews", review("src/a.rs", 1, &format!("the token {secret} was left")));
    lab.append("scrum_reviews", review("src/b.rs", 1, "red \\u001b[31m alert"));
    lab.run_once();
    for (line, says) in [(0, "withheld"), (1, "\\u{1b}[31m")] {
        let hash = text(&lab.lines("evidence/scrum_reviews.jsonl")[line], "/provenance/sig_hash");
        for arguments in [vec!["explain", &hash], vec!["explain", &hash, "--json"]] {
            let told = String::from_utf8(lab.run(&arguments).stdout).unwrap();
            assert!(!told.contains(secret) && !told.contains("the token"), "{told}");
            assert!(!told.contains('\u{1b}'), "{told}");
            assert!(arguments.len() == 3 || told.contains(says), "{told}");
        }
    }
}

#[test]
fn items_of_views_lead_to_their_source_rows() {
    let lab = Lab::generated(11, 900);
    lab.run_once();
    let name = |line: &Value, names: &[&str]| {
        names.iter().map(|name| text(line, name)).collect::<Vec<_>>().join("/")
    };
    for (view, what, names) in [
        ("playbooks", "playbook", &["/playbook_id"][..]),
        ("model_ledger", "ledger entry", &["/task_type", "/model_name"]),
        ("drift", "drift snapshot", &["/snapshot"]),
    ] {
        let item = lab.lines(&format!("views/{view}.jsonl"))[0].clone();
        let explanation = json(&lab, &name(&item, names));
        assert_eq!(explanation["what"], what);
        let rows = explanation["rows"].as_array().unwrap();
        for source in item["provenance"].as_array().unwrap() {
            assert!(rows.iter().any(|row| row["evidence"]["provenance"] == *source), "{view}: {source}");
        }
        for run in item["source_run_ids"].as_array().into_iter().flatten() {
            assert!(rows.iter().any(|row| row["evidence"]["run_id"] == *run), "{view}: {run}");
        }
    }
}

#[test]
fn items_of_views_lead_to_more_rows_than_their_lines_name_and_playbooks_to_failed_runs_too() {
    let lab = Lab::generated(1, 4000);
    lab.run_once();
    let entries = lab.lines("views/model_ledger.jsonl");
    let entry = entries.iter().max_by_key(|entry| entry["sample_count"].as_u64()).unwrap();
    assert_eq!(entry["provenance"].as_array().unwrap().len(), 16, "{entry}");
    let id = format!("{}/{}", text(entry, "/task_type"), text(entry, "/model_name"));
    assert!(json(&lab, &id)["total"].as_u64() > Some(16) && entry["sample_count"].as_u64() > Some(16));
    let playbooks = lab.lines("views/playbooks.jsonl");
    let tried = |playbook: &&Value| playbook["runs_against"].as_u64() > Some(0);
    let playbook = playbooks.iter().find(tried).expect("a problem that was not solved at once");
    let explanation = json(&lab, &text(playbook, "/playbook_id"));
    let rows = explanation["rows"].as_array().unwrap();
    let is_other = |row: &Value| {
        let run = &row["evidence"]["run_id"];
        !playbook["source_run_ids"].as_array().unwrap().contains(run)
    };
    assert!(rows.iter().any(is_other), "{explanation}");
}

#[test]
fn explaining_changes_nothing_and_needs_no_state() {
    let (lab, evidence) = lab_with_life();
    let run = text(&evidence, "/run_id");
    let warm = json(&lab, &run);
    let cache = lab.state().join("rows");
    let before = fs::read(&cache).unwrap();
    fs::write(&cache, &before[..before.len() - 1]).unwrap();
    assert_eq!(json(&lab, &run), warm);
    assert_eq!(fs::read(&cache).unwrap().len(), before.len() - 1);
    fs::remove_dir_all(lab.state()).unwrap();
    assert_eq!(json(&lab, &run), warm);
    assert!(!lab.state().exists());
}

/// Writes the log anew with seals after so many receipts each, as the daemon does at 16 MiB.
fn seal(lab: &Lab, every: usize) {
    let lines = receipt_lines(&lab.out());
    let receipt = |line: &Vec<u8>| Receipt::from_line(std::str::from_utf8(line).unwrap().trim_end()).unwrap();
    let (mut state, mut prev, mut seq, mut first) = (CommittedState::default(), Sha256Hex([0; 32]), 0, 0);
    let folder = lab.out().join("receipts");
    let mut file = String::new();
    for (number, receipt) in lines.iter().map(receipt).enumerate() {
        let mut log = vec![receipt.clone()];
        if number > 0 && number % every == 0 {
            fs::write(folder.join(format!("receipts-{first}.jsonl")), &file).unwrap();
            file.clear();
            first = seq;
            let checkpoint = Receipt {
                kind: ReceiptKind::Checkpoint,
                input_files: Vec::new(),
                output_files: Vec::new(),
                record_counts: RecordCounts::default(),
                export_cursors: BTreeMap::new(),
                state: Some(state.clone()),
                ..receipt
            };
            log.insert(0, checkpoint);
        }
        for receipt in log {
            let line = Receipt { seq, prev_sha256: prev, ..receipt }.to_line().unwrap();
            prev = Sha256Hex::of(line.as_bytes());
            state.apply(&Receipt::from_line(line.trim_end()).unwrap());
            file.push_str(&line);
            seq += 1;
        }
    }
    fs::write(folder.join("receipts.jsonl"), file).unwrap();
}

#[test]
fn receipts_are_found_in_sealed_files_too() {
    let lab = Lab::new();
    lab.config("[batch]\nrows_max = 1\n");
    for number in 0..30 {
        lab.append("scrum_reviews", review_row(number));
        lab.append("auto_apply", apply("src/f1.rs", number as u32, "committed"));
        if number % 10 == 0 {
            lab.run_once();
        }
    }
    lab.run_once();
    seal(&lab, 4);
    assert!(fs::read_dir(lab.out().join("receipts")).unwrap().count() > 3);
    let receipts = lab.receipts();
    let covers = |seq: &Value, what: &str, is_it: &dyn Fn(&Value) -> bool| {
        let receipt = &receipts[seq.as_u64().unwrap() as usize];
        assert!(receipt[what].as_array().unwrap().iter().any(is_it), "{receipt}");
    };
    let within = |range: &Value, at: u64| {
        (range["from"].as_u64().unwrap()..range["to"].as_u64().unwrap()).contains(&at)
    };
    let (mut at, mut samples) = (0, 0);
    for line in fs::read_to_string(lab.out().join("evidence/scrum_reviews.jsonl")).unwrap().lines() {
        let evidence: Value = serde_json::from_str(line).unwrap();
        let row = json(&lab, &text(&evidence, "/provenance/sig_hash"))["rows"][0].clone();
        covers(&row["committed"]["seq"], "output_files", &|range| {
            range["path"] == "evidence/scrum_reviews.jsonl" && within(range, at)
        });
        let byte = evidence["provenance"]["byte_offset"].as_u64().unwrap();
        covers(&row["source"]["receipt"]["seq"], "input_files", &|range| {
            range["stream"] == "scrum_reviews" && within(range, byte)
        });
        for scored in &row["history"].as_array().unwrap()[1..] {
            covers(&scored["receipt"]["seq"], "output_files", &|range| {
                range["path"] == "scored-runs/rescored.jsonl"
            });
        }
        for sample in row["samples"].as_array().unwrap() {
            covers(&sample["receipt"]["seq"], "output_files", &|range| {
                range["path"].as_str().unwrap().contains(sample["dataset"].as_str().unwrap())
            });
            samples += 1;
        }
        at += line.len() as u64 + 1;
    }
    assert!(samples > 0);
}
