//! The files of samples, kept to what they should hold.
//!
//! Exports follow the evidence, never lead it. What a file should hold is a function of the rows and their scores
//! (`domain::exports`); the desk compares it with what the file holds. A sample that must go goes in the commit of the row
//! that causes it ([`Desk::removals`]); what is to come waits until there is time for it ([`Desk::next_job`]).

mod gather;
mod held;
mod make;
mod pairs;
mod remove;

use std::collections::{BTreeMap, BTreeSet};

pub use gather::{FileChanges, Gathered};
use held::{Files, Held};
use make::{MadeSample, SampleRow};
pub use make::{SampleJob, Sampled, make};
pub(super) use remove::{Marks, retractions};

use super::evidence_lines::EvidenceLines;
use super::known_rows::KnownRows;
use super::outputs::Committed;
use super::review::{Special, special};
use super::streams::StreamSet;
use crate::domain::exports::preference::Source;
use crate::domain::exports::{Dataset, Verdict, wanted_rag, wanted_sft};
use crate::domain::link::facts::key;
use crate::domain::link::map::KeySet;
use crate::domain::link::{Key, Links, Place, Row};
use crate::domain::score::{Category, reasons, score};
use crate::domain::signal::SignalSet;
use crate::store::StoreError;

/// Evidence bytes of one job, at most (unless one line is longer).
const JOB_BYTES: u64 = 1 << 20;
/// Evidence lines farther apart than this are not read in one go.
const READ_GAP_BYTES: u64 = 64 << 10;
/// Sample bytes of one export commit, about.
const COMMIT_BYTES: usize = 16 << 20;
/// Sample bytes that wait to take the place of others, at most: a file that loses lines is written anew as a whole.
const REPLACE_BYTES: usize = 64 << 20;
/// How many texts, and how many sources of pairs, are looked at before the committer looks after other things.
const TEXTS_AT_A_TIME: usize = 8192;
const SOURCES_AT_A_TIME: usize = 256;

/// What a sample's line says beside its evidence: two lines of one row with one stamp are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    category: Category,
    /// The signals among the reasons; empty where a line does not give reasons.
    signals: SignalSet,
    /// Of the key of the task type that a run gave; 0 for the row's own.
    task: u32,
}

/// A row, and the datasets that want a sample of it.
type Wanted = (Place, Vec<(Dataset, Stamp)>);

/// What is in the files, what is wanted, and what is under way.
#[derive(Debug)]
pub struct Desk {
    files: Files,
    /// Texts whose samples may no longer be what they should be.
    dirty_texts: Vec<Key>,
    dirty_sources: Vec<Source>,
    /// Rows whose samples are to be made, by stream and evidence.
    wanted: BTreeMap<(u16, u64), Wanted>,
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
}

impl Desk {
    /// Finds out what the files hold; everything has to be looked at once.
    pub fn load(
        committed: Committed<'_>,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Result<Self, StoreError> {
        let mut files = Files::load(committed, streams, known)?;
        let mut gathered = Gathered::default();
        for (dataset, id) in files.strangers.drain(..) {
            gathered.drop_line(dataset, id);
        }
        let mut dirty_sources: Vec<Source> = files.pairs.sources_in_file().collect();
        // In the order of their first rows, so that evidence that lies together is read together.
        let (mut dirty_texts, mut seen) = (Vec::new(), KeySet::default());
        for place in 0..known.len() as Place {
            let text = known.links.rows.text(place).map(|text| text.facts.text);
            dirty_texts.extend(text.filter(|text| seen.insert(*text)));
            crate::domain::exports::preference::sources(&known.links, place, &mut dirty_sources);
        }
        Ok(Self {
            files,
            dirty_texts,
            dirty_sources,
            wanted: BTreeMap::new(),
            next_job: 0,
            next_arrival: 0,
            early: BTreeMap::new(),
            gathered,
            withheld: KeySet::default(),
            withheld_pairs: BTreeSet::new(),
            loading: !known.is_empty(),
        })
    }

    /// The rows that need a person for another reason than their score.
    pub(in crate::pipeline) fn special(&self, links: &Links) -> Special {
        let sources = self.withheld_pairs.iter().copied();
        special(links, self.withheld.iter().copied(), sources)
    }

    /// Whether anything is to be looked at or made.
    pub fn has_waiting(&self) -> bool {
        !self.dirty_texts.is_empty() || !self.dirty_sources.is_empty() || !self.wanted.is_empty()
    }

    /// How many jobs are out and not back.
    pub fn in_flight(&self) -> u64 {
        self.next_job - self.next_arrival
    }

