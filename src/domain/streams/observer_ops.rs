//! `observer_ops`: what an observer saw of the machinery of a run. Its shape is not documented.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `observer_ops`.
pub(super) struct ObserverOps;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    optional("source", FieldShape::Text, "The service that was seen."),
    optional("event", FieldShape::Text, "What happened.").unread(),
    optional("ok", FieldShape::Flag, "Whether it went well."),
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
    optional("model", FieldShape::Text, "The model."),
    optional("latency_ms", FieldShape::AMOUNT, "How long it took.").unit("ms"),
    optional("error", FieldShape::Error, "What went wrong."),
];

impl Stream for ObserverOps {
    fn name(&self) -> &'static str {
        "observer_ops"
    }

    fn about(&self) -> &'static str {
        "What an observer saw of the machinery of a run."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Observer
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        let named = row.opt_text("run_id");
        let run = named.clone().unwrap_or_else(|| row.sig_run("op"));
        draft.run_and_task(run, "run:", named.as_ref());
        draft.record.model_name = row.opt_text("model");
        draft.record.latency_ms = row.opt_amount("latency_ms");
        draft.record.source_service = row.opt_text("source");
        if row.opt_flag("ok") == Some(false) || row.reports_error("error") {
            draft.says.insert(Code::CallError);
        }
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "observer_ops";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "source": "gateway", "event": "trial", "ok": true, "run_id": "run_1",
            "model": "m", "latency_ms": 3,
        })
    }

    #[test]
    fn an_operation_supports_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "model_name": "m", "latency_ms": 3, "source_service": "gateway",
                "own": [], "says": [], "kind": "support", "failure_markers": null,
            }),
        );
        let source = json!({"run_id": "op:{sig16}", "task_id": "op:{sig16}"});
        check(STREAM, &with(&row(), json!({"run_id": null})), &source);
        check_required(STREAM, &row(), &["ts"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"source": 1, "ok": "no", "run_id": 1, "model": 1, "latency_ms": -3}),
        );
        check(
            STREAM,
            &json!({"ts": "2026-04-26T14:03:11Z"}),
            &json!({"failure_markers": ["shape.unknown"], "says": []}),
        );
    }

    #[test]
    fn a_failure_is_said_of_the_run() {
        let says = |more: Value, says: &[&str]| check(STREAM, &with(&row(), more), &json!({"says": says}));
        says(json!({"ok": false}), &["call.error"]);
        says(json!({"error": "timeout"}), &["call.error"]);
        says(json!({"error": ""}), &[]);
        says(json!({"ok": null, "error": null}), &[]);
    }
}
