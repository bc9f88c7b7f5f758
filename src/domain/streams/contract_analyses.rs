//! `contract_analyses`: an analysis of one permit's contract, with what was retrieved for it and what an observer says.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, observer_signal};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `contract_analyses`.
pub(super) struct ContractAnalyses;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    required("ok", FieldShape::Flag, "Whether the call went well."),
    optional("permit_id", FieldShape::Text, "The permit."),
    optional("analysis", FieldShape::Text, "The analysis."),
    optional("matrix_corpora", FieldShape::Names, "The corpora that were searched."),
    optional("matrix_hits", FieldShape::COUNT, "How many hits there were."),
    optional("matrix_ms", FieldShape::AMOUNT, "How long the search took.").unit("ms"),
    optional("observer_verdict", FieldShape::Verdict, "What an observer says."),
    optional("observer_conf", FieldShape::SHARE, "How sure the observer is."),
    optional("observer_notes", FieldShape::Texts, "Its notes."),
    optional("observer_src", FieldShape::Text, "The service that observes."),
    optional("cost", FieldShape::AMOUNT, "What it cost.").unit("USD"),
    optional("duration_ms", FieldShape::AMOUNT, "How long it took.").unit("ms"),
    optional("model", FieldShape::Text, "The model."),
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
];

impl Stream for ContractAnalyses {
    fn name(&self) -> &'static str {
        "contract_analyses"
    }

    fn about(&self) -> &'static str {
        "An analysis of one permit's contract, with what was retrieved for it and what an observer says."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
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
        draft.record.retrieved_context.corpora = row.opt_names("matrix_corpora");
        draft.record.retrieved_context.hits = row.opt_int("matrix_hits", 0);
        draft.record.retrieved_context.latency_ms = row.opt_amount("matrix_ms");
        draft.record.observer_notes = row.opt_texts("observer_notes");
        draft.record.observer_verdict = row.opt_text("observer_verdict");
        draft.record.source_service = row.opt_text("observer_src");
        let (confidence, digits) = row.opt_number("observer_conf", 0.0, 1.0).unzip();
        draft.record.observer_confidence = digits;
        if !ok {
            draft.own.insert(Code::CallError);
        } else if draft.record.text.is_some() && draft.record.retrieved_context.hits.is_some_and(|n| n >= 1) {
            draft.own.insert(Code::ContractComplete);
        }
        let verdict = draft.record.observer_verdict.as_ref();
        draft.own.extend(observer_signal(row, "observer_verdict", verdict, confidence));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "contract_analyses";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "ok": true, "permit_id": "101", "analysis": "text", "matrix_corpora": ["a", "b"],
            "matrix_hits": 1, "matrix_ms": 12, "observer_verdict": "accept", "observer_conf": 0.9, "observer_notes": ["n"],
            "observer_src": "heuristic", "cost": 0.0125, "duration_ms": 900, "model": "gpt-oss:120b", "run_id": "run_1",
        })
    }

    #[test]
    fn an_analysis_is_work_on_its_permit() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "permit:101", "model_name": "gpt-oss:120b", "text": "text", "cost_usd": 0.0125,
                "latency_ms": 900, "retrieved_context": {"corpora": ["a", "b"], "hits": 1, "latency_ms": 12},
                "observer_notes": ["n"], "observer_verdict": "accept", "observer_confidence": 0.9,
                "source_service": "heuristic", "own": ["contract.complete", "observer.accept"], "says": [], "scored": "accepted",
                "reasons": ["contract.complete", "observer.accept", "rule.grounded"],
            }),
        );
        check(STREAM, &with(&row(), json!({"run_id": null})), &json!({"run_id": "contract:{sig16}"}));
        check(STREAM, &with(&row(), json!({"permit_id": null})), &json!({"task_id": "run_1"}));
        check(STREAM, &with(&row(), json!({"observer_notes": "one"})), &json!({"observer_notes": ["one"]}));
        check_required(STREAM, &row(), &["ts", "ok"]);
        let bad = json!({
            "permit_id": 1, "analysis": 1, "matrix_corpora": 1, "matrix_hits": -1, "matrix_ms": -1, "observer_verdict": 1,
            "observer_conf": -0.1, "observer_notes": 1, "observer_src": 1, "cost": -1, "duration_ms": "1", "model": 1,
            "run_id": 1,
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn an_analysis_is_complete_with_text_and_a_hit() {
        let own = |more: Value, own: &[&str]| {
            let quiet = with(&row(), json!({"observer_verdict": null}));
            check(STREAM, &with(&quiet, more), &json!({"own": own}));
        };
        own(json!({}), &["contract.complete"]);
        own(json!({"matrix_hits": 0}), &[]);
        own(json!({"matrix_hits": null}), &[]);
        own(json!({"analysis": null}), &[]);
        own(json!({"ok": false}), &["call.error"]);
        own(json!({"observer_verdict": "reject"}), &["contract.complete", "observer.reject"]);
        own(json!({"observer_verdict": "reject", "observer_conf": 0.6}), &["contract.complete"]);
        own(
            json!({"observer_verdict": "reject", "observer_conf": null}),
            &["contract.complete", "observer.reject"],
        );
        own(json!({"ok": false, "observer_verdict": "accept"}), &["observer.accept", "call.error"]);
    }
}
