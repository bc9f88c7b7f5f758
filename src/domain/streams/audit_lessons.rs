//! `audit_lessons`: lessons an extractor drew from one pull request.

use super::extraction::read_verified;
use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, join_lines};
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `audit_lessons`.
pub(super) struct AuditLessons;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("pr_number", FieldShape::WHOLE, "The pull request that was read."),
    required("head_sha", FieldShape::Commit, "The commit that was read."),
    required("extracted_at", FieldShape::Time, "When the extraction ended."),
    required("extractor", FieldShape::Text, "The model that extracted."),
    optional("verifier", FieldShape::Text, "The model that verified."),
    optional("llm_team_run_id", FieldShape::Text, "The run it is part of; without one, each row is a run."),
    optional("lesson", FieldShape::Texts, "The lesson."),
    optional("lessons", FieldShape::Texts, "The lessons."),
    optional("severity", FieldShape::Text, "How grave it is.").unread(),
    optional("verified", FieldShape::Flag, "What the verifier says."),
];

impl Stream for AuditLessons {
    fn name(&self) -> &'static str {
        "audit_lessons"
    }

    fn about(&self) -> &'static str {
        "Lessons an extractor drew from one pull request."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Extractor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let pr = row.int("pr_number")?;
        draft.record.pr_number = Some(pr);
        draft.record.head_sha = Some(row.sha40("head_sha")?);
        draft.time = Some(row.time("extracted_at")?);
        row.text("extractor")?;
        let run = row.opt_text("llm_team_run_id").unwrap_or_else(|| row.sig_run("lesson"));
        draft.run_and_task(run, "pr:", Some(&digits(pr)));
        let mut lines = row.opt_texts("lesson");
        lines.extend(row.opt_texts("lessons"));
        draft.record.text = join_lines(lines);
        read_verified(row, draft);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "audit_lessons";

    fn row() -> Value {
        json!({
            "pr_number": 42, "head_sha": SHA, "extracted_at": "2026-04-26T14:03:11.482Z", "extractor": "gpt-oss:20b",
            "verifier": "claude-opus-4-1", "llm_team_run_id": "team-1", "lessons": ["one", "two"],
        })
    }

    #[test]
    fn a_row_is_work_of_the_team_that_made_it() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "team-1", "task_id": "pr:42", "pr_number": 42, "head_sha": SHA, "extractor": "gpt-oss:20b",
                "verifier": "claude-opus-4-1", "model_name": "gpt-oss:20b", "text": "one\ntwo",
                "own": ["extract.verified"], "says": [], "scored": "partially_accepted",
                "reasons": ["extract.verified", "rule.opinions"],
            }),
        );
        check(STREAM, &with(&row(), json!({"llm_team_run_id": null})), &json!({"run_id": "lesson:{sig16}"}));
        check_required(STREAM, &row(), &["pr_number", "head_sha", "extracted_at", "extractor"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"verifier": 1, "llm_team_run_id": 7, "verified": "yes", "lessons": 3}),
        );
        check(STREAM, &with(&row(), json!({"lessons": [], "lesson": "one"})), &json!({"text": "one"}));
        check(STREAM, &with(&row(), json!({"lesson": "zero"})), &json!({"text": "zero\none\ntwo"}));
    }

    #[test]
    fn a_verdict_needs_a_verifier_of_another_family() {
        let own =
            |more: Value, own: &[&str]| check(STREAM, &with(&row(), more), &json!({"own": own, "says": []}));
        own(json!({"verified": true}), &["extract.verified"]);
        own(json!({"verified": false}), &["extract.refuted"]);
        own(json!({"verifier": null}), &[]);
        own(json!({"verifier": null, "verified": true}), &[]);
        own(json!({"verifier": "GPT-4o"}), &[]);
        own(json!({"verifier": "gpt5", "verified": false}), &[]);
        check(
            STREAM,
            &with(&row(), json!({"verifier": "GPT-4o"})),
            &json!({"failure_markers": ["self_judged"]}),
        );
    }

    #[test]
    fn a_row_without_text_failed() {
        let empty = with(&row(), json!({"lessons": []}));
        check(
            STREAM,
            &empty,
            &json!({
                "own": ["extract.failed"], "text": null, "scored": "needs_human_review",
                "reasons": ["extract.failed", "rule.unclear"], "failure_markers": ["extract.failed"],
            }),
        );
    }
}
