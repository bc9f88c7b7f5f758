//! The files of samples, kept to what they should hold.
//!
//! Exports follow the evidence, never lead it. What a file should hold is a function of the rows and their scores
//! (`domain::exports`); the desk compares it with what the file holds. A sample that must go goes in the commit of the row
//! that causes it (`Desk::removals`); what is to come waits until there is time for it (`Desk::next_job`).

mod cache;
mod due;
mod gather;
mod held;
mod load;
mod make;
mod pairs;
mod remove;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use gather::{FileChanges, Gathered};
use held::{Files, Held};
use make::{MadeLines, MadeSample, SampleRow};
pub use make::{SampleJob, Sampled, make};
pub(super) use remove::{Marks, retractions};
use tracing::warn;

use super::evidence_lines::{EvidenceReader, LineAt};
use super::known_rows::KnownRows;
use super::outputs::Committed;
use super::review::{Special, special};
use super::streams::StreamSet;
use crate::domain::exports::preference::{Source, sources};
use crate::domain::exports::{Dataset, Verdict, wanted_rag_of, wanted_sft_of};
use crate::domain::link::facts::key;
use crate::domain::link::map::KeySet;
use crate::domain::link::{Links, Place, Row};
use crate::domain::schema::scalars::Escaped;
use crate::domain::score::{Category, reasons, score};
use crate::domain::signal::SignalSet;
use crate::store::{Store, StoreError};

/// Evidence bytes of one job, at most (unless one line is longer).
const JOB_BYTES: u64 = 1 << 20;
/// Evidence lines farther apart than this are not read in one go.
const READ_GAP_BYTES: u64 = 64 << 10;
/// Pairs of one job.
const JOB_PAIRS: usize = 256;
/// Sample bytes of one export commit, about; and while rows come in that wait for it.
const COMMIT_BYTES: usize = 16 << 20;
const COMMIT_BYTES_BESIDE_LIVE: usize = 1 << 20;
/// Sample bytes that wait to take the place of others, at most: a file that loses lines is written anew as a whole.
const REPLACE_BYTES: usize = 64 << 20;
/// How many texts are looked at before what they want is made.
const TEXTS_AT_A_TIME: usize = 8192;

/// What a sample's line says beside its evidence: two lines of one row with one stamp are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    category: Category,
    /// The signals among the reasons; empty where a line does not give reasons.
    signals: SignalSet,
    /// Of the key of the task type that a run gave; 0 for the row's own.
    task: u32,
}

/// How much was known at a time: as long as that is the same, so is what the files should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct KnownAt {
    rows: usize,
    /// Batches of rows whose scores were settled.
    batches: u64,
}

/// A row that is wanted as a sample.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    line: LineAt,
    place: Place,
    rag: Option<Stamp>,
    sft: Option<Stamp>,
}

/// What is in the files, what is wanted, and what is under way.
#[derive(Debug)]
pub struct Desk {
    evidence: Arc<EvidenceReader>,
    /// 32 bits of the key of the name of each stream: the task type of rows for which nobody names one.
    streams: Vec<u32>,
    files: Files,
    /// Rows of texts whose samples may no longer be what they should be, and those of the texts that are looked at next: the
    /// first row of each, the last first.
    dirty_texts: Vec<Place>,
    due_texts: Vec<Place>,
    dirty_sources: Vec<Source>,
    due_sources: Vec<Source>,
    /// Rows whose samples are to be made: the last first.
    wanted: Vec<Wanted>,
    /// What was known when their texts were looked at.
    looked_at: KnownAt,
    next_job: u64,
    next_arrival: u64,
    /// Finished jobs that came before their turn.
    early: BTreeMap<u64, Sampled>,
    gathered: Gathered,
    /// Texts that are held back.
    withheld: KeySet,
    withheld_pairs: BTreeSet<Source>,
    /// Whether what was there at the start is still being looked at: what is held back then is no news.
    loading: bool,
    batches: u64,
    /// The copy for the next start.
    cache: PathBuf,
}

