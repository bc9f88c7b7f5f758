//! The samples of the exports, as places and hashes: their texts stay in the files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::{SnapshotError, io};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::samples::Split;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::snapshot::{Dataset, Sample};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::row_scan::each_line;
use crate::store::StoreError;

/// The place of a row: its source file's number in [`Sources`], its generation, its line.
pub(super) type Place = (u32, u32, u64);

/// Names of source files, each kept once.
#[derive(Debug, Default)]
pub(super) struct Sources {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Sources {
    /// The number of a name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name behind a number.
    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }
}

/// One side of a sample: a row, and what the sample says is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) place: Place,
    pub(super) sig_hash: Sha256Hex,
    /// SHA-256 of the text that the row's evidence must hold; `None` when the evidence does not hold it.
    pub(super) text: Option<Sha256Hex>,
    /// Whether it is the text that lost a vote, which stands beside the chosen one.
    pub(super) lost_vote: bool,
}

/// One sample.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) dataset: Dataset,
    /// Where its line lies in the export.
    pub(super) at: u64,
    pub(super) len: u32,
    /// The hash of its content, which its id is made of.
    pub(super) content: Sha256Hex,
    /// Its row; of a pair the chosen and the rejected.
    pub(super) sides: Vec<Side>,
    /// The runs that hold its content, in canonical order; found by the proof.
    pub(super) runs: Vec<Box<str>>,
    /// The number of its current score in [`super::proof::Proof::scores`]; found by the proof.
    pub(super) score: u32,
}

/// An export's file, held open: when the file is replaced, this one stays as it was.
#[derive(Debug)]
struct ExportFile {
    file: Option<File>,
    len: u64,
}

impl ExportFile {
    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let to = to.min(self.len);
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        io(file.read_exact_at(&mut bytes, from), "read", path)?;
        Ok(bytes)
    }
}

/// The committed samples.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) outputs: Outputs,
    files: BTreeMap<Dataset, ExportFile>,
    pub(super) sources: Sources,
    pub(super) entries: Vec<Entry>,
    /// Newest event time among the rows that samples were made from.
    pub(super) newest: EventTime,
    /// What is wrong so far: entry's dataset, sample, why.
    pub(super) faults: Vec<(Dataset, String, String)>,
}

