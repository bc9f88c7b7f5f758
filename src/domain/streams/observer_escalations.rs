//! `observer_escalations`: an observer found a cluster of trouble under one signature and analysed it.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `observer_escalations`.
pub(super) struct ObserverEscalations;

impl Stream for ObserverEscalations {
    fn name(&self) -> &'static str {
        "observer_escalations"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["ts", "sig_hash", "cluster_size", "analysis", "mode", "kb_preamble_chars"]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Observer
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        let signature = row.text("sig_hash")?;
        draft.run_and_task(row.sig_run("escalation"), "sig:", Some(&signature));
        draft.record.run_signature = Some(signature);
        draft.record.mode = row.opt_text("mode");
        draft.record.text = row.opt_text("analysis");
        if draft.record.text.is_some() {
            draft.own.insert(Code::EscalationAnalysed);
        }
        draft.says.insert(Code::ObserverEscalated);
        Ok(())
    }
}
