//! `outcomes`: how the events of one run ended.

use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `outcomes`.
pub(super) struct Outcomes;

impl Stream for Outcomes {
    fn name(&self) -> &'static str {
        "outcomes"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "run_id",
            "created_at",
            "total_events",
            "ok_events",
            "sig_hash",
            "models",
            "total_citations",
            "total_gap_signals",
            "commands_run",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Executor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let run = row.text("run_id")?;
        draft.run_and_task(run.clone(), "run:", Some(&run));
        draft.time = Some(row.time("created_at")?);
        let total = row.count("total_events")?;
        let ok = row.count("ok_events")?;
        if ok > total {
            let field = "ok_events".to_owned();
            return Err(Reject::WrongType { field, expected: "a count of at most total_events" });
        }
        draft.record.run_signature = row.opt_text("sig_hash");
        draft.record.model_name = row.opt_texts("models").into_iter().next();
        draft.record.commands_run = row.commands("commands_run");
        let gaps = row.opt_int("total_gap_signals", 0).unwrap_or(0);
        draft.own.insert(if total > 0 && ok == total && gaps == 0 {
            Code::OutcomeComplete
        } else if total > 0 && ok as f64 >= total as f64 * row.rules().scorer.outcome_partial_min {
            Code::OutcomePartial
        } else {
            Code::OutcomeFailed
        });
        draft.says = draft.own;
        Ok(())
    }
}
