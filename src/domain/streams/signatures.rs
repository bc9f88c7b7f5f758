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
