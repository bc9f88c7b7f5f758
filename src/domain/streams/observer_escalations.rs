//! `observer_escalations`: an observer found a cluster of trouble under one signature and analysed it.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `observer_escalations`.
pub(super) struct ObserverEscalations;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    required("sig_hash", FieldShape::Text, "The signature of the runs in trouble."),
    optional("cluster_size", FieldShape::COUNT, "How many runs are in the cluster.").unread(),
    optional("analysis", FieldShape::Text, "The analysis."),
    optional("mode", FieldShape::Text, "The mode the observer ran in."),
    optional(
        "kb_preamble_chars",
        FieldShape::COUNT,
        "How much of the knowledge base went before the prompt.",
    )
    .unit("characters")
    .unread(),
];

impl Stream for ObserverEscalations {
    fn name(&self) -> &'static str {
        "observer_escalations"
    }

    fn about(&self) -> &'static str {
        "An observer's analysis of a cluster of trouble under one signature."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Observer
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        let signature = row.text("sig_hash")?;
        draft.run_and_task(row.sig_run("escalation"), "sig:", Some(&signature));
        draft.record.run_signature = Some(signature);
        draft.record.mode = row.opt_text("mode");
        draft.record.text = row.opt_text("analysis");
        if draft.record.text.is_some() {
            draft.own.insert(Code::EscalationAnalysed);
        }
        draft.says.insert(Code::ObserverEscalated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "observer_escalations";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "sig_hash": "s1", "cluster_size": 9, "analysis": "why", "mode": "deep",
            "kb_preamble_chars": 12,
        })
    }

    #[test]
    fn an_escalation_is_work_on_its_signature() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "escalation:{sig16}", "task_id": "sig:s1", "run_signature": "s1", "mode": "deep", "text": "why",
                "own": ["escalation.analysed"], "says": ["observer.escalated"], "scored": "needs_human_review",
                "reasons": ["escalation.analysed", "rule.single_opinion"], "success_markers": ["escalation.analysed"],
                "failure_markers": ["observer.escalated"],
            }),
        );
        check(
            STREAM,
            &with(&row(), json!({"analysis": ""})),
            &json!({"own": [], "says": ["observer.escalated"]}),
        );
        check_required(STREAM, &row(), &["ts", "sig_hash"]);
        check_ignored(STREAM, &row(), &json!({"analysis": 1, "mode": []}));
    }
}
