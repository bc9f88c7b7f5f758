//! `auto_apply`: an applier committed, reverted or refused the patches of a review.

use super::scrum_reviews::{Gates, read_gates};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `auto_apply`.
pub(super) struct AutoApply;

impl Stream for AutoApply {
    fn name(&self) -> &'static str {
        "auto_apply"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["file", "ts", "action", "patches_applied", "patches_proposed", "gates", "commit", "commands_run"]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Applier
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let file = row.text("file")?;
        draft.time = Some(row.time("ts")?);
        let action = row.text("action")?.plain().trim().to_lowercase();
        draft.run_and_task(row.sig_run("apply"), "file:", Some(&file));
        draft.record.source_files = vec![file];
        draft.record.commit = row.opt_text("commit");
        draft.record.commands_run = row.commands("commands_run");
        let applied = row.opt_int("patches_applied", 0);
        let proposed = row.opt_int("patches_proposed", 0);
        let gates = read_gates(row, draft);
        if action.contains("revert") {
            draft.own.insert(Code::ApplyReverted);
        } else if matches!(action.as_str(), "committed" | "applied") && gates != Gates::Failed {
            let partial = applied.zip(proposed).is_some_and(|(applied, proposed)| applied < proposed);
            draft.own.insert(if partial { Code::ApplyPartial } else { Code::ApplyCommitted });
        }
        draft.says = draft.own;
        Ok(())
    }
}
