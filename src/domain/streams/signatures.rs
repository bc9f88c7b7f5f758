//! `signatures`: gives a run its signature. Its shape is not documented.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `signatures`.
pub(super) struct Signatures;

impl Stream for Signatures {
    fn name(&self) -> &'static str {
        "signatures"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["run_id", "sig_hash", "created_at", "kind", "parts"]
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
        draft.mark_unknown_shape(row, self.fields());
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
