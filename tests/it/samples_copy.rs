//! `state/samples`: a start after a clean end reads no export, knows all the same what it would have read, and is never misled
//! by a copy that is old, damaged or of other rows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use distilld::store::StoreError;
use distilld::store::around::Around;
use distilld::store::disk::{Disk, RealDisk};
use serde_json::{Value, json};

use crate::crash::{assert_no_leak, samples};
use crate::in_process::{Cut, run_once};
use crate::support::Lab;

/// A disk that counts the bytes that are read of exports.
#[derive(Debug)]
struct Counting {
    disk: RealDisk,
    read: Arc<AtomicU64>,
}

impl Around for Counting {
    fn beneath(&self) -> &dyn Disk {
        &self.disk
    }

    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let bytes = self.disk.read(path, from, to)?;
        if path.components().any(|part| part.as_os_str() == "exports") {
            self.read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(bytes)
    }
}

/// Runs to the end; gives how many bytes of exports were read.
fn run(lab: &Lab) -> u64 {
    let read = Arc::new(AtomicU64::new(0));
    let disk = Counting { disk: RealDisk::default(), read: Arc::clone(&read) };
    fs::create_dir_all(lab.state()).unwrap();
    let cut = Cut { batch_bytes_max: 16 << 20, batch_rows_max: 5000, workers: 2 };
    run_once(Box::new(disk), &lab.kb(), &lab.out(), &lab.state(), cut).unwrap();
    read.load(Ordering::Relaxed)
}

fn copy_of(lab: &Lab) -> PathBuf {
    lab.state().join("samples")
}

/// Everything that samples say, and what needs a person.
fn held(lab: &Lab) -> (BTreeSet<String>, BTreeSet<String>) {
    let files = ["rag/samples", "sft/instruction_response", "preference/chosen_rejected"];
    let all = files.iter().flat_map(|name| lab.lines(&format!("exports/{name}.jsonl")));
    let queue = lab.lines("views/review_queue.jsonl");
    // The row that caused a score, and how many scores came before, depend on how batches fell.
    let queued = |item: &Value| format!("{} {} {}", item["why"], item["category"], item["provenance"]);
    (all.map(|row| row.to_string()).collect(), queue.iter().map(queued).collect())
}

#[test]
fn a_start_after_a_clean_end_reads_no_export() {
    let lab = Lab::generated(61, 1500);
    run(&lab);
    let before = held(&lab);
    assert!(before.0.len() > 100);
    assert_eq!(run(&lab), 0);
    assert_eq!(held(&lab), before);
    // Without the copy they are read, whole.
    fs::remove_file(copy_of(&lab)).unwrap();
    let exports: u64 = ["rag/samples", "sft/instruction_response", "preference/chosen_rejected"]
        .iter()
        .map(|name| fs::metadata(lab.out().join(format!("exports/{name}.jsonl"))).unwrap().len())
        .sum();
    assert!(run(&lab) >= exports);
    assert_eq!(held(&lab), before);
    assert_eq!(run(&lab), 0);
}

#[test]
fn a_copy_with_one_bit_flipped_is_not_believed() {
    let lab = Lab::generated(62, 600);
    run(&lab);
    let (before, copy) = (held(&lab), fs::read(copy_of(&lab)).unwrap());
    let mut dice = fastrand::Rng::with_seed(3);
    let anywhere: Vec<usize> = (0..5).map(|_| dice.usize(..copy.len())).collect();
    for at in [0, 8, 40, 48, copy.len() - 1].into_iter().chain(anywhere) {
        let mut flipped = copy.clone();
        flipped[at] ^= 1 << dice.u32(..8);
        fs::write(copy_of(&lab), &flipped).unwrap();
        assert!(run(&lab) > 0, "a flip of byte {at} was believed");
        assert_eq!(held(&lab), before);
        assert_eq!(fs::read(copy_of(&lab)).unwrap().len(), copy.len());
    }
}

/// Words of people about every third sample, and more rows of the corpus: what comes after a start.
fn go_on(lab: &Lab, more: &Lab) {
    let mut words = String::new();
    let mut samples = lab.lines("exports/sft/instruction_response.jsonl");
    // In which order they stand in the file depends on how batches fell.
    samples.sort_by_key(|row| row["sample_id"].to_string());
    for (nth, row) in samples.iter().step_by(3).enumerate() {
        let run_id = &row["source_run_ids"][0];
        let action = ["reject", "partial", "accept", "correct"][nth % 4];
        let text = format!("Better: {nth}.");
        let word = json!({"ts": "2026-11-01T00:00:00.000Z", "action": action, "actor": "eva", "reason": "read again",
            "run_id": run_id, "corrected_text": text});
        words += &format!("{word}\n");
    }
    lab.append("human_overrides", words);
    for entry in fs::read_dir(more.kb()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".jsonl");
        lab.append(name, fs::read(more.stream(name)).unwrap());
    }
}

#[test]
fn what_comes_after_a_start_from_the_copy_ends_as_after_one_that_read_the_files() {
    let more = Lab::generated(64, 300);
    let mut ends = Vec::new();
    for with_copy in [true, false] {
        let lab = Lab::generated(63, 1500);
        run(&lab);
        for _ in 0..2 {
            if !with_copy {
                fs::remove_file(copy_of(&lab)).unwrap();
            }
            go_on(&lab, &more);
            run(&lab);
            assert_no_leak(&lab);
        }
        assert!(lab.lines("exports/retractions.jsonl").len() > 20);
        assert!(samples(&lab).iter().any(|id| id.starts_with("pref_")));
        ends.push(held(&lab));
    }
    let different = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.symmetric_difference(b).cloned().collect();
    let different: [Vec<String>; 2] = [different(&ends[0].0, &ends[1].0), different(&ends[0].1, &ends[1].1)];
    assert!(different.iter().all(Vec::is_empty), "{different:#?}");
}

#[test]
fn a_copy_of_an_earlier_commit_is_not_believed() {
    let lab = Lab::generated(65, 600);
    run(&lab);
    let early = fs::read(copy_of(&lab)).unwrap();
    let more = Lab::generated(66, 200);
    go_on(&lab, &more);
    run(&lab);
    let before = held(&lab);
    fs::write(copy_of(&lab), early).unwrap();
    assert!(run(&lab) > 0);
    assert_eq!(held(&lab), before);
}
