//! `distilld verify`: whoever changes what was written is found out, and the place is named; nobody else is accused.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use distilld::domain::rules::Rules;
use distilld::domain::schema::receipt::Receipt;
use distilld::domain::streams::STREAMS;
use distilld::pipeline::streams::StreamSet;
use distilld::store::disk::RealDisk;
use distilld::store::{Commit, Store};
use serde_json::{Value, json};

use crate::forge::{Forge, with_check};
use crate::support::{Lab, review_row, sha256_hex, wait_until};

const EVIDENCE: &str = "evidence/scrum_reviews.jsonl";
const SCORED: &str = "scored-runs/scrum_reviews.jsonl";
const QUARANTINE: &str = "quarantine/scrum_reviews.jsonl";
const PADS: &str = "scratchpads/scrum_reviews.jsonl";
const RAG: &str = "exports/rag/samples.jsonl";
const SFT: &str = "exports/sft/instruction_response.jsonl";
const RECEIPTS: &str = "receipts/receipts.jsonl";
const RESCORED: &str = "scored-runs/rescored.jsonl";
const PAIRS: &str = "exports/preference/chosen_rejected.jsonl";
const RETRACTIONS: &str = "exports/retractions.jsonl";

/// An output with something of everything, to which it can be put back.
struct Scene {
    lab: Lab,
}

impl Scene {
    /// Rows of all streams in several commits, with duplicates, blank and bad rows, rows without a time, and a rotation.
    fn new() -> Self {
        let lab = Lab::generated(29, 1500);
        lab.config("[batch]\nbytes_max = \"256 KiB\"\n");
        for number in [1, 2, 3, 1] {
            lab.append("scrum_reviews", review_row(number));
        }
        lab.append("scrum_reviews", "{\"file\":1}\n\nnot json\n{\"file\":\"a\"} x\n");
        let vote = r#"{"pr_number":7,"head_sha":"0123456789abcdef0123456789abcdef01234567","claim_idx":1,"votes":[],"resolution":"backed"}"#;
        lab.append("audit_discrepancies", format!("{vote}\n"));
        lab.run_once();
        let stream = lab.stream("scrum_reviews");
        fs::rename(&stream, stream.with_extension("jsonl.1")).unwrap();
        lab.append("scrum_reviews", [review_row(3), review_row(4), "[]\n".to_owned()].concat());
        lab.run_once();
        lab.append("scrum_reviews", (10..40).map(review_row).collect::<String>());
        lab.append("audit_discrepancies", format!("{}\n", vote.replace(":7,", ":8,")));
        lab.run_once();
        // A person takes a sample back.
        let run = lab.lines(SFT)[0]["source_run_ids"][0].as_str().unwrap().to_owned();
        let word = json!({"ts": "2030-01-01T00:00:00.000Z", "action": "reject", "run_id": run, "reason": "r", "actor": "a"});
        lab.append("human_overrides", format!("{word}\n"));
        lab.run_once();
        let scene = Self { lab };
        scene.keep("kept");
        scene
    }

    fn keep(&self, name: &str) {
        copy(&self.lab.out(), &self.lab.root().join(name));
    }

    fn put_back(&self, name: &str) {
        fs::remove_dir_all(self.lab.out()).unwrap();
        copy(&self.lab.root().join(name), &self.lab.out());
    }

    fn path(&self, file: &str) -> PathBuf {
        self.lab.out().join(file)
    }

    /// The damage is found: exit 1, and the first thing named is in this file (and on this line, from 0).
    #[track_caller]
    fn assert_found(&self, what: &str, file: &str, line: Option<usize>, damage: impl FnOnce(&Self)) {
        self.put_back("kept");
        damage(self);
        let (code, answer) = verify(&self.lab, &[]);
        println!("{what}: {}", answer["findings"][0]);
        assert_eq!(code, 1, "{what}: {answer}");
        let first = &answer["findings"][0];
        assert_eq!(first["file"], file, "{what}: {first}");
        if let Some(line) = line {
            assert_eq!(first["line"], line + 1, "{what}: {first}");
        }
        assert!(!first["what"].as_str().unwrap().is_empty() && answer["ok"] == false, "{what}");
    }

