//! `contract_analyses`: an analysis of one permit's contract, with what was retrieved for it and what an observer says.

use super::{Draft, Stream, observer_signal};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `contract_analyses`.
pub(super) struct ContractAnalyses;

impl Stream for ContractAnalyses {
    fn name(&self) -> &'static str {
        "contract_analyses"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "ts",
            "ok",
            "permit_id",
            "analysis",
            "matrix_corpora",
            "matrix_hits",
            "matrix_ms",
            "observer_verdict",
            "observer_conf",
            "observer_notes",
            "observer_src",
            "cost",
            "duration_ms",
            "model",
            "run_id",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Executor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        let ok = row.flag("ok")?;
        let permit = row.opt_text("permit_id");
        let run = row.opt_text("run_id").unwrap_or_else(|| row.sig_run("contract"));
        draft.run_and_task(run, "permit:", permit.as_ref());
        draft.record.model_name = row.opt_text("model");
        draft.record.text = row.opt_text("analysis");
        draft.record.cost_usd = row.opt_amount("cost");
        draft.record.latency_ms = row.opt_amount("duration_ms");
        draft.record.retrieved_context.corpora = row.opt_texts("matrix_corpora");
        draft.record.retrieved_context.hits = row.opt_int("matrix_hits", 0);
        draft.record.retrieved_context.latency_ms = row.opt_amount("matrix_ms");
        draft.record.observer_notes = row.opt_texts("observer_notes");
        draft.record.observer_verdict = row.opt_text("observer_verdict");
        draft.record.source_service = row.opt_text("observer_src");
        let confidence = row.opt_number("observer_conf", 0.0, 1.0);
        draft.record.observer_confidence = confidence.map(|(_, digits)| digits);
        if !ok {
            draft.own.insert(Code::CallError);
        } else if draft.record.text.is_some() && draft.record.retrieved_context.hits.is_some_and(|n| n >= 1) {
            draft.own.insert(Code::ContractComplete);
        }
        let rules = row.rules();
        draft.own.extend(observer_signal(row, "observer_verdict", confidence.map(|(c, _)| c), rules));
        Ok(())
    }
}