impl Desk {
    /// Finds out what the files hold: from the copy in the state folder, else from the files; then everything has to be looked
    /// at once.
    pub fn load(
        store: &Store,
        streams: &StreamSet,
        known: &KnownRows,
        state: &Path,
    ) -> Result<Self, StoreError> {
        let cache = state.join("samples");
        if let Some(read) = cache::read(&cache, store, known) {
            let mut desk = Self::new(store, streams, read.files, cache);
            desk.withheld = read.withheld;
            desk.withheld_pairs.extend(read.withheld_pairs);
            return Ok(desk);
        }
        let (files, strangers) = load::load(Committed::of(store), streams, known)?;
        let mut desk = Self::new(store, streams, files, cache);
        for (dataset, id) in strangers {
            desk.gathered.drop_line(dataset, id);
        }
        desk.dirty_sources.extend(desk.files.pairs.sources_in_file());
        for place in 0..known.len() as Place {
            desk.dirty_texts.extend(known.links.rows.text(place).map(|_| place));
            sources(&known.links, place, None, &mut desk.dirty_sources);
        }
        desk.loading = !known.is_empty();
        Ok(desk)
    }

    fn new(store: &Store, streams: &StreamSet, files: Files, cache: PathBuf) -> Self {
        let task = |spec: &super::streams::StreamSpec| key(&Escaped::from_escaped(spec.name.as_str())) as u32;
        Self {
            evidence: Arc::new(EvidenceReader::new(store, streams)),
            streams: streams.specs.iter().map(task).collect(),
            files,
            dirty_texts: Vec::new(),
            due_texts: Vec::new(),
            dirty_sources: Vec::new(),
            due_sources: Vec::new(),
            wanted: Vec::new(),
            looked_at: KnownAt::default(),
            next_job: 0,
            next_arrival: 0,
            early: BTreeMap::new(),
            gathered: Gathered::default(),
            withheld: KeySet::default(),
            withheld_pairs: BTreeSet::new(),
            loading: false,
            batches: 0,
            cache,
        }
    }

    /// Leaves a copy for the next start, if all there is to do is done and committed.
    pub(in crate::pipeline) fn close(&self, store: &Store, known: &KnownRows) {
        if self.is_under_way() || self.has_waiting() || !self.gathered.is_empty() {
            return;
        }
        if let Err(e) = cache::write(&self.cache, self, store, known) {
            warn!(error = %e, "what the exports hold cannot be noted; the next start reads them");
        }
    }

    /// The rows that need a person for another reason than their score.
    pub(in crate::pipeline) fn special(&self, links: &Links) -> Special {
        let sources = self.withheld_pairs.iter().copied();
        special(links, self.withheld.iter().copied(), sources)
    }

    /// Whether anything is to be looked at or made.
    pub fn has_waiting(&self) -> bool {
        let texts = !self.dirty_texts.is_empty() || !self.due_texts.is_empty();
        let sources = !self.dirty_sources.is_empty() || !self.due_sources.is_empty();
        texts || sources || !self.wanted.is_empty() || self.files.pairs.wanted() > 0
    }

    /// How many jobs are out and not back.
    pub fn in_flight(&self) -> u64 {
        self.next_job - self.next_arrival
    }

    /// Takes a finished job, and those that waited behind it, in order.
    pub(in crate::pipeline) fn arrive(
        &mut self,
        sampled: Sampled,
        known: &KnownRows,
    ) -> Result<(), StoreError> {
        self.early.insert(sampled.number, sampled);
        while let Some(due) = self.early.remove(&self.next_arrival) {
            self.next_arrival += 1;
            let made = due.made?;
            for lines in made.lines {
                self.take(lines, due.known_at, known);
            }
            for pair in &made.pairs {
                self.files.pairs.take(pair, known, &self.streams, &mut self.gathered);
            }
        }
        Ok(())
    }

    /// Takes samples in, those that are still wanted.
    fn take(&mut self, made: MadeLines, known_at: KnownAt, known: &KnownRows) {
        let (links, dataset) = (&known.links, made.dataset);
        // What is asked for is what is wanted; that has to be proved again when anything has come to be known since.
        let nothing_new = known_at == self.known_at(known);
        let mut wanted = Vec::with_capacity(made.samples.len());
        for sample in &made.samples {
            let instruction = if dataset == Dataset::Rag { 0 } else { links.instruction(sample.place) };
            // A correction may have got another target meanwhile, of which the line says nothing.
            let answers_the_same = || dataset == Dataset::Rag || links.asked(sample.place) == sample.asked;
            let is_wanted = || self.is_wanted(dataset, sample.place, sample.stamp, known);
            let is_current =
                dataset.allows(sample.stamp.category) && (nothing_new || answers_the_same() && is_wanted());
            wanted.push(is_current);
            if is_current {
                let MadeSample { place: owner, stamp, id, .. } = *sample;
                let held = Held { owner, stamp, id, instruction };
                if let Some(before) = self.files.put(links, dataset, held) {
                    self.gathered.drop_line(dataset, before);
                }
            }
        }
        self.gathered.add_lines(made, &wanted);
    }

