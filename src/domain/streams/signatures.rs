//! `signatures`: gives a run its signature. Its shape is not documented.

use super::field::{Field, FieldShape, optional};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `signatures`.
pub(super) struct Signatures;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
    optional("sig_hash", FieldShape::Text, "Its signature."),
    optional("created_at", FieldShape::Time, "When."),
    optional("kind", FieldShape::Text, "The kind of signature.").unread(),
    optional("parts", FieldShape::Array, "What it is made of.").unread(),
];

impl Stream for Signatures {
    fn name(&self) -> &'static str {
        "signatures"
    }

    fn about(&self) -> &'static str {
        "The signature of one run."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Deterministic
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let named = row.opt_text("run_id");
        let run = named.clone().unwrap_or_else(|| row.sig_run("signature"));
        draft.run_and_task(run, "run:", named.as_ref());
        draft.time = row.opt_time("created_at");
        draft.record.run_signature = row.opt_text("sig_hash");
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "signatures";

    fn row() -> Value {
        json!({"run_id": "run_1", "sig_hash": "s", "created_at": "2026-04-26T14:03:11.482Z", "kind": "k", "parts": ["p"]})
    }

    #[test]
    fn a_signature_supports_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "run_signature": "s", "timestamp": "2026-04-26T14:03:11.482Z",
                "kind": "support", "own": [], "says": [], "failure_markers": null,
            }),
        );
        check(
            STREAM,
            &with(&row(), json!({"run_id": null})),
            &json!({"run_id": "signature:{sig16}", "task_id": "signature:{sig16}"}),
        );
        check_required(STREAM, &row(), &[]);
        check_ignored(STREAM, &row(), &json!({"run_id": 1, "sig_hash": 1, "created_at": "x"}));
        check(STREAM, &json!({}), &json!({"failure_markers": ["shape.unknown"], "timestamp_origin": "none"}));
    }
}
