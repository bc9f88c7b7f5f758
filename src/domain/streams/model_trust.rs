//! `model_trust`: what a router learnt about the model of one run.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `model_trust`.
pub(super) struct ModelTrust;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("run_id", FieldShape::Text, "The run."),
    required("task_type", FieldShape::Text, "The type of its task."),
    required("accepted_model", FieldShape::Text, "The model whose answer was accepted."),
    optional("attempts_made", FieldShape::FROM_ONE, "How many attempts it took, from 1."),
    optional("confidence_avg", FieldShape::SHARE, "How sure the router is on average."),
    optional("errors", FieldShape::COUNT, "How many calls failed."),
    optional("thin_rejections", FieldShape::COUNT, "How many answers were too thin."),
    optional("ts", FieldShape::Time, "When."),
];

impl Stream for ModelTrust {
    fn name(&self) -> &'static str {
        "model_trust"
    }

    fn about(&self) -> &'static str {
        "What a router learnt about the model of one run."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Router
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let run = row.text("run_id")?;
        draft.run_and_task(run.clone(), "run:", Some(&run));
        draft.record.task_type = Some(row.text("task_type")?);
        draft.record.model_name = Some(row.text("accepted_model")?);
        draft.time = row.opt_time("ts");
        draft.record.attempt = row.opt_int("attempts_made", 1);
        let low = row.rules().scorer.router_confidence_low;
        if row.opt_number("confidence_avg", 0.0, 1.0).is_some_and(|(average, _)| average < low) {
            draft.mark_failure("confidence.low");
        }
        if row.opt_int("thin_rejections", 0).is_some_and(|count| count > 0) {
            draft.mark_failure("thin.rejection");
        }
        if row.opt_int("errors", 0).is_some_and(|count| count > 0) {
            draft.says.insert(Code::CallError);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "model_trust";

    fn row() -> Value {
        json!({
            "run_id": "run_1", "task_type": "review", "accepted_model": "qwen3-coder:480b", "attempts_made": 2,
            "confidence_avg": 0.5, "errors": 0, "thin_rejections": 0, "ts": "2026-04-26T14:03:11.482Z",
        })
    }

    #[test]
    fn trust_supports_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "task_type": "review", "model_name": "qwen3-coder:480b", "attempt": 2,
                "text": null, "own": [], "says": [], "failure_markers": null, "timestamp": "2026-04-26T14:03:11.482Z",
            }),
        );
        check_required(STREAM, &row(), &["run_id", "task_type", "accepted_model"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"errors": -1, "thin_rejections": "1", "confidence_avg": 2, "ts": 5}),
        );
    }

    #[test]
    fn trouble_leaves_markers_and_errors_a_signal() {
        check(
            STREAM,
            &with(&row(), json!({"errors": 1})),
            &json!({"says": ["call.error"], "failure_markers": ["call.error"]}),
        );
        let thin = with(&row(), json!({"thin_rejections": 2, "confidence_avg": 0.49}));
        check(STREAM, &thin, &json!({"says": [], "failure_markers": ["confidence.low", "thin.rejection"]}));
    }
}
