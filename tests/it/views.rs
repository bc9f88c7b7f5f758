//! The derived views: ledger, playbooks, drift and runs are what the committed evidence and scores say, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Output;
use std::sync::OnceLock;

use distilld::pipeline::views::VIEW_PATHS;
use serde_json::{Value, json};

use crate::support::{Lab, review_row, wait_until};
use crate::views_kept::views_of;

/// Evidence beside the score that counts now.
type Pair = (Value, Value);

/// A corpus, distilled once for all tests that only look at it.
fn distilled() -> &'static (Lab, Vec<Pair>) {
    static DISTILLED: OnceLock<(Lab, Vec<Pair>)> = OnceLock::new();
    DISTILLED.get_or_init(|| {
        let lab = Lab::generated(5, 4000);
        lab.run_once();
        let pairs = pairs(&lab);
        (lab, pairs)
    })
}

/// Reads evidence and current scores in plain loops over the files.
fn pairs(lab: &Lab) -> Vec<Pair> {
    let place = |line: &Value| line["provenance"].to_string();
    let mut scores: BTreeMap<String, Value> = BTreeMap::new();
    let mut evidence = Vec::new();
    for entry in fs::read_dir(lab.out().join("scored-runs")).unwrap() {
        let name = format!("scored-runs/{}", entry.unwrap().file_name().to_str().unwrap());
        for score in lab.lines(&name) {
            let known = scores.entry(place(&score)).or_insert_with(|| score.clone());
            if score["score_seq"].as_u64() > known["score_seq"].as_u64() {
                *known = score;
            }
        }
    }
    for entry in fs::read_dir(lab.out().join("evidence")).unwrap() {
        evidence.extend(lab.lines(&format!("evidence/{}", entry.unwrap().file_name().to_str().unwrap())));
    }
    evidence.into_iter().map(|line| (line.clone(), scores[&place(&line)].clone())).collect()
}

/// The files of the views of rows, by path.
fn files(pairs: &[Pair]) -> BTreeMap<String, Vec<u8>> {
    let mut files = views_of(pairs);
    files.remove("views/review_queue.jsonl");
    assert_eq!(files.keys().collect::<BTreeSet<_>>(), VIEW_PATHS.map(str::to_owned).iter().collect());
    files
}

