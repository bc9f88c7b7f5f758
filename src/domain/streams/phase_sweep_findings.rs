//! `phase_sweep_findings`: how many claims of a phase a sweep found true, half true or false. Feeds drift.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_int, as_text, join_lines};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;

/// The stream `phase_sweep_findings`.
pub(super) struct PhaseSweepFindings;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("phase", FieldShape::WholeOrText, "The phase."),
    required("status", FieldShape::Text, "verified, partial or fake."),
    required("discovered_at", FieldShape::Time, "When."),
    optional("phase_name", FieldShape::Text, "What the phase is called.").unread(),
    optional("claims_verified", FieldShape::COUNT, "How many claims are true."),
    optional("claims_fake", FieldShape::COUNT, "How many claims are false."),
    optional("claims_partial", FieldShape::COUNT, "How many claims are half true."),
    optional("findings", FieldShape::Texts, "What was found."),
    optional("evidence", FieldShape::Array, "What shows it.").unread(),
    optional("head_sha", FieldShape::Commit, "The commit that was swept."),
];

impl Stream for PhaseSweepFindings {
    fn name(&self) -> &'static str {
        "phase_sweep_findings"
    }

    fn about(&self) -> &'static str {
        "How many claims of a phase a sweep found true, half true or false."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Auditor
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let phase = row.required("phase", "a whole number or a string", |value| {
            as_int(value).map(digits).or_else(|| as_text(value))
        })?;
        if phase.is_empty() {
            return Err(Reject::MissingField("phase".to_owned()));
        }
        let said = row.text("status")?;
        let status = said.plain().trim().to_lowercase();
        draft.time = Some(row.time("discovered_at")?);
        let run = row.sig_run(&format!("phase:{}", phase.escaped()));
        draft.run_and_task(run, "phase:", Some(&phase));
        draft.record.head_sha = row.opt_sha40("head_sha");
        draft.record.text = join_lines(row.opt_texts("findings"));
        let fake = row.opt_int("claims_fake", 0);
        let partial = row.opt_int("claims_partial", 0);
        let verified = row.opt_int("claims_verified", 0);
        draft.record.category = Some(said);
        draft.record.validation_results = [
            claims("claims.verified", verified),
            claims("claims.partial", partial),
            claims("claims.fake", fake),
        ]
        .into_iter()
        .flatten()
        .collect();
        // The worst of what the status and the counts say.
        let says = |count: Option<i64>, word: &str| count.is_some_and(|n| n > 0) || status == word;
        if says(fake, "fake") {
            draft.mark_failure("phase.fake");
        } else if says(partial, "partial") {
            draft.mark_failure("phase.partial");
        } else if says(verified, "verified") {
            draft.record.success_markers.push("phase.verified");
        }
        Ok(())
    }
}

/// How many claims came out one way, as the result of a check; it passed unless there are some that are not true.
fn claims(name: &'static str, count: Option<i64>) -> Option<ValidationResult<'static>> {
    let count = count?;
    Some(ValidationResult {
        name: Escaped::from_escaped(name),
        passed: count == 0 || name == "claims.verified",
        severity: None,
        deterministic: false,
        explanation: Some(digits(count)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "phase_sweep_findings";

    fn row() -> Value {
        json!({
            "phase": "3.5", "phase_name": "query engine", "status": "verified", "discovered_at": "2026-04-26T14:03:11.482Z",
            "claims_verified": 6, "claims_partial": 0, "claims_fake": 0, "findings": ["one", {"finding": "two"}],
            "evidence": ["a.rs"], "head_sha": SHA,
        })
    }

    #[test]
    fn a_sweep_supports_its_phase() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "phase:3.5:{sig16}", "task_id": "phase:3.5", "text": "one\ntwo", "head_sha": SHA, "kind": "support",
                "own": [], "says": [], "success_markers": ["phase.verified"], "failure_markers": null,
            }),
        );
        check(
            STREAM,
            &with(&row(), json!({"phase": 7})),
            &json!({"run_id": "phase:7:{sig16}", "task_id": "phase:7"}),
        );
        check(STREAM, &with(&row(), json!({"phase": ""})), &json!({"refused": "missing_field:phase"}));
        check(STREAM, &with(&row(), json!({"phase": 3.5})), &json!({"refused": "wrong_type:phase"}));
        check_required(STREAM, &row(), &["phase", "status", "discovered_at"]);
        let bad = json!({"claims_verified": -1, "claims_partial": "1", "claims_fake": 0.5, "findings": 1, "head_sha": "x"});
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn counts_of_claims_and_the_status_are_kept() {
        let result = |name: &str, passed: bool, count: &str| json!({"name": name, "passed": passed, "deterministic": false, "explanation": count});
        let found = with(&row(), json!({"status": " Drifted", "claims_fake": 2, "claims_partial": null}));
        check(
            STREAM,
            &found,
            &json!({
                "category": " Drifted",
                "validation_results": [result("claims.verified", true, "6"), result("claims.fake", false, "2")],
            }),
        );
        let uncounted =
            with(&row(), json!({"claims_verified": null, "claims_partial": null, "claims_fake": null}));
        check(STREAM, &uncounted, &json!({"category": "verified", "validation_results": null}));
    }

    #[test]
    fn the_worst_claim_marks_the_phase() {
        let failed = |more: Value, marker: &str| {
            check(
                STREAM,
                &with(&row(), more),
                &json!({"failure_markers": [marker], "success_markers": null}),
            );
        };
        failed(json!({"claims_partial": 1}), "phase.partial");
        failed(json!({"claims_partial": 1, "claims_fake": 1}), "phase.fake");
        // A sweep that calls the phase fake is heard beside claims that are true, and the other way round.
        failed(json!({"status": "fake"}), "phase.fake");
        failed(json!({"status": "partial"}), "phase.partial");
        failed(json!({"status": "partial", "claims_fake": 1}), "phase.fake");
        let uncounted =
            with(&row(), json!({"claims_verified": null, "claims_partial": null, "claims_fake": null}));
        for (status, marker) in [("Partial", "phase.partial"), ("fake", "phase.fake")] {
            let expected = json!({"failure_markers": [marker], "success_markers": null});
            check(STREAM, &with(&uncounted, json!({"status": status})), &expected);
        }
        check(STREAM, &uncounted, &json!({"success_markers": ["phase.verified"]}));
        let unverified = with(&uncounted, json!({"status": "unverified"}));
        check(STREAM, &unverified, &json!({"success_markers": null, "failure_markers": null}));
    }
}
