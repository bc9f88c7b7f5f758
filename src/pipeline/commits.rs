//! The commits that the committer makes: a batch of rows, a gap, samples.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{debug, error, warn};

use super::archive::Ended;
use super::committer::{PipelineError, Turn};
use super::evidence_lines::EvidenceLines;
use super::exports::{Gathered, retractions};
use super::outputs::RESCORED;
use super::rescore::settle;
use crate::domain::schema::receipt::{Gap, InputRange, Receipt, ReceiptKind, RecordCounts};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::intake::chunk::GapFound;
use crate::store::commit::wall_clock;
use crate::store::{Append, Commit, Piece, StoreError};

pub(super) const BACK_OFF_MAX: Duration = Duration::from_secs(5);

impl Turn<'_> {
    pub(super) fn commit_batch(&mut self) -> Result<(), PipelineError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        let evidence =
            EvidenceLines { store: &self.c.store, streams: self.c.streams, pending: &batch.pieces };
        let causes = std::mem::take(&mut batch.causes);
        let rescored = settle(causes, &mut self.c.known, &evidence, &self.c.receipt.scorer_version)?;
        let mut marks = std::mem::take(&mut batch.marks);
        for change in &rescored.changes {
            marks.change(&self.c.known.links, change);
        }
        let removals = self.c.desk.removals(marks, &self.c.known);
        let retracted = retractions(&removals, &self.c.known, &evidence)?;
        if !removals.is_empty() && self.c.desk.has_gathered() {
            // What must go may be among what was gathered: it was right until now, so it comes in and goes again.
            self.commit_exports()?;
        }
        let began = Instant::now();
        let files = self.c.desk.remove(&removals, &self.c.known).changes(&self.c.store)?;
        let takes_back = !files.replaces.is_empty();
        let counts = RecordCounts {
            rescored: rescored.changes.len() as u64,
            retracted: files.dropped,
            ..batch.counts
        };
        let receipt = Receipt {
            kind: ReceiptKind::Batch,
            input_files: std::mem::take(&mut batch.inputs),
            record_counts: counts,
            warnings: batch.warnings.iter().map(|(code, count)| format!("{code}: {count} rows")).collect(),
            started_at: batch.started_at.unwrap_or_else(wall_clock),
            ..self.c.receipt.clone()
        };
        let mut appends = batch.appends();
        if !rescored.lines.is_empty() {
            let piece = Piece { bytes: rescored.lines.into_bytes(), rows: counts.rescored, sha256: None };
            appends.push(Append { path: RESCORED.to_owned(), pieces: vec![piece] });
        }
        appends.extend(retracted);
        self.commit(&Commit { appends, replaces: files.replaces, receipt })?;
        self.refresh.take_fresh(std::mem::take(&mut batch.fresh));
        self.samples.rows(Instant::now());
        if takes_back {
            self.samples.took(began.elapsed());
        }
        let rescored_to = self.c.store.state().output_len(RESCORED);
        self.c.known.persist(self.c.store.disk(), rescored_to, &rescored.settled);
        self.c.shared.committed_bytes.fetch_add(batch.bytes, Ordering::Relaxed);
        self.c.shared.committed_rows.fetch_add(batch.counts.rows_in, Ordering::Relaxed);
        for (total, new) in self.c.shared.categories.iter().zip(batch.categories) {
            total.fetch_add(new, Ordering::Relaxed);
        }
        for change in &rescored.changes {
            let of = |category: Category| self.c.shared.categories.get(category as usize);
            // Evidence of an earlier life is counted where it goes, and not where it was.
            let _ = of(change.before).map(|total| {
                total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(1)))
            });
            let _ = of(change.now).map(|total| total.fetch_add(1, Ordering::Relaxed));
        }
        debug!(
            rows = batch.counts.rows_in,
            rescored = counts.rescored,
            retracted = counts.retracted,
            evidence = batch.counts.evidence,
            bytes = batch.bytes,
            seq = self.c.store.next_seq().saturating_sub(1),
            "batch committed"
        );
        Ok(())
    }

    pub(super) fn commit_gap(&mut self, stream: usize, gap: &GapFound) -> Result<(), PipelineError> {
        self.commit_batch()?;
        let streams = self.c.streams;
        let Some(spec) = streams.specs.get(stream) else { return Ok(()) };
        warn!(
            stream = spec.name,
            from = gap.from,
            to = gap.to,
            reason = gap.reason,
            "a gap: bytes may have been lost before they could be read"
        );
        let last_timestamp = self.last_times.get(stream).copied().flatten();
        let nothing = Sha256Hex::of(b"");
        let opened = gap.next.as_ref().map(|next| InputRange {
            path: next.path.to_string(),
            stream: spec.name.clone(),
            generation: next.generation,
            identity: next.identity.to_string(),
            from: 0,
            to: 0,
            rows: 0,
            sha256: nothing,
            anchor: nothing,
            evidence: 0,
            quarantined: 0,
            duplicate: 0,
            blank: 0,
            last_timestamp,
        });
        let receipt = Receipt {
            kind: ReceiptKind::Gap,
            input_files: opened.into_iter().collect(),
            warnings: vec![format!("{}: {}", spec.name, gap.reason)],
            gaps: vec![Gap {
                stream: spec.name.clone(),
                generation: gap.generation,
                from: gap.from,
                to: gap.to,
                reason: gap.reason.clone(),
            }],
            started_at: wall_clock(),
            ..self.c.receipt.clone()
        };
        self.commit(&Commit { appends: Vec::new(), replaces: Vec::new(), receipt })?;
        if let (Some(generation), Some(_)) = (gap.generation, &gap.next) {
            self.ended.push(Ended { stream, generation, file: None });
        }
        Ok(())
    }

    /// Commits all samples that were gathered.
    pub(super) fn commit_exports(&mut self) -> Result<(), PipelineError> {
        let gathered = self.c.desk.take_gathered();
        self.commit_samples(gathered)
    }

    /// Commits samples.
    pub(super) fn commit_samples(&mut self, gathered: Gathered) -> Result<(), PipelineError> {
        let (withheld, began) = (gathered.withheld, Instant::now());
        let files = gathered.changes(&self.c.store)?;
        let (exported, retracted) = (files.added, files.dropped);
        let receipt = Receipt {
            kind: if files.replaces.is_empty() { ReceiptKind::Batch } else { ReceiptKind::Replace },
            record_counts: RecordCounts { exported, retracted, withheld, ..RecordCounts::default() },
            started_at: wall_clock(),
            ..self.c.receipt.clone()
        };
        self.commit(&Commit { appends: files.appends, replaces: files.replaces, receipt })?;
        self.samples.took(began.elapsed());
        if !self.c.desk.is_under_way() {
            self.samples.end_pass(Instant::now());
        }
        debug!(exported, retracted, withheld, "samples committed");
        Ok(())
    }

    /// Commits, and holds on while there is no space.
    pub(super) fn commit(&mut self, commit: &Commit) -> Result<(), PipelineError> {
        self.refresh.is_due |= commit.receipt.kind != ReceiptKind::View;
        let mut back_off = Duration::from_millis(50);
        loop {
            match self.c.store.commit(commit) {
                Err(StoreError::NoSpace { path, source }) => {
                    error!(path = %path.display(), error = %source, "no space; the batch is held until there is some");
                    self.c.shared.no_space.store(true, Ordering::Relaxed);
                    if self.c.shared.is_stopping() {
                        return Err(StoreError::NoSpace { path, source }.into());
                    }
                    let until = Instant::now() + back_off;
                    while Instant::now() < until && !self.c.shared.is_stopping() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    back_off = (back_off * 2).min(BACK_OFF_MAX);
                    self.c.shared.heartbeat.fetch_add(1, Ordering::Relaxed);
                }
                other => {
                    self.c.shared.no_space.store(false, Ordering::Relaxed);
                    return Ok(other?);
                }
            }
        }
    }
}