    /// The forgery is found.
    #[track_caller]
    fn assert_forgery_found(
        &self,
        what: &str,
        file: &str,
        line: Option<usize>,
        damage: impl FnOnce(&mut Forge),
    ) {
        self.assert_found(what, file, line, |scene| {
            let mut forge = Forge::new(&scene.lab);
            damage(&mut forge);
            forge.write();
        });
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// `verify --json` with more arguments: exit code and answer.
#[track_caller]
fn verify(lab: &Lab, arguments: &[&str]) -> (i32, Value) {
    let output = lab.run(&[&["verify", "--json"], arguments].concat());
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    (output.status.code().unwrap(), answer)
}

#[track_caller]
fn assert_holds(lab: &Lab, arguments: &[&str]) -> Value {
    let (code, answer) = verify(lab, arguments);
    assert_eq!((code, &answer["findings"], &answer["ok"]), (0, &json!([]), &json!(true)), "{answer}");
    answer
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn set_lines(path: &Path, lines: &[String]) {
    fs::write(path, lines.concat()).unwrap();
}

/// Flips the lowest bit of a byte in the middle of a line.
fn flip(path: &Path, line: usize) {
    let mut lines: Vec<Vec<u8>> = lines(path).into_iter().map(String::into_bytes).collect();
    let middle = lines[line].len() / 2;
    lines[line][middle] ^= 1;
    fs::write(path, lines.concat()).unwrap();
}

#[test]
fn untouched_outputs_hold_and_the_summary_says_what_was_looked_at() {
    let scene = Scene::new();
    let before = contents(&scene.lab.out());
    let answer = assert_holds(&scene.lab, &["--strict"]);
    let (checked, totals) = (&answer["checked"], &scene.lab.status()["totals"]);
    assert_eq!(checked["rows"], totals["in"]);
    assert_eq!(checked["receipts"], scene.lab.receipts().len());
    let samples: usize = [RAG, SFT, PAIRS].into_iter().map(|file| lines(&scene.path(file)).len()).sum();
    assert_eq!(checked["samples"], samples);
    let bytes =
        |file: &(PathBuf, Vec<u8>)| if file.0.starts_with(scene.path("receipts")) { 0 } else { file.1.len() };
    assert_eq!(checked["output_bytes"], before.iter().map(bytes).sum::<usize>());
    let text = scene.lab.run(&["verify"]);
    assert!(
        text.status.success() && String::from_utf8_lossy(&text.stdout).contains("all of it holds"),
        "{text:?}"
    );
    assert_eq!(contents(&scene.lab.out()), before, "verify wrote something");
    // Rows that nobody read yet are no damage.
    scene.lab.append("audits", "half a row");
    assert_holds(&scene.lab, &[]);
}

fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path))
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()))
        }
    }
    found.sort();
    found
}

#[test]
fn nothing_at_all_holds() {
    let lab = Lab::new();
    let answer = assert_holds(&lab, &[]);
    assert_eq!(answer["checked"]["receipts"], 0);
    assert!(!lab.out().exists());
}

#[test]
fn any_change_to_any_kind_of_file_is_found_and_named() {
    let scene = Scene::new();
    for file in [EVIDENCE, SCORED, QUARANTINE, RAG, SFT] {
        let path = scene.path(file);
        let count = lines(&path).len();
        assert!(count >= 4, "{file} has {count} lines");
        let (middle, last) = (count / 2, count - 1);
        let of_rows = !file.starts_with("exports/");
        let at = |line: usize| of_rows.then_some(line);
        let found = |what: &str, line: Option<usize>, change: &dyn Fn(&mut Vec<String>)| {
            scene.assert_found(&format!("{file}: {what}"), file, line, |_| {
                let mut lines = lines(&path);
                change(&mut lines);
                set_lines(&path, &lines);
            });
        };
        found("a line removed", at(middle), &|lines| drop(lines.remove(middle)));
        found("the first line removed", at(0), &|lines| drop(lines.remove(0)));
        found("the last line removed", None, &|lines| drop(lines.pop()));
        found("a line doubled", at(middle + 1), &|lines| lines.insert(middle, lines[middle].clone()));
        found("two lines swapped", at(middle - 1), &|lines| lines.swap(middle - 1, middle));
        found("the first line moved to the end", at(0), &|lines| lines.rotate_left(1));
        found("a line added", Some(count), &|lines| lines.push(lines[0].clone()));
        found("half a line added", Some(count), &|lines| lines.push("{\"schema".to_owned()));
        found("a line cut short", at(middle), &|lines| lines[middle].truncate(9));
        found("emptied", None, &|lines| lines.clear());
        found("a space in a line", at(middle), &|lines| lines[middle].insert(1, ' '));
        for line in [0, middle, last] {
            scene.assert_found(&format!("{file}: a byte of line {line} flipped"), file, at(line), |_| {
                flip(&path, line);
            });
        }
        scene.assert_found(&format!("{file}: deleted"), file, None, |_| fs::remove_file(&path).unwrap());
    }
    for file in [
        "evidence/stranger.jsonl",
        "exports/sft/more.jsonl",
        "views/x",
        "receipts/receipts-9.jsonl",
        "receipts/x",
    ] {
        scene.assert_found(&format!("{file} made up"), file, None, |scene| {
            fs::create_dir_all(scene.path(file).parent().unwrap()).unwrap();
            fs::write(scene.path(file), "{}\n").unwrap();
        });
    }
}

#[test]
fn any_change_to_the_receipts_is_found_and_named() {
    let scene = Scene::new();
    let path = scene.path(RECEIPTS);
    let count = lines(&path).len();
    assert!(count >= 6, "{count} receipts");
    let (middle, last) = (count / 2, count - 1);
    let found = |what: &str, file: &str, line: Option<usize>, change: &dyn Fn(&mut Vec<String>)| {
        scene.assert_found(what, file, line, |_| {
            let mut lines = lines(&path);
            change(&mut lines);
            set_lines(&path, &lines);
        });
    };
    let receipts = |what: &str, line: usize, change: &dyn Fn(&mut Vec<String>)| {
        found(what, RECEIPTS, Some(line), change)
    };
    receipts("a receipt removed", middle, &|lines| drop(lines.remove(middle)));
    receipts("genesis removed", 0, &|lines| drop(lines.remove(0)));
    receipts("a receipt doubled", middle + 1, &|lines| lines.insert(middle, lines[middle].clone()));
    receipts("two receipts swapped", middle - 1, &|lines| lines.swap(middle - 1, middle));
    receipts("the last receipt cut short", last, &|lines| lines[last].truncate(100));
    receipts("the last receipt without its newline", last, &|lines| {
        lines[last].pop();
    });
    receipts("a receipt cut short", middle, &|lines| lines[middle].truncate(100));
    receipts("a line that is none", count, &|lines| lines.push("{}\n".to_owned()));
    receipts("an empty line", middle, &|lines| lines.insert(middle, "\n".to_owned()));
    for line in [0, middle, last] {
        scene.assert_found(&format!("a byte of receipt {line} flipped"), RECEIPTS, Some(line), |_| {
            flip(&path, line)
        });
    }
    receipts("a receipt changed, its check made to fit", middle + 1, &|lines| {
        let mut receipt: Value = serde_json::from_str(&lines[middle]).unwrap();
        receipt["duration_ms"] = json!(123_456);
        lines[middle] = with_check(&receipt);
    });
    // With receipts lost, what they covered is covered by none.
    let first_outputs = |scene: &Scene| {
        let (code, answer) = verify(&scene.lab, &[]);
        assert_eq!(code, 1);
        answer["findings"][0]["file"].as_str().unwrap().to_owned()
    };
    for kept in [last, middle, 1, 0] {
        scene.put_back("kept");
        set_lines(&path, &lines(&path)[..kept]);
        let file = first_outputs(&scene);
        assert!(
            ["evidence/", "exports/", "views/"].into_iter().any(|room| file.starts_with(room)),
            "{kept} receipts: {file}"
        );
    }
    scene.put_back("kept");
    fs::remove_file(&path).unwrap();
    assert!(first_outputs(&scene).starts_with("evidence/"));
}