    /// The proof that every commit makes of what it adds, by the rows as they are now and not as they were when its text was
    /// looked at. What changed it has marked the text, so that it is looked at again.
    fn is_wanted(&self, dataset: Dataset, place: Place, as_of: Stamp, known: &KnownRows) -> bool {
        let links = &known.links;
        let Some(text) = links.rows.text(place).map(|text| text.facts.text) else { return false };
        let verdict = match dataset {
            Dataset::Rag => wanted_rag_of(links, text, place),
            _ => wanted_sft_of(links, text, place)
                .into_iter()
                .find(|(of, _)| *of == links.instruction(place))
                .map_or(Verdict::Nothing, |v| v.1),
        };
        verdict == Verdict::Sample(place) && stamp(dataset, place, known, &self.streams) == as_of
    }

    fn known_at(&self, known: &KnownRows) -> KnownAt {
        KnownAt { rows: known.len(), batches: self.batches }
    }

    /// Whether what was gathered should be committed now: enough of it, or no more to come.
    pub fn is_due(&self, beside_live: bool) -> bool {
        !self.gathered.is_empty()
            && (self.has_enough(beside_live)
                || self.gathered.has_replacements(REPLACE_BYTES)
                || !self.is_under_way())
    }

    fn has_enough(&self, beside_live: bool) -> bool {
        self.gathered.has_appends(if beside_live { COMMIT_BYTES_BESIDE_LIVE } else { COMMIT_BYTES })
    }

    /// Whether a pass over what was marked has begun and not come to its end.
    pub fn is_under_way(&self) -> bool {
        let due = !self.due_texts.is_empty() || !self.due_sources.is_empty();
        due || !self.wanted.is_empty() || self.files.pairs.wanted() > 0 || self.in_flight() > 0
    }

    /// Whether anything was gathered and not yet committed.
    pub fn has_gathered(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// Hands over what is due: while more is to come what can be appended, in the end all of it.
    pub fn take_due(&mut self, beside_live: bool) -> Gathered {
        if self.is_under_way() && self.has_enough(beside_live) {
            self.gathered.take_appends()
        } else {
            self.take_gathered()
        }
    }

    /// Hands all that was gathered over to be committed.
    pub fn take_gathered(&mut self) -> Gathered {
        std::mem::take(&mut self.gathered)
    }
}

/// What the line of a row's sample would say now.
fn stamp(dataset: Dataset, place: Place, known: &KnownRows, streams: &[u32]) -> Stamp {
    let Some(row) = known.get(place) else {
        return Stamp { category: Category::NeedsHumanReview, signals: SignalSet::EMPTY, task: 0 };
    };
    let (asked, signals) = match dataset {
        Dataset::Rag => (place, SignalSet::EMPTY),
        _ => (known.links.asked(place), known.links.rows.current(row)),
    };
    Stamp { category: row.category, signals, task: task_stamp(asked, known, streams) }
}

/// The task type of a row that names none, as 32 bits of its key: its run's, else the stream's name. 0 for a row that names
/// one: that never changes.
fn task_stamp(place: Place, known: &KnownRows, streams: &[u32]) -> u32 {
    match known.get(place) {
        Some(row) if !row.gives_task() => known
            .links
            .task_giver(place)
            .map_or_else(|| streams.get(usize::from(row.stream)).copied().unwrap_or(0), |(_, task)| task),
        _ => 0,
    }
}

/// Where the row lies that gives the run of a row a task type, for a row that names none.
fn giver_of(place: Place, known: &KnownRows) -> Option<LineAt> {
    let (giver, _) = known.links.task_giver(place)?;
    known.get(giver).map(LineAt::of)
}

/// What a worker needs to make the samples of a row.
fn sample_row(wanted: Wanted, known: &KnownRows) -> SampleRow {
    let Wanted { line, place, rag, sft } = wanted;
    let asked = if sft.is_some() { known.links.asked(place) } else { place };
    let target = known.get(asked).filter(|_| asked != place);
    let reasons = sft.map(|_| {
        let judgement = known.links.reach(place).judgement();
        reasons(judgement, score(judgement))
    });
    SampleRow {
        place,
        asked,
        line,
        category: known.get(place).map_or(Category::NeedsHumanReview, |row: &Row| row.category),
        reasons: reasons.unwrap_or_default(),
        task_giver: giver_of(place, known),
        corrects: target.map(|target| (LineAt::of(target), giver_of(asked, known))),
        rag,
        sft,
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
