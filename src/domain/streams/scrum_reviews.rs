//! `scrum_reviews`: a review of one file, with the attempt and the gates it went through.

use super::{Draft, Stream};
use crate::domain::canonical::Kind as JsonKind;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, Word, as_text};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `scrum_reviews`.
pub(super) struct ScrumReviews;

impl Stream for ScrumReviews {
    fn name(&self) -> &'static str {
        "scrum_reviews"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "file",
            "reviewed_at",
            "accepted_model",
            "accepted_on_attempt",
            "verdict",
            "review",
            "format",
            "prompt_hash",
            "gates",
            "run_id",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Reviewer
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let file = row.text("file")?;
        draft.time = Some(row.time("reviewed_at")?);
        draft.record.model_name = Some(row.text("accepted_model")?);
        let run = row.opt_text("run_id").unwrap_or_else(|| row.sig_run("scrum"));
        draft.run_and_task(run, "file:", Some(&file));
        draft.record.source_files = vec![file];
        draft.record.attempt = row.opt_int("accepted_on_attempt", 1);
        draft.record.input_hash = row.opt_hash("prompt_hash");
        draft.record.text = match row.opt("review").map(|review| (review.kind(), review)) {
            Some((JsonKind::Object, review)) => Some(Escaped::from_plain(review.text())),
            Some((JsonKind::String, review)) => as_text(review).filter(|text| !text.is_empty()),
            Some(_) => {
                row.warn("wrong_type", "review");
                None
            }
            None => None,
        };
        let absent = row.opt("verdict").is_none();
        match row.word("verdict") {
            Word::For => draft.own.insert(Code::ScrumAccept),
            Word::None if absent => draft.own.insert(Code::ScrumAccept),
            Word::Against => draft.own.insert(Code::ScrumReject),
            Word::None => {}
        }
        if read_gates(row, draft) == Gates::AllPassed {
            draft.own.insert(Code::GatePassed);
        }
        Ok(())
    }
}

/// How the gates of a row came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gates {
    /// There are none.
    Absent,
    /// Every one passed.
    AllPassed,
    /// At least one failed.
    Failed,
}

/// Reads the gates into `validation_results`; each failed one is a signal.
pub(super) fn read_gates<'a>(row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Gates {
    let gates = row.gates();
    let mut outcome = if gates.is_empty() { Gates::Absent } else { Gates::AllPassed };
    for (name, passed) in gates {
        if !passed {
            draft.own.insert(Code::gate_failed(&name.plain()));
            outcome = Gates::Failed;
        }
        draft.record.validation_results.push(ValidationResult {
            name,
            passed,
            severity: None,
            deterministic: true,
            explanation: None,
        });
    }
    outcome
}