#[test]
fn an_older_state_of_some_of_the_files_is_found() {
    let scene = Scene::new();
    scene.lab.append("scrum_reviews", (50..60).map(review_row).collect::<String>());
    scene.lab.run_once();
    scene.keep("newer");
    let older = |file: &str| scene.lab.root().join("kept").join(file);
    for (file, named) in [(RECEIPTS, EVIDENCE), (EVIDENCE, EVIDENCE), (SCORED, SCORED)] {
        scene.put_back("newer");
        assert_holds(&scene.lab, &[]);
        fs::copy(older(file), scene.path(file)).unwrap();
        let (code, answer) = verify(&scene.lab, &[]);
        assert_eq!((code, &answer["findings"][0]["file"]), (1, &json!(named)), "{file}: {answer}");
    }
}

#[test]
fn receipts_that_were_made_to_fit_do_not_hide_a_change() {
    let scene = Scene::new();
    let forged = |what: &str, file: &str, line: Option<usize>, damage: &dyn Fn(&mut Forge)| {
        scene.assert_forgery_found(what, file, line, |forge| damage(forge));
    };
    // The forger can do it: the chain fits when nothing was changed.
    Forge::new(&scene.lab).write();
    assert_holds(&scene.lab, &[]);

    let pads = "scratchpads/audits.jsonl";
    forged("a scratchpad changed", pads, Some(0), &|f| {
        f.edit_line(pads, 0, |s| s["important_paths"] = json!(["x.rs"]))
    });
    forged("a scratchpad left out", pads, None, &|f| {
        let lines = f.lines(pads);
        f.recut(pads, lines[1..].concat().as_bytes());
    });
    forged("an answer changed", EVIDENCE, Some(5), &|f| {
        f.edit_line(EVIDENCE, 5, |e| e["text"] = json!("fine"))
    });
    forged("a run renamed", EVIDENCE, Some(0), &|f| f.edit_line(EVIDENCE, 0, |e| e["run_id"] = json!("x")));
    forged("members in another order", EVIDENCE, Some(2), &|f| {
        f.edit_line(EVIDENCE, 2, |e| {
            let run = e.as_object_mut().unwrap().shift_remove("run_id").unwrap();
            e["run_id"] = run;
        });
    });
    let waiting = scene.lab.lines(SCORED).iter().position(|score| score["category"] == "needs_human_review");
    forged("a score raised", SCORED, waiting, &|f| {
        f.edit_line(SCORED, waiting.unwrap(), |score| score["category"] = json!("accepted"));
    });
    forged("a reason added", SCORED, Some(3), &|f| {
        f.edit_line(SCORED, 3, |s| s["reasons"] = json!(["human.accept", "rule.human"]));
    });
    forged("a reason for refusal changed", QUARANTINE, Some(0), &|f| {
        f.edit_line(QUARANTINE, 0, |q| q["reason"] = json!("json"));
    });
    forged("two pieces of evidence swapped", EVIDENCE, Some(4), &|f| {
        let mut lines = f.lines(EVIDENCE);
        lines.swap(4, 5);
        f.recut(EVIDENCE, lines.concat().as_bytes());
    });
    forged("a row made to vanish as a duplicate", RECEIPTS, None, &|f| {
        for file in [EVIDENCE, SCORED] {
            let mut lines = f.lines(file);
            lines.remove(2);
            f.recut(file, lines.concat().as_bytes());
        }
        let (receipt, place) = f.input("scrum_reviews", 0);
        for counts in [receipt["record_counts"].clone(), receipt["input_files"][place].clone()] {
            assert!(counts["evidence"].as_u64().unwrap() > 2);
        }
        shift_count(receipt, place, "evidence", -1);
        shift_count(receipt, place, "duplicate", 1);
        receipt["record_counts"]["out"] = json!(receipt["record_counts"]["out"].as_u64().unwrap() - 1);
    });
    forged("a row made up at the end", RECEIPTS, None, &|f| {
        for file in [EVIDENCE, SCORED] {
            let mut lines = f.lines(file);
            let last = lines.last().unwrap().replace("finding", "no finding");
            lines.push(last);
            f.recut(file, lines.concat().as_bytes());
        }
        let (receipt, place) = f.input("scrum_reviews", -1);
        shift_count(receipt, place, "evidence", 1);
        shift_count(receipt, place, "rows", 1);
        for name in ["in", "out"] {
            receipt["record_counts"][name] = json!(receipt["record_counts"][name].as_u64().unwrap() + 1);
        }
    });
    let input = |what: &str, file: &str, change: &dyn Fn(&mut Value, usize)| {
        forged(what, file, None, &|f| {
            let (receipt, place) = f.input("scrum_reviews", 0);
            change(receipt, place);
        });
    };
    let stream = scene.lab.stream("scrum_reviews").with_extension("jsonl.1").display().to_string();
    input("the hash of what was read", &stream, &|r, i| {
        r["input_files"][i]["sha256"] = json!("ab".repeat(32))
    });
    input("an anchor", &stream, &|r, i| r["input_files"][i]["anchor"] = json!("ab".repeat(32)));
    input("a last time", RECEIPTS, &|r, i| {
        r["input_files"][i]["last_timestamp"] = json!("2030-01-01T00:00:00.000Z")
    });
    input("blank rows for duplicates", RECEIPTS, &|r, i| {
        shift_count(r, i, "blank", -1);
        shift_count(r, i, "duplicate", 1);
    });
    forged("a cursor", RECEIPTS, None, &|f| {
        let (receipt, place) = f.input("scrum_reviews", -2);
        let to = &mut receipt["input_files"][place]["to"];
        *to = json!(to.as_u64().unwrap() - 1);
    });
    input("another generation", RECEIPTS, &|r, i| r["input_files"][i]["generation"] = json!(1));
    input("counts that lose a row", RECEIPTS, &|r, _| {
        r["record_counts"]["in"] = json!(r["record_counts"]["in"].as_u64().unwrap() + 1)
    });
    input("lines that are none", RECEIPTS, &|r, _| {
        let ranges = r["output_files"].as_array_mut().unwrap();
        let range = ranges.iter_mut().find(|range| range["path"] == EVIDENCE).unwrap();
        range["rows"] = json!(range["rows"].as_u64().unwrap() + 1);
    });
    input("checks that did not pass", RECEIPTS, &|r, _| {
        r["validation_pass"] = json!(false);
        r["errors"] = json!(["x"]);
    });
    input("other rules", RECEIPTS, &|r, _| r["rules_version"] = json!("1.0.0+000000000000"));
    input("numbers beyond all bounds", RECEIPTS, &|r, _| r["record_counts"]["withheld"] = json!(u64::MAX));
    forged("two commits in another order", RECEIPTS, None, &|f| {
        let takes_rows = |receipt: &&usize| {
            f.receipts[**receipt]["input_files"]
                .as_array()
                .is_some_and(|of| of.iter().any(|input| input["stream"] == "scrum_reviews"))
        };
        let all: Vec<usize> = (0..f.receipts.len()).collect();
        let taking: Vec<usize> = all.iter().filter(takes_rows).copied().collect();
        let [.., before, last] = taking[..] else { panic!("too few commits") };
        f.receipts.swap(before, last);
    });
    forged("a commit left out", RECEIPTS, None, &|f| drop(f.receipts.remove(1)));
    forged("no genesis", RECEIPTS, Some(0), &|f| drop(f.receipts.remove(0)));
    forged("an output range left out", EVIDENCE, None, &|f| {
        let ranges = f.receipts.last_mut().unwrap()["output_files"].as_array().unwrap().len();
        assert!(ranges > 0);
        // The last commit of evidence: its lines are then covered by nothing.
        let (receipt, _) = f.input("scrum_reviews", -1);
        receipt["output_files"]
            .as_array_mut()
            .unwrap()
            .retain(|range| range["path"] != EVIDENCE && range["path"] != SCORED);
        receipt["input_files"].as_array_mut().unwrap().retain(|input| input["stream"] != "scrum_reviews");
        let sum = |name: &str| {
            receipt["input_files"].as_array().unwrap().iter().map(|i| i[name].as_u64().unwrap()).sum::<u64>()
        };
        let (rows, evidence) = (sum("rows"), sum("evidence"));
        for (name, count) in [("in", rows), ("out", evidence), ("evidence", evidence)] {
            receipt["record_counts"][name] = json!(count);
        }
    });
}

