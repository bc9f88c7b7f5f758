//! `classifications`: gives a run its task type. Its shape is not documented.

use super::field::{Field, FieldShape, optional};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `classifications`.
pub(super) struct Classifications;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
    optional("task_type", FieldShape::Text, "The type of its task."),
    optional("confidence", FieldShape::SHARE, "How sure the classifier is.").unread(),
    optional("classifier", FieldShape::Text, "Who classified."),
    optional("sig_hash", FieldShape::Text, "The signature of the run."),
    optional("ts", FieldShape::Time, "When."),
];

impl Stream for Classifications {
    fn name(&self) -> &'static str {
        "classifications"
    }

    fn about(&self) -> &'static str {
        "The task type of one run."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Categorizer
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let named = row.opt_text("run_id");
        let run = named.clone().unwrap_or_else(|| row.sig_run("class"));
        draft.run_and_task(run, "run:", named.as_ref());
        draft.time = row.opt_time("ts");
        draft.record.task_type = row.opt_text("task_type");
        draft.record.categorizer = row.opt_text("classifier");
        draft.record.run_signature = row.opt_text("sig_hash");
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "classifications";

    fn row() -> Value {
        json!({
            "run_id": "run_1", "task_type": "review", "confidence": 0.4, "classifier": "qwen3.5", "sig_hash": "s",
            "ts": "2026-04-26T14:03:11.482Z",
        })
    }

    #[test]
    fn a_classification_supports_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "task_type": "review", "categorizer": "qwen3.5", "model_name": null,
                "run_signature": "s", "own": [], "says": [], "kind": "support", "failure_markers": null,
            }),
        );
        check(
            STREAM,
            &with(&row(), json!({"run_id": null})),
            &json!({"run_id": "class:{sig16}", "task_id": "class:{sig16}"}),
        );
        check_required(STREAM, &row(), &[]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"run_id": 1, "task_type": 1, "classifier": 1, "sig_hash": 1, "ts": 1}),
        );
        check(STREAM, &json!({"x": 1}), &json!({"failure_markers": ["shape.unknown"]}));
    }
}
