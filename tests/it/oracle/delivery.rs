//! A story in the hands of distilld: its rows in pieces, a start for every piece, and what stands in the outputs then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use distilld::pipeline::outputs::Outputs;
use distilld::store::disk::RealDisk;
use fastrand::Rng;
use serde_json::Value;

use super::Answer;
use super::read::Kb;
use super::samples::{Samples, place, preference_line, rag_line, sft_line};
use super::score::Score;
use crate::in_process::{Cut, run_once};

/// How a story is handed over.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// By stream, for every row: with which piece it comes. Never falls within a stream.
    pub pieces: BTreeMap<String, Vec<usize>>,
    pub batch_rows_max: u64,
    pub batch_bytes_max: u64,
    pub workers: usize,
}

impl Delivery {
    /// Everything at once.
    pub fn whole(kb: &Kb) -> Self {
        let pieces = kb.iter().map(|(stream, lines)| (stream.clone(), vec![0; lines.len()])).collect();
        Self { pieces, batch_rows_max: 1 << 20, batch_bytes_max: 16 << 20, workers: 1 }
    }

    /// In up to four pieces, in commits of any size.
    pub fn random(kb: &Kb, dice: &mut Rng) -> Self {
        let count = dice.usize(1..=4);
        let mut pieces = BTreeMap::new();
        for (stream, lines) in kb {
            let mut of_rows: Vec<usize> = lines.iter().map(|_| dice.usize(0..count)).collect();
            of_rows.sort_unstable();
            pieces.insert(stream.clone(), of_rows);
        }
        let rows = [1, 2, 3, 7, 1 << 20];
        let bytes = [1, 300, 2000, 16 << 20, 16 << 20];
        Self {
            pieces,
            batch_rows_max: rows[dice.usize(0..rows.len())],
            batch_bytes_max: bytes[dice.usize(0..bytes.len())],
            workers: dice.usize(1..=2),
        }
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.pieces.values().flatten().max().map_or(0, |last| last + 1)
    }

    /// The rows of a story that have come once a piece is there.
    pub fn so_far(&self, kb: &Kb, piece: usize) -> Kb {
        let come = |(stream, lines): (&String, &Vec<String>)| {
            let of_rows = &self.pieces[stream];
            let come = lines.iter().zip(of_rows).filter(|(_, of_row)| **of_row <= piece);
            (stream.clone(), come.map(|(line, _)| line.clone()).collect())
        };
        kb.iter().map(come).collect()
    }

    /// The same without one row.
    pub fn without(&self, stream: &str, row: usize) -> Self {
        let mut less = self.clone();
        less.pieces.get_mut(stream).unwrap().remove(row);
        less
    }
}