fn shift_count(receipt: &mut Value, place: usize, name: &str, by: i64) {
    for count in ["record_counts", "input_files"] {
        let counts = if count == "input_files" { &mut receipt[count][place] } else { &mut receipt[count] };
        if let Some(value) = counts.get(name).and_then(Value::as_u64) {
            counts[name] = json!(value.checked_add_signed(by).unwrap());
        }
    }
}

fn first16(content: &[&str]) -> String {
    sha256_hex(content.join("\0").as_bytes())[..16].to_owned()
}

/// The side of the split that a group is on.
fn split_of(group: &str) -> &'static str {
    let bucket = u64::from_str_radix(&sha256_hex(group.as_bytes())[..16], 16).unwrap() % 100;
    match bucket {
        0..90 => "train",
        90..95 => "validation",
        _ => "test",
    }
}

/// Gives a sample the id of its content.
fn rename_sft(sample: &mut Value) {
    let id = first16(&[sample["instruction"].as_str().unwrap(), sample["response"].as_str().unwrap()]);
    sample["sample_id"] = json!(format!("sft_{id}"));
}

/// Which line of the pairs is such a one.
#[track_caller]
fn pairs_at(scene: &Scene, fits: impl Fn(&Value) -> bool) -> usize {
    scene.lab.lines(PAIRS).iter().position(fits).expect("such a pair")
}

