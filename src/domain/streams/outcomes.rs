//! `outcomes`: how the events of one run ended.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `outcomes`.
pub(super) struct Outcomes;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("run_id", FieldShape::Text, "The run."),
    required("created_at", FieldShape::Time, "When the run ended."),
    required("total_events", FieldShape::COUNT, "How many events it had."),
    required("ok_events", FieldShape::COUNT, "How many of them went well.").at_most("total_events"),
    optional("sig_hash", FieldShape::Text, "The signature of the run."),
    optional("models", FieldShape::Names, "The models of the run; the first is taken."),
    optional("total_citations", FieldShape::COUNT, "How many sources were cited.").unread(),
    optional("total_gap_signals", FieldShape::COUNT, "How many gaps were found."),
    optional("commands_run", FieldShape::Commands, "The commands that were run."),
];

impl Stream for Outcomes {
    fn name(&self) -> &'static str {
        "outcomes"
    }

    fn about(&self) -> &'static str {
        "How the events of one run ended."
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
        draft.record.model_name = row.opt_names("models").into_iter().next();
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "outcomes";

    fn row() -> Value {
        json!({
            "run_id": "run_1", "created_at": "2026-04-26T14:03:11.482Z", "total_events": 4, "ok_events": 4, "sig_hash": "s",
            "models": ["m1", "m2"], "total_citations": 3, "total_gap_signals": 0, "commands_run": [{"cmd": "ls"}],
        })
    }

    #[test]
    fn an_outcome_is_work_of_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "run_signature": "s", "model_name": "m1",
                "commands_run": [{"cmd": "ls"}], "text": null, "scored": "accepted",
            }),
        );
        check_required(STREAM, &row(), &["run_id", "created_at", "total_events", "ok_events"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"sig_hash": 1, "models": 1, "total_gap_signals": -1, "commands_run": 1}),
        );
        let odd = with(&row(), json!({"models": [{"name": "m1"}, 5, "m2"]}));
        check(STREAM, &odd, &json!({"model_name": "m2", "warnings": {"wrong_type:models": 2}}));
    }

    #[test]
    fn how_it_ended_is_told_by_the_events() {
        let both = |ok: i64, total: i64, gaps: i64, code: &str| {
            let ended = json!({"ok_events": ok, "total_events": total, "total_gap_signals": gaps});
            check(STREAM, &with(&row(), ended), &json!({"own": [code], "says": [code]}));
        };
        both(4, 4, 0, "outcome.complete");
        both(4, 4, 1, "outcome.partial");
        both(2, 4, 0, "outcome.partial");
        both(1, 4, 0, "outcome.failed");
        both(0, 0, 0, "outcome.failed");
        both(0, 4, 9, "outcome.failed");
    }

    #[test]
    fn more_good_events_than_events_are_refused() {
        for (field, bad) in [
            ("ok_events", json!(5)),
            ("ok_events", json!(-1)),
            ("total_events", json!(-1)),
            ("ok_events", json!(0.5)),
        ] {
            check(
                STREAM,
                &with(&row(), json!({field: bad})),
                &json!({"refused": format!("wrong_type:{field}")}),
            );
        }
    }
}
