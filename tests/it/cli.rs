//! The command line: exit codes, messages, JSON answers, config, custom streams, and what the exports hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Lab, review_row};

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fails unless the command ends with `code` and says so on one line that holds all of `words`.
#[track_caller]
fn check_refused(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("distilld: "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

/// Fails unless this config is refused with exit 78, naming key, value and what is allowed.
#[track_caller]
fn check_config(toml: &str, words: &[&str]) {
    let lab = Lab::new();
    lab.config(toml);
    for command in [&["run", "--once"][..], &["status"][..]] {
        check_refused(&lab.run(command), 78, words);
    }
    assert!(!lab.out().exists() && !lab.state().exists(), "a refused config leaves nothing behind");
}

#[test]
fn a_command_line_that_is_none_of_ours_ends_with_64() {
    let lab = Lab::new();
    for line in [
        &["fly"][..],
        &["run", "--twice"],
        &["run", "extra"],
        &["generate"],
        &["generate", "--rows", "many", "--into", "x"],
        &["--config"],
        &[],
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_distilld")).args(line).current_dir(lab.root()).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{line:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{line:?}");
    }
    for line in [&["--help"][..], &["--version"], &["run", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_distilld")).args(line).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    check_config("[batch]\nbytes = \"1 MiB\"\n", &["config.toml", "batch.bytes", "bytes_max", "rows_max"]);
    check_config("[bach]\n", &["bach", "batch"]);
    check_config("[stream.audits]\nalias = {}\ncolour = 1\n", &["stream.audits.colour", "schema_version"]);
}

#[test]
fn a_value_that_is_not_allowed_is_refused_with_what_is() {
    check_config("[batch]\nbytes_max = \"many\"\n", &["batch.bytes_max", "\"many\"", "16 MiB"]);
    check_config("[batch]\nbytes_max = 7\n", &["batch.bytes_max", "= 7", "16 MiB"]);
    check_config("[limits]\nline_bytes_max = \"2 GiB\"\n", &["limits.line_bytes_max", "\"2 GiB\"", "512"]);
    check_config("[limits]\nline_bytes_max = \"12 B\"\n", &["limits.line_bytes_max", "\"12 B\"", "256 B"]);
    check_config("[link]\nwindow = \"a day\"\n", &["link.window", "\"a day\"", "24h"]);
    check_config("[link]\nwindow = \"0s\"\n", &["link.window", "\"0s\"", "1s"]);
    check_config("[watch]\npoll_min = \"5s\"\npoll_max = \"1s\"\n", &["watch.poll_max", "\"1s\"", "5s"]);
    check_config("[batch]\nworkers = 0\n", &["batch.workers", "= 0", "1 to 64"]);
    check_config("[batch]\nrows_max = -1\n", &["batch.rows_max", "= -1"]);
    check_config("[scorer]\ngrounding_low = 1.5\n", &["scorer.grounding_low", "1.5", "0.0 to 1.0"]);
    check_config("[scorer]\ngrounding_low = nan\n", &["scorer.grounding_low", "nan", "0.0 to 1.0"]);
    check_config(
        "[scorer]\ngrounding_low = 0.9\n",
        &["scorer.grounding_low", "0.9", "scorer.grounding_high"],
    );
    check_config("[log]\nlevel = \"loud\"\n", &["log.level", "\"loud\"", "debug"]);
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    check_config("[batch]\n\nbytes_max = \n", &["config.toml line 3", "bytes_max ="]);
    check_config("[batch]\n[batch]\n", &["config.toml line 2", "batch"]);
}

#[test]
fn a_stream_that_cannot_be_is_refused() {
    check_config("[stream.Audits]\npath = \"x\"\n", &["stream.Audits.name", "\"Audits\"", "a-z"]);
    check_config("[stream.lab]\nrole = \"executor\"\n", &["stream.lab.path", "path"]);
    check_config(
        "[stream.lab]\npath = \"x\"\nrole = \"chef\"\n",
        &["stream.lab.role", "\"chef\"", "executor"],
    );
    check_config(
        "[stream.lab]\npath = \"x\"\ntime = \"at\"\n",
        &["stream.lab.time", "\"at\"", "/meta/run_id"],
    );
    check_config(
        "[stream.lab]\npath = \"x\"\nkind = \"play\"\n",
        &["stream.lab.kind", "\"play\"", "support"],
    );
    check_config("[stream.lab]\npath = \"x\"\nalias = { a = \"b\" }\n", &["stream.lab.alias", "pointers"]);
    check_config("[stream.audits]\nrun_id = \"/x\"\n", &["stream.audits.run_id", "\"/x\"", "alias"]);
    check_config(
        "[stream.audits.alias]\nours = \"theirs\"\n",
        &["stream.audits.alias.ours", "\"theirs\"", "pr_number"],
    );
    check_config("[[stream]]\npath = \"x\"\n", &["stream[0]", "name"]);
    check_config(
        "[[stream]]\nname = \"lab\"\npath = \"x\"\nrole = \"chef\"\n",
        &["stream[0].role", "\"chef\"", "human"],
    );
    let twice = "[[stream]]\nname = \"lab\"\npath = \"x\"\n[[stream]]\nname = \"lab\"\npath = \"y\"\n";
    check_config(twice, &["stream[1].name", "\"lab\"", "once"]);
}

#[test]
fn a_path_that_cannot_be_is_refused() {
    let lab = Lab::new();
    let refused = |kb: &Path, output: &Path, state: &Path, words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_distilld"))
            .current_dir(lab.root())
            .arg("--kb")
            .arg(kb)
            .arg("--output")
            .arg(output)
            .arg("--state")
            .arg(state)
            .args(["run", "--once"])
            .output()
            .unwrap();
        check_refused(&output, 78, words);
    };
    let (kb, out, state) = (lab.kb(), lab.out(), lab.state());
    refused(&lab.root().join("nowhere"), &out, &state, &["paths.kb", "nowhere", "folder"]);
    fs::write(lab.root().join("file"), "").unwrap();
    refused(&kb, &lab.root().join("file"), &state, &["paths.output", "file", "folder"]);
    refused(&kb, &out, &lab.root().join("file"), &["paths.state", "file", "folder"]);
    refused(&kb, &kb.join("out"), &state, &["paths.output", "paths.kb", "never written"]);
    refused(&kb, &out, &kb, &["paths.state", "paths.kb"]);
    refused(&kb, &out, &out, &["paths.state", "paths.output"]);
    let missing = Command::new(env!("CARGO_BIN_EXE_distilld"))
        .args(["--config", "/no/such/file", "status"])
        .output()
        .unwrap();
    check_refused(&missing, 78, &["/no/such/file", "No such file"]);
}

#[test]
fn the_answers_in_json_hold_the_counts() {
    let lab = Lab::new();
    let made = json_of(&lab.run(&[
        "generate",
        "--seed",
        "7",
        "--rows",
        "700",
        "--json",
        "--into",
        lab.kb().to_str().unwrap(),
    ]));
    assert_eq!(made["rows"], 700);
    let by_stream = made["streams"].as_object().unwrap();
    assert_eq!(by_stream.len(), 23);
    let lines = |stream: &str| memchr::memchr_iter(b'\n', &fs::read(lab.stream(stream)).unwrap()).count();
    let bytes: usize = by_stream.keys().map(|stream| fs::read(lab.stream(stream)).unwrap().len()).sum();
    assert_eq!(made["bytes"], bytes);
    assert!(by_stream.iter().all(|(stream, rows)| *rows == lines(stream)));

    let summary = lab.run_once();
    let totals = &summary["totals"];
    assert_eq!(totals["in"], by_stream.keys().map(|stream| lines(stream)).sum::<usize>());
    assert_eq!(summary["input_bytes"], bytes);
    let sum = |field: &str| -> u64 {
        summary["streams"].as_object().unwrap().values().map(|counts| counts[field].as_u64().unwrap()).sum()
    };
    for field in ["in", "out", "evidence", "quarantined", "duplicate", "blank"] {
        assert_eq!(totals[field], sum(field), "{field}");
    }
    let categories: u64 =
        summary["categories"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(totals["evidence"], categories);

    let status = lab.status();
    assert_eq!(&status["totals"], totals);
    assert_eq!((&status["lag_bytes"], &status["unknown_files"]), (&json!(0), &json!([])));
    let receipts = lab.receipts();
    let last = receipts.last().unwrap();
    assert_eq!(status["last_receipt"]["seq"], last["seq"]);
    assert_eq!(summary["last_seq"], last["seq"]);
    for (stream, of) in status["streams"].as_object().unwrap() {
        assert_eq!(of["counts"]["in"], lines(stream), "{stream}");
        assert_eq!(of["cursor"], fs::read(lab.stream(stream)).unwrap().len(), "{stream}");
        assert_eq!(
            (&of["lag_bytes"], &of["generation"], &of["present"]),
            (&json!(0), &json!(0), &json!(true))
        );
        let evidence = lab.lines(&format!("evidence/{stream}.jsonl")).len();
        assert_eq!(of["counts"]["evidence"], evidence, "{stream}");
    }
    let samples =
        ["rag/samples", "sft/instruction_response"].map(|e| lab.lines(&format!("exports/{e}.jsonl")).len());
    assert!(totals["exported"].as_u64().unwrap() >= samples.iter().sum::<usize>() as u64);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (a, b, c) = (Lab::generated(3, 230), Lab::generated(3, 230), Lab::generated(4, 230));
    let bytes = |lab: &Lab| fs::read(lab.stream("scrum_reviews")).unwrap();
    assert_eq!(bytes(&a), bytes(&b));
    assert_ne!(bytes(&a), bytes(&c));
}

#[test]
fn a_second_run_does_nothing_and_says_so() {
    let lab = Lab::generated(1, 230);
    let first = lab.run(&["run", "--once"]);
    assert!(first.status.success() && String::from_utf8_lossy(&first.stdout).contains("total"), "{first:?}");
    let (files, receipts) = (lab.promise2(), lab.receipts().len());
    let again = lab.run(&["run", "--once"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "nothing new: every row was distilled before\n");
    let summary = lab.run_once();
    assert_eq!(
        (&summary["totals"]["in"], &summary["streams"], &summary["input_bytes"]),
        (&json!(0), &json!({}), &json!(0))
    );
    crate::support::assert_same_files(&lab.promise2(), &files);
    assert_eq!(lab.receipts().len(), receipts);
    lab.append("scrum_reviews", review_row(1));
    assert_eq!(lab.run_once()["streams"]["scrum_reviews"]["in"], 1);
}

#[test]
fn status_before_the_first_run_writes_nothing() {
    let lab = Lab::generated(1, 230);
    let status = lab.status();
    assert_eq!((&status["totals"]["in"], &status["last_receipt"]), (&json!(0), &Value::Null));
    assert!(status["lag_bytes"].as_u64().unwrap() > 0);
    let plain = lab.run(&["status"]);
    assert!(plain.status.success() && String::from_utf8_lossy(&plain.stdout).contains("no receipt yet"));
    assert!(!lab.out().exists() && !lab.state().exists());
}

#[test]
fn the_shipped_config_works_on_the_shipped_fixtures_from_another_folder() {
    let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = Lab::new();
    let output = Command::new(env!("CARGO_BIN_EXE_distilld"))
        .current_dir(lab.root())
        .arg("--config")
        .arg(repo.join("config.toml"))
        .args(["--output", "out", "--state", "state", "run", "--once", "--json"])
        .output()
        .unwrap();
    let summary = json_of(&output);
    assert_eq!(summary["streams"].as_object().unwrap().len(), 23);
    let quarantined: usize = distilld::domain::streams::STREAMS
        .iter()
        .map(|stream| lab.lines(&format!("quarantine/{}.jsonl", stream.name())).len())
        .sum();
    assert_eq!(summary["totals"]["quarantined"], quarantined);
    assert!(summary["totals"]["exported"].as_u64().unwrap() > 0);
    let rows: usize = fs::read_dir(repo.join("fixtures/kb"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .chain([repo.join("fixtures/_observer/ops.jsonl")])
        .map(|path| fs::read_to_string(path).unwrap().lines().count())
        .sum();
    assert_eq!(summary["totals"]["in"], rows);
}

#[test]
fn a_file_that_is_no_stream_is_reported_until_the_config_makes_it_one() {
    let lab = Lab::new();
    lab.append("lab_notes", "{\"meta\":{\"at\":\"2026-04-26T14:03:11Z\",\"run\":\"r1\"},\"note\":\"hot\"}\n");
    lab.append("scrum_reviews", review_row(1));
    fs::write(lab.kb().join("notes.txt"), "no stream").unwrap();
    let run = lab.run(&["run", "--once", "--json"]);
    assert!(String::from_utf8_lossy(&run.stderr).contains("lab_notes.jsonl"), "{run:?}");
    assert_eq!(lab.status()["unknown_files"], json!(["lab_notes.jsonl"]));
    let table = lab.run(&["status"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("no stream: lab_notes.jsonl"));
}

#[test]
fn a_custom_stream_is_described_in_either_form() {
    let row = "{\"meta\":{\"at\":\"2026-04-26T14:03:11Z\",\"run\":\"r1\"},\"task\":9,\"m\":\"kimi-k2\",\"note\":\"hot\"}\n";
    let keys = "path = \"in/kb/lab_notes.jsonl\"\nkind = \"work\"\nrole = \"verifier\"\ntime = \"/meta/at\"\n\
        run_id = \"/meta/run\"\ntask_id = \"/task\"\nmodel = \"/m\"\ntext = \"/note\"\n";
    for head in ["[stream.lab_notes]\n", "[[stream]]\nname = \"lab_notes\"\n"] {
        let lab = Lab::new();
        lab.config(&format!("{head}{keys}"));
        lab.append("lab_notes", [row, "{\"meta\":{}}\n"].concat());
        let summary = lab.run_once();
        assert_eq!(
            (&summary["streams"]["lab_notes"]["in"], &lab.status()["unknown_files"]),
            (&json!(2), &json!([]))
        );
        let evidence = &lab.lines("evidence/lab_notes.jsonl")[0];
        for (field, expected) in [
            ("run_id", "r1"),
            ("task_id", "9"),
            ("model_role", "verifier"),
            ("kind", "work"),
            ("model_name", "kimi-k2"),
            ("text", "hot"),
            ("timestamp", "2026-04-26T14:03:11.000Z"),
            ("source_stream", "lab_notes"),
        ] {
            assert_eq!(evidence[field], expected, "{head}: {field}");
        }
        assert_eq!(evidence["provenance"]["source_file"], "data/_kb/lab_notes.jsonl");
        assert_eq!(lab.lines("quarantine/lab_notes.jsonl")[0]["reason"], "missing_field:/meta/at");
    }
}

#[test]
fn a_producers_other_names_are_mapped() {
    let row = r#"{"path":"src/a.rs","when":"2026-04-26T14:03:11Z","accepted_model":"kimi-k2","body":"fine","schema_version":4}"#;
    let lab = Lab::new();
    lab.append("scrum_reviews", format!("{row}\n"));
    lab.config("[stream.scrum_reviews]\nschema_version = 4\n[stream.scrum_reviews.alias]\npath = \"file\"\nwhen = \"reviewed_at\"\nreview = \"body\"\n");
    assert_eq!(lab.run_once()["totals"]["evidence"], 1);
    let evidence = &lab.lines("evidence/scrum_reviews.jsonl")[0];
    assert_eq!((&evidence["task_id"], &evidence["text"]), (&json!("file:src/a.rs"), &json!("fine")));
    // Without the aliases it is another set of rules: the output must not be continued.
    lab.config("");
    check_refused_65(&lab);
}

#[track_caller]
fn check_refused_65(lab: &Lab) {
    let output = lab.run(&["run", "--once"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.lines().last().unwrap().contains("distilld replay"), "{said}");
}

fn place(provenance: &Value) -> String {
    format!("{} {} {}", provenance["source_file"], provenance["generation"], provenance["line_offset"])
}

#[track_caller]
fn check_keys(sample: &Value, keys: &[&str]) {
    let there: BTreeSet<&str> = sample.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(there, keys.iter().copied().collect(), "{sample}");
    for (key, value) in sample.as_object().unwrap() {
        assert!(!value.is_null() && *value != json!([]), "{key} of {sample}");
    }
}

fn first16(content: &[u8]) -> String {
    faster_hex::hex_string(&Sha256::digest(content))[..16].to_owned()
}

#[test]
fn every_sample_is_backed_by_its_category_and_named_by_its_content() {
    let lab = Lab::generated(11, 4000);
    lab.run_once();
    let mut categories = BTreeMap::new();
    for stream in distilld::domain::streams::STREAMS {
        for score in lab.lines(&format!("scored-runs/{}.jsonl", stream.name())) {
            categories.insert(place(&score["provenance"]), score["category"].as_str().unwrap().to_owned());
        }
    }
    // Later scores count; there are none yet where nothing is linked.
    let mut rescored = lab.lines("scored-runs/rescored.jsonl");
    rescored.sort_by_key(|score| score["score_seq"].as_u64());
    for score in rescored {
        categories.insert(place(&score["provenance"]), score["category"].as_str().unwrap().to_owned());
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let sft = lab.lines("exports/sft/instruction_response.jsonl");
    let rag = lab.lines("exports/rag/samples.jsonl");
    assert!(sft.len() > 10 && rag.len() > 50, "{} and {}", sft.len(), rag.len());
    let mut groups = BTreeMap::new();
    for sample in &sft {
        check_keys(
            sample,
            &[
                "schema_version",
                "sample_id",
                "task_type",
                "system",
                "instruction",
                "input",
                "response",
                "quality_score",
                "score_reasons",
                "scorer_version",
                "source_run_ids",
                "split",
                "split_group",
                "provenance",
            ],
        );
        assert_eq!(categories[&place(&sample["provenance"])], "accepted", "{sample}");
        assert_eq!(sample["quality_score"], "accepted");
        let content = format!("{}\0{}", text(&sample["instruction"]), text(&sample["response"]));
        assert_eq!(sample["sample_id"], format!("sft_{}", first16(content.as_bytes())));
        assert!(!text(&sample["response"]).is_empty() && !text(&sample["instruction"]).is_empty());
        let split = text(&sample["split"]);
        assert!(["train", "validation", "test"].contains(&split.as_str()));
        assert_eq!(
            groups.entry(text(&sample["split_group"])).or_insert(split.clone()),
            &split,
            "one group, one side"
        );
    }
    for sample in &rag {
        check_keys(
            sample,
            &[
                "schema_version",
                "sample_id",
                "title",
                "text",
                "task_type",
                "success_score",
                "source_run_ids",
                "tags",
                "content_sha256",
                "provenance",
            ],
        );
        let category = &categories[&place(&sample["provenance"])];
        assert!(["accepted", "partially_accepted"].contains(&category.as_str()), "{sample}");
        assert_eq!(sample["success_score"], category.as_str());
        let content = text(&sample["text"]);
        assert_eq!(sample["sample_id"], format!("rag_{}", first16(content.as_bytes())));
        assert_eq!(sample["content_sha256"], faster_hex::hex_string(&Sha256::digest(content.as_bytes())));
        let stream = text(&sample["provenance"]["source_file"]);
        let name = stream.rsplit('/').next().unwrap().trim_end_matches(".jsonl");
        assert!(sample["tags"].as_array().unwrap().contains(&json!(format!("stream:{name}"))), "{sample}");
    }
    for samples in [&sft, &rag] {
        let ids: BTreeSet<_> = samples.iter().map(|sample| text(&sample["sample_id"])).collect();
        assert_eq!(ids.len(), samples.len(), "one sample a content");
    }
}
