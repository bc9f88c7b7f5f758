//! `overseer_corrections`: an overseer rewrote somebody's text. Its shape is not documented.

use super::field::{Field, FieldShape, optional, required};
use super::target::Target;
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `overseer_corrections`.
pub(super) struct OverseerCorrections;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    optional("run_id", FieldShape::Text, "The run that is corrected."),
    optional("file", FieldShape::Text, "The file whose review is corrected."),
    optional("overseer_model", FieldShape::Text, "The model that corrects."),
    optional("original", FieldShape::Text, "The text before.").unread(),
    optional("corrected", FieldShape::Text, "The text after."),
    optional("reason", FieldShape::Text, "Why.").unread(),
];

impl Stream for OverseerCorrections {
    fn name(&self) -> &'static str {
        "overseer_corrections"
    }

    fn about(&self) -> &'static str {
        "An overseer's correction of somebody's text."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Overseer
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        Target::read(row).apply(row, "overseer", draft);
        draft.record.model_name = row.opt_text("overseer_model");
        draft.record.text = row.opt_text("corrected");
        if row.has_any_optional(FIELDS) {
            draft.says.insert(Code::OverseerCorrected);
        }
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "overseer_corrections";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "run_id": "run_1", "file": "src/a.rs", "overseer_model": "claude-opus-4-1",
            "original": "o", "corrected": "c", "reason": "r",
        })
    }

    #[test]
    fn a_correction_speaks_against_its_target() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "overseer:{sig16}", "task_id": "run:run_1", "source_files": ["src/a.rs"], "text": "c",
                "model_name": "claude-opus-4-1", "kind": "support", "own": [], "says": ["overseer.corrected"],
                "reasons": ["rule.support"],
            }),
        );
        check(STREAM, &with(&row(), json!({"run_id": null})), &json!({"task_id": "file:src/a.rs"}));
        check_required(STREAM, &row(), &["ts"]);
        check_ignored(STREAM, &row(), &json!({"run_id": 1, "file": 1, "overseer_model": 1, "corrected": 1}));
    }

    #[test]
    fn a_row_of_unknown_shape_says_nothing() {
        let bare = json!({"ts": "2026-04-26T14:03:11.482Z", "x": 1, "pr_number": 42});
        check(
            STREAM,
            &bare,
            &json!({
                "task_id": "overseer:{sig16}", "says": [], "failure_markers": ["shape.unknown"], "pr_number": null,
            }),
        );
    }
}
