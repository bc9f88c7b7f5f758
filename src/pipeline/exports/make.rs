//! Committed evidence to samples, on the workers: a block of evidence lines in, lines for the exports out.

use super::Stamp;
use crate::domain::exports::{Dataset, EvidenceView, SampleId, Standing, rag, sft};
use crate::domain::link::Place;
use crate::domain::schema::scalars::Escaped;
use crate::domain::score::Category;

/// Evidence lines of one stream that are wanted as samples.
#[derive(Debug)]
pub struct SampleJob {
    /// Its place in the order of all sample jobs, from 0 at each start.
    pub(super) number: u64,
    /// A range of the stream's evidence.
    pub(super) block: Vec<u8>,
    /// Where the block starts in the evidence.
    pub(super) block_from: u64,
    /// The rows of the range that are wanted.
    pub(super) rows: Vec<SampleRow>,
}

/// One row that is wanted as a sample.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) place: Place,
    pub(super) evidence_at: u64,
    pub(super) evidence_len: u32,
    pub(super) category: Category,
    pub(super) reasons: Vec<&'static str>,
    /// The task type that its run was given, where it names none.
    pub(super) task_of_run: Option<Escaped<'static>>,
    /// The evidence line of the work it corrects, and the task type that its run was given.
    pub(super) corrects: Option<(String, Option<Escaped<'static>>)>,
    /// For which datasets, and by what the lines will be known to be up to date.
    pub(super) wanted: Vec<(Dataset, Stamp)>,
}

/// One sample that was made.
#[derive(Debug)]
pub(super) struct MadeSample {
    pub(super) dataset: Dataset,
    pub(super) id: SampleId,
    pub(super) place: Place,
    pub(super) stamp: Stamp,
    /// Its line, with the newline.
    pub(super) line: String,
}

/// A finished job.
#[derive(Debug)]
pub struct Sampled {
    /// The job's number.
    pub(super) number: u64,
    /// What was made, in the order of the rows.
    pub(super) samples: Vec<MadeSample>,
}

/// Makes the samples of a job.
pub fn make(job: &SampleJob, scorer_version: &str) -> Sampled {
    let mut samples = Vec::with_capacity(job.rows.len());
    for row in &job.rows {
        let from = usize::try_from(row.evidence_at - job.block_from).unwrap_or(usize::MAX);
        let line = job.block.get(from..from.saturating_add(row.evidence_len as usize));
        let line = line.and_then(|line| simdutf8::basic::from_utf8(line).ok());
        let Some(evidence) = line.and_then(EvidenceView::read) else { continue };
        let corrects = row
            .corrects
            .as_ref()
            .and_then(|(line, task)| Some((EvidenceView::read_any(line)?, task.as_ref())));
        let own = Standing {
            category: row.category,
            reasons: &row.reasons,
            scorer_version,
            task_of_run: row.task_of_run.as_ref(),
            corrects: None,
        };
        let asked = match &corrects {
            Some((target, task_of_run)) => {
                Standing { task_of_run: *task_of_run, corrects: Some(target), ..own }
            }
            None => own,
        };
        for (dataset, stamp) in &row.wanted {
            let mut line = String::new();
            let id = match dataset {
                // What a correction corrects matters to training alone.
                Dataset::Rag => rag::sample(&evidence, own, &mut line),
                Dataset::Sft => sft::sample(&evidence, asked, &mut line),
                Dataset::Preference => None,
            };
            samples.extend(id.map(|id| MadeSample {
                dataset: *dataset,
                id,
                place: row.place,
                stamp: *stamp,
                line,
            }));
        }
    }
    Sampled { number: job.number, samples }
}