/// An SFT line for a row, such as distilld would make if the row were accepted.
fn sft_of(lab: &Lab, row: &Value) -> Value {
    let mut sample = lab.lines(SFT).remove(0);
    sample["response"] = row["text"].clone();
    sample["instruction"] = json!(format!("Review the file `{}`.", row["source_files"][0].as_str().unwrap()));
    sample["system"] =
        json!("You are a code reviewer. Report concrete findings about the file, each with its reason.");
    sample["task_type"] = row.get("task_type").unwrap_or(&row["source_stream"]).clone();
    sample["source_run_ids"] = json!([row["run_id"]]);
    sample["provenance"] = row["provenance"].clone();
    rename_sft(&mut sample);
    sample
}

#[test]
fn no_text_gets_into_an_export_that_its_row_does_not_give() {
    let scene = Scene::new();
    let forged = |what: &str, file: &str, line: Option<usize>, damage: &dyn Fn(&mut Forge)| {
        scene.assert_forgery_found(what, file, line, |forge| damage(forge));
    };
    let last = scene.lab.lines(SFT).len();
    for category in ["needs_human_review", "partially_accepted", "rejected"] {
        let streams = STREAMS.iter().map(|stream| stream.name());
        let categories = |stream: &str| scene.lab.lines(&format!("scored-runs/{stream}.jsonl"));
        let with_text = |stream: &&str| {
            let rows = scene.lab.lines(&format!("evidence/{stream}.jsonl"));
            categories(stream).iter().zip(rows).any(|(score, row)| {
                score["category"] == category && row["text"].is_string() && row["source_files"].is_array()
            })
        };
        let Some(stream) = streams.into_iter().find(with_text) else { panic!("no {category} row") };
        let rows = scene.lab.lines(&format!("evidence/{stream}.jsonl"));
        let scores = categories(stream);
        let row = scores.iter().zip(&rows).find(|(score, row)| {
            score["category"] == category && row["text"].is_string() && row["source_files"].is_array()
        });
        let sample = format!("{}\n", sft_of(&scene.lab, row.unwrap().1));
        forged(&format!("the text of a {category} run in the SFT file"), SFT, Some(last), &|f| {
            f.append(&[(SFT, sample.clone())], &[("exported", 1)]);
        });
    }
    let sft = |what: &str, change: &dyn Fn(&mut Value)| {
        forged(what, SFT, Some(1), &|f| f.edit_line(SFT, 1, change))
    };
    sft("another response", &|s| {
        s["response"] = json!("all is well");
        rename_sft(s);
    });
    sft("another instruction", &|s| {
        s["instruction"] = json!("Praise the file.");
        rename_sft(s);
    });
    sft("another system message", &|s| s["system"] = json!("You are a pirate."));
    sft("another split", &|s| s["split"] = json!(if s["split"] == "test" { "train" } else { "test" }));
    sft("another group of the same split", &|s| {
        let split = s["split"].clone();
        let other = (0..).map(|n| format!("file:other{n}.rs")).find(|group| split == *split_of(group));
        s["split_group"] = json!(other);
    });
    sft("reasons that it never had", &|s| s["score_reasons"] = json!(["human.accept", "rule.human"]));
    sft("another scorer", &|s| s["scorer_version"] = json!("9.9.9+0123456789ab"));
    sft("an input", &|s| s["input"] = json!("And hurry."));
    sft("another id", &|s| s["sample_id"] = json!("sft_0123456789abcdef"));
    sft("another run", &|s| s["source_run_ids"] = json!(["somebody"]));
    sft("another row's hash", &|s| s["provenance"]["sig_hash"] = json!("ab".repeat(32)));
    sft("another row", &|s| s["provenance"]["line_offset"] = json!(999_999));
    sft("another stream", &|s| s["provenance"]["source_file"] = json!("data/_kb/none.jsonl"));
    sft("a member too many", &|s| s["more"] = json!(1));
    sft("no score", &|s| drop(s.as_object_mut().unwrap().shift_remove("quality_score")));
    forged("a sample twice", SFT, Some(last), &|f| {
        let line = f.lines(SFT)[0].clone();
        f.append(&[(SFT, line)], &[("exported", 1)]);
    });
    let rag = |what: &str, change: &dyn Fn(&mut Value)| {
        forged(what, RAG, Some(2), &|f| f.edit_line(RAG, 2, change))
    };
    rag("another text", &|s| {
        s["text"] = json!("all is well");
        s["content_sha256"] = json!(sha256_hex(b"all is well"));
        s["sample_id"] = json!(format!("rag_{}", first16(&["all is well"])));
    });
    rag("another text under the old hash", &|s| s["text"] = json!("all is well"));
    rag("another hash", &|s| s["content_sha256"] = json!("ab".repeat(32)));
    rag("another title", &|s| s["title"] = json!("The truth"));
    rag("a tag too many", &|s| s["tags"].as_array_mut().unwrap().push(json!("task:poetry")));
    rag("tags without the stream", &|s| s["tags"] = json!(["task:x"]));
    forged("a better score", RAG, None, &|f| {
        let partial =
            f.lines(RAG).iter().position(|line| line.contains("\"success_score\":\"partially_accepted\""));
        f.edit_line(RAG, partial.unwrap(), |s| s["success_score"] = json!("accepted"));
    });
}

