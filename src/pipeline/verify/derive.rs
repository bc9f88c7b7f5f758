//! One range of a stream, distilled again under the rules configured.

use std::io;

use sha2::{Digest, Sha256};

use super::ledger::Taken;
use super::read::{hash_range, read_at};
use super::sources::Source;
use crate::domain::distil::{BadRecord, Distilled, Distiller, Lines, OVERSIZE_KEPT_BYTES, Outcome, Place};
use crate::domain::row::Warnings;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::intake::lines::ANCHOR_BYTES;
use crate::pipeline::streams::StreamSpec;

/// Ranges up to this are read at once, in bytes; a longer one is a single row beyond the limit.
const READ_BYTES_MAX: u64 = 64 << 20;

/// One row that would be evidence, if its stream has not had it.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct Row {
    pub(in crate::pipeline) distilled: Distilled,
    pub(in crate::pipeline) evidence_len: u32,
    pub(in crate::pipeline) scored_len: u32,
    pub(in crate::pipeline) scratchpad_len: u32,
}

/// A range distilled.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Derived {
    pub(in crate::pipeline) lines: Lines,
    pub(in crate::pipeline) rows: Vec<Row>,
    pub(in crate::pipeline) quarantined: u64,
    pub(in crate::pipeline) blank: u64,
    pub(in crate::pipeline) all: u64,
    /// Time of the last row up to here that had one.
    pub(in crate::pipeline) time_after: Option<EventTime>,
}

/// Why a range cannot be distilled again.
#[derive(Debug)]
pub(in crate::pipeline) enum Trouble {
    /// The file, or this part of it, is not there any more.
    Gone,
    /// The file holds other bytes: what is wrong with them, expected, found.
    Differs(&'static str, Sha256Hex, Sha256Hex),
    /// The record would not be valid.
    Bad(BadRecord),
    /// It cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a range, holds it to its hashes and distils it.
pub(in crate::pipeline) fn derive(
    distiller: &mut Distiller<'_>,
    spec: &StreamSpec,
    source: Option<&Source>,
    range: &Taken,
    line_bytes_max: u64,
) -> Result<Derived, Trouble> {
    let mut derived = Derived { time_after: range.time_before, ..Derived::default() };
    if range.from == range.to {
        return Ok(derived);
    }
    let source = source.filter(|source| source.len >= range.to).ok_or(Trouble::Gone)?;
    let length = range.to - range.from;
    let mut bytes = Vec::new();
    let long_row = length > READ_BYTES_MAX.max(line_bytes_max.saturating_mul(2)) && range.rows == 1;
    let found = if long_row {
        hash_range(&source.file, range.from, range.to, &mut bytes)?.ok_or(Trouble::Gone)?.0
    } else {
        read_at(&source.file, range.from, usize::try_from(length).unwrap_or(usize::MAX), &mut bytes)?;
        Sha256Hex::of(&bytes)
    };
    if found != range.sha256 {
        return Err(Trouble::Differs("the rows are not the ones that were read", range.sha256, found));
    }
    let mut before = Vec::new();
    let anchor_from = range.to.saturating_sub(ANCHOR_BYTES as u64);
    read_at(&source.file, anchor_from, (range.to - anchor_from) as usize, &mut before)?;
    let anchor = Sha256Hex::of(&before);
    if anchor != range.anchor {
        return Err(Trouble::Differs("the anchor is not the bytes before the cursor", range.anchor, anchor));
    }
    let place = Place { generation: range.generation, line_offset: range.line, byte_offset: range.from };
    if long_row {
        one_long_row(distiller, spec, source, range, place, &mut derived)?;
    } else {
        rows(distiller, spec, &bytes, place, range.time_before, &mut derived)?;
    }
    Ok(derived)
}

fn rows(
    distiller: &mut Distiller<'_>,
    spec: &StreamSpec,
    bytes: &[u8],
    mut place: Place,
    carry: Option<EventTime>,
    derived: &mut Derived,
) -> Result<(), Trouble> {
    derived.lines.evidence.reserve(bytes.len() * 3 / 2);
    derived.lines.scored.reserve(bytes.len() / 2);
    let (mut from, mut time) = (0, carry);
    let mut warnings = Warnings::new();
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(b'\n', rest);
        let row = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        let made = &derived.lines;
        let before = (made.evidence.len(), made.scored.len(), made.scratchpads.len());
        let lines = &mut derived.lines;
        let outcome = distiller
            .row(spec.context(), place, row, time, end.is_none(), lines, &mut warnings)
            .map_err(Trouble::Bad)?;
        match outcome {
            Outcome::Blank => derived.blank += 1,
            Outcome::Quarantined => derived.quarantined += 1,
            Outcome::Evidence(distilled) => {
                time = distilled.time.or(time);
                derived.rows.push(Row {
                    distilled,
                    evidence_len: (derived.lines.evidence.len() - before.0) as u32,
                    scored_len: (derived.lines.scored.len() - before.1) as u32,
                    scratchpad_len: (derived.lines.scratchpads.len() - before.2) as u32,
                });
            }
        }
        derived.all += 1;
        from += row.len() + 1;
        place.line_offset += 1;
        place.byte_offset += row.len() as u64 + 1;
    }
    derived.time_after = time;
    Ok(())
}

/// A row far beyond the limit is hashed a block at a time, and never held.
fn one_long_row(
    distiller: &Distiller<'_>,
    spec: &StreamSpec,
    source: &Source,
    range: &Taken,
    place: Place,
    derived: &mut Derived,
) -> Result<(), Trouble> {
    let mut last = Vec::new();
    read_at(&source.file, range.to - 1, 1, &mut last)?;
    let end = range.to - u64::from(last == b"\n");
    let mut start = Vec::new();
    read_at(&source.file, range.from, OVERSIZE_KEPT_BYTES, &mut start)?;
    let (mut hash, mut at, mut block) = (Sha256::new(), range.from, Vec::new());
    while at < end {
        read_at(&source.file, at, (end - at).min(1 << 20) as usize, &mut block)?;
        if block.is_empty() {
            return Err(Trouble::Gone);
        }
        hash.update(&block);
        at += block.len() as u64;
    }
    let sha256 = Sha256Hex(hash.finalize().into());
    distiller.oversize_row(spec.context(), place, &start, end - range.from, sha256, &mut derived.lines);
    derived.quarantined = 1;
    derived.all = 1;
    Ok(())
}
