//! A batch in the making: what one commit will take.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::exports::Marks;
use super::known_rows::{Incoming, KnownRows, sig_of};
use super::rescore::{Causes, note};
use super::streams::StreamSpec;
use super::views::Fresh;
use super::worker::Worked;
use crate::domain::link::Touched;
use crate::domain::row::Warnings;
use crate::domain::schema::receipt::{InputRange, RecordCounts};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::store::commit::wall_clock;
use crate::store::{Append, Piece};

/// Pieces below this are joined with their neighbour, so that many small chunks make few range entries.
const JOIN_BYTES: usize = 64 << 10;

/// What has been taken in since the last commit.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) pieces: BTreeMap<String, Vec<Piece>>,
    pub(super) inputs: Vec<InputRange>,
    pub(super) counts: RecordCounts,
    pub(super) warnings: Warnings,
    /// Evidence lengths of streams, with what this batch adds.
    evidence_len: BTreeMap<usize, u64>,
    /// Work whose score may change, and texts and pairs that may.
    pub(super) causes: Causes,
    pub(super) marks: Marks,
    /// What the views take of the rows.
    pub(super) fresh: Vec<Fresh>,
    /// New evidence by its first category.
    pub(super) categories: [u64; 4],
    pub(super) bytes: u64,
    pub(super) started_at: Option<EventTime>,
    pub(super) live: bool,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Takes in a distilled chunk; `last_timestamp` is the time of the stream's last row so far that had one. The new
    /// rows are known from here on, so that a later repeat is seen in the same batch.
    pub(super) fn take(
        &mut self,
        spec: &StreamSpec,
        worked: Worked,
        committed_evidence: u64,
        last_timestamp: Option<EventTime>,
        known: &mut KnownRows,
    ) -> Vec<u8> {
        self.started_at.get_or_insert_with(wall_clock);
        let stream = worked.job.ticket.stream;
        let evidence_from = *self.evidence_len.entry(stream).or_insert(committed_evidence);
        let mut at = evidence_from;
        let mut kept = Vec::with_capacity(worked.rows.len());
        let mut touched = Touched::default();
        for row in &worked.rows {
            let sig = sig_of(&row.distilled.sig_hash);
            let new = known.find(stream, sig).is_none();
            kept.push(new);
            if new {
                if let Some(count) = self.categories.get_mut(row.distilled.category as usize) {
                    *count += 1;
                }
                let incoming = Incoming {
                    sig,
                    stream: stream as u16,
                    evidence_at: at,
                    evidence_len: row.evidence_len,
                    category: row.distilled.category,
                    facts: row.distilled.facts,
                };
                let place = known.insert(&incoming, &mut touched);
                note(&mut self.causes, known, place, &touched.work);
                self.marks.new_row(&known.links, place, &touched);
                at += u64::from(row.evidence_len);
            }
        }
        self.evidence_len.insert(stream, at);
        let evidence = kept.iter().filter(|new| **new).count() as u64;
        let duplicate = kept.len() as u64 - evidence;
        spec.has_duplicates.store(duplicate > 0, Ordering::Relaxed);
        let new_rows = || worked.rows.iter().zip(&kept).filter(|(_, new)| **new).map(|(row, _)| row);
        let scratchpads = new_rows().filter(|row| row.scratchpad_len > 0).count() as u64;
        let empty = new_rows().filter(|row| row.distilled.scratchpad_empty).count() as u64;
        if empty > 0 {
            *self.warnings.entry(format!("{}:scratchpad_empty", spec.name)).or_default() += empty;
        }
        let (mut evidence_sha, mut scored_sha) = (worked.evidence_sha256, worked.scored_sha256);
        let mut scratchpads_sha = worked.scratchpads_sha256;
        let lines = worked.lines;
        if let Some(mut outlines) = lines.outlines {
            if duplicate > 0 {
                outlines.retain(&kept);
            }
            self.fresh.push(Fresh { stream, evidence_from, outlines });
        }
        let mut lines =
            [lines.evidence, lines.scored, lines.scratchpads, lines.quarantine].map(String::into_bytes);
        if duplicate > 0 {
            let [evidence, scored, scratchpads, _] = &mut lines;
            let lengths =
                |of: fn(&super::worker::NewRow) -> u32| worked.rows.iter().map(of).zip(kept.iter().copied());
            keep_lines(evidence, lengths(|row| row.evidence_len));
            keep_lines(scored, lengths(|row| row.scored_len));
            keep_lines(scratchpads, lengths(|row| row.scratchpad_len));
            (evidence_sha, scored_sha, scratchpads_sha) = (None, None, None);
        }
        let [evidence_lines, scored_lines, scratchpad_lines, quarantine_lines] = lines;
        self.append(spec.output("evidence"), evidence_lines, evidence, evidence_sha);
        self.append(spec.output("scored-runs"), scored_lines, evidence, scored_sha);
        self.append(spec.output("quarantine"), quarantine_lines, worked.quarantined, None);
        self.append(spec.output("scratchpads"), scratchpad_lines, scratchpads, scratchpads_sha);
        let chunk = &worked.job.chunk;
        let counts = RecordCounts {
            rows_in: chunk.lines,
            out: evidence + worked.quarantined,
            evidence,
            quarantined: worked.quarantined,
            duplicate,
            blank: worked.blank,
            ..RecordCounts::default()
        };
        self.counts.add(&counts);
        self.bytes += chunk.to - chunk.from;
        self.live |= worked.job.live;
        for (code, count) in worked.warnings {
            *self.warnings.entry(code).or_default() += count;
        }
        self.inputs.push(InputRange {
            path: chunk.source.path.to_string(),
            stream: spec.name.clone(),
            generation: chunk.source.generation,
            identity: chunk.source.identity.to_string(),
            from: chunk.from,
            to: chunk.to,
            rows: chunk.lines,
            sha256: worked.input_sha256,
            anchor: chunk.anchor,
            evidence,
            quarantined: worked.quarantined,
            duplicate,
            blank: worked.blank,
            last_timestamp,
        });
        worked.job.buffer
    }

    fn append(&mut self, path: String, bytes: Vec<u8>, rows: u64, sha256: Option<Sha256Hex>) {
        if bytes.is_empty() {
            return;
        }
        let parts = self.pieces.entry(path).or_default();
        match parts.last_mut() {
            Some(last) if last.bytes.len() + bytes.len() <= JOIN_BYTES => {
                last.bytes.extend_from_slice(&bytes);
                last.rows += rows;
                last.sha256 = None;
            }
            _ => parts.push(Piece { bytes, rows, sha256 }),
        }
    }

    /// The appends of the commit.
    pub(super) fn appends(&mut self) -> Vec<Append> {
        let pieces = std::mem::take(&mut self.pieces);
        pieces.into_iter().map(|(path, pieces)| Append { path, pieces }).collect()
    }
}