#[test]
fn later_scores_pairs_and_retractions_must_stand_on_rows() {
    let scene = Scene::new();
    let later = scene.lab.lines(RESCORED);
    let score = later.last().unwrap().clone();
    // Of the pairs one of two rows.
    let of_two = |pair: &Value| {
        let [better, worse] = [&pair["provenance"][0], &pair["provenance"][1]];
        better != worse && better["source_file"] != "data/_kb/overseer_corrections.jsonl"
    };
    let pair_at = pairs_at(&scene, of_two);
    let bad = scene.lab.lines("evidence/scrum_reviews.jsonl").into_iter().find(|row| {
        let of_row = |score: &&Value| score["provenance"] == row["provenance"];
        let first = scene.lab.lines(SCORED).iter().find(of_row).cloned();
        let counts = later.iter().rfind(of_row).cloned().or(first).unwrap();
        row["text"].is_string() && counts["category"] == "rejected"
    });
    let bad = bad.expect("a rejected review");
    let answer = assert_holds(&scene.lab, &[]);
    assert_eq!(answer["checked"]["later_lines"], later.len() + scene.lab.lines(RETRACTIONS).len());
    assert_eq!(answer["checked"]["scores_recomputed"], true);
    fs::remove_dir_all(scene.lab.root().join("kept")).unwrap();
    scene.keep("kept");
    let forged = |what: &str, file: &str, line: Option<usize>, damage: &dyn Fn(&mut Forge)| {
        scene.assert_forgery_found(what, file, line, |forge| damage(forge));
    };
    for file in [RESCORED, PAIRS, RETRACTIONS] {
        let path = scene.path(file);
        scene.assert_found(&format!("{file}: a byte flipped"), file, Some(0), |_| flip(&path, 0));
        scene.assert_found(&format!("{file}: deleted"), file, None, |_| fs::remove_file(&path).unwrap());
        let count = lines(&scene.lab.root().join("kept").join(file)).len();
        scene.assert_found(&format!("{file}: a line added"), file, Some(count), |_| {
            let mut lines = lines(&path);
            lines.push(lines[0].clone());
            set_lines(&path, &lines);
        });
    }
    let rescored = |what: &str, change: &dyn Fn(&mut Value)| {
        forged(what, RESCORED, Some(0), &|f| f.edit_line(RESCORED, 0, change))
    };
    rescored("a score left out", &|s| s["score_seq"] = json!(2));
    rescored("a score that supersedes itself", &|s| s["supersedes"] = json!(1));
    rescored("a score of another run", &|s| s["evidence_run_id"] = json!("x"));
    rescored("a score of no row", &|s| s["provenance"]["line_offset"] = json!(999_999));
    rescored("a score caused by no row", &|s| s["caused_by"]["line_offset"] = json!(999_999));
    rescored("a score caused by another row", &|s| s["caused_by"]["sig_hash"] = json!("ab".repeat(32)));
    rescored("a score of another time", &|s| s["scored_at"] = json!("2030-01-01T00:00:00.000Z"));
    rescored("a score without reasons", &|s| s["reasons"] = json!([]));
    forged("the same score again", RESCORED, Some(later.len()), &|f| {
        let mut again = score.clone();
        let seq = score["score_seq"].as_u64().unwrap();
        (again["score_seq"], again["supersedes"]) = (json!(seq + 1), json!(seq));
        f.append(&[(RESCORED, format!("{again}\n"))], &[("rescored", 1)]);
    });
    // Whoever scores a row to his liking is found by the rows and their links.
    let raised = later.iter().rfind(|score| score["category"] == "rejected").unwrap();
    let stream = raised["provenance"]["source_file"].as_str().unwrap();
    let stream = Path::new(stream).file_stem().unwrap().to_str().unwrap();
    forged("a score that nothing gives", &format!("evidence/{stream}.jsonl"), None, &|f| {
        let mut better = raised.clone();
        let seq = raised["score_seq"].as_u64().unwrap();
        (better["score_seq"], better["supersedes"]) = (json!(seq + 1), json!(seq));
        (better["category"], better["reasons"]) = (json!("accepted"), json!(["human.accept", "rule.human"]));
        f.append(&[(RESCORED, format!("{better}\n"))], &[("rescored", 1)]);
    });
    forged("the text of a run that was rejected later", SFT, None, &|f| {
        let line = format!("{}\n", sft_of(&scene.lab, &bad));
        f.append(&[(SFT, line)], &[("exported", 1)]);
    });
    let pair = |what: &str, change: &dyn Fn(&mut Value)| {
        forged(what, PAIRS, Some(pair_at), &|f| f.edit_line(PAIRS, pair_at, change))
    };
    pair("another chosen answer", &|p| p["chosen"] = json!("all is well"));
    pair("another rejected answer", &|p| p["rejected"] = json!("all is well"));
    pair("chosen and rejected the other way round", &|p| {
        for (a, b) in [("chosen", "rejected"), ("chosen_run_id", "rejected_run_id")] {
            (p[a], p[b]) = (p[b].clone(), p[a].clone());
        }
        p["provenance"] = json!([p["provenance"][1], p["provenance"][0]]);
        let id = first16(&["instruction", "chosen", "rejected"].map(|text| p[text].as_str().unwrap()));
        p["sample_id"] = json!(format!("pref_{id}"));
    });
    pair("another reason", &|p| p["reason"] = json!("Somebody said so."));
    pair("another id", &|p| p["sample_id"] = json!("pref_0123456789abcdef"));
    pair("one row for both", &|p| p["provenance"] = json!([p["provenance"][0]]));
    let retraction = |what: &str, change: &dyn Fn(&mut Value)| {
        forged(what, RETRACTIONS, Some(0), &|f| f.edit_line(RETRACTIONS, 0, change))
    };
    retraction("a retraction of nothing", &|r| r["sample_id"] = json!("x"));
    retraction("a retraction without reasons", &|r| r["reasons"] = json!([]));
    retraction("a retraction caused by no row", &|r| r["caused_by"]["line_offset"] = json!(999_999));
}

