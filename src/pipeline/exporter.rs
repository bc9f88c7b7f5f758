//! Which rows wait to be exported, and the samples gathered for the next export commit.
//!
//! Exports follow the evidence, never lead it: a sample is made from a line that a receipt covers, with the category that
//! counts now. So they may be late, and are never wrong.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::known_rows::{KnownRow, KnownRows};
use super::row_scan::{each_line, sample_id};
use super::samples::{MadeSamples, SampleJob, Sampled};
use super::streams::StreamSet;
use crate::domain::exports::{EXPORTS, Export};
use crate::store::{Append, Piece, Store, StoreError};

/// Evidence bytes of one job, at most (unless one line is longer).
const JOB_BYTES: u64 = 1 << 20;
/// Evidence lines farther apart than this are not read in one go.
const READ_GAP_BYTES: u64 = 64 << 10;
/// Sample bytes of one export commit, about.
const COMMIT_BYTES: usize = 16 << 20;

/// The rows that wait, the samples that are there, and those that go into the next commit.
#[derive(Debug)]
pub struct Exporter {
    /// By stream: places in the known rows, in evidence order.
    waiting: Vec<VecDeque<u32>>,
    /// How many known rows have been looked at.
    seen_rows: usize,
    /// By export: sample ids, in the file or gathered. Never iterated.
    present: Vec<HashSet<u64>>,
    next_job: u64,
    next_arrival: u64,
    /// Finished jobs that came before their turn.
    early: BTreeMap<u64, Sampled>,
    gathered: Gathered,
}

/// What the next export commit will take.
#[derive(Debug, Default)]
pub struct Gathered {
    pieces: BTreeMap<&'static str, Vec<Piece>>,
    bytes: usize,
    /// How many samples.
    pub samples: u64,
    /// Evidence bytes that will be taken into account, by stream.
    pub cursors: BTreeMap<String, u64>,
}

impl Exporter {
    /// Finds out what waits and what is there.
    pub fn load(store: &Store, streams: &StreamSet, known: &KnownRows) -> Result<Self, StoreError> {
        let mut present = Vec::new();
        for export in EXPORTS {
            let mut ids = HashSet::new();
            let path = store.output().join(export.path());
            let read = |from, to| store.disk().read(&path, from, to);
            each_line(read, 0, store.state().output_len(export.path()), |_, line| {
                ids.extend(sample_id(line, export.prefix()));
            })?;
            present.push(ids);
        }
        let mut exporter = Self {
            waiting: streams.specs.iter().map(|_| VecDeque::new()).collect(),
            seen_rows: 0,
            present,
            next_job: 0,
            next_arrival: 0,
            early: BTreeMap::new(),
            gathered: Gathered::default(),
        };
        let cursors = &store.state().export_cursors;
        let done: Vec<u64> =
            streams.specs.iter().map(|spec| cursors.get(&spec.name).copied().unwrap_or(0)).collect();
        exporter.note(known, |row| {
            done.get(usize::from(row.stream)).is_some_and(|done| row.evidence_at >= *done)
        });
        Ok(exporter)
    }

    /// Looks at the rows that have been committed since the last time.
    pub fn note_new_rows(&mut self, known: &KnownRows) {
        self.note(known, |_| true);
    }

    fn note(&mut self, known: &KnownRows, waits: impl Fn(&KnownRow) -> bool) {
        for place in self.seen_rows..known.len() {
            let Some(row) = known.get(place) else { break };
            let candidate = row.exportable && EXPORTS.iter().any(|export| export.allows(row.category));
            if candidate
                && waits(row)
                && let Some(queue) = self.waiting.get_mut(usize::from(row.stream))
            {
                queue.push_back(place as u32);
            }
        }
        self.seen_rows = known.len();
    }

    /// Whether any row waits.
    pub fn has_waiting(&self) -> bool {
        self.waiting.iter().any(|queue| !queue.is_empty())
    }

    /// How many jobs are out and not back.
    pub fn in_flight(&self) -> u64 {
        self.next_job - self.next_arrival
    }

