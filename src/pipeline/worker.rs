//! Rows to evidence, on every core: a chunk of lines in, the lines for the outputs with their hashes out.

use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};

use super::event::{Event, Ticket};
use super::exports::{SampleJob, make};
use super::streams::{StreamSet, StreamSpec};
use crate::domain::distil::{BadRecord, Distilled, Distiller, Lines, Outcome, Place};
use crate::domain::row::Warnings;
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::views::outline::Outlines;
use crate::intake::chunk::{Chunk, Content};

/// What a worker may be given.
#[derive(Debug)]
pub enum Task {
    /// A chunk to distil.
    Rows(Box<Job>),
    /// Evidence to make samples of.
    Samples(SampleJob),
}

/// A chunk to distil.
#[derive(Debug)]
pub struct Job {
    /// Its place in its stream.
    pub ticket: Ticket,
    /// Where it was read.
    pub chunk: Chunk,
    /// Its lines.
    pub buffer: Vec<u8>,
    /// Whether its stream is tailed live, rather than caught up with.
    pub live: bool,
}

/// One new piece of evidence in a distilled chunk.
#[derive(Debug, Clone, Copy)]
pub struct NewRow {
    /// What is known of it.
    pub distilled: Distilled,
    /// Length of its evidence line, in bytes.
    pub evidence_len: u32,
    /// Length of its score line, in bytes.
    pub scored_len: u32,
    /// Length of its scratchpad line, in bytes; 0 when it has none.
    pub scratchpad_len: u32,
}

/// A distilled chunk.
#[derive(Debug)]
pub struct Worked {
    /// The job.
    pub job: Job,
    /// The lines for the outputs.
    pub lines: Lines,
    /// The evidence, in row order.
    pub rows: Vec<NewRow>,
    /// Refused rows.
    pub quarantined: u64,
    /// Blank rows.
    pub blank: u64,
    /// Oddities.
    pub warnings: Warnings,
    /// Time of the last row that had one.
    pub last_time: Option<EventTime>,
    /// Whether a row wanted the time of a row before this chunk.
    pub wants_carry: bool,
    /// SHA-256 of the chunk's bytes.
    pub input_sha256: Sha256Hex,
    /// SHA-256 of the evidence lines, unless duplicates are likely to be taken out of them.
    pub evidence_sha256: Option<Sha256Hex>,
    /// SHA-256 of the score lines, likewise.
    pub scored_sha256: Option<Sha256Hex>,
    /// SHA-256 of the scratchpad lines, likewise.
    pub scratchpads_sha256: Option<Sha256Hex>,
}

