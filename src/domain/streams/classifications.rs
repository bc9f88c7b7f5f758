//! `classifications`: gives a run its task type. Its shape is not documented.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `classifications`.
pub(super) struct Classifications;

impl Stream for Classifications {
    fn name(&self) -> &'static str {
        "classifications"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["run_id", "task_type", "confidence", "classifier", "sig_hash", "ts"]
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
        draft.mark_unknown_shape(row, self.fields());
        Ok(())
    }
}
