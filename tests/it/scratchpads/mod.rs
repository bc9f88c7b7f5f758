//! Scratchpads: what the grammar reads from labelled texts, and what the daemon and its command make of it.

mod labels;

use std::fs;
use std::path::Path;

use labels::{Labelled, labelled, measure};
use serde_json::{Value, json};

use crate::support::{Lab, assert_receipts_hold, assert_same_files};

const PRECISION_MIN: f64 = 0.95;
const RECALL_MIN: f64 = 0.85;

#[track_caller]
fn check_agreement<'l>(texts: impl Iterator<Item = &'l Labelled>, name_misses: bool) {
    let (by_field, misses) = measure(texts);
    for (field, agreement) in by_field {
        let (precision, recall) = (agreement.precision(), agreement.recall());
        println!("{field:22} {precision:.3} {recall:.3} {agreement:?}");
        assert!(agreement.labelled > 0, "no text is labelled with {field}");
        assert!(precision >= PRECISION_MIN && recall >= RECALL_MIN, "{field}: {agreement:?}");
    }
    println!("{} items are not as labelled", misses.len());
    for miss in misses.iter().filter(|_| name_misses) {
        println!("{} {} {} {:?}", miss.sign, miss.name, miss.field, miss.item);
    }
}

#[test]
fn texts_that_the_grammar_was_written_with_are_read_as_labelled() {
    check_agreement(labelled().iter().filter(|text| !text.is_held_out()), true);
}

#[test]
fn texts_that_are_held_out_are_read_as_labelled() {
    check_agreement(labelled().iter().filter(|text| text.is_held_out()), false);
}

#[test]
fn the_labelled_texts_are_all_there_and_a_third_of_them_is_held_out() {
    let texts = labelled();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scratchpads");
    let files = fs::read_dir(folder).unwrap().count() - 1;
    assert_eq!(files, texts.len(), "a text without a label, or a label without a text");
    let held_out = texts.iter().filter(|text| text.is_held_out()).count();
    assert!(texts.len() >= 60 && held_out * 3 >= texts.len(), "{held_out} of {}", texts.len());
}

/// A row of `scrum_reviews` with this review.
fn review(number: u32, review: &Value) -> String {
    let row = json!({
        "file": format!("src/f{number}.rs"), "reviewed_at": format!("2026-04-26T14:03:{:02}.000Z", number % 60),
        "accepted_model": "qwen3-coder:480b", "run_id": format!("run_{number}"), "review": review,
    });
    format!("{row}\n")
}

/// Four reviews (one without a text, one that says nothing) and an audit, distilled.
fn distilled() -> Lab {
    let lab = Lab::new();
    let full = "Objective: bound the retry\n- [x] read src/retry.rs\n- [ ] a ceiling\nDecision: 5 attempts\n\
                Open question: who calls it?\nTests: failed\nNext: `cargo test -p gateway`\n";
    lab.append("scrum_reviews", review(1, &json!(full)));
    lab.append("scrum_reviews", review(2, &json!("The loop is quadratic.")));
    lab.append("scrum_reviews", review(3, &json!({"completed_steps": ["read it"], "validation": "passed"})));
    lab.append("scrum_reviews", review(4, &Value::Null));
    let audit = json!({
        "pr_number": 7, "head_sha": "0123456789abcdef0123456789abcdef01234567", "audited_at": "2026-04-27T00:00:00Z",
        "overall": "approve", "findings": [
            {"check": "static", "severity": "info", "summary": "no empty bodies"},
            {"check": "inference", "severity": "warn", "summary": "TODO: name the test in src/audit/late.rs"},
        ],
    });
    lab.append("audits", format!("{audit}\n"));
    lab.run_once();
    lab
}

