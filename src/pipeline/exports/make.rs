//! Committed evidence to samples, on the workers: where evidence lies in, lines for the exports and their hashes out.

use std::sync::Arc;

use super::Stamp;
use crate::domain::exports::preference::{self, Sides, Source};
use crate::domain::exports::{Dataset, EvidenceView, SampleId, Standing, rag, sft};
use crate::domain::link::Place;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::evidence_lines::{EvidenceReader, LineAt};
use crate::store::StoreError;

/// What is wanted as samples: rows of one stream that lie close together, or pairs.
#[derive(Debug)]
pub struct SampleJob {
    /// Its place in the order of all sample jobs, from 0 at each start.
    pub(super) number: u64,
    /// What was known when it was asked for.
    pub(super) known_at: super::KnownAt,
    /// Where evidence is read.
    pub(super) evidence: Arc<EvidenceReader>,
    /// The rows that are wanted, in the order of their evidence.
    pub(super) rows: Vec<SampleRow>,
    /// The pairs that are wanted.
    pub(super) pairs: Vec<PairRow>,
}

/// One row that is wanted as a sample.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) place: Place,
    /// The row whose instruction its text answers as a training sample: its own, or the work that it corrects.
    pub(super) asked: Place,
    pub(super) line: LineAt,
    pub(super) category: Category,
    pub(super) reasons: Vec<&'static str>,
    /// The row that gives its run a task type, where it names none.
    pub(super) task_giver: Option<LineAt>,
    /// The work it corrects, and the row that gives that one's run a task type.
    pub(super) corrects: Option<(LineAt, Option<LineAt>)>,
    /// For which datasets, and by what the lines will be known to be up to date.
    pub(super) rag: Option<Stamp>,
    pub(super) sft: Option<Stamp>,
}

/// One pair that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairRow {
    pub(super) source: Source,
    pub(super) sides: Sides,
    /// Of the key of the task type that a run gave; 0 for the row's own.
    pub(super) task: u32,
    pub(super) chosen: LineAt,
    pub(super) rejected: LineAt,
    pub(super) task_giver: Option<LineAt>,
}

/// Lines that were made for one file, one behind the other.
#[derive(Debug)]
pub(super) struct MadeLines {
    pub(super) dataset: Dataset,
    pub(super) bytes: String,
    pub(super) sha256: Sha256Hex,
    /// What each of them is, in their order.
    pub(super) samples: Vec<MadeSample>,
}

/// One sample that was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct MadeSample {
    pub(super) id: SampleId,
    pub(super) place: Place,
    pub(super) asked: Place,
    pub(super) stamp: Stamp,
    /// Where its line, with the newline, ends among the lines that were made.
    pub(super) to: u32,
}

/// One pair that was made.
#[derive(Debug)]
pub(super) struct MadePair {
    pub(super) asked: PairRow,
    /// Its id and line; none where its sides are no two texts of two runs.
    pub(super) line: Option<(SampleId, String)>,
}

/// What a job came to.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) lines: Vec<MadeLines>,
    pub(super) pairs: Vec<MadePair>,
}

/// A finished job.
#[derive(Debug)]
pub struct Sampled {
    /// The job's number.
    pub(super) number: u64,
    /// What was known when it was asked for.
    pub(super) known_at: super::KnownAt,
    /// What was made, unless the evidence could not be read.
    pub(super) made: Result<Made, StoreError>,
}

/// Makes the samples of a job.
pub fn make(job: &SampleJob, scorer_version: &str) -> Sampled {
    let made = make_rows(job, scorer_version).and_then(|lines| {
        let pairs = job.pairs.iter().map(|pair| make_pair(pair, &job.evidence)).collect::<Result<_, _>>()?;
        Ok(Made { lines, pairs })
    });
    Sampled { number: job.number, known_at: job.known_at, made }
}

fn make_rows(job: &SampleJob, scorer_version: &str) -> Result<Vec<MadeLines>, StoreError> {
    let (Some(first), Some(last)) = (job.rows.first(), job.rows.last()) else { return Ok(Vec::new()) };
    let (block_from, block_to) = (first.line.at, last.line.end());
    let block = job.evidence.block(first.line.stream, block_from, block_to)?;
    let mut all = [Dataset::Rag, Dataset::Sft].map(|dataset| (dataset, String::new(), Vec::new()));
    for row in &job.rows {
        let from = usize::try_from(row.line.at - block_from).unwrap_or(usize::MAX);
        let line = block.get(from..from.saturating_add(row.line.len as usize));
        let line = line.and_then(|line| simdutf8::basic::from_utf8(line).ok());
        let Some(evidence) = line.and_then(EvidenceView::read) else { continue };
        let task_of_run = task_of(row.task_giver, &job.evidence)?;
        let own = Standing {
            category: row.category,
            reasons: &row.reasons,
            scorer_version,
            task_of_run: task_of_run.as_ref(),
            corrects: None,
        };
        let target = match row.corrects {
            Some((line, giver)) => Some((job.evidence.line(line)?, task_of(giver, &job.evidence)?)),
            None => None,
        };
        let target = target.as_ref().and_then(|(line, task)| Some((EvidenceView::read_any(line)?, task)));
        let asked = match &target {
            Some((target, task)) => Standing { task_of_run: task.as_ref(), corrects: Some(target), ..own },
            None => own,
        };
        for (dataset, lines, samples) in &mut all {
            // What a correction corrects matters to training alone.
            let made = match dataset {
                Dataset::Rag => row.rag.map(|stamp| (stamp, rag::sample(&evidence, own, lines))),
                _ => row.sft.map(|stamp| (stamp, sft::sample(&evidence, asked, lines))),
            };
            if let Some((stamp, Some(id))) = made {
                let (place, asked) = (row.place, row.asked);
                samples.push(MadeSample { id, place, asked, stamp, to: lines.len() as u32 });
            }
        }
    }
    let made: Vec<_> = all.into_iter().filter(|(_, _, samples)| !samples.is_empty()).collect();
    let hashes = Sha256Hex::of_all(&made.iter().map(|(_, bytes, _)| bytes.as_bytes()).collect::<Vec<_>>());
    let made = made.into_iter().zip(hashes);
    let made = made.map(|((dataset, bytes, samples), sha256)| MadeLines { dataset, bytes, sha256, samples });
    Ok(made.collect())
}

fn make_pair(pair: &PairRow, evidence: &EvidenceReader) -> Result<MadePair, StoreError> {
    let chosen = evidence.line(pair.chosen)?;
    let rejected = if pair.rejected == pair.chosen { None } else { Some(evidence.line(pair.rejected)?) };
    let task_of_run = task_of(pair.task_giver, evidence)?;
    let views = (EvidenceView::read(&chosen), EvidenceView::read(rejected.as_ref().unwrap_or(&chosen)));
    let mut line = String::new();
    let id = match &views {
        (Some(chosen), Some(rejected)) => {
            preference::sample(pair.source, chosen, rejected, task_of_run.as_ref(), &mut line)
        }
        _ => None,
    };
    Ok(MadePair { asked: *pair, line: id.map(|id| (id, line)) })
}

/// The task type that a row names.
fn task_of(giver: Option<LineAt>, evidence: &EvidenceReader) -> Result<Option<Escaped<'static>>, StoreError> {
    let Some(giver) = giver else { return Ok(None) };
    let line = evidence.line(giver)?;
    let task = skim::members(&line).find(|(key, _)| *key == "task_type");
    let task = task.and_then(|(_, value)| skim::text(value));
    Ok(task.map(|task| Escaped::from_escaped(task.escaped().to_owned())))
}