#[test]
fn changed_rows_are_found_and_rows_that_are_gone_are_counted_apart() {
    let scene = Scene::new();
    let rotated = scene.lab.stream("scrum_reviews").with_extension("jsonl.1");
    let bytes = fs::read(&rotated).unwrap();
    // Changed in place.
    let mut changed = bytes.clone();
    changed[30] ^= 1;
    fs::write(&rotated, &changed).unwrap();
    let (code, answer) = verify(&scene.lab, &[]);
    assert_eq!(
        (code, &answer["findings"][0]["file"]),
        (1, &json!(rotated.display().to_string())),
        "{answer}"
    );
    // Restored from a copy: another file with the same bytes.
    fs::remove_file(&rotated).unwrap();
    fs::write(rotated.with_extension("2"), &bytes).unwrap();
    fs::rename(rotated.with_extension("2"), &rotated).unwrap();
    assert_holds(&scene.lab, &["--strict"]);
    // Gone.
    fs::remove_file(&rotated).unwrap();
    let answer = assert_holds(&scene.lab, &[]);
    let gone = &answer["checked"]["sources_gone"];
    assert_eq!(gone["bytes"], bytes.len());
    assert_eq!(verify(&scene.lab, &["--strict"]).0, 1);
    scene.keep("gone");
    // Lines whose rows are gone are still held to what can be known of them.
    for (what, file, line, change) in [
        ("another row", EVIDENCE, 3, json!({"provenance": {"line_offset": 1}})),
        ("a row of another stream", EVIDENCE, 3, json!({"source_stream": "audits"})),
        ("a role that is none", EVIDENCE, 3, json!({"model_role": "king"})),
        ("a score of another row", SCORED, 3, json!({"provenance": {"line_offset": 1}})),
        ("a score for other reasons", SCORED, 3, json!({"reasons": ["rule.none"]})),
        ("a scratchpad that the evidence does not give", PADS, 0, json!({"current_objective": "Other."})),
        ("a refusal of another row", QUARANTINE, 0, json!({"byte_offset": 999_999_999})),
    ] {
        scene.put_back("gone");
        let mut forge = Forge::new(&scene.lab);
        forge.edit_line(file, line, |value| merge(value, &change));
        forge.write();
        let (code, answer) = verify(&scene.lab, &[]);
        let first = &answer["findings"][0];
        assert_eq!(
            (code, &first["file"], &first["line"]),
            (1, &json!(file), &json!(line + 1)),
            "{what}: {answer}"
        );
    }
}

fn merge(value: &mut Value, change: &Value) {
    for (key, new) in change.as_object().unwrap() {
        if new.is_object() { merge(&mut value[key], new) } else { value[key] = new.clone() }
    }
}

/// Seals the receipts of a lab, as a full file does.
fn seal(lab: &Lab) {
    let rules = Rules::default();
    let own = StreamSet::new(&lab.kb(), &rules, &[]).output_files();
    let mut store =
        Store::recover(Box::new(RealDisk::default()), &lab.out(), &lab.state(), &own).unwrap().store;
    store.set_seal_bytes(1);
    let mut last = lab.receipts().pop().unwrap();
    last.as_object_mut()
        .unwrap()
        .retain(|key, _| !["export_cursors", "gaps", "state", "check"].contains(&key.as_str()));
    let receipt: Receipt = serde_json::from_value(last).unwrap();
    let receipt = Receipt {
        input_files: Vec::new(),
        output_files: Vec::new(),
        record_counts: distilld::domain::schema::receipt::RecordCounts::default(),
        kind: distilld::domain::schema::receipt::ReceiptKind::Batch,
        ..receipt
    };
    store.commit(&Commit { appends: Vec::new(), replaces: Vec::new(), receipt }).unwrap();
}