fn stdout_lines(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let output = lab.run(&[&["scratchpads"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn runs(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let lines = stdout_lines(lab, &[&["--json"], arguments].concat());
    let run =
        |line: &String| serde_json::from_str::<Value>(line).unwrap()["run_id"].as_str().unwrap().to_owned();
    lines.iter().map(run).collect()
}

#[test]
fn a_review_that_says_how_the_work_stands_has_a_line_in_row_order() {
    let lab = distilled();
    let lines = lab.lines("scratchpads/scrum_reviews.jsonl");
    let evidence = lab.lines("evidence/scrum_reviews.jsonl");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        json!({
            "schema_version": 1, "run_id": "run_1", "current_objective": "bound the retry",
            "completed_steps": ["read src/retry.rs"], "pending_steps": ["a ceiling"],
            "important_paths": ["src/retry.rs"], "decisions": ["5 attempts"],
            "unresolved_questions": ["who calls it?"], "validation_status": "failed",
            "next_command": "cargo test -p gateway", "source_scratchpad_hash": evidence[0]["output_hash"],
            "provenance": [evidence[0]["provenance"]],
        })
    );
    assert_eq!(
        (
            &lines[1]["completed_steps"],
            &lines[1]["validation_status"],
            &lines[1]["provenance"][0]["line_offset"]
        ),
        (&json!(["read it"]), &json!("passed"), &json!(2))
    );
    assert_eq!(
        lab.lines("scratchpads/audits.jsonl")[0]["pending_steps"],
        json!(["name the test in src/audit/late.rs"])
    );
    assert_receipts_hold(&lab);
}

#[test]
fn a_text_that_says_nothing_is_counted_and_listed_for_review() {
    let lab = distilled();
    let warnings: Vec<_> = lab
        .receipts()
        .iter()
        .flat_map(|receipt| receipt["warnings"].as_array().unwrap().clone())
        .filter(|warning| warning.as_str().unwrap().contains("scratchpad_empty"))
        .collect();
    assert_eq!(warnings, [json!("scrum_reviews:scratchpad_empty: 1 rows")]);
    let listed = stdout_lines(&lab, &["--empty", "--json"]);
    assert_eq!(listed.len(), 1, "a row without a text is nothing to review: {listed:?}");
    let row: Value = serde_json::from_str(&listed[0]).unwrap();
    assert_eq!(
        (&row["run_id"], &row["text_start"], &row["source_files"]),
        (&json!("run_2"), &json!("The loop is quadratic."), &json!(["src/f2.rs"]))
    );
    assert!(stdout_lines(&lab, &["--empty"]).join("\n").contains("1 texts that say nothing"));
}

#[test]
fn scratchpads_are_chosen_by_run_file_status_and_time() {
    let lab = distilled();
    let audit = runs(&lab, &["--since", "2026-04-27"]);
    assert_eq!(audit.len(), 1);
    assert!(audit[0].starts_with("audit:7:0123456789ab:"), "{audit:?}");
    assert_eq!(runs(&lab, &[]), [audit[0].as_str(), "run_1", "run_3"]);
    assert_eq!(runs(&lab, &["--run", "run_3"]), ["run_3"]);
    assert_eq!(runs(&lab, &["--status", "failed"]), ["run_1"]);
    assert_eq!(runs(&lab, &["--status", "not_run"]), audit);
    assert_eq!(runs(&lab, &["--file", "src/retry.rs"]), ["run_1"], "it is named in the text");
    assert_eq!(runs(&lab, &["--file", "f3.rs"]), ["run_3"], "the row is about it");
    assert_eq!(runs(&lab, &["--file", "3.rs"]), Vec::<String>::new(), "the end of a name is no file");
    assert_eq!(runs(&lab, &["--empty", "--file", "f2.rs"]), ["run_2"]);
    assert_eq!(runs(&lab, &["--empty", "--run", "run_1"]), Vec::<String>::new());
    let refused = lab.run(&["scratchpads", "--since", "yesterday"]);
    assert_eq!(refused.status.code(), Some(64));
}

#[test]
fn scratchpads_are_shown_as_a_table_and_as_markdown() {
    let lab = distilled();
    let table = stdout_lines(&lab, &[]).join("\n");
    assert!(table.contains("bound the retry") && table.contains("3 scratchpads"), "{table}");
    let markdown = stdout_lines(&lab, &["--markdown", "--run", "run_1"]).join("\n");
    for part in ["## run_1", "**Objective:** bound the retry", "- [x] read src/retry.rs", "- [ ] a ceiling"] {
        assert!(markdown.contains(part), "{part} is not in {markdown}");
    }
}

/// What was on disk: a review twice. Its scratchpad must not be there twice, and the hash in the receipt must be that of
/// what is written.
#[test]
fn a_duplicate_adds_no_scratchpad() {
    let lab = Lab::new();
    let rows = [
        review(1, &json!("TODO: a")),
        review(1, &json!("TODO: a")),
        review(2, &json!("TODO: b")),
        review(5, &json!("hm")),
        review(5, &json!("hm")),
    ];
    lab.append("scrum_reviews", rows.concat());
    lab.run_once();
    assert_eq!(runs(&lab, &[]), ["run_1", "run_2"]);
    assert_eq!(runs(&lab, &["--empty"]), ["run_5"]);
    assert!(
        lab.receipts()
            .iter()
            .any(|receipt| receipt["warnings"].to_string().contains("scratchpad_empty: 1 rows"))
    );
    assert_receipts_hold(&lab);
}

#[test]
fn scratchpads_do_not_depend_on_batches() {
    let one = Lab::generated(11, 3000);
    one.run_once();
    let many = Lab::generated(11, 3000);
    many.config("[batch]\nrows_max = 7\n");
    many.run_once();
    let files = one.promise2();
    assert!(files.keys().filter(|name| name.starts_with("scratchpads/")).count() == 2, "{:?}", files.keys());
    assert_same_files(&files, &many.promise2());
    assert_receipts_hold(&one);
}

#[test]
fn golden_rows_give_golden_scratchpads() {
    let lab = Lab::new();
    let golden = |stream: &str, file: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(stream).join(file)
    };
    for stream in ["audits", "scrum_reviews"] {
        lab.append(stream, fs::read(golden(stream, "in.jsonl")).unwrap());
    }
    lab.run_once();
    for stream in ["audits", "scrum_reviews"] {
        let made =
            fs::read_to_string(lab.out().join(format!("scratchpads/{stream}.jsonl"))).unwrap_or_default();
        let path = golden(stream, "scratchpads.jsonl");
        if std::env::var_os("DISTILLD_BLESS").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert_eq!(made, fs::read_to_string(&path).unwrap(), "{}", path.display());
    }
}
