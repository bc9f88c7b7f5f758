//! Promise 2: how input is cut into batches, by whom it is distilled and when it was appended does not show in the
//! outputs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Lab, assert_receipts_hold, assert_same_files};

type Files = BTreeMap<String, Vec<u8>>;

/// Rows longer than this are refused, so that both ways of measuring a long row are taken.
const LIMITS: &str = "[limits]\nline_bytes_max = \"4 KiB\"\n";

/// Generated rows of all streams, mixed with everything that is awkward: bad rows, repeats, respelled repeats, blank
/// lines, rows without a time at the start, in a row and before a repeat, a row that is too long, a half last line.
fn corpus() -> &'static Files {
    static CORPUS: OnceLock<Files> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let lab = Lab::generated(11, 300);
        let mut dice = fastrand::Rng::with_seed(11);
        let streams =
            fs::read_dir(lab.kb()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files = Files::new();
        for stream in
            streams.map(|name| name.trim_end_matches(".jsonl").to_owned()).chain(["observer_ops".to_owned()])
        {
            let text = fs::read_to_string(lab.stream(&stream)).unwrap();
            let mut mixed = awkward_start(&stream);
            let mut seen: Vec<&str> = Vec::new();
            for (number, line) in text.lines().enumerate() {
                mixed.extend_from_slice(line.as_bytes());
                mixed.extend_from_slice(if number % 7 == 3 { b"\r\n" } else { b"\n" });
                seen.push(line);
                match dice.u32(0..8) {
                    0 => mixed.extend(b"\n"),
                    1 => mixed.extend(b"  \t\n"),
                    2 => mixed.extend(b"{\"half\":\n"),
                    3 => mixed.extend(b"\xff\xfe not text\n"),
                    4 => mixed.extend(timeless(&stream, number)),
                    5 => {
                        mixed.extend(timeless(&stream, number));
                        mixed.extend(timeless(&stream, number + 1000));
                    }
                    6 => mixed.extend([seen[dice.usize(0..seen.len())], "\n"].concat().bytes()),
                    _ => {
                        let mut row: serde_json::Value =
                            serde_json::from_str(seen[dice.usize(0..seen.len())]).unwrap();
                        row.sort_all_objects();
                        mixed.extend(serde_json::to_string_pretty(&row).unwrap().replace('\n', " ").bytes());
                        mixed.push(b'\n');
                    }
                }
            }
            mixed.extend(b"{\"pad\":\"");
            mixed.extend(std::iter::repeat_n(b'x', dice.usize(3000..20_000)));
            mixed.extend(b"\"}\n{\"the last line\": \"has no end");
            files.insert(stream, mixed);
        }
        files
    })
}

fn awkward_start(stream: &str) -> Vec<u8> {
    [b"\xef\xbb\xbf".as_slice(), &timeless(stream, 5000), b"\n", &timeless(stream, 5001)].concat()
}

/// A row without a time, where the stream has rows without one; any other stream refuses it.
fn timeless(stream: &str, number: usize) -> Vec<u8> {
    let row = match stream {
        "model_trust" => {
            format!(
                r#"{{"run_id":"r{number}","task_type":"t","accepted_model":"m","errors":{}}}"#,
                number % 2
            )
        }
        "pathway_recommendations" => format!(r#"{{"run_id":"r{number}","replays":4,"replay_ok":4}}"#),
        _ => format!(r#"{{"run_id":"r{number}","kind":"x"}}"#),
    };
    (row + "\n").into_bytes()
}

/// What one pass over the whole corpus gives.
fn reference() -> &'static Files {
    static REFERENCE: OnceLock<Files> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let lab = Lab::new();
        lab.config(LIMITS);
        for (stream, bytes) in corpus() {
            lab.append(stream, bytes);
        }
        lab.run_once();
        let totals = assert_receipts_hold(&lab);
        for name in ["evidence", "quarantined", "duplicate", "blank"] {
            assert!(totals[name] > 50, "the corpus tries too little: {totals:?}");
        }
        let lines: usize = corpus().values().map(|bytes| memchr::memchr_iter(b'\n', bytes).count()).sum();
        assert_eq!(totals["in"], lines as u64);
        let timeless = lab.lines("evidence/signatures.jsonl");
        assert!(timeless.iter().any(|row| row["timestamp_origin"] == "stream"));
        assert!(timeless.iter().any(|row| row["timestamp_origin"] == "none"));
        lab.promise2()
    })
}

/// Appends each stream up to each share (in thousandths) in turn, and runs after each.
fn check(batch: &str, steps: &[Vec<u32>]) {
    let lab = Lab::new();
    lab.config(&format!("{LIMITS}{batch}"));
    let mut done = vec![0; corpus().len()];
    let everything = vec![1000; corpus().len()];
    for shares in steps.iter().chain([&everything]) {
        for (((stream, bytes), done), share) in corpus().iter().zip(&mut done).zip(shares) {
            let to = bytes.len() * *share as usize / 1000;
            if to > *done {
                lab.append(stream, &bytes[*done..to]);
                *done = to;
            }
        }
        lab.run_once();
    }
    assert_same_files(&lab.promise2(), reference());
    assert_receipts_hold(&lab);
}

fn any_interleaving_gives_the_same_bytes(batch: &str) {
    let steps = prop::collection::vec(prop::collection::vec(0_u32..=1000, corpus().len()), 1..5);
    let config = Config { cases: 3, failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        check(batch, &steps);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn one_row_a_commit_by_one_worker_gives_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nrows_max = 1\nworkers = 1\n");
}

#[test]
fn one_row_a_commit_by_two_workers_gives_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nrows_max = 1\nworkers = 2\n");
}

#[test]
fn small_batches_by_one_worker_give_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nbytes_max = \"64 KiB\"\nworkers = 1\n");
}

#[test]
fn small_batches_by_two_workers_give_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nbytes_max = \"64 KiB\"\nworkers = 2\n");
}

#[test]
fn tiny_batches_smaller_than_most_rows_give_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nbytes_max = \"200 B\"\nworkers = 2\n");
}

#[test]
fn large_batches_by_one_worker_give_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nbytes_max = \"16 MiB\"\nworkers = 1\n");
}

#[test]
fn large_batches_by_two_workers_give_the_same_bytes() {
    any_interleaving_gives_the_same_bytes("[batch]\nbytes_max = \"16 MiB\"\nworkers = 2\n");
}

#[test]
fn no_commit_takes_more_than_it_may() {
    let lab = Lab::generated(12, 2000);
    lab.config("[batch]\nbytes_max = \"64 KiB\"\nrows_max = 100\n");
    lab.run_once();
    for receipt in lab.receipts() {
        let inputs = receipt["input_files"].as_array().unwrap();
        let bytes: u64 = inputs.iter().map(|i| i["to"].as_u64().unwrap() - i["from"].as_u64().unwrap()).sum();
        let rows: u64 = inputs.iter().map(|input| input["rows"].as_u64().unwrap()).sum();
        assert!(rows <= 100, "receipt {} has {rows} rows", receipt["seq"]);
        assert!(bytes <= 64 << 10 || rows == 1, "receipt {} has {bytes} bytes", receipt["seq"]);
    }
}
