//! `distilld snapshot`: versions, equal bytes, the proof before publishing, the seal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use distilld::domain::schema::receipt::{OutputRange, ReceiptKind, RecordCounts};
use distilld::domain::schema::scalars::Sha256Hex;
use distilld::store::disk::RealDisk;
use distilld::store::receipts::Receipts;
use serde_json::{Value, json};

use crate::support::{Lab, assert_same_files, sha256_hex};

const SFT: &str = "exports/sft/instruction_response.jsonl";
const RAG: &str = "exports/rag/samples.jsonl";
const PREFERENCE: &str = "exports/preference/chosen_rejected.jsonl";

fn snapshots(lab: &Lab) -> PathBuf {
    lab.root().join("D")
}

fn snapshot(lab: &Lab, more: &[&str]) -> Output {
    let into = snapshots(lab);
    let arguments = [&["snapshot", "--json", "--into", into.to_str().unwrap()], more].concat();
    lab.run(&arguments)
}

/// A snapshot that must be made; what it answers.
#[track_caller]
fn published(lab: &Lab, more: &[&str]) -> Value {
    let output = snapshot(lab, more);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A snapshot that must be refused, on one line with these words, and that leaves nothing behind.
#[track_caller]
fn refused(lab: &Lab, exit: i32, words: &[&str]) {
    let before = tree(&snapshots(lab));
    let output = snapshot(lab, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    assert_same_files(&tree(&snapshots(lab)), &before);
}

/// Every file below a folder.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The rows of all files of a version whose path starts so.
fn rows(lab: &Lab, prefix: &str) -> Vec<Value> {
    let files = tree(&snapshots(lab));
    let of = files.iter().filter(|(name, _)| name.starts_with(prefix) && name.ends_with(".jsonl"));
    of.flat_map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap().lines().map(parse).collect::<Vec<_>>())
        .collect()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn json_file(lab: &Lab, path: &str) -> Value {
    parse(&fs::read_to_string(snapshots(lab).join(path)).unwrap())
}

/// A review that the gates passed, so that it is accepted.
fn accepted(run: &str, file: &str, review: &str) -> String {
    let row = json!({"file": file, "reviewed_at": "2026-04-26T14:03:11Z", "accepted_model": "kimi-k2", "run_id": run,
        "verdict": "accept", "review": review, "gates": {"g1": true}});
    format!("{row}\n")
}

/// One that a gate failed, so that it is rejected.
fn rejected(run: &str, file: &str, review: &str) -> String {
    accepted(run, file, review).replace("\"g1\":true", "\"g1\":false")
}

/// Replaces an export, with the receipt that covers it.
fn commit_export(lab: &Lab, path: &str, lines: &str) {
    let full = lab.out().join(path);
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    fs::write(&full, lines).unwrap();
    let disk = RealDisk::default();
    let mut receipts = Receipts::read(&disk, &lab.out()).unwrap();
    let mut receipt = receipts.last.clone().unwrap();
    receipt.seq += 1;
    receipt.prev_sha256 = receipts.head;
    receipt.kind = ReceiptKind::Replace;
    receipt.input_files.clear();
    receipt.record_counts = RecordCounts::default();
    receipt.output_files = vec![OutputRange {
        path: path.to_owned(),
        from: 0,
        to: lines.len() as u64,
        rows: lines.lines().count() as u64,
        sha256: Sha256Hex::of(lines.as_bytes()),
        ..receipt.output_files.pop().unwrap_or_else(|| panic!("the last receipt wrote nothing"))
    }];
    receipts.append(&disk, receipt).unwrap();
}

fn text_of(lab: &Lab, path: &str) -> String {
    fs::read_to_string(lab.out().join(path)).unwrap()
}

#[test]
fn equal_inputs_give_equal_bytes_whatever_the_history() {
    let whole = Lab::generated(5, 3000);
    whole.run_once();
    let first = published(&whole, &["--seal"]);
    assert!(
        first["samples"]["sft"].as_u64().unwrap() > 20 && first["samples"]["rag"].as_u64().unwrap() > 100
    );

    // The same streams, a third at a time, in commits of a few rows, with a restart in between.
    let pieces = Lab::new();
    pieces.config("[batch]\nrows_max = 7\nworkers = 3\n");
    for third in 0..3 {
        for stream in distilld::domain::streams::STREAMS {
            let text = fs::read_to_string(whole.stream(stream.name())).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            let (from, to) = (lines.len() * third / 3, lines.len() * (third + 1) / 3);
            pieces.append(stream.name(), lines[from..to].concat());
        }
        pieces.run_once();
    }
    published(&pieces, &["--seal"]);
    assert_same_files(&tree(&snapshots(&whole)), &tree(&snapshots(&pieces)));
    let root = whole.root().to_str().unwrap();
    for (name, bytes) in tree(&snapshots(&whole)) {
        assert!(!String::from_utf8(bytes).unwrap().contains(root), "{name} names a path of this machine");
    }
}

#[test]
fn samples_stand_in_canonical_order_and_are_those_of_the_exports() {
    let lab = Lab::generated(5, 3000);
    lab.run_once();
    published(&lab, &[]);
    for (export, folder) in [(SFT, "v1.0/canonical/sft"), (RAG, "v1.0/canonical/rag")] {
        let files = tree(&snapshots(&lab).join(folder));
        let mut ids = Vec::new();
        for text in files.into_values().map(|bytes| String::from_utf8(bytes).unwrap()) {
            let rows: Vec<Value> = text.lines().map(parse).collect();
            let key = |row: &Value| {
                let at = &row["provenance"];
                let text = at["source_file"].as_str().unwrap().to_owned();
                (text, at["generation"].as_u64().unwrap(), at["line_offset"].as_u64().unwrap())
            };
            assert!(rows.is_sorted_by_key(key), "{folder}");
            assert!(rows.windows(2).all(|two| two[0]["split"] == two[1]["split"]), "one split a file");
            ids.extend(rows.iter().map(|row| row["sample_id"].as_str().unwrap().to_owned()));
        }
        let mut exported: Vec<_> =
            lab.lines(export).iter().map(|row| row["sample_id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        exported.sort();
        assert_eq!(ids, exported);
    }
    // Every view of a split has the lines of the canonical file.
    let canonical = rows(&lab, "v1.0/canonical/sft/train");
    let trl = rows(&lab, "v1.0/trl/sft/train");
    let ids = rows(&lab, "v1.0/openai/ids/sft_train");
    assert_eq!((canonical.len(), canonical.len()), (trl.len(), ids.len()));
    for ((row, trl), id) in canonical.iter().zip(&trl).zip(&ids) {
        assert_eq!(row["response"], trl["completion"][0]["content"]);
        assert_eq!(row["sample_id"], id["sample_id"]);
    }
}

#[test]
fn every_run_that_said_the_same_is_listed_and_no_other() {
    let lab = Lab::new();
    let text = "The retry has no ceiling.";
    lab.append(
        "scrum_reviews",
        [
            accepted("first", "src/a.rs", text),
            accepted("elsewhere", "src/b.rs", text),
            accepted("second", "src/a.rs", text),
            accepted("other", "src/a.rs", "Another text."),
        ]
        .concat(),
    );
    lab.run_once();
    published(&lab, &[]);
    let runs = |folder: &str| -> Vec<Value> {
        let rows = rows(&lab, folder).into_iter();
        rows.filter(|row| row.to_string().contains(text)).map(|row| row["source_run_ids"].clone()).collect()
    };
    // A text is one sample to retrieve; to train on, it is one under each instruction.
    assert_eq!(runs("v1.0/canonical/rag"), [json!(["first", "elsewhere", "second"])]);
    let mut sft = runs("v1.0/canonical/sft");
    sft.sort_by_key(ToString::to_string);
    assert_eq!(sft, [json!(["elsewhere"]), json!(["first", "second"])]);
}

#[test]
fn a_removal_is_a_major_version_an_addition_a_minor_one_and_nothing_is_none() {
    let lab = Lab::new();
    lab.append("scrum_reviews", accepted("r1", "src/a.rs", "One.") + &accepted("r2", "src/b.rs", "Two."));
    lab.run_once();
    let first = published(&lab, &[]);
    assert_eq!(
        (&first["version"], &first["published"], &first["added"]),
        (&json!("1.0"), &json!(true), &json!(0))
    );
    assert!(!snapshots(&lab).join("v1.0/CHANGES.md").exists());

    let before = tree(&snapshots(&lab));
    let again = published(&lab, &[]);
    assert_eq!((&again["version"], &again["published"]), (&json!("1.0"), &json!(false)));
    assert_same_files(&tree(&snapshots(&lab)), &before);

    lab.append("scrum_reviews", accepted("r3", "src/c.rs", "Three."));
    lab.run_once();
    let minor = published(&lab, &[]);
    assert_eq!(
        (&minor["version"], &minor["added"], &minor["retracted"]),
        (&json!("1.1"), &json!(2), &json!(0))
    );
    let changes = json_file(&lab, "v1.1/changes.json");
    let id = format!("sft_{}", &sha256_hex(b"Review the file `src/c.rs`.\0Three.")[..16]);
    assert_eq!(changes["added"]["sft"], json!([id]));
    assert_eq!(changes["retracted"], json!({"rag": [], "sft": [], "preference": []}));

    // The sample of src/b.rs is taken back.
    let text = text_of(&lab, SFT);
    let (gone, kept): (Vec<_>, Vec<_>) = text.split_inclusive('\n').partition(|line| line.contains("Two."));
    let gone = parse(gone[0])["sample_id"].as_str().unwrap().to_owned();
    commit_export(&lab, SFT, &kept.concat());
    let major = published(&lab, &[]);
    assert_eq!(
        (&major["version"], &major["added"], &major["retracted"]),
        (&json!("2.0"), &json!(0), &json!(1))
    );
    assert_eq!(json_file(&lab, "v2.0/changes.json")["retracted"]["sft"], json!([gone]));
    let told = fs::read_to_string(snapshots(&lab).join("v2.0/CHANGES.md")).unwrap();
    assert!(told.contains(&format!("- `{gone}`")) && told.contains("taken back"), "{told}");
    assert!(rows(&lab, "v2.0/").iter().all(|row| !row.to_string().contains("Two.")
        || row["_id"].is_string()
        || row["sample_id"].as_str().is_some_and(|id| id.starts_with("rag_"))));

    let listed = fs::read_to_string(snapshots(&lab).join("versions.jsonl")).unwrap();
    let versions: Vec<_> = listed.lines().map(|line| parse(line)["version"].clone()).collect();
    assert_eq!(versions, ["1.0", "1.1", "2.0"]);
    let manifest = json_file(&lab, "v2.0/manifest.json");
    assert_eq!(manifest["previous"]["version"], "1.1");
    let named = fs::read(snapshots(&lab).join("v1.1/manifest.json")).unwrap();
    assert_eq!(manifest["previous"]["manifest_sha256"], sha256_hex(&named));
    assert_eq!(json_file(&lab, "v2.0/croissant.json")["version"], "2.0.0");
}

#[test]
fn a_sample_that_changes_its_runs_alone_makes_a_minor_version() {
    let lab = Lab::new();
    lab.append("scrum_reviews", accepted("r1", "src/a.rs", "One."));
    lab.run_once();
    published(&lab, &[]);
    lab.append("scrum_reviews", accepted("r2", "src/a.rs", "One."));
    lab.run_once();
    let minor = published(&lab, &[]);
    assert_eq!(
        (&minor["version"], &minor["added"], &minor["changed"]),
        (&json!("1.1"), &json!(0), &json!(2))
    );
}

/// Two reviews, one accepted and one rejected, with the bytes of some file replaced by as many others.
#[track_caller]
fn check_leak(tamper: impl Fn(&Lab), words: &[&str]) {
    let lab = Lab::new();
    lab.append(
        "scrum_reviews",
        accepted("good", "src/a.rs", "Fine.") + &rejected("bad", "src/a.rs", "Poor."),
    );
    lab.run_once();
    published(&lab, &[]);
    tamper(&lab);
    refused(&lab, 1, &[&["nothing was published"], words].concat());
}

fn replace(lab: &Lab, path: &str, from: &str, to: &str) {
    let text = text_of(lab, path);
    assert!(text.contains(from) && from.len() == to.len(), "{from} in {text}");
    fs::write(lab.out().join(path), text.replace(from, to)).unwrap();
}

fn sft_id(response: &str) -> String {
    let content = format!("Review the file `src/a.rs`.\0{response}");
    format!("sft_{}", &sha256_hex(content.as_bytes())[..16])
}

#[test]
fn a_leak_is_named_and_nothing_is_published() {
    let (good, poor) = (sft_id("Fine."), sft_id("Poor."));
    let both = |lab: &Lab, from: &str, to: &str| replace(lab, SFT, from, to);
    // The row was judged anew, and the export was not told.
    check_leak(
        |lab| replace(lab, "scored-runs/scrum_reviews.jsonl", "\"accepted\"", "\"rejected\""),
        &["rag_", "samples.jsonl", "rejected", "2 more", "distilld verify"],
    );
    // A sample is made to look like that of the rejected row.
    check_leak(
        |lab| {
            let evidence = lab.lines("evidence/scrum_reviews.jsonl");
            let [good_row, bad_row] = [&evidence[0]["provenance"], &evidence[1]["provenance"]];
            let line = text_of(lab, SFT)
                .replace("Fine.", "Poor.")
                .replace(&good, &poor)
                .replace(&good_row.to_string(), &bad_row.to_string());
            commit_export(lab, SFT, &line);
        },
        &[&poor, "rejected"],
    );
    check_leak(|lab| both(lab, "Fine.", "Evil."), &["instruction_response.jsonl", "its id"]);
    check_leak(
        |lab| {
            both(lab, "Fine.", "Evil.");
            both(lab, &good, &sft_id("Evil."));
        },
        &[&sft_id("Evil."), "text"],
    );
    let sig_hash = |lab: &Lab| lab.lines(SFT)[0]["provenance"]["sig_hash"].as_str().unwrap().to_owned();
    check_leak(|lab| both(lab, &sig_hash(lab), &"0".repeat(64)), &[&good, "sig_hash"]);
    check_leak(|lab| both(lab, "\"line_offset\":0", "\"line_offset\":7"), &[&good, "no evidence"]);
    check_leak(|lab| both(lab, "\"accepted\"", "\"rejected\""), &["no sample", "quality_score"]);
    check_leak(
        |lab| {
            let line = text_of(lab, SFT);
            commit_export(lab, SFT, &line.repeat(2));
        },
        &[&good, "twice"],
    );
}

/// A lab with one pair, made as the exports make it.
fn lab_with_a_pair() -> (Lab, Value) {
    let lab = Lab::new();
    lab.append(
        "scrum_reviews",
        accepted("good", "src/a.rs", "Fine.") + &rejected("bad", "src/a.rs", "Poor."),
    );
    lab.run_once();
    let evidence = lab.lines("evidence/scrum_reviews.jsonl");
    let sft = &lab.lines(SFT)[0];
    let content = "Review the file `src/a.rs`.\0Fine.\0Poor.";
    let pair = json!({"schema_version": 1, "sample_id": format!("pref_{}", &sha256_hex(content.as_bytes())[..16]),
        "task_type": "scrum_reviews", "system": sft["system"], "instruction": sft["instruction"], "input": "",
        "chosen": "Fine.", "rejected": "Poor.", "reason": "one input, two outcomes", "chosen_run_id": "good",
        "rejected_run_id": "bad", "source_run_ids": ["good", "bad"], "split": sft["split"],
        "split_group": sft["split_group"],
        "provenance": [evidence[0]["provenance"], evidence[1]["provenance"]]});
    commit_export(&lab, PREFERENCE, &format!("{pair}\n"));
    (lab, pair)
}

#[test]
fn a_pair_reaches_every_trainer() {
    let (lab, pair) = lab_with_a_pair();
    assert_eq!(published(&lab, &[])["samples"]["preference"], 1);
    assert_eq!(rows(&lab, "v1.0/canonical/preference"), [pair]);
    assert_eq!(rows(&lab, "v1.0/trl/dpo")[0]["rejected"], json!([{"role": "assistant", "content": "Poor."}]));
    let labels: Vec<_> = rows(&lab, "v1.0/trl/kto").iter().map(|row| row["label"].clone()).collect();
    assert_eq!(labels, [true, false]);
    assert_eq!(rows(&lab, "v1.0/axolotl/dpo")[0]["chosen"]["content"], "Fine.");
    let info = json_file(&lab, "v1.0/llama_factory/dataset_info.json");
    let named =
        info.as_object().unwrap().values().map(|entry| entry["file_name"].as_str().unwrap().to_owned());
    for file in named {
        assert!(snapshots(&lab).join("v1.0/llama_factory").join(&file).is_file(), "{file}");
    }
    assert!(info.as_object().unwrap().keys().any(|name| name.starts_with("distilld_dpo")), "{info}");
}

#[test]
fn a_pair_whose_loser_is_not_rejected_is_refused() {
    let (lab, pair) = lab_with_a_pair();
    replace(&lab, "scored-runs/scrum_reviews.jsonl", "\"rejected\"", "\"accepted\"");
    refused(&lab, 1, &[pair["sample_id"].as_str().unwrap(), "its rejected row is accepted"]);
}

#[test]
fn a_seal_is_checked_by_sha256sum_and_broken_by_any_byte() {
    let lab = Lab::new();
    lab.append("scrum_reviews", accepted("r1", "src/a.rs", "One."));
    lab.run_once();
    published(&lab, &[]);
    let folder = snapshots(&lab).join("v1.0");
    assert!(!folder.join("SHA256SUMS").exists());
    // What is there already can be sealed too.
    assert_eq!(published(&lab, &["--seal"])["published"], false);
    let check = || {
        let output =
            Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&folder).output();
        output.unwrap()
    };
    let good = check();
    assert!(good.status.success(), "{good:?}");
    let files = tree(&folder);
    assert_eq!(
        String::from_utf8_lossy(&good.stdout).lines().count(),
        files.len() - 1,
        "every file but the sums"
    );
    let (name, bytes) = files.iter().find(|(name, _)| name.starts_with("canonical/sft")).unwrap();
    fs::write(folder.join(name), String::from_utf8_lossy(bytes).replace("One.", "Won.")).unwrap();
    assert!(!check().status.success());
}

#[test]
fn the_manifest_and_the_metadata_name_every_file_by_its_hash() {
    let (lab, _) = lab_with_a_pair();
    published(&lab, &["--seal", "--name", "reviews: \"all\"", "--license", "cc-by-4.0"]);
    let mut files = tree(&snapshots(&lab).join("v1.0"));
    let manifest = json_file(&lab, "v1.0/manifest.json");
    assert_eq!((&manifest["name"], &manifest["license"]), (&json!("reviews: \"all\""), &json!("cc-by-4.0")));
    assert_eq!(manifest["date_published"], "2026-04-26T14:03:11.000Z");
    assert!(manifest["selection"]["rules"].as_str().unwrap().contains("# How samples are made"));
    files.remove("manifest.json");
    files.remove("SHA256SUMS");
    let hashes = |list: &Value, path: &str| -> BTreeMap<String, String> {
        let list = list.as_array().unwrap().iter();
        list.map(|f| (f[path].as_str().unwrap().to_owned(), f["sha256"].as_str().unwrap().to_owned()))
            .collect()
    };
    let expected: BTreeMap<_, _> =
        files.iter().map(|(name, bytes)| (name.clone(), sha256_hex(bytes))).collect();
    assert_eq!(hashes(&manifest["files"], "path"), expected);
    let data = |name: &str| name.ends_with(".jsonl");
    let expected: BTreeMap<_, _> = expected.into_iter().filter(|(name, _)| data(name)).collect();
    let croissant = json_file(&lab, "v1.0/croissant.json");
    assert_eq!(hashes(&croissant["distribution"], "contentUrl"), expected);
    for (name, hash) in expected.iter().filter(|(name, _)| *name != "beir/corpus.jsonl") {
        assert!(name.contains(&hash[..12]), "{name} does not carry its hash");
    }
}

#[test]
fn without_samples_there_is_no_file_of_them_and_the_card_says_so() {
    let lab = Lab::new();
    lab.append("scrum_reviews", rejected("r1", "src/a.rs", "Poor."));
    lab.run_once();
    let answer = published(&lab, &["--seal"]);
    assert_eq!(answer["samples"], json!({"rag": 0, "sft": 0, "preference": 0}));
    let files = tree(&snapshots(&lab));
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let texts =
        ["README.md", "SHA256SUMS", "croissant.json", "manifest.json"].map(|name| format!("v1.0/{name}"));
    assert_eq!(names, texts.iter().map(String::as_str).chain(["versions.jsonl"]).collect::<Vec<_>>());
    let card = String::from_utf8(files["v1.0/README.md"].clone()).unwrap();
    for dataset in ["rag", "sft", "preference"] {
        assert!(card.contains(&format!("no {dataset} samples yet")), "{card}");
    }
    assert!(!card.contains("configs:"), "{card}");
    // The first samples are additions.
    lab.append("scrum_reviews", accepted("r2", "src/a.rs", "Fine."));
    lab.run_once();
    assert_eq!(published(&lab, &[])["version"], "1.1");
}

#[test]
fn what_cannot_be_a_snapshot_is_refused_with_the_remedy() {
    let lab = Lab::new();
    refused(&lab, 65, &["nothing is committed", "distilld run --once"]);
    lab.append("scrum_reviews", accepted("r1", "src/a.rs", "One."));
    lab.run_once();
    let inside = lab.kb().join("D");
    let output = lab.run(&["snapshot", "--into", inside.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(!inside.exists() && String::from_utf8_lossy(&output.stderr).contains("paths.kb"));
    lab.config("[link]\nwindow = \"2h\"\n");
    refused(&lab, 65, &["rules_version", "distilld replay"]);
    lab.config("");
    fs::create_dir_all(snapshots(&lab)).unwrap();
    let held = fs::File::open(snapshots(&lab)).unwrap();
    held.lock().unwrap();
    refused(&lab, 75, &["another distilld"]);
    // Closing would not do: a process that another test just forked has the file open until it is another program.
    held.unlock().unwrap();
    // What a killed snapshot left behind goes, and is not published.
    fs::create_dir_all(snapshots(&lab).join(".next/canonical")).unwrap();
    fs::write(snapshots(&lab).join(".next/canonical/half.jsonl"), "{").unwrap();
    published(&lab, &[]);
    assert!(tree(&snapshots(&lab)).keys().all(|name| !name.contains("half") && !name.contains(".next")));
}
