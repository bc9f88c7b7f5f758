//! Settling scores: what links brought since the last commit, and the lines that say so.

use super::evidence_lines::EvidenceLines;
use super::known_rows::KnownRows;
use super::latest::Latest;
use super::row_code::Settled;
use crate::domain::link::{Moment, Place, Row};
use crate::domain::schema::record::Invalid;
use crate::domain::schema::scored_run::NewScore;
use crate::domain::score::{Category, reasons, score};
use crate::store::StoreError;

/// Work whose score may have changed, each with the latest of the rows that may have caused it.
pub(super) type Causes = Latest<Place, (Moment, Place)>;

/// One score that took the place of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// The row that is scored.
    pub(super) place: Place,
    /// The row that caused it.
    pub(super) cause: Place,
    /// The category before.
    pub(super) before: Category,
    /// The category now.
    pub(super) now: Category,
}

/// What settling came to.
#[derive(Debug, Default)]
pub(super) struct Rescored {
    /// Lines for the superseding scores.
    pub(super) lines: String,
    /// The changes, in the order of the lines.
    pub(super) changes: Vec<Change>,
    /// The same for the row cache.
    pub(super) settled: Vec<Settled>,
}

/// Takes down that `cause` may have changed the score of some work.
pub(super) fn note(causes: &mut Causes, known: &KnownRows, cause: Place, touched: &[Place]) {
    if touched.is_empty() {
        return;
    }
    if let Some(row) = known.get(cause) {
        for place in touched {
            causes.note(*place, (row.moment, cause));
        }
    }
}

/// Settles every score that may have changed.
pub(super) fn settle(
    causes: Causes,
    known: &mut KnownRows,
    evidence: &EvidenceLines<'_>,
    scorer_version: &str,
) -> Result<Rescored, StoreError> {
    let mut rescored = Rescored::default();
    for (place, (_, cause)) in causes.into_sorted() {
        let reached = known.links.reach(place);
        known.links.note_person(place, &reached);
        let Some(row) = known.get(place).copied() else { continue };
        let rows = &known.links.rows;
        let (current, score_seq) = (rows.current(&row), rows.score_seq(&row) + 1);
        let judgement = reached.judgement();
        let verdict = score(judgement);
        // With the same signals another rule can only come with another category.
        if !row.is_work() || (verdict.category == row.category && reached.signals == current) {
            continue;
        }
        known.links.settle(place, &reached, verdict.category);
        let Some(cause_row) = known.get(cause).copied() else { continue };
        let of = evidence.head(&row)?;
        let by = if cause == place { of.clone() } else { evidence.head(&cause_row)? };
        let reasons = reasons(judgement, verdict);
        let line = NewScore {
            evidence_run_id: &of.run_id,
            category: verdict.category,
            reasons: &reasons,
            anchor_grounding: known.links.anchor_grounding(place),
            scored_at: &cause_row.moment.time.text(),
            scorer_version,
            provenance: &of.provenance,
            supersedes: Some((score_seq, &by.provenance)),
        };
        line.check().map_err(|e| invalid(&row, &e))?;
        line.render(&mut rescored.lines);
        rescored.changes.push(Change { place, cause, before: row.category, now: verdict.category });
        rescored.settled.push(Settled {
            place,
            current: reached.signals,
            category: verdict.category,
            score_seq,
        });
    }
    Ok(rescored)
}

fn invalid(row: &Row, error: &Invalid) -> StoreError {
    StoreError::CheckFailed(format!("a score of stream {} is not valid: {error}", row.stream))
}
