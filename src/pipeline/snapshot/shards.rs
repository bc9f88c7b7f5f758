//! The files of a snapshot's views, written side by side in one pass over the samples.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::proof::Proof;
use super::{SnapshotError, io};
use crate::domain::schema::checked::Distinct;
use crate::domain::schema::samples::{AcceptedOnly, Split, SuccessScore};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::snapshot::changes::Holdings;
use crate::domain::snapshot::manifest::DataFile;
use crate::domain::snapshot::view::{VIEWS, View};
use crate::domain::snapshot::{Dataset, Sample};
use crate::store::StoreError;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The files, by path.
    pub(super) files: Vec<DataFile>,
    /// The samples.
    pub(super) holdings: Holdings,
}

/// One file on its way. Its name is known when its bytes are.
struct Shard {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    rows: u64,
}

impl Shard {
    fn new(path: PathBuf) -> Result<Self, StoreError> {
        let file = BufWriter::with_capacity(256 << 10, io(File::create_new(&path), "make", &path)?);
        Ok(Self { path, file, hash: Sha256::new(), bytes: 0, rows: 0 })
    }

    fn push(&mut self, lines: &str, rows: u64) -> Result<(), StoreError> {
        self.hash.update(lines);
        self.bytes += lines.len() as u64;
        self.rows += rows;
        io(self.file.write_all(lines.as_bytes()), "write", &self.path)
    }

    fn finish(self, folder: &Path, view: &'static View, split: Split) -> Result<DataFile, StoreError> {
        let file =
            io(self.file.into_inner().map_err(std::io::IntoInnerError::into_error), "write", &self.path)?;
        io(file.sync_all(), "sync", &self.path)?;
        let sha256 = Sha256Hex(self.hash.finalize().into());
        let path = view.path(split, &sha256);
        let full = folder.join(&path);
        let parent = full.parent().unwrap_or(folder);
        io(fs::create_dir_all(parent), "make", parent)?;
        io(fs::rename(&self.path, &full), "rename", &self.path)?;
        Ok(DataFile { path, sha256, bytes: self.bytes, rows: self.rows, view, split })
    }
}

/// Writes every view of every sample below a folder.
pub(super) fn write(proof: &Proof, folder: &Path) -> Result<Written, SnapshotError> {
    let mut shards: BTreeMap<(usize, u8), (Split, Shard)> = BTreeMap::new();
    let mut written = Written::default();
    let mut lines = String::new();
    for entry in &proof.selection.entries {
        let mut sample = proof.selection.sample(entry)?;
        // The export may be behind in what it says of a sample, never in that it may hold it.
        bring_up_to_date(&mut sample, entry, proof);
        let split = sample.split();
        for (place, view) in VIEWS.iter().enumerate().filter(|(_, view)| view.dataset == entry.dataset) {
            lines.clear();
            (view.rows)(&sample, &mut lines);
            if view.name == entry.dataset.name() {
                let key = (entry.dataset, sample.id().to_owned());
                written.holdings.insert(key, Sha256Hex::of(lines.as_bytes()));
            }
            let key = (place, split as u8);
            if let Some((_, shard)) = shards.get_mut(&key) {
                shard.push(&lines, view.rows_a_sample)?;
            } else {
                let mut shard = Shard::new(folder.join(format!("{place}-{}.partial", split.name())))?;
                shard.push(&lines, view.rows_a_sample)?;
                shards.insert(key, (split, shard));
            }
        }
    }
    for ((place, _), (split, shard)) in shards {
        let Some(view) = VIEWS.get(place) else { continue };
        written.files.push(shard.finish(folder, view, split)?);
    }
    written.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(written)
}

/// Sets what follows from the evidence and the scores as they are now: the runs, and what the score says.
fn bring_up_to_date(sample: &mut Sample, entry: &super::selection::Entry, proof: &Proof) {
    let texts = entry.runs.iter().filter_map(|run| crate::domain::schema::checked::Text::new(run.as_ref()));
    let runs = Distinct::new(texts.collect());
    let score = proof.scores.get(entry.score as usize);
    match sample {
        Sample::Rag(rag) => {
            rag.source_run_ids = runs.unwrap_or_else(|| rag.source_run_ids.clone());
            let success = score.and_then(|score| SuccessScore::prove(score.category));
            rag.success_score = success.unwrap_or(rag.success_score);
        }
        Sample::Sft(sft) => {
            sft.source_run_ids = runs.unwrap_or_else(|| sft.source_run_ids.clone());
            let Some(score) = score.filter(|score| AcceptedOnly::prove(score.category).is_some()) else {
                return;
            };
            let reasons = serde_json::from_value(score.reasons.clone().into());
            sft.score_reasons = reasons.unwrap_or_else(|_| sft.score_reasons.clone());
            let version = crate::domain::schema::checked::Version::new(score.scorer_version.as_str());
            sft.scorer_version = version.unwrap_or_else(|| sft.scorer_version.clone());
        }
        Sample::Preference(_) => {}
    }
}

/// The samples that a published version holds, read from its canonical files.
pub(super) fn holdings(folder: &Path) -> Result<Holdings, StoreError> {
    let mut holdings = Holdings::new();
    for dataset in Dataset::ALL {
        let dir = folder.join("canonical").join(dataset.name());
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(StoreError::io("list", &dir, e)),
        };
        for entry in entries {
            let path = io(entry, "list", &dir)?.path();
            let mut file = std::io::BufReader::with_capacity(1 << 20, io(File::open(&path), "open", &path)?);
            let mut line = String::new();
            loop {
                line.clear();
                if io(std::io::BufRead::read_line(&mut file, &mut line), "read", &path)? == 0 {
                    break;
                }
                let id = crate::domain::skim::members(&line).find(|(key, _)| *key == "sample_id");
                let id = id.map_or("", |(_, id)| id.trim_matches('"')).to_owned();
                holdings.insert((dataset, id), Sha256Hex::of(line.as_bytes()));
            }
        }
    }
    Ok(holdings)
}
