//! Committed evidence to samples, on the workers: a block of evidence lines in, lines for the exports out.

use super::known_rows::KnownRow;
use crate::domain::exports::{CurrentScore, EXPORTS, EvidenceView};
use crate::domain::schema::record::Kind;
use crate::domain::score::{HumanAction, Judgement, reasons, score};
use crate::domain::signal::Code;

/// Evidence lines of one stream that wait to be exported.
#[derive(Debug)]
pub struct SampleJob {
    /// Its place in the order of all sample jobs, from 0 at each start.
    pub number: u64,
    /// The stream's number.
    pub stream: usize,
    /// A range of the stream's evidence.
    pub block: Vec<u8>,
    /// Where the block starts in the evidence.
    pub block_from: u64,
    /// The rows of the range that wait, with their places in the known rows.
    pub rows: Vec<(u32, KnownRow)>,
}

/// One sample in the lines of its export.
#[derive(Debug, Clone, Copy)]
pub struct MadeSample {
    /// 64 bits of its content's hash.
    pub id: u64,
    /// Length of its line, in bytes.
    pub len: u32,
    /// The row it was made from: its place in the known rows.
    pub place: u32,
}

/// The samples of one export.
#[derive(Debug, Default)]
pub struct MadeSamples {
    /// The lines.
    pub lines: String,
    /// The samples, in line order.
    pub samples: Vec<MadeSample>,
}

/// A finished job.
#[derive(Debug)]
pub struct Sampled {
    /// The job's number.
    pub number: u64,
    /// The stream's number.
    pub stream: usize,
    /// Evidence before this is taken into account.
    pub evidence_to: u64,
    /// What was made, in the order of [`EXPORTS`].
    pub made: Vec<MadeSamples>,
}

/// Makes the samples of a job.
pub fn make(job: &SampleJob, scorer_version: &str) -> Sampled {
    let mut made: Vec<MadeSamples> = EXPORTS.iter().map(|_| MadeSamples::default()).collect();
    for (place, row) in &job.rows {
        let from = usize::try_from(row.evidence_at - job.block_from).unwrap_or(usize::MAX);
        let line = job.block.get(from..from.saturating_add(row.evidence_len as usize));
        let line = line.and_then(|line| simdutf8::basic::from_utf8(line).ok());
        let Some(evidence) = line.and_then(EvidenceView::read) else { continue };
        let human = row.signals.contains(Code::HumanAccept).then_some(HumanAction::Accept);
        let judgement =
            Judgement { kind: Kind::Work, signals: row.signals, human, failed_since_human: false };
        let reasons = reasons(judgement, score(judgement));
        let current = CurrentScore { category: row.category, reasons: &reasons, scorer_version };
        for (export, made) in EXPORTS.iter().zip(&mut made) {
            let from = made.lines.len();
            if let Some(id) = export.sample(&evidence, current, &mut made.lines) {
                let len = (made.lines.len() - from) as u32;
                made.samples.push(MadeSample { id: id.0, len, place: *place });
            }
        }
    }
    let last =
        job.rows.last().map_or(job.block_from, |(_, row)| row.evidence_at + u64::from(row.evidence_len));
    Sampled { number: job.number, stream: job.stream, evidence_to: last, made }
}
