//! `overseer_corrections`: an overseer rewrote somebody's text. Its shape is not documented.

use super::target::Target;
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `overseer_corrections`.
pub(super) struct OverseerCorrections;

impl Stream for OverseerCorrections {
    fn name(&self) -> &'static str {
        "overseer_corrections"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["ts", "run_id", "file", "overseer_model", "original", "corrected", "reason"]
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
        let rest = ["run_id", "file", "overseer_model", "original", "corrected", "reason"];
        if row.has_any(&rest) {
            draft.says.insert(Code::OverseerCorrected);
        }
        draft.mark_unknown_shape(row, &rest);
        Ok(())
    }
}
