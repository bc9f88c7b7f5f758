//! Promise 3 at every committed state: a disk looks at the files of samples each time a receipt was synced, and in
//! between, whenever one of them is put in place of another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use distilld::store::StoreError;
use distilld::store::around::Around;
use distilld::store::disk::{Disk, RealDisk};
use serde_json::Value;

use crate::in_process::{Cut, run_once};
use crate::support::Lab;

const RAG: &str = "exports/rag/samples.jsonl";
const SFT: &str = "exports/sft/instruction_response.jsonl";
const PREFERENCE: &str = "exports/preference/chosen_rejected.jsonl";

/// What the receipts say so far, folded one by one.
#[derive(Debug, Default)]
struct Committed {
    receipts: u64,
    receipts_bytes: usize,
    lengths: BTreeMap<String, u64>,
    /// By place: the highest `score_seq` and its category.
    categories: BTreeMap<String, (u64, String)>,
    exported: u64,
    retracted: u64,
    replaced: u64,
}

/// A disk that judges what lies on it.
#[derive(Debug)]
struct Watching {
    disk: RealDisk,
    out: PathBuf,
    committed: std::sync::Arc<Mutex<Committed>>,
}

fn place(provenance: &Value) -> String {
    format!("{} {} {}", provenance["source_file"], provenance["generation"], provenance["line_offset"])
}

impl Watching {
    /// Folds the receipts that are new, and looks.
    fn look_at_receipts(&self) {
        let mut committed = self.committed.lock().unwrap();
        let bytes = fs::read(self.out.join("receipts/receipts.jsonl")).unwrap();
        let new = &bytes[committed.receipts_bytes..];
        for line in new.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let receipt: Value = serde_json::from_slice(line).unwrap();
            committed.receipts_bytes += line.len();
            committed.receipts += 1;
            let mut outputs: Vec<&Value> = receipt["output_files"].as_array().unwrap().iter().collect();
            // A row may come in and be scored anew in one commit.
            outputs.sort_by_key(|output| output["path"] == "scored-runs/rescored.jsonl");
            for output in outputs {
                let path = output["path"].as_str().unwrap();
                let (from, to) = (output["from"].as_u64().unwrap(), output["to"].as_u64().unwrap());
                committed.lengths.insert(path.to_owned(), to);
                committed.replaced += u64::from(output.get("replaces").is_some());
                if path.starts_with("scored-runs/") {
                    let bytes = fs::read(self.out.join(path)).unwrap();
                    for line in bytes[from as usize..to as usize].split_inclusive(|byte| *byte == b'\n') {
                        let score: Value = serde_json::from_slice(line).unwrap();
                        let seq = score["score_seq"].as_u64().unwrap();
                        let category = score["category"].as_str().unwrap().to_owned();
                        let latest = committed.categories.entry(place(&score["provenance"])).or_default();
                        assert!(seq == 0 || seq == latest.0 + 1, "a score was left out: {score}");
                        *latest = (seq, category);
                    }
                }
            }
            let counts = &receipt["record_counts"];
            committed.exported += counts["exported"].as_u64().unwrap();
            committed.retracted += counts["retracted"].as_u64().unwrap();
        }
        self.look_at_samples(&committed);
        let lines =
            |path: &str| fs::read_to_string(self.out.join(path)).unwrap_or_default().lines().count() as u64;
        let there = [RAG, SFT, PREFERENCE].map(lines).iter().sum::<u64>();
        assert_eq!(there, committed.exported - committed.retracted, "samples are not what the counts say");
    }

    /// Every whole line of the files, as somebody would see it who reads them now.
    fn look_at_samples(&self, committed: &Committed) {
        let category = |provenance: &Value| {
            committed.categories.get(&place(provenance)).map(|(_, category)| category.as_str())
        };
        let each = |path: &str, check: &dyn Fn(&Value)| {
            let bytes = fs::read(self.out.join(path)).unwrap_or_default();
            let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
            whole.for_each(|line| check(&serde_json::from_slice(line).unwrap()));
        };
        each(SFT, &|row| assert_eq!(category(&row["provenance"]), Some("accepted"), "{row}"));
        each(RAG, &|row| {
            // An upgrade may be late, a downgrade never.
            let (now, said) = (category(&row["provenance"]), row["success_score"].as_str());
            assert!(
                now == said || (now == Some("accepted") && said == Some("partially_accepted")),
                "{now:?}: {row}"
            );
            assert!(
                matches!(row["success_score"].as_str(), Some("accepted" | "partially_accepted")),
                "{row}"
            );
        });
        each(PREFERENCE, &|row| {
            let [better, worse] = [0, 1].map(|side| category(&row["provenance"][side]).unwrap());
            let vote = row["provenance"][0] == row["provenance"][1];
            let overseer = row["provenance"][0]["source_file"] == "data/_kb/overseer_corrections.jsonl";
            assert!(if vote { better != "rejected" } else { overseer || better == "accepted" }, "{row}");
            assert!(vote || worse == "rejected", "{row}");
        });
    }
}

impl Around for Watching {
    fn beneath(&self) -> &dyn Disk {
        &self.disk
    }

    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        self.disk.sync(path)?;
        if path.ends_with("receipts/receipts.jsonl") {
            self.look_at_receipts();
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.disk.rename(from, to)?;
        self.look_at_samples(&self.committed.lock().unwrap());
        Ok(())
    }
}

#[test]
fn at_no_committed_state_does_a_file_hold_a_sample_that_its_category_forbids() {
    let lab = Lab::generated(5, 4000);
    let committed = std::sync::Arc::new(Mutex::new(Committed::default()));
    let watching =
        Watching { disk: RealDisk::default(), out: lab.out(), committed: std::sync::Arc::clone(&committed) };
    fs::create_dir_all(lab.state()).unwrap();
    let cut = Cut { batch_bytes_max: 16 << 20, batch_rows_max: 10, workers: 2 };
    run_once(Box::new(watching), &lab.kb(), &lab.out(), &lab.state(), cut).unwrap();
    let committed = committed.lock().unwrap();
    println!(
        "{} receipts, {} samples in, {} out again in {} replacements",
        committed.receipts, committed.exported, committed.retracted, committed.replaced
    );
    // Otherwise nothing was looked at.
    assert!(
        committed.receipts > 300 && committed.retracted > 100 && committed.replaced > 20,
        "{committed:?}"
    );
}