    /// Looks at what may have changed, and gives the next job, if it comes to one.
    pub(in crate::pipeline) fn next_job(
        &mut self,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<Option<SampleJob>, StoreError> {
        while self.wanted.is_empty() && !self.dirty_texts.is_empty() {
            let from = self.dirty_texts.len().saturating_sub(TEXTS_AT_A_TIME);
            let mut texts = self.dirty_texts.split_off(from);
            texts.sort_unstable();
            texts.dedup();
            for text in texts {
                self.look_at(text, known, evidence)?;
            }
        }
        if self.wanted.is_empty() {
            // Work that answers one input names it once a row, and a pair is read and made whenever it is looked at.
            self.dirty_sources.sort_unstable();
            self.dirty_sources.dedup();
            let from = self.dirty_sources.len().saturating_sub(SOURCES_AT_A_TIME);
            for source in self.dirty_sources.split_off(from) {
                let secret = self.files.pairs.refresh(source, known, evidence, &mut self.gathered)?;
                if !secret {
                    self.withheld_pairs.remove(&source);
                } else if self.withheld_pairs.insert(source) && !self.loading {
                    self.gathered.withheld += 1;
                }
            }
        }
        let job = self.job(known, evidence)?;
        self.loading &= job.is_some();
        Ok(job)
    }

    /// Compares what the files hold for a text with what they should hold.
    fn look_at(
        &mut self,
        text: Key,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<(), StoreError> {
        let rag = (0, wanted_rag(&known.links, text));
        let mut held_back = false;
        let held = self.files.rag.get(&text).copied();
        held_back |= self.compare(Dataset::Rag, rag, held, known, evidence)?;
        if rag.1 == Verdict::Nothing || matches!(rag.1, Verdict::Withheld(..)) {
            self.files.rag.remove(&text);
        }
        let verdicts = wanted_sft(&known.links, text);
        for verdict in &verdicts {
            let held = self.files.sft.get(&text).into_iter().flatten();
            let held = held.copied().find(|held| held.instruction == verdict.0);
            held_back |= self.compare(Dataset::Sft, *verdict, held, known, evidence)?;
        }
        if let Some(held) = self.files.sft.get_mut(&text) {
            // What answers an instruction that nobody gives any more goes too.
            let stands = |held: &Held| {
                verdicts
                    .iter()
                    .any(|(of, verdict)| *of == held.instruction && matches!(verdict, Verdict::Sample(_)))
            };
            for gone in held.iter().filter(|held| !verdicts.iter().any(|(of, _)| *of == held.instruction)) {
                self.gathered.drop_line(Dataset::Sft, gone.id);
            }
            held.retain(stands);
            if held.is_empty() {
                self.files.sft.remove(&text);
            }
        }
        if !held_back {
            self.withheld.remove(&text);
        } else if self.withheld.insert(text) && !self.loading {
            self.gathered.withheld += 1;
        }
        Ok(())
    }

    /// Wants what a file should hold and does not, drops what it holds and should not; whether the text is held back.
    fn compare(
        &mut self,
        dataset: Dataset,
        (_, verdict): (Key, Verdict),
        held: Option<Held>,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<bool, StoreError> {
        let Verdict::Sample(place) = verdict else {
            if let Some(held) = held {
                self.gathered.drop_line(dataset, held.id);
            }
            return Ok(matches!(verdict, Verdict::Withheld(..)));
        };
        let stamp = stamp(dataset, place, known, evidence)?;
        if held.is_some_and(|held| held.owner == place && held.stamp == stamp) {
            return Ok(false);
        }
        if let Some(row) = known.get(place) {
            let wanted = self.wanted.entry((row.stream, row.evidence_at())).or_insert((place, Vec::new()));
            wanted.1.retain(|(other, _)| *other != dataset);
            wanted.1.push((dataset, stamp));
        }
        Ok(false)
    }

    /// A job of the rows of one stream that lie close together.
    fn job(
        &mut self,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<Option<SampleJob>, StoreError> {
        let mut rows = Vec::new();
        let (mut stream, mut from, mut to) = (0, 0, 0);
        while let Some(((of, at), (place, _))) = self.wanted.first_key_value() {
            let Some(row) = known.get(*place) else { break };
            let end = at + u64::from(row.evidence_len);
            if rows.is_empty() {
                (stream, from) = (*of, *at);
            } else if *of != stream || *at > to + READ_GAP_BYTES || end - from > JOB_BYTES {
                break;
            }
            to = end;
            let Some((_, (place, wanted))) = self.wanted.pop_first() else { break };
            rows.push(sample_row(place, wanted, known, evidence)?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let block = evidence.block(stream, from, to)?;
        let number = self.next_job;
        self.next_job += 1;
        Ok(Some(SampleJob { number, block, block_from: from, rows }))
    }

    /// Takes a finished job, and those that waited behind it, in order.
    pub(in crate::pipeline) fn arrive(
        &mut self,
        sampled: Sampled,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<(), StoreError> {
        self.early.insert(sampled.number, sampled);
        while let Some(due) = self.early.remove(&self.next_arrival) {
            self.next_arrival += 1;
            for made in due.samples {
                self.take(made, known, evidence)?;
            }
        }
        Ok(())
    }

    /// Takes a sample in, if it is still the one that is wanted.
    fn take(
        &mut self,
        made: MadeSample,
        known: &KnownRows,
        evidence: &EvidenceLines<'_>,
    ) -> Result<(), StoreError> {
        let links = &known.links;
        let Some(text) = links.rows.text(made.place).map(|text| text.facts.text) else { return Ok(()) };
        // The proof that every commit makes of what it adds, by the rows as they are now and not as they were when the
        // sample was asked for.
        let instruction = if made.dataset == Dataset::Rag { 0 } else { links.instruction(made.place) };
        let verdict = match made.dataset {
            Dataset::Rag => wanted_rag(links, text),
            _ => wanted_sft(links, text)
                .into_iter()
                .find(|(of, _)| *of == instruction)
                .map_or(Verdict::Nothing, |v| v.1),
        };
        let is_current = verdict == Verdict::Sample(made.place)
            && stamp(made.dataset, made.place, known, evidence)? == made.stamp
            && made.dataset.allows(made.stamp.category);
        if !is_current {
            // What changed it has marked the text, so that it is looked at again.
            return Ok(());
        }
        let held = Held { owner: made.place, stamp: made.stamp, id: made.id, instruction };
        let before = if made.dataset == Dataset::Rag {
            self.files.rag.insert(text, held)
        } else {
            let all = self.files.sft.entry(text).or_default();
            let before =
                all.iter().position(|held| held.instruction == instruction).map(|at| all.swap_remove(at));
            all.push(held);
            before
        };
        if let Some(before) = before {
            self.gathered.drop_line(made.dataset, before.id);
        }
        self.gathered.add_line(made.dataset, made.id, made.line);
        Ok(())
    }

    /// Whether what was gathered should be committed now: enough of it, or no more to come.
    pub fn is_due(&self) -> bool {
        !self.gathered.is_empty()
            && (self.gathered.has_appends(COMMIT_BYTES)
                || self.gathered.has_replacements(REPLACE_BYTES)
                || !self.has_more_to_come())
    }

    fn has_more_to_come(&self) -> bool {
        self.in_flight() > 0 || self.has_waiting()
    }

    /// Whether anything was gathered and not yet committed.
    pub fn has_gathered(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// Hands over what is due: while more is to come what can be appended, in the end all of it.
    pub fn take_due(&mut self) -> Gathered {
        if self.has_more_to_come() && self.gathered.has_appends(COMMIT_BYTES) {
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
fn stamp(
    dataset: Dataset,
    place: Place,
    known: &KnownRows,
    evidence: &EvidenceLines<'_>,
) -> Result<Stamp, StoreError> {
    let (category, signals) =
        known.get(place).map_or((Category::NeedsHumanReview, SignalSet::EMPTY), |row| {
            (row.category, known.links.rows.current(row))
        });
    let asked = if dataset == Dataset::Rag { place } else { known.links.asked(place) };
    let own = known.get(asked).is_some_and(Row::gives_task);
    let task = if own { 0 } else { task_key(asked, known, evidence)? };
    let signals = if dataset == Dataset::Rag { SignalSet::EMPTY } else { signals };
    Ok(Stamp { category, signals, task })
}

/// The key of the task type of a row that names none: its run's, else the stream's name.
fn task_key(place: Place, known: &KnownRows, evidence: &EvidenceLines<'_>) -> Result<u32, StoreError> {
    if let Some(task) = pairs::task_of_run(place, known, evidence)? {
        return Ok(key(&task) as u32);
    }
    let stream = known.get(place).map_or("", |row| evidence.stream_name(row.stream));
    Ok(key(&crate::domain::schema::scalars::Escaped::from_escaped(stream)) as u32)
}

/// What a worker needs to make the samples of a row.
fn sample_row(
    place: Place,
    wanted: Vec<(Dataset, Stamp)>,
    known: &KnownRows,
    evidence: &EvidenceLines<'_>,
) -> Result<SampleRow, StoreError> {
    let asked = known.links.asked(place);
    let corrects = match known.get(asked).filter(|_| asked != place) {
        Some(target) => Some((evidence.line(target)?, pairs::task_of_run(asked, known, evidence)?)),
        None => None,
    };
    let judgement = known.links.reach(place).judgement();
    let (evidence_at, evidence_len, category) =
        known.get(place).map_or((0, 0, Category::NeedsHumanReview), |row| {
            (row.evidence_at(), row.evidence_len, row.category)
        });
    Ok(SampleRow {
        place,
        evidence_at,
        evidence_len,
        category,
        reasons: reasons(judgement, score(judgement)),
        task_of_run: pairs::task_of_run(place, known, evidence)?,
        corrects,
        wanted,
    })
}
