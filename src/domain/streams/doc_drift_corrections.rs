//! `doc_drift_corrections`: a document said something that is not so. Feeds drift. Its shape is not documented.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `doc_drift_corrections`.
pub(super) struct DocDriftCorrections;

impl Stream for DocDriftCorrections {
    fn name(&self) -> &'static str {
        "doc_drift_corrections"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["ts", "doc", "section", "claim", "actual", "correction", "head_sha"]
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
        draft.mark_unknown_shape(row, &["doc", "section", "claim", "actual", "correction", "head_sha"]);
        Ok(())
    }
}