/// Folders of one delivery.
pub struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// Empty ones, in memory where there is room for files: thousands of commits are synced here.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let bench = Self { dir: dir.unwrap() };
        for folder in ["kb", "_observer", "out/receipts", "state"] {
            fs::create_dir_all(bench.path(folder)).unwrap();
        }
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends the rows of one piece and runs distilld over them, as `run --once` does.
    pub fn hand_over(&self, kb: &Kb, delivery: &Delivery, piece: usize) -> Result<(), String> {
        for (stream, lines) in kb {
            let of_rows = &delivery.pieces[stream];
            let rows = lines.iter().zip(of_rows).filter(|(_, of_row)| **of_row == piece);
            let bytes: String = rows.map(|(line, _)| format!("{line}\n")).collect();
            if bytes.is_empty() {
                continue;
            }
            let path = match stream.as_str() {
                "observer_ops" => self.path("_observer/ops.jsonl"),
                _ => self.path("kb").join(format!("{stream}.jsonl")),
            };
            let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(bytes.as_bytes()).unwrap();
        }
        self.run(delivery)
    }

    fn run(&self, delivery: &Delivery) -> Result<(), String> {
        let cut = Cut {
            batch_bytes_max: delivery.batch_bytes_max,
            batch_rows_max: delivery.batch_rows_max,
            workers: delivery.workers,
        };
        let disk = Box::new(RealDisk::default());
        run_once(disk, &self.path("kb"), &self.path("out"), &self.path("state"), cut)
    }

    /// What stands in the outputs.
    pub fn answer(&self, kb: &Kb) -> Answer {
        let outputs = Outputs::open(&self.path("out")).unwrap();
        let rescored = outputs.rescored().unwrap();
        let mut scores = BTreeMap::new();
        for stream in kb.keys() {
            let take = |row: distilld::pipeline::outputs::CommittedRow<'_>| {
                let (line, score) = score_of(row.score);
                scores.insert((stream.clone(), line), score);
            };
            outputs.each_row(stream, &rescored, take).unwrap();
        }
        let lines = |path: &str, tell: fn(&Value) -> String| {
            let mut told = BTreeSet::new();
            let mut count = 0;
            let take = |_, line: &str| {
                told.insert(tell(&serde_json::from_str(line).unwrap()));
                count += 1;
            };
            outputs.each_line(path, take).unwrap();
            if told.len() != count {
                told.insert(format!("{path} has {count} lines, of which {} differ", told.len()));
            }
            told
        };
        let samples = Samples {
            rag: lines("exports/rag/samples.jsonl", rag),
            sft: lines("exports/sft/instruction_response.jsonl", sft),
            preference: lines("exports/preference/chosen_rejected.jsonl", preference),
        };
        Answer { scores, samples }
    }

    /// The first score of every row.
    pub fn first_scores(&self, kb: &Kb) -> BTreeMap<(String, u64), Score> {
        let outputs = Outputs::open(&self.path("out")).unwrap();
        let mut scores = BTreeMap::new();
        for stream in kb.keys() {
            let take = |_, line: &str| {
                let (row, score) = score_of(line);
                scores.insert((stream.clone(), row), score);
            };
            outputs.each_line(&format!("scored-runs/{stream}.jsonl"), take).unwrap();
        }
        scores
    }

    /// Every file of `distilld snapshot --into`, below a folder of that name.
    pub fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        let into = self.path("snapshot");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_distilld"));
        fs::write(self.path("config.toml"), "").unwrap();
        for (option, name) in
            [("--config", "config.toml"), ("--kb", "kb"), ("--output", "out"), ("--state", "state")]
        {
            command.arg(option).arg(self.path(name));
        }
        let output = command.args(["snapshot", "--into"]).arg(&into).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut files = BTreeMap::new();
        let mut folders = vec![into.clone()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&into).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// The files of promise 2 with their bytes.
    pub fn promise2(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in ["evidence", "scored-runs", "quarantine", "scratchpads"] {
            for entry in fs::read_dir(self.path("out").join(folder)).into_iter().flatten().flatten() {
                let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
                if name != "scored-runs/rescored.jsonl" {
                    files.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
        // A file that is there but empty says as much as one that is not.
        files.retain(|_, bytes| !bytes.is_empty());
        files
    }
}

fn strings(value: &Value) -> Vec<String> {
    let item = |item: &Value| item.as_str().unwrap_or_default().to_owned();
    value.as_array().into_iter().flatten().map(item).collect()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or("nothing")
}

fn score_of(line: &str) -> (u64, Score) {
    let score: Value = serde_json::from_str(line).unwrap();
    let known = ["accepted", "partially_accepted", "rejected", "needs_human_review"];
    let category = known.into_iter().find(|known| score["category"] == *known).unwrap();
    (
        score["provenance"]["line_offset"].as_u64().unwrap(),
        Score { category, reasons: strings(&score["reasons"]) },
    )
}

fn place_of(provenance: &Value) -> String {
    place(string(&provenance["source_file"]), provenance["line_offset"].as_u64().unwrap_or(u64::MAX))
}

fn first_run(sample: &Value) -> String {
    strings(&sample["source_run_ids"]).into_iter().next().unwrap_or_default()
}

fn rag(sample: &Value) -> String {
    rag_line(
        string(&sample["sample_id"]),
        string(&sample["success_score"]),
        &first_run(sample),
        string(&sample["task_type"]),
        &place_of(&sample["provenance"]),
    )
}

fn sft(sample: &Value) -> String {
    let reasons = strings(&sample["score_reasons"]);
    sft_line(string(&sample["sample_id"]), &first_run(sample), &reasons, &place_of(&sample["provenance"]))
}

fn preference(sample: &Value) -> String {
    let runs = [string(&sample["chosen_run_id"]), string(&sample["rejected_run_id"])];
    let places = [0, 1].map(|side| place_of(&sample["provenance"][side]));
    preference_line(
        string(&sample["sample_id"]),
        runs,
        string(&sample["task_type"]),
        [&places[0], &places[1]],
    )
}
