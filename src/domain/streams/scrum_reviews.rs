//! `scrum_reviews`: a review of one file, with the attempt and the gates it went through.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::canonical::Kind as JsonKind;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, Word, as_text};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `scrum_reviews`.
pub(super) struct ScrumReviews;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("file", FieldShape::Text, "The file that was reviewed."),
    required("reviewed_at", FieldShape::Time, "When the review was accepted."),
    required("accepted_model", FieldShape::Text, "The model whose review was accepted."),
    optional("accepted_on_attempt", FieldShape::FROM_ONE, "Which attempt was accepted, from 1."),
    optional("verdict", FieldShape::Verdict, "The verdict; a review without one was accepted."),
    optional("review", FieldShape::TextOrObject, "The review."),
    optional("format", FieldShape::Text, "How the review is written.").unread(),
    optional("prompt_hash", FieldShape::Sha256, "SHA-256 of the prompt."),
    optional("gates", FieldShape::Gates, "The gates the review went through, and whether it passed them."),
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
];

impl Stream for ScrumReviews {
    fn name(&self) -> &'static str {
        "scrum_reviews"
    }

    fn about(&self) -> &'static str {
        "A review of one file, with the attempt and the gates it went through."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
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
        // A review that names no verdict was accepted; a word nobody knows is no verdict.
        match row.opt_word("verdict") {
            None | Some(Word::For) => draft.own.insert(Code::ScrumAccept),
            Some(Word::Against) => draft.own.insert(Code::ScrumReject),
            Some(Word::None) => {}
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
    /// There are none, or some of them cannot be told.
    Untold,
    /// Every one passed.
    AllPassed,
    /// At least one failed.
    Failed,
}

/// Reads the gates into `validation_results`; each failed one is a signal.
pub(super) fn read_gates<'a>(row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Gates {
    let gates = row.gates();
    let mut outcome = if gates.is_empty() { Gates::Untold } else { Gates::AllPassed };
    for (name, passed) in gates {
        let Some(passed) = passed else {
            // Nobody knows how that gate came out, so it cannot be said that all of them passed.
            outcome = if outcome == Gates::AllPassed { Gates::Untold } else { outcome };
            continue;
        };
        if !passed {
            draft.own.insert(Code::gate_failed(&name.plain()));
            outcome = Gates::Failed;
        }
        if name.is_empty() {
            continue;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "scrum_reviews";

    fn row() -> Value {
        json!({
            "file": "src/a.rs", "reviewed_at": "2026-04-26T14:03:11.482Z", "accepted_model": "qwen3-coder:480b",
            "accepted_on_attempt": 2, "verdict": "accept", "review": "fine", "prompt_hash": "ab".repeat(32),
            "gates": {"g1": true, "g2": true}, "run_id": "run_1",
        })
    }

    #[test]
    fn a_review_is_work_on_its_file() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "file:src/a.rs", "source_files": ["src/a.rs"], "model_name": "qwen3-coder:480b",
                "attempt": 2, "text": "fine", "input_hash": "ab".repeat(32), "own": ["gate.passed", "scrum.accept"], "says": [],
                "scored": "accepted", "success_markers": ["gate.passed", "scrum.accept"], "failure_markers": null,
                "validation_results": [
                    {"name": "g1", "passed": true, "deterministic": true},
                    {"name": "g2", "passed": true, "deterministic": true},
                ],
            }),
        );
        check(STREAM, &with(&row(), json!({"run_id": ""})), &json!({"run_id": "scrum:{sig16}"}));
        check_required(STREAM, &row(), &["file", "reviewed_at", "accepted_model"]);
        let bad = json!({
            "accepted_on_attempt": 0, "verdict": 1, "review": 7, "prompt_hash": "beef", "gates": [], "run_id": {},
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn a_review_that_is_an_object_is_its_canonical_json() {
        let object = with(&row(), json!({"review": {"b": 1.0, "a": "é\n"}}));
        check(STREAM, &object, &json!({"text": "{\"a\":\"é\\n\",\"b\":1}"}));
        check(
            STREAM,
            &with(&row(), json!({"review": ""})),
            &json!({"text": null, "output_hash": null, "warnings": {}}),
        );
    }

    #[test]
    fn a_verdict_is_absent_for_or_against() {
        let own = |verdict: Value, own: &[&str]| {
            check(STREAM, &with(&row(), json!({"gates": null, "verdict": verdict})), &json!({"own": own}));
        };
        for word in ["accept", "ACCEPTED", "approve", "approved", "pass", "Passed", "ok"] {
            own(json!(word), &["scrum.accept"]);
        }
        for word in [
            "reject",
            "Rejected",
            "block",
            "blocked",
            "fail",
            "failed",
            "request_changes",
            "needs_patch",
            "cycle",
        ] {
            own(json!(word), &["scrum.reject"]);
        }
        own(json!(null), &["scrum.accept"]);
        own(json!(""), &["scrum.accept"]);
        own(json!("maybe"), &[]);
        check(
            STREAM,
            &with(&row(), json!({"verdict": "maybe"})),
            &json!({"warnings": {"unknown_verdict:verdict": 1}}),
        );
    }

    #[test]
    fn every_failed_gate_is_a_signal() {
        let own = |gates: Value, own: &[&str]| {
            check(STREAM, &with(&row(), json!({"verdict": "maybe", "gates": gates})), &json!({"own": own}));
        };
        for gate in ["g1", "g2", "g3", "g4", "g5"] {
            own(json!({gate: false, "fine": true}), &[&format!("gate.failed:{gate}")]);
        }
        own(json!({"lint": false, "fmt": false}), &["gate.failed:other"]);
        own(
            json!({"g1": false, "g4": false, "x": false}),
            &["gate.failed:g1", "gate.failed:g4", "gate.failed:other"],
        );
        own(json!({}), &[]);
        own(json!({"g1": true, "g2": true}), &["gate.passed"]);
        // One that cannot be told is no failure, but not all of them passed either.
        own(json!({"g1": true, "g2": "yes"}), &[]);
        own(json!({"g1": false, "g2": null}), &["gate.failed:g1"]);
        own(json!({"g2": "yes"}), &[]);
        let failed = with(&row(), json!({"gates": {"g2": false}}));
        check(
            STREAM,
            &failed,
            &json!({"scored": "rejected", "reasons": ["gate.failed:g2", "rule.failed", "scrum.accept"]}),
        );
    }

    #[test]
    fn the_instruction_is_the_input_of_a_review_without_a_prompt() {
        let hash = crate::domain::schema::scalars::Sha256Hex::of(b"Review the file `src/a.rs`.").to_string();
        check(STREAM, &with(&row(), json!({"prompt_hash": null})), &json!({"input_hash": hash}));
    }
}