#[test]
fn sealed_receipts_are_links_of_the_chain_like_others() {
    let scene = Scene::new();
    seal(&scene.lab);
    scene.lab.append("scrum_reviews", (50..60).map(review_row).collect::<String>());
    scene.lab.run_once();
    seal(&scene.lab);
    scene.lab.append("scrum_reviews", (60..70).map(review_row).collect::<String>());
    scene.lab.run_once();
    let answer = assert_holds(&scene.lab, &["--strict"]);
    assert_eq!(answer["checked"]["receipts"], scene.lab.receipts().len());
    let mut sealed: Vec<String> = fs::read_dir(scene.path("receipts"))
        .unwrap()
        .map(|entry| format!("receipts/{}", entry.unwrap().file_name().into_string().unwrap()))
        .filter(|name| name != RECEIPTS)
        .collect();
    sealed.sort_by_key(|name| (name.len(), name.clone()));
    assert_eq!((sealed.len(), sealed[0].as_str()), (2, "receipts/receipts-0.jsonl"));
    fs::remove_dir_all(scene.lab.root().join("kept")).unwrap();
    scene.keep("kept");
    let second = sealed[1].clone();
    let first_path = scene.path(&sealed[0]);
    let count = lines(&first_path).len();
    scene.assert_found("a byte of a sealed receipt flipped", &sealed[0], Some(1), |_| flip(&first_path, 1));
    scene.assert_found("a sealed file without its last receipt", &second, Some(0), |_| {
        set_lines(&first_path, &lines(&first_path)[..count - 1]);
    });
    scene.assert_found("half a receipt at the end of a sealed file", &sealed[0], Some(count), |_| {
        let mut file = OpenOptions::new().append(true).open(&first_path).unwrap();
        file.write_all(b"{\"schema_version\"").unwrap();
    });
    scene.assert_found("the first sealed file deleted", &second, Some(0), |_| {
        fs::remove_file(&first_path).unwrap()
    });
    scene.assert_found("the second sealed file deleted", RECEIPTS, Some(0), |scene| {
        fs::remove_file(scene.path(&second)).unwrap();
    });
    scene.assert_found("a sealed file under another number", "receipts/receipts-1.jsonl", Some(0), |scene| {
        fs::rename(&first_path, scene.path("receipts/receipts-1.jsonl")).unwrap();
    });
    scene.assert_found("the active file deleted", EVIDENCE, None, |scene| {
        fs::remove_file(scene.path(RECEIPTS)).unwrap()
    });
    scene.assert_found("a checkpoint with another state", RECEIPTS, Some(0), |scene| {
        // The rest of the chain is made to fit it.
        let path = scene.path(RECEIPTS);
        let mut receipts: Vec<Value> =
            lines(&path).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        receipts[0]["state"]["totals"]["blank"] = json!(77);
        let mut text = with_check(&receipts[0]);
        let mut prev = sha256_hex(text.as_bytes());
        for receipt in &mut receipts[1..] {
            receipt["prev_sha256"] = json!(prev);
            let line = with_check(receipt);
            prev = sha256_hex(line.as_bytes());
            text.push_str(&line);
        }
        fs::write(path, text).unwrap();
    });
}

#[test]
fn only_what_is_new_is_looked_at_when_asked() {
    let scene = Scene::new();
    let since = scene.lab.receipts().last().unwrap()["seq"].to_string();
    let old = lines(&scene.path(EVIDENCE)).len();
    scene.lab.append("scrum_reviews", (48..60).chain([50]).map(review_row).collect::<String>());
    scene.lab.run_once();
    let answer = assert_holds(&scene.lab, &["--since", &since]);
    assert_eq!(answer["checked"]["rows"], 13);
    seal(&scene.lab);
    assert_eq!(assert_holds(&scene.lab, &["--since", &since])["checked"]["rows"], 13);
    let last = scene.lab.receipts().last().unwrap()["seq"].to_string();
    assert_eq!(assert_holds(&scene.lab, &["--since", &last])["checked"]["rows"], 0);
    flip(&scene.path(EVIDENCE), old - 3);
    assert_holds(&scene.lab, &["--since", &since]);
    flip(&scene.path(EVIDENCE), old + 3);
    let (code, answer) = verify(&scene.lab, &["--since", &since]);
    assert_eq!((code, &answer["findings"][0]["line"]), (1, &json!(old + 4)), "{answer}");
    let (_, answer) = verify(&scene.lab, &["--all"]);
    let named: Vec<_> =
        answer["findings"].as_array().unwrap().iter().map(|f| f["line"].as_u64().unwrap()).collect();
    assert!(named.contains(&(old as u64 - 2)) && named.contains(&(old as u64 + 4)), "{answer}");
    // The exports are all right, and alone are not asked about the evidence's lines.
    scene.put_back("kept");
    flip(&scene.path(QUARANTINE), 0);
    assert_holds(&scene.lab, &["--exports"]);
    flip(&scene.path(SFT), 0);
    let (code, answer) = verify(&scene.lab, &["--exports"]);
    assert_eq!((code, &answer["findings"][0]["file"]), (1, &json!(SFT)), "{answer}");
}

#[test]
fn rows_of_other_rules_are_not_judged_by_these_and_that_is_said() {
    let scene = Scene::new();
    scene.lab.config("[scorer]\ngrounding_high = 0.9\n");
    let answer = assert_holds(&scene.lab, &[]);
    assert_eq!(answer["checked"]["rows"], 0);
    assert!(answer["unchecked"][0].as_str().unwrap().contains("rules"), "{answer}");
    assert_eq!(verify(&scene.lab, &["--strict"]).0, 1);
}

#[test]
fn a_daemon_at_work_is_no_damage() {
    let lab = Lab::generated(31, 300);
    let mut daemon = lab.distilld().arg("run").stderr(Stdio::null()).spawn().unwrap();
    wait_until("the first receipts", || lab.status()["last_receipt"]["seq"].as_u64() > Some(1));
    let mut last = Value::Null;
    for round in 0..12 {
        lab.append("scrum_reviews", (round * 50..(round + 1) * 50).map(review_row).collect::<String>());
        last = assert_holds(&lab, &[]);
    }
    assert!(last["checked"]["receipts"].as_u64().unwrap() > 2);
    // What it is writing now is no damage, but what is damaged is.
    wait_until("the rows", || lab.status()["lag_bytes"] == 0);
    let mut file = OpenOptions::new().append(true).open(lab.out().join(EVIDENCE)).unwrap();
    file.write_all(b"{\"half").unwrap();
    assert_holds(&lab, &[]);
    flip(&lab.out().join(SCORED), 3);
    assert_eq!(verify(&lab, &[]).0, 1);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn what_is_said_fits_on_a_line_and_says_what_and_where() {
    let scene = Scene::new();
    flip(&scene.path(EVIDENCE), 4);
    let output: Output = scene.lab.run(&["verify"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(first.starts_with("broken: evidence/scrum_reviews.jsonl line 5 byte "), "{first}");
    assert!(first.contains("; expected ") && first.contains(", found "), "{first}");
}
