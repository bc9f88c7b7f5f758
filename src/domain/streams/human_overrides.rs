//! `human_overrides`: a person decides. A correction is work of its own, and accepted. Its shape is not documented.

use super::field::{Field, FieldShape, optional, required};
use super::target::Target;
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{HumanOverride, Kind, ModelRole};
use crate::domain::score::HumanAction;
use crate::domain::signal::Code;

/// The stream `human_overrides`.
pub(super) struct HumanOverrides;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    required(
        "action",
        FieldShape::Text,
        "accept, partial, reject, review or correct; anything else asks for a review.",
    ),
    optional("actor", FieldShape::Text, "Who."),
    optional("reason", FieldShape::Text, "Why."),
    optional("run_id", FieldShape::Text, "The run that is judged."),
    optional(
        "target",
        FieldShape::Object,
        "What is judged, when the row itself does not say: `run_id`, `pr_number`, `head_sha`, `file`.",
    ),
    optional("pr_number", FieldShape::WHOLE, "The pull request that is judged."),
    optional("head_sha", FieldShape::Commit, "The commit that is judged."),
    optional("file", FieldShape::Text, "The file whose review is judged."),
    optional("corrected_text", FieldShape::Text, "How it should have been."),
];

impl Stream for HumanOverrides {
    fn name(&self) -> &'static str {
        "human_overrides"
    }

    fn about(&self) -> &'static str {
        "What a person decided."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
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
        Target::read_any(row).apply(row, "human", draft);
        let corrected_text = row.opt_text("corrected_text");
        if row.has_any_optional(FIELDS) {
            draft.says.insert(action.code());
        }
        if action == HumanAction::Correct && corrected_text.is_some() {
            draft.record.kind = Kind::Work;
            draft.own.insert(Code::HumanAccept);
        }
        draft.record.text.clone_from(&corrected_text);
        draft.record.human_override = Some(HumanOverride {
            action,
            actor: row.opt_text("actor"),
            reason: row.opt_text("reason"),
            at,
            corrected_text,
        });
        draft.mark_unknown_shape(row, FIELDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    const STREAM: &str = "human_overrides";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "action": "accept", "actor": "jun", "reason": "good", "run_id": "run_1",
        })
    }

    #[test]
    fn a_word_of_a_person_supports_its_target() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "human:{sig16}", "task_id": "run:run_1", "kind": "support", "model_name": null, "text": null,
                "human_override": {"action": "accept", "actor": "jun", "reason": "good", "at": "2026-04-26T14:03:11.482Z"},
                "own": [], "says": ["human.accept"], "scored": "needs_human_review", "reasons": ["rule.support"],
            }),
        );
        check_required(STREAM, &row(), &["ts", "action"]);
        let bad = json!({
            "actor": 1, "reason": 1, "run_id": 1, "pr_number": "1", "head_sha": "1", "file": 1, "corrected_text": 1,
            "target": "run_2",
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn every_action_is_its_signal_and_an_unknown_one_asks_for_a_review() {
        for action in ["accept", "partial", "reject", "review", "correct"] {
            let expected = json!({"says": [format!("human.{action}")], "own": [], "warnings": {}});
            check(STREAM, &with(&row(), json!({"action": action.to_uppercase()})), &expected);
        }
        check(
            STREAM,
            &with(&row(), json!({"action": "bless"})),
            &json!({
                "says": ["human.review"], "warnings": {"unknown_action:action": 1},
                "human_override": {"action": "review", "actor": "jun", "reason": "good", "at": "2026-04-26T14:03:11.482Z"},
            }),
        );
    }

    #[test]
    fn a_correction_is_accepted_work() {
        let corrected = with(&row(), json!({"action": "correct", "corrected_text": "better"}));
        check(
            STREAM,
            &corrected,
            &json!({
                "kind": "work", "text": "better", "own": ["human.accept"], "says": ["human.correct"], "scored": "accepted",
                "reasons": ["human.accept", "rule.human"], "success_markers": ["human.accept"], "failure_markers": ["human.correct"],
            }),
        );
        let wordless = with(&row(), json!({"action": "correct"}));
        check(STREAM, &wordless, &json!({"kind": "support", "own": [], "says": ["human.correct"]}));
        let remark = with(&row(), json!({"corrected_text": "better"}));
        check(STREAM, &remark, &json!({"kind": "support", "own": [], "text": "better"}));
    }

    #[test]
    fn a_target_is_named_in_the_row_or_in_its_target() {
        let base = json!({"ts": "2026-04-26T14:03:11.482Z", "action": "reject"});
        let upper = SHA.to_uppercase();
        for target in [
            json!({"pr_number": 42, "head_sha": upper}),
            json!({"target": {"pr_number": 42, "head_sha": upper}}),
        ] {
            check(
                STREAM,
                &with(&base, target),
                &json!({"task_id": "pr:42", "pr_number": 42, "head_sha": SHA, "warnings": {}}),
            );
        }
        for target in [json!({"file": "src/a.rs"}), json!({"target": {"file": "src/a.rs"}})] {
            check(
                STREAM,
                &with(&base, target),
                &json!({"task_id": "file:src/a.rs", "source_files": ["src/a.rs"]}),
            );
        }
        let several = json!({"target": {"run_id": "run_2", "pr_number": 42}, "run_id": "run_1", "file": "f"});
        check(
            STREAM,
            &with(&base, several),
            &json!({"task_id": "run:run_1", "pr_number": 42, "source_files": ["f"]}),
        );
        let inside = json!({"target": {"run_id": "run_2"}});
        check(STREAM, &with(&base, inside), &json!({"task_id": "run:run_2"}));
        let odd = json!({"target": {"run_id": 7, "head_sha": "beef", "file": null}});
        let warnings = json!({"wrong_type:target.run_id": 1, "wrong_type:target.head_sha": 1});
        check(
            STREAM,
            &with(&base, odd),
            &json!({"task_id": "human:{sig16}", "warnings": warnings, "head_sha": null}),
        );
    }

    #[test]
    fn a_row_of_unknown_shape_says_nothing() {
        let bare = json!({"ts": "2026-04-26T14:03:11.482Z", "action": "accept"});
        check(
            STREAM,
            &bare,
            &json!({
                "task_id": "human:{sig16}", "own": [], "says": [], "failure_markers": ["shape.unknown"], "success_markers": null,
            }),
        );
        // What is of a wrong type counts as absent.
        let expected = json!({"says": [], "failure_markers": ["shape.unknown"]});
        check(STREAM, &with(&bare, json!({"run_id": 5})), &expected);
        check(STREAM, &with(&bare, json!({"file": ""})), &expected);
    }
}
