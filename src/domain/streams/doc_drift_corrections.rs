//! `doc_drift_corrections`: a document said something that is not so. Feeds drift. Its shape is not documented.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `doc_drift_corrections`.
pub(super) struct DocDriftCorrections;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    optional("doc", FieldShape::Text, "The document."),
    optional("section", FieldShape::Text, "The section.").unread(),
    optional("claim", FieldShape::Text, "What it said.").unread(),
    optional("actual", FieldShape::Text, "What is so.").unread(),
    optional("correction", FieldShape::Text, "What it should say."),
    optional("head_sha", FieldShape::Commit, "The commit it was compared with."),
];

impl Stream for DocDriftCorrections {
    fn name(&self) -> &'static str {
        "doc_drift_corrections"
    }

    fn about(&self) -> &'static str {
        "A document that said something that is not so."
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
        let doc = row.opt_text("doc");
        draft.run_and_task(row.sig_run("drift"), "doc:", doc.as_ref());
        draft.record.source_files.extend(doc);
        draft.record.head_sha = row.opt_sha40("head_sha");
        draft.record.text = row.opt_text("correction");
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "doc_drift_corrections";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "doc": "docs/a.md", "section": "1", "claim": "c", "actual": "a",
            "correction": "text", "head_sha": SHA,
        })
    }

    #[test]
    fn a_correction_supports_its_document() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "drift:{sig16}", "task_id": "doc:docs/a.md", "source_files": ["docs/a.md"], "text": "text",
                "head_sha": SHA, "own": [], "says": [], "failure_markers": null,
            }),
        );
        check_required(STREAM, &row(), &["ts"]);
        check_ignored(STREAM, &row(), &json!({"doc": 1, "correction": 1, "head_sha": "x"}));
        let bare = json!({"ts": "2026-04-26T14:03:11.482Z"});
        check(STREAM, &bare, &json!({"task_id": "drift:{sig16}", "failure_markers": ["shape.unknown"]}));
        check(STREAM, &with(&bare, json!({"actual": "a"})), &json!({"failure_markers": null}));
    }
}
