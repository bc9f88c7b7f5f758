//! `audit_facts`: facts an extractor drew from one pull request.

use super::extraction::read_verified;
use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, join_lines};
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `audit_facts`.
pub(super) struct AuditFacts;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("pr_number", FieldShape::WHOLE, "The pull request that was read."),
    required("head_sha", FieldShape::Commit, "The commit that was read."),
    required("extracted_at", FieldShape::Time, "When the extraction ended."),
    required("extractor", FieldShape::Text, "The model that extracted."),
    optional("verifier", FieldShape::Text, "The model that verified."),
    optional("llm_team_run_id", FieldShape::Text, "The run it is part of; without one, each row is a run."),
    optional("facts", FieldShape::Texts, "The facts."),
    optional("entities", FieldShape::Array, "What the facts are about.").unread(),
    optional("relationships", FieldShape::Array, "How the entities belong together.").unread(),
    optional("verified", FieldShape::Flag, "What the verifier says."),
];

impl Stream for AuditFacts {
    fn name(&self) -> &'static str {
        "audit_facts"
    }

    fn about(&self) -> &'static str {
        "Facts an extractor drew from one pull request."
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
        let run = row.opt_text("llm_team_run_id").unwrap_or_else(|| row.sig_run("facts"));
        draft.run_and_task(run, "pr:", Some(&digits(pr)));
        let lines = row.opt_texts("facts");
        draft.record.text = join_lines(lines);
        read_verified(row, draft);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "audit_facts";

    fn row() -> Value {
        json!({
            "pr_number": 42, "head_sha": SHA, "extracted_at": "2026-04-26T14:03:11.482Z", "extractor": "gpt-oss:20b",
            "verifier": "claude-opus-4-1", "llm_team_run_id": "team-1", "facts": ["one", "two"],
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
        check(STREAM, &with(&row(), json!({"llm_team_run_id": null})), &json!({"run_id": "facts:{sig16}"}));
        check_required(STREAM, &row(), &["pr_number", "head_sha", "extracted_at", "extractor"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"verifier": 1, "llm_team_run_id": 7, "verified": "yes", "facts": 3}),
        );
        let shaped = json!({"facts": [{"fact": "f"}, {"claim": "c"}, {"n": 1}, "", null, 7]});
        check(STREAM, &with(&row(), shaped), &json!({"text": "f\nc\n{\"n\":1}\n7"}));
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
        let empty = with(&row(), json!({"facts": []}));
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