/// Takes jobs until both queues are closed; live ones go first.
pub fn work(
    rules: &Rules,
    streams: &StreamSet,
    live: &Receiver<Task>,
    bulk: &Receiver<Task>,
    events: &Sender<Event>,
) {
    let mut distiller = Distiller::new(rules);
    let scorer_version = rules.scorer_version();
    while let Some(task) = next_task(live, bulk) {
        let event = match task {
            Task::Samples(job) => Event::Sampled(make(&job, &scorer_version)),
            Task::Rows(job) => {
                let Some(spec) = streams.specs.get(job.ticket.stream) else { continue };
                match distil(&mut distiller, spec, *job, None) {
                    Ok(worked) => Event::Worked(Box::new(worked)),
                    Err(bad) => Event::BadRecord(bad),
                }
            }
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

/// A live task if there is one, else one of a backlog; `None` once both queues are closed and empty.
fn next_task(live: &Receiver<Task>, bulk: &Receiver<Task>) -> Option<Task> {
    // A closed queue is always ready; then the other one is waited for alone.
    crossbeam_channel::select_biased! {
        recv(live) -> job => job.ok().or_else(|| bulk.recv().ok()),
        recv(bulk) -> job => job.ok().or_else(|| live.recv().ok()),
    }
}

/// Distils one chunk. `carry` is the time of the last row before it that had one.
pub fn distil(
    distiller: &mut Distiller<'_>,
    spec: &StreamSpec,
    job: Job,
    carry: Option<EventTime>,
) -> Result<Worked, BadRecord> {
    let chunk = &job.chunk;
    let mut made = Made { last_time: None, ..Made::default() };
    made.lines.outlines = Some(Outlines::with_room(job.buffer.len()));
    // Records repeat the row and add their provenance; this much room spares the strings growing.
    made.lines.evidence.reserve(job.buffer.len() * 3 / 2);
    made.lines.scored.reserve(job.buffer.len() / 2);
    let mut place =
        Place { generation: chunk.source.generation, line_offset: chunk.first_line, byte_offset: chunk.from };
    match &chunk.content {
        Content::Oversize(line) => {
            let sha256 = Sha256Hex(line.sha256);
            distiller.oversize_row(spec.context(), place, &line.start, line.length, sha256, &mut made.lines);
            made.quarantined = 1;
        }
        Content::Lines => {
            let mut from = 0;
            while let Some(rest) = job.buffer.get(from..).filter(|rest| !rest.is_empty()) {
                let end = memchr::memchr(b'\n', rest);
                let row = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                let unterminated = end.is_none();
                made.take(distiller, spec, place, row, carry, unterminated)?;
                from += row.len() + 1;
                place.line_offset += 1;
                place.byte_offset += row.len() as u64 + 1;
            }
        }
    }
    // Where the last chunk had duplicates this one will, and lines that are taken out change the hash: the commit takes
    // it then. Hashing twice was a tenth of a replay.
    let hash_now = !spec.has_duplicates.load(Ordering::Relaxed);
    let lines = [&made.lines.evidence, &made.lines.scored, &made.lines.scratchpads];
    let [evidence, scored, scratchpads] = lines.map(|lines| if hash_now { lines.as_bytes() } else { b"" });
    let hashes = Sha256Hex::of_each([evidence, &job.buffer, scored, scratchpads]);
    let [evidence_sha256, read_sha256, scored_sha256, scratchpads_sha256] = hashes;
    let input_sha256 = match &chunk.content {
        Content::Oversize(line) => Sha256Hex(line.range_sha256),
        Content::Lines => read_sha256,
    };
    Ok(Worked {
        evidence_sha256: hash_now.then_some(evidence_sha256),
        scored_sha256: hash_now.then_some(scored_sha256),
        scratchpads_sha256: hash_now.then_some(scratchpads_sha256),
        lines: made.lines,
        rows: made.rows,
        quarantined: made.quarantined,
        blank: made.blank,
        warnings: made.warnings,
        last_time: made.last_time,
        wants_carry: made.wants_carry,
        input_sha256,
        job,
    })
}

#[derive(Default)]
struct Made {
    lines: Lines,
    rows: Vec<NewRow>,
    quarantined: u64,
    blank: u64,
    warnings: Warnings,
    last_time: Option<EventTime>,
    wants_carry: bool,
}

impl Made {
    fn take(
        &mut self,
        distiller: &mut Distiller<'_>,
        spec: &StreamSpec,
        place: Place,
        row: &[u8],
        carry: Option<EventTime>,
        unterminated: bool,
    ) -> Result<(), BadRecord> {
        let (evidence_from, scored_from) = (self.lines.evidence.len(), self.lines.scored.len());
        let scratchpads_from = self.lines.scratchpads.len();
        let known_time = self.last_time.or(carry);
        let outcome = distiller.row(
            spec.context(),
            place,
            row,
            known_time,
            unterminated,
            &mut self.lines,
            &mut self.warnings,
        )?;
        match outcome {
            Outcome::Blank => self.blank += 1,
            Outcome::Quarantined => self.quarantined += 1,
            Outcome::Evidence(distilled) => {
                self.wants_carry |= distilled.time.is_none() && self.last_time.is_none();
                self.last_time = distilled.time.or(self.last_time);
                self.rows.push(NewRow {
                    distilled,
                    evidence_len: (self.lines.evidence.len() - evidence_from) as u32,
                    scored_len: (self.lines.scored.len() - scored_from) as u32,
                    scratchpad_len: (self.lines.scratchpads.len() - scratchpads_from) as u32,
                });
            }
        }
        Ok(())
    }
}