/// Takes out the lines that are not kept, of lines with these lengths. Nearly all are kept, and move by a little where they are:
/// a copy of them in new memory was a twentieth of the committer's time where every chunk had a duplicate.
fn keep_lines(bytes: &mut Vec<u8>, lengths: impl Iterator<Item = (u32, bool)>) {
    let (mut from, mut to, mut kept) = (0, 0, 0);
    let mut close = |from: usize, to: usize| {
        bytes.copy_within(from..to, kept);
        kept += to - from;
    };
    for (length, keep) in lengths {
        if !keep {
            close(from, to);
            from = to + length as usize;
        }
        to += length as usize;
    }
    close(from, to);
    bytes.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_kept_are_taken_out_wherever_they_stand() {
        let lengths = [2, 3, 4, 0, 5];
        for kept in 0..32_u32 {
            let keeps = |nth: usize| kept & (1 << nth) != 0;
            let line = |nth: usize| "abcde".get(..lengths[nth]).unwrap();
            let mut lines: Vec<u8> = (0..5).flat_map(|nth| line(nth).bytes()).collect();
            let expected: Vec<u8> =
                (0..5).filter(|nth| keeps(*nth)).flat_map(|nth| line(nth).bytes()).collect();
            keep_lines(
                &mut lines,
                lengths.iter().enumerate().map(|(nth, length)| (*length as u32, keeps(nth))),
            );
            assert_eq!(lines, expected);
        }
    }
}
