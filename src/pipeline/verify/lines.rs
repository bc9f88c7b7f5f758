//! Single lines of ours: where one first differs from what it should be, and whether one that cannot be derived is at
//! least of its shape, in its place and about a row that its receipt covers.

use std::io;

use serde::de::DeserializeOwned;

use super::finding::Finding;
use super::ledger::Taken;
use super::read::Reader;
use super::rows::text;
use crate::domain::distil::summarise;
use crate::domain::schema::published::Published;
use crate::domain::schema::quarantine::QuarantineRow;
use crate::domain::schema::record::{EvidenceRecord, Kind};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::schema::scored_run::ScoredRun;
use crate::domain::score::{Judgement, reasons, score as judge};
use crate::pipeline::known_rows::{Incoming, sig_of};
use crate::pipeline::row_scan::row_facts;
use crate::pipeline::streams::StreamSpec;

/// Names the first byte at which a line is not the expected one.
pub(super) fn first_wrong_line(
    path: &str,
    line: u64,
    at: u64,
    expected: Option<&[u8]>,
    found: Option<&[u8]>,
) -> Finding {
    let same = expected.zip(found).map_or(0, |(a, b)| a.iter().zip(b).take_while(|(a, b)| a == b).count());
    let from = |text: Option<&[u8]>, end: &str| {
        let text = text.and_then(|text| text.get(same.saturating_sub(24)..));
        text.map_or_else(|| end.to_owned(), |text| String::from_utf8_lossy(text).trim_end().to_owned())
    };
    let what = match (expected, found) {
        (Some(_), None) => "a line is missing",
        (None, _) => "a line that no row of the stream gives",
        (Some(_), Some(_)) => "not the line that its row gives",
    };
    Finding::of_line(path, line, at + same as u64, what)
        .but(from(expected, "no line"), from(found, "the end"))
}

/// Reads a line strictly enough for what others than distilld wrote: its shape, and the rules between its fields.
pub(super) fn read<T: Published + DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let value: T = serde_json::from_slice(line).map_err(|e| format!("not a {}: {e}", T::NAME))?;
    let broken = |invalid: crate::domain::schema::record::Invalid| {
        format!("not a {}: {} breaks the rule that it {}", T::NAME, invalid.field, invalid.rule)
    };
    Published::check(&value).map_err(broken)?;
    Ok(value)
}

/// What the lines of a range say whose rows cannot be read again.
#[derive(Default)]
pub(super) struct Underived {
    /// Its rows, of no stream yet.
    pub(super) rows: Vec<Incoming>,
    /// What its scratchpads must be.
    pub(super) scratchpads: String,
}

/// Goes over the lines of a range whose rows cannot be read again; gives what is wrong, and what they say.
pub(super) fn judge_lines(
    spec: &StreamSpec,
    range: &Taken,
    readers: &mut [Reader<'_>; 3],
    mut is_new: impl FnMut(&Sha256Hex) -> bool,
) -> io::Result<(Vec<Finding>, Underived)> {
    let [evidence, scored, quarantine] = readers;
    let (mut wrong, mut rows) = (Vec::new(), Underived::default());
    let mut after = range.line;
    for _ in 0..range.evidence {
        let evidence_at = evidence.at;
        let record = next(evidence, &spec.output("evidence"), &mut wrong, |line| {
            let record: EvidenceRecord<'static> = read(line)?;
            let p = &record.provenance;
            held(spec, range, &p.source_file, p.generation, p.line_offset, p.byte_offset)?;
            if record.source_stream != spec.name {
                return Err(format!("evidence of {} in the file of another stream", record.source_stream));
            }
            if p.line_offset < after {
                return Err("not in the order of its stream".to_owned());
            }
            after = p.line_offset + 1;
            if !is_new(&p.sig_hash) {
                return Err("evidence of a row that the stream has had before".to_owned());
            }
            summarise(&spec.name, &record, &p.render(), &mut rows.scratchpads);
            Ok((record.provenance, text(line).to_owned()))
        })?;
        let Some((provenance, record)) = record else {
            let _ = next(scored, &spec.output("scored-runs"), &mut wrong, |_| Ok(()))?;
            continue;
        };
        next(scored, &spec.output("scored-runs"), &mut wrong, |line| {
            let score: ScoredRun = read(line)?;
            if score.provenance != provenance {
                return Err("not the score of the evidence on the same line".to_owned());
            }
            if score.score_seq != 0 {
                return Err("not a first score".to_owned());
            }
            let (sig_hash, category, facts) =
                row_facts(&record, text(line)).ok_or("a score of no known category")?;
            let kind = if facts.work { Kind::Work } else { Kind::Support };
            let judgement = Judgement::of_own(kind, facts.own);
            let verdict = judge(judgement);
            let found = score.reasons.as_slice().iter().map(|reason| reason.name());
            if verdict.category != category || !found.eq(reasons(judgement, verdict)) {
                return Err("not the category that its reasons give".to_owned());
            }
            let (sig, evidence_len) = (sig_of(&sig_hash), record.len() as u32 + 1);
            rows.rows.push(Incoming { sig, stream: 0, evidence_at, evidence_len, category, facts });
            Ok(())
        })?;
    }
    for _ in 0..range.quarantined {
        next(quarantine, &spec.output("quarantine"), &mut wrong, |line| {
            let row: QuarantineRow = read(line)?;
            held(spec, range, row.source_file.as_str(), row.generation, row.line_offset, row.byte_offset)
        })?;
    }
    Ok((wrong, rows))
}

/// Judges the next line of a file and moves on.
fn next<T>(
    reader: &mut Reader<'_>,
    path: &str,
    wrong: &mut Vec<Finding>,
    judge: impl FnOnce(&[u8]) -> Result<T, String>,
) -> io::Result<Option<T>> {
    let (line, at) = (reader.line, reader.at);
    let Some(text) = reader.peek_line()? else {
        wrong.push(Finding::of_line(path, line, at, "a line is missing").but("a line", "the end"));
        return Ok(None);
    };
    let length = text.len() as u64;
    let judged = judge(text.strip_suffix(b"\n").unwrap_or(text));
    let judged = judged.map_err(|what| {
        wrong.push(Finding::of_line(path, line, at, what));
    });
    reader.advance(length, 1);
    Ok(judged.ok())
}

/// Whether a place lies in a range.
fn held(
    spec: &StreamSpec,
    range: &Taken,
    source_file: &str,
    generation: u32,
    line_offset: u64,
    byte_offset: u64,
) -> Result<(), String> {
    let inside = source_file == spec.source_file
        && generation == range.generation
        && (range.line..range.line + range.rows).contains(&line_offset)
        && (range.from..range.to).contains(&byte_offset);
    let place = format!("{source_file} generation {generation} line {line_offset} byte {byte_offset}");
    if inside { Ok(()) } else { Err(format!("its row, {place}, is not among those its receipt covers")) }
}
