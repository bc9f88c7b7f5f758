//! `observer_ops`: what an observer saw of the machinery of a run. Its shape is not documented.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `observer_ops`.
pub(super) struct ObserverOps;

impl Stream for ObserverOps {
    fn name(&self) -> &'static str {
        "observer_ops"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["ts", "source", "event", "ok", "run_id", "model", "latency_ms", "error"]
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
        draft.mark_unknown_shape(row, &["source", "event", "ok", "run_id", "model", "latency_ms", "error"]);
        Ok(())
    }
}
