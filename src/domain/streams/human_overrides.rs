//! `human_overrides`: a person decides. A correction is work of its own, and accepted. Its shape is not documented.

use super::target::Target;
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{HumanOverride, Kind, ModelRole};
use crate::domain::score::HumanAction;
use crate::domain::signal::Code;

/// The stream `human_overrides`.
pub(super) struct HumanOverrides;

impl Stream for HumanOverrides {
    fn name(&self) -> &'static str {
        "human_overrides"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "ts",
            "action",
            "actor",
            "reason",
            "run_id",
            "target",
            "pr_number",
            "head_sha",
            "file",
            "corrected_text",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Human
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let at = row.time("ts")?;
        draft.time = Some(at);
        let action = HumanAction::from_word(&row.text("action")?.plain()).unwrap_or_else(|| {
            row.warn("unknown_action", "action");
            HumanAction::Review
        });
        Target::read(row).apply(row, "human", draft);
        let corrected_text = row.opt_text("corrected_text");
        draft.says.insert(action.code());
        if action == HumanAction::Correct && corrected_text.is_some() {
            draft.record.kind = Kind::Work;
            draft.own.insert(Code::HumanAccept);
        }
        draft.record.text.clone_from(&corrected_text);
        draft.record.human_override = Some(HumanOverride {
            action: action.word(),
            actor: row.opt_text("actor"),
            reason: row.opt_text("reason"),
            at,
            corrected_text,
        });
        draft.mark_unknown_shape(
            row,
            &["actor", "reason", "run_id", "target", "pr_number", "head_sha", "file", "corrected_text"],
        );
        Ok(())
    }
}
