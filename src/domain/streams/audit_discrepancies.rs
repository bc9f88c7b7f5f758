//! `audit_discrepancies`: several auditors voted on one claim of a pull request.

use super::audits::sha12;
use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, digits};
use crate::domain::link::facts::{CLAIM_TEXT, REJECTED_TEXT};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_text};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `audit_discrepancies`.
pub(super) struct AuditDiscrepancies;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("pr_number", FieldShape::WHOLE, "The pull request."),
    required("head_sha", FieldShape::Commit, "The commit."),
    required("claim_idx", FieldShape::WHOLE, "Which claim of the pull request."),
    required("votes", FieldShape::Array, "One entry a vote: `n` and its `verdict`."),
    required(
        "resolution",
        FieldShape::Text,
        "What was decided; a majority when more than half of the votes say the same.",
    ),
    optional("claim", FieldShape::Text, "The claim."),
    optional("chosen", FieldShape::Text, "The text that was chosen."),
    optional("rejected", FieldShape::Text, "The text that was not."),
    optional("prompt_hash", FieldShape::Sha256, "SHA-256 of the prompt."),
    optional("ts", FieldShape::Time, "When it was decided."),
];

impl Stream for AuditDiscrepancies {
    fn name(&self) -> &'static str {
        "audit_discrepancies"
    }

    fn about(&self) -> &'static str {
        "The votes of several auditors on one claim of a pull request."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Auditor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let pr = row.int("pr_number")?;
        let head_sha = row.sha40("head_sha")?;
        let claim_idx = row.int("claim_idx")?;
        let votes = row.array("votes")?;
        let resolution = row.text("resolution")?.plain().trim().to_lowercase();
        draft.time = row.opt_time("ts");
        let run = format!("audit:{pr}:{}:{claim_idx}", sha12(&head_sha));
        draft.run_and_task(Escaped::from_escaped(run), "pr:", Some(&digits(pr)));
        draft.record.pr_number = Some(pr);
        draft.record.head_sha = Some(head_sha);
        draft.record.claim_idx = Some(claim_idx);
        draft.record.text = row.opt_text("chosen");
        draft.record.input_hash = row.opt_hash("prompt_hash");
        let says_so = |vote: &Option<Escaped<'_>>| {
            vote.as_ref().is_some_and(|verdict| verdict.plain().trim().to_lowercase() == resolution)
        };
        let (mut cast, mut agreeing) = (0_u64, 0_u64);
        for vote in votes.items().map(|vote| vote.get("verdict").and_then(as_text)) {
            cast += 1;
            agreeing += u64::from(says_so(&vote));
        }
        let majority = agreeing * 2 > cast;
        draft.own.insert(if majority { Code::ConsensusMajority } else { Code::ConsensusSplit });
        // Pairs are made of evidence alone, so the record holds the claim and the text that lost the vote.
        for (name, passed, text) in
            [(CLAIM_TEXT, majority, row.opt_text("claim")), (REJECTED_TEXT, false, row.opt_text("rejected"))]
        {
            draft.record.validation_results.extend(text.map(|text| ValidationResult {
                name: Escaped::from_escaped(name),
                passed,
                severity: None,
                deterministic: false,
                explanation: Some(text),
            }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "audit_discrepancies";

    fn row() -> Value {
        json!({
            "pr_number": 42, "head_sha": SHA, "claim_idx": 3, "resolution": "Backed", "claim": "c", "chosen": "yes",
            "rejected": "no", "prompt_hash": "ab".repeat(32), "ts": "2026-04-26T14:03:11.482Z",
            "votes": [{"n": 1, "verdict": "backed"}, {"n": 2, "verdict": "not_backed"}, {"n": 3, "verdict": " BACKED"}],
        })
    }

    #[test]
    fn a_discrepancy_is_work_on_one_claim() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "audit:42:0123456789ab:3", "task_id": "pr:42", "claim_idx": 3, "pr_number": 42, "head_sha": SHA,
                "text": "yes", "input_hash": "ab".repeat(32), "own": ["consensus.majority"], "says": [], "model_name": null,
                "scored": "partially_accepted", "timestamp": "2026-04-26T14:03:11.482Z",
                "validation_results": [
                    {"name": "claim", "passed": true, "deterministic": false, "explanation": "c"},
                    {"name": "rejected", "passed": false, "deterministic": false, "explanation": "no"},
                ],
            }),
        );
        check_required(STREAM, &row(), &["pr_number", "head_sha", "claim_idx", "votes", "resolution"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"chosen": 1, "claim": 1, "rejected": 1, "prompt_hash": "ab", "ts": "noon"}),
        );
    }

    #[test]
    fn a_majority_is_more_than_half_of_the_votes() {
        let own = |votes: Value, own: &str| {
            check(STREAM, &with(&row(), json!({"votes": votes})), &json!({"own": [own]}));
        };
        own(json!([{"verdict": "backed"}]), "consensus.majority");
        own(json!([{"verdict": "backed"}, {"verdict": "other"}]), "consensus.split");
        own(json!([{"verdict": "backed"}, {"n": 2}, {"verdict": 7}]), "consensus.split");
        own(json!([]), "consensus.split");
    }

    #[test]
    fn a_row_without_a_time_has_none() {
        let expected = json!({"timestamp": "1970-01-01T00:00:00.000Z", "timestamp_origin": "none"});
        check(STREAM, &with(&row(), json!({"ts": null})), &expected);
    }
}