impl Selection {
    /// Reads all exports of an output folder, as of one moment.
    pub(super) fn read(output: &Path) -> Result<Self, SnapshotError> {
        let open = |dataset: Dataset| -> Result<Option<File>, StoreError> {
            let path = output.join(dataset.path());
            match File::open(&path) {
                Ok(file) => Ok(Some(file)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(StoreError::io("open", &path, e)),
            }
        };
        // First the files, then the receipts that say how much of them counts, then whether they still are those files.
        let mut held = Vec::new();
        for dataset in Dataset::ALL {
            held.push((dataset, open(dataset)?));
        }
        let outputs = Outputs::open_whole(output)?;
        outputs.check_samples()?;
        let mut files = BTreeMap::new();
        for (dataset, file) in held {
            let path = output.join(dataset.path());
            let len = outputs.state.output_len(dataset.path());
            let there = std::fs::metadata(&path).ok();
            if len > 0 {
                let metadata = match &file {
                    Some(file) => Some(io(file.metadata(), "look at", &path)?),
                    None => None,
                };
                let same = metadata.as_ref().zip(there).is_some_and(|(held, there)| {
                    (held.dev(), held.ino()) == (there.dev(), there.ino()) && held.len() >= len
                });
                if !same {
                    return Err(SnapshotError::Moved);
                }
            }
            files.insert(dataset, ExportFile { file, len });
        }
        let mut selection = Self {
            outputs,
            files,
            sources: Sources::default(),
            entries: Vec::new(),
            newest: EventTime::EPOCH,
            faults: Vec::new(),
        };
        for dataset in Dataset::ALL {
            selection.take_export(dataset)?;
        }
        selection.sort();
        Ok(selection)
    }

    fn take_export(&mut self, dataset: Dataset) -> Result<(), StoreError> {
        let path = self.outputs.folder().join(dataset.path());
        let Some(export) = self.files.remove(&dataset) else { return Ok(()) };
        let mut ids = HashSet::new();
        let mut groups: HashMap<Sha256Hex, Split> = HashMap::new();
        each_line(
            |from, to, block| export.read(&path, from, to).map(|read| *block = read),
            0,
            export.len,
            |at, line| {
                let text = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\n');
                let sample = match Sample::read(dataset, text) {
                    Ok(sample) => sample,
                    Err(refusal) => {
                        let why = format!("is no sample: {} {}", refusal.path, refusal.reason);
                        self.faults.push((dataset, format!("the line at byte {at}"), why));
                        return;
                    }
                };
                let content = sample.content_hash();
                let mut fault = |why: &str| {
                    self.faults.push((dataset, sample.id().to_owned(), why.to_owned()));
                };
                if !sample.id().ends_with(&content.first16()) {
                    fault("its id is not that of its content");
                }
                if !ids.insert(content) {
                    fault("it stands there twice");
                }
                if let Some(group) = sample.split_group() {
                    let split = *groups.entry(Sha256Hex::of(group.as_bytes())).or_insert(sample.split());
                    if split != sample.split() {
                        fault("its group is in two splits");
                    }
                }
                self.take_sample(&sample, at, line.len() as u32, content);
            },
        )?;
        self.files.insert(dataset, export);
        Ok(())
    }

    fn take_sample(&mut self, sample: &Sample, at: u64, len: u32, content: Sha256Hex) {
        let hash = |text: &str| Some(Sha256Hex::of(text.as_bytes()));
        let (dataset, said) = match sample {
            Sample::Rag(rag) => (Dataset::Rag, vec![(&rag.provenance, hash(rag.text.as_str()))]),
            Sample::Sft(sft) => (Dataset::Sft, vec![(&sft.provenance, hash(sft.response.as_str()))]),
            Sample::Preference(pair) => {
                let [chosen, rejected] = &pair.provenance;
                let [better, worse] = [&pair.chosen, &pair.rejected].map(|text| hash(text.as_str()));
                (Dataset::Preference, vec![(chosen, better), (rejected, worse)])
            }
        };
        // Both answers of a vote are of one row.
        let vote =
            said.first().map(|(chosen, _)| *chosen).filter(|_| dataset == Dataset::Preference).cloned();
        let sides = said.into_iter().enumerate().map(|(side, (provenance, text))| {
            self.newest = self.newest.max(provenance.recorded_at);
            let lost_vote = side == 1 && vote.as_ref() == Some(provenance);
            let place = place(&mut self.sources, provenance);
            Side { place, sig_hash: provenance.sig_hash, text, lost_vote }
        });
        let sides = sides.collect();
        self.entries.push(Entry { dataset, at, len, content, sides, runs: Vec::new(), score: 0 });
    }

    /// Canonical order: by source file, generation and line of the row, or of the two rows.
    fn sort(&mut self) {
        let sources = &self.sources;
        let key = |entry: &Entry| {
            let places = entry.sides.iter().map(|side| {
                let (source, generation, line) = side.place;
                (sources.name(source), generation, line)
            });
            (entry.dataset, places.collect::<Vec<_>>(), entry.content)
        };
        self.entries.sort_by(|a, b| key(a).cmp(&key(b)));
    }

    /// Reads a sample again.
    pub(super) fn sample(&self, entry: &Entry) -> Result<Sample, SnapshotError> {
        let path = self.outputs.folder().join(entry.dataset.path());
        let export = self.files.get(&entry.dataset).ok_or(SnapshotError::Moved)?;
        let bytes = export.read(&path, entry.at, entry.at + u64::from(entry.len))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SnapshotError::Moved)?;
        let sample = Sample::read(entry.dataset, text.trim_end_matches('\n'));
        sample.ok().filter(|sample| sample.content_hash() == entry.content).ok_or(SnapshotError::Moved)
    }

    /// Notes what is wrong with a sample.
    pub(super) fn fault(&mut self, entry: usize, why: String) {
        let Some(entry) = self.entries.get(entry) else { return };
        let prefix = match entry.dataset {
            Dataset::Rag => "rag_",
            Dataset::Sft => "sft_",
            Dataset::Preference => "pref_",
        };
        self.faults.push((entry.dataset, format!("{prefix}{}", entry.content.first16()), why));
    }
}

/// The place that a provenance names.
fn place(sources: &mut Sources, provenance: &Provenance<'_>) -> Place {
    (sources.number(&provenance.source_file), provenance.generation, provenance.line_offset)
}