    /// The next job: rows of one stream that have waited longest.
    pub fn next_job(
        &mut self,
        store: &Store,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Result<Option<SampleJob>, StoreError> {
        let Some(stream) = self.waiting.iter().position(|queue| !queue.is_empty()) else { return Ok(None) };
        let (Some(queue), Some(spec)) = (self.waiting.get_mut(stream), streams.specs.get(stream)) else {
            return Ok(None);
        };
        let mut rows: Vec<(u32, KnownRow)> = Vec::new();
        let (mut from, mut to) = (0, 0);
        while let Some(row) = queue.front().and_then(|place| known.get(*place as usize)) {
            let end = row.evidence_at + u64::from(row.evidence_len);
            if rows.is_empty() {
                from = row.evidence_at;
            } else if row.evidence_at > to + READ_GAP_BYTES || end - from > JOB_BYTES {
                break;
            }
            to = end;
            rows.extend(queue.pop_front().map(|place| (place, *row)));
        }
        let block = store.disk().read(&store.output().join(spec.output("evidence")), from, to)?;
        let number = self.next_job;
        self.next_job += 1;
        Ok(Some(SampleJob { number, stream, block, block_from: from, rows }))
    }

    /// Takes a finished job, and those that waited behind it, in order: the first sample of a content is the one.
    pub fn arrive(
        &mut self,
        sampled: Sampled,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Result<(), StoreError> {
        self.early.insert(sampled.number, sampled);
        while let Some(due) = self.early.remove(&self.next_arrival) {
            self.next_arrival += 1;
            for ((export, present), made) in EXPORTS.iter().zip(&mut self.present).zip(due.made) {
                for sample in &made.samples {
                    prove_no_leak(*export, known, sample.place)?;
                }
                let (lines, samples) = without_repeats(present, made);
                if samples > 0 {
                    self.gathered.bytes += lines.len();
                    self.gathered.samples += samples;
                    // Hashed by the commit, where several files are hashed at a time.
                    let piece = Piece { bytes: lines.into_bytes(), rows: samples, sha256: None };
                    self.gathered.pieces.entry(export.path()).or_default().push(piece);
                }
            }
            if let Some(spec) = streams.specs.get(due.stream) {
                self.gathered.cursors.insert(spec.name.clone(), due.evidence_to);
            }
        }
        Ok(())
    }

    /// Whether the gathered samples should be committed now: enough of them, or no more to come.
    pub fn is_due(&self) -> bool {
        !self.gathered.cursors.is_empty() && (self.gathered.bytes >= COMMIT_BYTES || self.in_flight() == 0)
    }

    /// Hands the gathered samples over to be committed.
    pub fn take_gathered(&mut self) -> Gathered {
        std::mem::take(&mut self.gathered)
    }
}

impl Gathered {
    /// The appends of the commit.
    pub fn appends(&mut self) -> Vec<Append> {
        let pieces = std::mem::take(&mut self.pieces);
        pieces.into_iter().map(|(path, pieces)| Append { path: path.to_owned(), pieces }).collect()
    }
}

/// The proof that a commit makes of every sample it adds, from the known rows and not from the code that made it.
fn prove_no_leak(export: &dyn Export, known: &KnownRows, place: u32) -> Result<(), StoreError> {
    let category = known.get(place as usize).map(|row| row.category);
    if category.is_some_and(|category| export.allows(category)) {
        return Ok(());
    }
    Err(StoreError::CheckFailed(format!(
        "a sample of {} would come from a row that is {category:?}",
        export.path()
    )))
}

/// All lines but those whose content is there already, or stands twice among them; and how many they are.
fn without_repeats(present: &mut HashSet<u64>, made: MadeSamples) -> (String, u64) {
    let new: Vec<bool> = made.samples.iter().map(|sample| present.insert(sample.id)).collect();
    let count = new.iter().filter(|new| **new).count();
    if count == new.len() {
        return (made.lines, count as u64);
    }
    let mut kept = String::with_capacity(made.lines.len());
    let mut at = 0;
    for (sample, new) in made.samples.iter().zip(new) {
        let end = at + sample.len as usize;
        if new {
            kept.push_str(made.lines.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    (kept, count as u64)
}