/// The views of rows, by path, as lines.
fn views(pairs: &[Pair]) -> BTreeMap<String, Vec<Value>> {
    let lines = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    files(pairs).into_iter().map(|(path, bytes)| (path, lines(bytes))).collect()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The task type that the latest row of each run gives.
fn task_types(pairs: &[Pair]) -> BTreeMap<&str, &str> {
    let mut latest: BTreeMap<&str, ((&str, &str, u64), &str)> = BTreeMap::new();
    for (evidence, _) in pairs {
        let Some(task_type) = evidence["task_type"].as_str() else { continue };
        let place = &evidence["provenance"];
        let at = (
            text(&evidence["timestamp"]),
            text(&place["source_file"]),
            place["line_offset"].as_u64().unwrap(),
        );
        let known = latest.entry(text(&evidence["run_id"])).or_insert((at, task_type));
        if at >= known.0 {
            *known = (at, task_type);
        }
    }
    latest.into_iter().map(|(run, (_, task_type))| (run, task_type)).collect()
}

const WORST: [&str; 4] = ["accepted", "partially_accepted", "needs_human_review", "rejected"];

/// Codes that count as a way of failing.
fn is_failure(code: &str) -> bool {
    [
        "apply.reverted",
        "outcome.failed",
        "grounding.low",
        "replay.low",
        "human.reject",
        "human.correct",
        "scrum.reject",
    ]
    .contains(&code)
        || [
            "observer.reject",
            "observer.escalated",
            "extract.refuted",
            "consensus.split",
            "overseer.corrected",
        ]
        .contains(&code)
        || code.starts_with("gate.failed:")
        || code.starts_with("auditor.block")
}

#[derive(Default, Debug)]
struct Expected {
    counts: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
    latencies: Vec<f64>,
    costs: Vec<f64>,
    last: String,
}

/// Figures of the ledger by task type and model, in plain loops.
fn expected_ledger(pairs: &[Pair]) -> BTreeMap<(String, String), Expected> {
    let task_types = task_types(pairs);
    let mut samples: BTreeMap<(String, String, String), Vec<&Pair>> = BTreeMap::new();
    for pair in pairs.iter().filter(|(evidence, _)| evidence["kind"] == "work") {
        let Some(model) = pair.0["model_name"].as_str() else { continue };
        let run = text(&pair.0["run_id"]);
        let own = pair.0["task_type"].as_str().or_else(|| task_types.get(run).copied());
        let task = own.unwrap_or_else(|| text(&pair.0["source_stream"]));
        samples.entry((task.to_owned(), model.to_owned(), run.to_owned())).or_default().push(pair);
    }
    let mut expected: BTreeMap<(String, String), Expected> = BTreeMap::new();
    for ((task, model, _), rows) in samples {
        let entry = expected.entry((task, model)).or_default();
        let rank =
            rows.iter().map(|(_, score)| WORST.iter().position(|c| score["category"] == **c).unwrap()).max();
        let reasons: BTreeSet<&str> =
            rows.iter().flat_map(|(_, score)| score["reasons"].as_array().unwrap()).map(text).collect();
        let failed: Vec<_> = reasons.iter().filter(|code| is_failure(code)).collect();
        let mut category = WORST[rank.unwrap()];
        if category == "needs_human_review" && failed.is_empty() && reasons.contains("call.error") {
            category = "outage";
        }
        *entry.counts.entry(category.to_owned()).or_default() += 1;
        if category != "accepted" && category != "outage" {
            for code in failed {
                *entry.failures.entry((*code).to_owned()).or_default() += 1;
            }
        }
        let costs: Vec<f64> = rows.iter().filter_map(|(evidence, _)| evidence["cost_usd"].as_f64()).collect();
        entry.costs.extend((!costs.is_empty()).then(|| costs.iter().sum::<f64>()));
        for (evidence, score) in rows {
            let outage = score["reasons"].as_array().unwrap().contains(&json!("call.error"));
            entry.latencies.extend(evidence["latency_ms"].as_f64().filter(|_| !outage));
            entry.last = entry.last.clone().max(text(&evidence["timestamp"]).to_owned());
        }
    }
    expected
}

#[test]
fn the_ledger_says_what_plain_loops_over_the_records_say() {
    let (lab, pairs) = distilled();
    let answer = json_of(&lab.run(&["ledger", "--json"]));
    let mut expected = expected_ledger(pairs);
    expected
        .retain(|_, entry| WORST.iter().any(|c| *c != "needs_human_review" && entry.counts.contains_key(*c)));
    let entries = answer["entries"].as_array().unwrap();
    assert!(entries.len() > 50, "too few entries to tell anything");
    let keys: Vec<_> = entries
        .iter()
        .map(|entry| (text(&entry["task_type"]).to_owned(), text(&entry["model_name"]).to_owned()))
        .collect();
    assert_eq!(keys, expected.keys().cloned().collect::<Vec<_>>());
    for (entry, expected) in entries.iter().zip(expected.values()) {
        let count = |name: &str| expected.counts.get(name).copied().unwrap_or(0);
        for (member, name) in WORST.iter().map(|c| (*c, *c)).chain([("infrastructure_errors", "outage")]) {
            assert_eq!(entry[member], count(name), "{member} of {entry}");
        }
        let judged = count("accepted") + count("partially_accepted") + count("rejected");
        assert_eq!(entry["sample_count"], judged);
        assert_eq!(entry["success_rate"].as_f64().unwrap(), count("accepted") as f64 / judged as f64);
        let mut failures: Vec<_> =
            expected.failures.iter().map(|(code, n)| (u64::MAX - n, code.clone())).collect();
        failures.sort();
        let failures: Vec<_> =
            failures.into_iter().map(|(n, code)| json!({"code": code, "count": u64::MAX - n})).collect();
        assert_eq!(entry["failure_modes"], json!(failures), "{entry}");
        assert_eq!(entry["last_updated"], expected.last);
        check_cost(entry, &expected.costs);
    }
    assert!(entries.iter().any(|entry| entry["infrastructure_errors"] != 0), "no outage was looked at");
    assert!(entries.iter().any(|entry| entry.get("cost").is_some()), "no cost was looked at");
}

fn check_cost(entry: &Value, costs: &[f64]) {
    let close = |member: &str, exact: f64| (entry[member].as_f64().unwrap() - exact).abs() < 1e-7;
    if costs.is_empty() {
        assert!(entry.get("cost").is_none() && entry.get("cost_total").is_none(), "{entry}");
    } else {
        let sum: f64 = costs.iter().sum();
        assert!(close("cost_total", sum) && close("cost", sum / costs.len() as f64), "{entry}");
    }
}

#[test]
fn latencies_of_the_ledger_are_within_one_percent_of_the_true_ones() {
    let (lab, pairs) = distilled();
    let answer = json_of(&lab.run(&["ledger", "--json"]));
    let mut expected = expected_ledger(pairs);
    let mut looked_at = 0;
    for entry in answer["entries"].as_array().unwrap() {
        let key = (text(&entry["task_type"]).to_owned(), text(&entry["model_name"]).to_owned());
        let latencies = &mut expected.get_mut(&key).unwrap().latencies;
        latencies.sort_by(f64::total_cmp);
        for (member, percent) in [("latency_p50", 50), ("latency_p95", 95)] {
            if latencies.is_empty() {
                assert!(entry.get(member).is_none());
                continue;
            }
            let exact = latencies[(latencies.len() * percent).div_ceil(100) - 1];
            let found = entry[member].as_f64().unwrap();
            assert!((found - exact).abs() <= exact * 0.01, "{member} is {found}, not {exact}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 50);
}

#[test]
fn the_lower_bound_is_that_of_wilson() {
    use distilld::domain::views::model_ledger::wilson_low;
    // From the tables of Newcombe (1998), method 3.
    for (good, all, low) in
        [(81, 263, 0.2553), (15, 148, 0.0624), (0, 20, 0.0), (1, 29, 0.0061), (29, 29, 0.8830)]
    {
        assert!((wilson_low(good, all) - low).abs() < 5e-5, "{good} of {all}: {}", wilson_low(good, all));
    }
}

#[test]
fn work_that_is_no_longer_accepted_takes_its_part_out_again() {
    let (_, pairs) = distilled();
    let before = views(pairs);
    let mut changed = pairs.clone();
    let (evidence, score) = changed
        .iter_mut()
        .find(|(evidence, score)| {
            evidence["source_stream"] == "scrum_reviews" && score["category"] == "accepted"
        })
        .unwrap();
    *score = rescored(score, "rejected", &["human.reject", "rule.human", "scrum.accept"]);
    let (run, model) = (text(&evidence["run_id"]).to_owned(), text(&evidence["model_name"]).to_owned());
    let after = views(&changed);
    let of = |views: &BTreeMap<String, Vec<Value>>, member: &str| {
        let entries =
            views["views/model_ledger.jsonl"].iter().filter(|entry| entry["model_name"] == model.as_str());
        entries.filter_map(|entry| entry[member].as_u64()).sum::<u64>()
    };
    assert_eq!(of(&after, "accepted") + 1, of(&before, "accepted"));
    assert_eq!(of(&after, "rejected"), of(&before, "rejected") + 1);
    let learnt = |views: &BTreeMap<String, Vec<Value>>| {
        let playbooks = views["views/playbooks.jsonl"].iter();
        playbooks.filter(|book| book["source_run_ids"].as_array().unwrap().contains(&json!(run))).count()
    };
    assert_eq!((learnt(&before), learnt(&after)), (1, 0));
    let line = |views: &BTreeMap<String, Vec<Value>>| {
        views["views/runs.jsonl"].iter().find(|line| line["run_id"] == run.as_str()).unwrap().clone()
    };
    assert_eq!(line(&before)["category"], "accepted");
    assert_eq!(line(&after)["category"], "rejected");
}

/// The score as a later one that takes its place.
fn rescored(score: &Value, category: &str, reasons: &[&str]) -> Value {
    let mut score = score.clone();
    let seq = score["score_seq"].as_u64().unwrap() + 1;
    score["category"] = category.into();
    score["reasons"] = json!(reasons);
    score["score_seq"] = seq.into();
    score["supersedes"] = (seq - 1).into();
    score["caused_by"] = score["provenance"].clone();
    score
}

#[test]
fn a_playbook_without_an_accepted_run_is_gone() {
    let (_, pairs) = distilled();
    let mut changed = pairs.clone();
    for (_, score) in changed.iter_mut().filter(|(_, score)| score["category"] == "accepted") {
        *score = rescored(score, "rejected", &["human.reject", "rule.human"]);
    }
    assert!(views(pairs)["views/playbooks.jsonl"].len() > 10);
    assert_eq!(views(&changed)["views/playbooks.jsonl"], Vec::<Value>::new());
    assert!(views(&changed)["views/model_ledger.jsonl"].iter().all(|entry| entry["success_rate"] == 0.0));
}

#[test]
fn how_a_score_came_to_be_does_not_show() {
    let (_, pairs) = distilled();
    let mut changed = pairs.clone();
    for (number, (_, score)) in changed.iter_mut().enumerate() {
        for _ in 0..number % 3 {
            let reasons: Vec<String> =
                score["reasons"].as_array().unwrap().iter().map(|code| text(code).to_owned()).collect();
            let category = text(&score["category"]).to_owned();
            *score = rescored(score, &category, &reasons.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    assert_eq!(files(pairs), files(&changed));
}

#[test]
fn batches_do_not_show_in_the_views() {
    let of = |rows_max: u64| {
        let lab = Lab::generated(9, 1500);
        lab.config(&format!("[batch]\nrows_max = {rows_max}\n"));
        lab.run_once();
        let paths = VIEW_PATHS.into_iter().chain(["views/review_queue.jsonl"]);
        paths.map(|path| fs::read(lab.out().join(path)).unwrap()).collect::<Vec<_>>()
    };
    let large = of(1_000_000);
    assert!(large.iter().all(|file| !file.is_empty()));
    assert!(large == of(37));
}

#[test]
fn every_item_names_rows_that_are_there_and_is_of_its_shape() {
    use distilld::domain::schema::published::shape;
    let (_, pairs) = distilled();
    let places: BTreeSet<String> =
        pairs.iter().map(|(evidence, _)| evidence["provenance"].to_string()).collect();
    let views = views(pairs);
    for (path, name) in [
        ("views/playbooks.jsonl", "Playbook"),
        ("views/model_ledger.jsonl", "ModelLedgerEntry"),
        ("views/drift.jsonl", "DriftSnapshot"),
    ] {
        for item in &views[path] {
            shape(name).unwrap().judge(&item.to_string()).unwrap();
        }
    }
    for (path, items) in &views {
        assert!(!items.is_empty(), "{path}");
        for item in items {
            let evidence =
                item["evidence"].as_array().into_iter().flatten().map(|place| &place["provenance"]);
            let named: Vec<_> = item["provenance"].as_array().into_iter().flatten().chain(evidence).collect();
            assert!(!named.is_empty(), "{path}: {item}");
            assert!(named.iter().all(|place| places.contains(&place.to_string())), "{path}: {item}");
        }
    }
}

#[test]
fn every_row_stands_in_its_run() {
    let (_, pairs) = distilled();
    let views = views(pairs);
    let lines = &views["views/runs.jsonl"];
    let runs: BTreeSet<&str> = pairs.iter().map(|(evidence, _)| text(&evidence["run_id"])).collect();
    assert_eq!(lines.iter().map(|line| text(&line["run_id"])).collect::<Vec<_>>(), Vec::from_iter(runs));
    let places: BTreeMap<&str, BTreeSet<String>> = lines
        .iter()
        .map(|line| {
            let places =
                line["evidence"].as_array().unwrap().iter().map(|place| place["provenance"].to_string());
            (text(&line["run_id"]), places.collect())
        })
        .collect();
    for (evidence, _) in pairs {
        let place = evidence["provenance"].to_string();
        assert!(places[text(&evidence["run_id"])].contains(&place), "{evidence}");
        let about = text(&evidence["task_id"]).strip_prefix("run:").and_then(|run| places.get(run));
        assert!(
            about.is_none_or(|places| places.contains(&place) || evidence["kind"] == "work"),
            "{evidence}"
        );
    }
    assert!(lines.iter().any(|line| line["evidence"].as_array().unwrap().len() > 3));
}

/// Reviews of one file: the gate fails for the first model twice, then another one is accepted.
fn reviews_with_a_failing_gate(lab: &Lab, file: &str, accepted: bool) {
    let row = |minute: u64, model: &str, gate: bool| {
        let row = json!({
            "file": file, "reviewed_at": format!("2026-04-26T14:{minute:02}:00Z"), "accepted_model": model,
            "gates": {"g1": true, "g2": gate}, "review": format!("a review of {file}"),
        });
        format!("{row}\n")
    };
    lab.append("scrum_reviews", row(1, "gpt-oss:20b", false));
    lab.append("scrum_reviews", row(2, "gpt-oss:20b", false));
    if accepted {
        lab.append("scrum_reviews", row(3, "kimi-k2:1t", true));
    }
}

#[test]
fn the_model_to_go_to_is_the_one_that_was_accepted_after_the_failure() {
    let lab = Lab::new();
    for file in ["src/a.rs", "src/b.rs"] {
        reviews_with_a_failing_gate(&lab, file, true);
    }
    lab.run_once();
    let answer = json_of(&lab.run(&["ledger", "--json"]));
    let [weak, strong] = answer["entries"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!(
        (&weak["best_partner_model"], &weak["escalation_role"]),
        (&json!("kimi-k2:1t"), &json!("primary"))
    );
    assert_eq!(weak["failure_modes"], json!([{"code": "gate.failed:g2", "count": 4}]));
    assert_eq!((strong.get("best_partner_model"), &strong["escalation_role"]), (None, &json!("escalation")));
    let expected = json!([{
        "task_type": "scrum_reviews", "try_first": "kimi-k2:1t", "escalate": [],
        "success_rate_low": strong["success_rate_low"],
    }]);
    assert_eq!(answer["advice"], expected);
    let weak_alone = lab.run(&["ledger", "--json", "--model", "gpt-oss:20b"]);
    assert_eq!(json_of(&weak_alone)["entries"].as_array().unwrap().len(), 1);
    let later = json_of(&lab.run(&["ledger", "--json", "--since", "2026-04-26T14:03:00Z"]));
    assert_eq!(later["entries"].as_array().unwrap().len(), 1);
    let markdown = String::from_utf8(lab.run(&["ledger", "--markdown"]).stdout).unwrap();
    assert!(markdown.contains("| scrum_reviews | kimi-k2:1t | escalation | 100 % |"), "{markdown}");
    assert!(markdown.contains("- `scrum_reviews`: try `kimi-k2:1t` first"), "{markdown}");
    let refused = lab.run(&["ledger", "--since", "yesterday"]);
    assert_eq!(refused.status.code(), Some(64), "{refused:?}");
}

#[test]
fn a_playbook_tells_how_its_problem_was_solved_and_keeps_its_id() {
    let lab = Lab::new();
    reviews_with_a_failing_gate(&lab, "src/a.rs", true);
    lab.run_once();
    let playbooks = |arguments: &[&str]| {
        let answer = json_of(&lab.run(&[&["playbooks", "--json"], arguments].concat()));
        answer["playbooks"].as_array().unwrap().clone()
    };
    let first = playbooks(&[]);
    assert_eq!(first.len(), 1);
    let book = &first[0];
    for (member, expected) in [
        ("problem_pattern", json!("gate.failed:g2")),
        ("model_routing_path", json!(["gpt-oss:20b", "kimi-k2:1t"])),
        ("escalation_threshold", json!(2)),
        ("runs_for", json!(1)),
        ("runs_against", json!(2)),
        ("acceptance_criteria", json!(["gate.passed", "scrum.accept"])),
        ("known_failure_modes", json!(["gate.failed:g2"])),
        ("repo_files_touched", json!(["src/a.rs"])),
        ("recovery_strategy", json!("After gate.failed:g2 with gpt-oss:20b: go on to kimi-k2:1t.")),
        ("created_at", json!("2026-04-26T14:03:00.000Z")),
    ] {
        assert_eq!(book[member], expected, "{member}");
    }
    // More of the same is the same playbook; a problem that nobody solved speaks against it.
    reviews_with_a_failing_gate(&lab, "src/b.rs", false);
    lab.run_once();
    let second = playbooks(&[]);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0]["playbook_id"], book["playbook_id"]);
    assert_eq!((&second[0]["runs_for"], &second[0]["runs_against"]), (&json!(1), &json!(4)));
    for (arguments, found) in [
        (["--file", "src/a.rs"], 1),
        (["--file", "src/c.rs"], 0),
        (["--model", "kimi-k2:1t"], 1),
        (["--model", "gpt"], 0),
        (["--task", "scrum_reviews"], 1),
        (["--task", "audits"], 0),
        (["--since", "2026-04-27"], 0),
    ] {
        assert_eq!(playbooks(&arguments).len(), found, "{arguments:?}");
    }
    let markdown = String::from_utf8(lab.run(&["playbooks", "--markdown"]).stdout).unwrap();
    assert!(markdown.contains("## `scrum_reviews`: `gate.failed:g2`"), "{markdown}");
}

fn sweep(phase: &str, at: &str, head_sha: Option<&str>, [verified, partial, fake]: [u64; 3]) -> String {
    let mut row = json!({
        "phase": phase, "status": "swept", "discovered_at": at, "claims_verified": verified, "claims_partial": partial,
        "claims_fake": fake,
    });
    if let Some(head_sha) = head_sha {
        row["head_sha"] = head_sha.into();
    }
    format!("{row}\n")
}

#[test]
fn drift_tells_what_got_worse_and_what_got_better() {
    let lab = Lab::new();
    let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
    for row in [
        sweep("storage", "2026-04-26T14:00:00Z", Some(&one), [5, 0, 0]),
        sweep("query", "2026-04-26T14:01:00Z", Some(&one), [1, 0, 3]),
        sweep("router", "2026-04-26T14:02:00Z", Some(&one), [2, 2, 0]),
        sweep("storage", "2026-04-27T14:00:00Z", Some(&two), [4, 0, 1]),
        sweep("query", "2026-04-27T14:01:00Z", Some(&two), [2, 2, 0]),
        sweep("auditor", "2026-04-27T14:02:00Z", Some(&two), [1, 0, 0]),
        // Rows without a commit are one sweep a day; the latest of a phase counts.
        sweep("router", "2026-04-28T08:00:00Z", None, [0, 0, 9]),
        sweep("router", "2026-04-28T09:00:00Z", None, [2, 2, 0]),
    ] {
        lab.append("phase_sweep_findings", row);
    }
    let correction =
        json!({"ts": "2026-04-27T15:00:00Z", "doc": "README.md", "correction": "x", "head_sha": two});
    lab.append("doc_drift_corrections", format!("{correction}\n"));
    lab.run_once();
    let answer = json_of(&lab.run(&["drift", "--json"]));
    let [first, second, third] = answer["snapshots"].as_array().unwrap().as_slice() else {
        panic!("{answer}")
    };
    let changes = |snapshot: &Value| {
        json!([snapshot["regressed"], snapshot["repaired"], snapshot["new"], snapshot["gone"]])
    };
    assert_eq!(changes(first), json!([[], [], ["query", "router", "storage"], []]));
    assert_eq!(changes(second), json!([["storage"], ["query"], ["auditor"], ["router"]]));
    assert_eq!(changes(third), json!([[], [], [], ["auditor", "query", "storage"]]));
    assert_eq!((&second["head_sha"], &second["documents_corrected"]), (&json!(two), &json!(1)));
    assert_eq!((third.get("head_sha"), &third["snapshot"]), (None, &json!("sweep:2026-04-28")));
    let query = &second["phases"][1];
    let expected = json!({
        "phase": "query", "status": "swept", "mark": "partial", "claims_verified": 2, "claims_partial": 2,
        "claims_fake": 0, "change": "repaired",
    });
    assert_eq!(*query, expected);
    // Only the latest sweep fails a check.
    let fails = || lab.run(&["drift", "--fail-on", "regressed"]).status.code();
    assert_eq!(fails(), Some(0));
    lab.append("phase_sweep_findings", sweep("router", "2026-04-29T09:00:00Z", None, [2, 3, 0]));
    lab.run_once();
    assert_eq!(fails(), Some(1));
    let late = json_of(&lab.run(&["drift", "--json", "--since", "2026-04-29"]));
    assert_eq!(changes(&late["snapshots"][0]), json!([["router"], [], [], []]));
    let table = String::from_utf8(lab.run(&["drift"]).stdout).unwrap();
    assert!(
        table.contains("the latest sweep, sweep:2026-04-29: 1 phases, 1 regressed, 0 repaired"),
        "{table}"
    );
}

#[test]
fn an_empty_output_has_views_of_nothing() {
    let lab = Lab::new();
    for (command, member) in [("ledger", "entries"), ("playbooks", "playbooks"), ("drift", "snapshots")] {
        assert_eq!(json_of(&lab.run(&[command, "--json"]))[member], json!([]));
        assert!(lab.run(&[command]).status.success());
        assert_eq!(lab.run(&[command, "--json", "--markdown"]).status.code(), Some(64));
    }
}

/// The daemon; killed when a test fails.
struct Daemon(std::process::Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_person_takes_a_run_out_of_every_view_and_back_in_again_while_the_daemon_runs() {
    let lab = Lab::new();
    reviews_with_a_failing_gate(&lab, "src/a.rs", true);
    let null = std::process::Stdio::null;
    let daemon = Daemon(lab.distilld().arg("run").stdout(null()).stderr(null()).spawn().unwrap());
    let sees = |what: &str, category: &str, playbooks: usize| {
        wait_until(what, || {
            let ledger = lab.lines("views/model_ledger.jsonl");
            let strong = ledger.iter().find(|entry| entry["model_name"] == "kimi-k2:1t");
            let runs = lab.lines("views/runs.jsonl");
            strong.is_some_and(|entry| entry[category] == 1)
                && lab.lines("views/playbooks.jsonl").len() == playbooks
                && runs
                    .iter()
                    .any(|run| run["models"] == json!(["kimi-k2:1t"]) && run["category"] == category)
        });
    };
    sees("the run is accepted", "accepted", 1);
    let run = lab.lines("views/playbooks.jsonl")[0]["source_run_ids"][0].as_str().unwrap().to_owned();
    let say = |action: &str| {
        let said = lab.run(&["override", &run, "--action", action, "--reason", "seen", "--actor", "ann"]);
        assert!(said.status.success(), "{said:?}");
    };
    say("reject");
    sees("the run is rejected", "rejected", 0);
    let weak = &lab.lines("views/model_ledger.jsonl")[0];
    assert_eq!((&weak["model_name"], weak.get("best_partner_model")), (&json!("gpt-oss:20b"), None));
    say("review");
    let is_queued = || {
        let queue = lab.lines("views/review_queue.jsonl");
        queue.iter().any(|item| item["run_id"] == run.as_str() && item["why"] == "rule.human")
    };
    wait_until("it is in the queue", is_queued);
    say("accept");
    sees("the run is accepted again", "accepted", 1);
    // The files of one commit take their places one after the other.
    wait_until("it is in the queue no more", || !is_queued());
    drop(daemon);
    // A start makes all of it from nothing.
    let of = |path: &str| fs::read(lab.out().join(path)).unwrap();
    let kept = VIEW_PATHS.map(of);
    lab.append("observer_ops", b"{}\n");
    lab.run_once();
    assert!(kept == VIEW_PATHS.map(of), "views that were kept differ from those made from nothing");
}

/// A byte of a view was changed between two runs, and the next view named the changed file as what it takes the place of: no
/// receipt had ever written that, so `verify` called the receipts damaged for good, and `repair` refused every output.
#[test]
fn a_view_that_somebody_changed_is_made_anew_and_no_receipt_speaks_for_it() {
    let lab = Lab::new();
    lab.append("scrum_reviews", (0..20).map(review_row).collect::<String>());
    lab.run_once();
    let path = lab.out().join("views/runs.jsonl");
    let runs = fs::read_to_string(&path).unwrap();
    // The last receipt names the view no more.
    lab.append("scrum_reviews", review_row(0));
    lab.run_once();
    fs::write(&path, runs.replacen("needs_human_review", "needs_human_rewiew", 1)).unwrap();
    lab.run_once();
    assert_eq!(fs::read_to_string(&path).unwrap(), runs);
    let verified = lab.run(&["verify", "--strict"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_view_that_was_changed_is_refused_and_what_is_advised_helps() {
    let lab = Lab::generated(5, 600);
    lab.run_once();
    let last = lab.receipts().pop().unwrap();
    assert_eq!(last["kind"], "view");
    let view = lab.out().join("views/runs.jsonl");
    let good = fs::read(&view).unwrap();
    let mut changed = good.clone();
    changed[good.len() / 2] ^= 1;
    fs::write(&view, &changed).unwrap();
    assert_eq!(lab.run(&["verify"]).status.code(), Some(1));
    let run = lab.run(&["run", "--once"]);
    assert_eq!(run.status.code(), Some(65), "{run:?}");
    assert!(String::from_utf8_lossy(&run.stderr).contains("distilld repair"), "{run:?}");
    assert!(lab.run(&["repair", "--dry-run"]).status.success());
    assert!(fs::read(&view).unwrap() == changed);
    assert!(lab.run(&["repair"]).status.success());
    lab.run_once();
    assert!(fs::read(&view).unwrap() == good);
    assert!(lab.run(&["verify", "--strict"]).status.success());
}
