//! `observer_reviews`: an observer's verdict on a review. Its shape is not documented.

use super::field::{Field, FieldShape, optional, required};
use super::target::Target;
use super::{Draft, Stream, observer_signal};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `observer_reviews`.
pub(super) struct ObserverReviews;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    optional("file", FieldShape::Text, "The file whose review is judged."),
    optional("run_id", FieldShape::Text, "The run that is judged."),
    optional("attempt", FieldShape::FROM_ONE, "The attempt that is judged, from 1."),
    optional("verdict", FieldShape::Verdict, "The verdict."),
    optional("conf", FieldShape::SHARE, "How sure the observer is."),
    optional("notes", FieldShape::Text, "Its notes."),
    optional("model", FieldShape::Text, "The model that observes."),
    optional("src", FieldShape::Text, "The service that observes."),
];

impl Stream for ObserverReviews {
    fn name(&self) -> &'static str {
        "observer_reviews"
    }

    fn about(&self) -> &'static str {
        "An observer's verdict on a review."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Observer
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        Target::read(row).apply(row, "observer", draft);
        draft.record.attempt = row.opt_int("attempt", 1);
        draft.record.model_name = row.opt_text("model");
        draft.record.source_service = row.opt_text("src");
        draft.record.text = row.opt_text("notes");
        draft.record.observer_verdict = row.opt_text("verdict");
        let (confidence, digits) = row.opt_number("conf", 0.0, 1.0).unzip();
        draft.record.observer_confidence = digits;
        let verdict = draft.record.observer_verdict.as_ref();
        let signal = observer_signal(row, "verdict", verdict, confidence);
        draft.says.extend(signal);
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "observer_reviews";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "file": "src/a.rs", "attempt": 1, "verdict": "accept", "conf": 0.9,
            "notes": "n", "model": "claude-opus-4-1", "src": "heuristic",
        })
    }

    #[test]
    fn an_observation_supports_the_work_it_is_about() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "observer:{sig16}", "task_id": "file:src/a.rs", "source_files": ["src/a.rs"], "attempt": 1,
                "observer_verdict": "accept", "observer_confidence": 0.9, "text": "n", "model_name": "claude-opus-4-1",
                "source_service": "heuristic", "own": [], "says": ["observer.accept"], "scored": "needs_human_review",
                "reasons": ["rule.support"], "failure_markers": null,
            }),
        );
        check(
            STREAM,
            &with(&row(), json!({"run_id": "run_1"})),
            &json!({"run_id": "observer:{sig16}", "task_id": "run:run_1"}),
        );
        check_required(STREAM, &row(), &["ts"]);
        let bad = json!({
            "file": 1, "run_id": 1, "attempt": 0, "verdict": 1, "conf": 1.5, "notes": 1, "model": 1, "src": 1,
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn an_observer_is_heard_when_sure_enough() {
        let says = |verdict: &str, conf: Value, says: &[&str]| {
            check(STREAM, &with(&row(), json!({"verdict": verdict, "conf": conf})), &json!({"says": says}));
        };
        says("accept", json!(null), &["observer.accept"]);
        says("accept", json!(0.70), &["observer.accept"]);
        says("accept", json!(0.69), &[]);
        says("cycle", json!(0.7), &["observer.reject"]);
        says("reject", json!(null), &["observer.reject"]);
        says("reject", json!(0.5), &[]);
        says("hmm", json!(1), &[]);
    }

    #[test]
    fn a_row_of_unknown_shape_says_nothing() {
        let bare = json!({"ts": "2026-04-26T14:03:11.482Z", "weather": "fine", "pr_number": "x"});
        check(
            STREAM,
            &bare,
            &json!({
                "task_id": "observer:{sig16}", "says": [], "failure_markers": ["shape.unknown"], "warnings": {},
            }),
        );
    }
}
