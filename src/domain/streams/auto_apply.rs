//! `auto_apply`: an applier committed, reverted or refused the patches of a review.

use super::field::{Field, FieldShape, optional, required};
use super::scrum_reviews::{Gates, read_gates};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// The stream `auto_apply`.
pub(super) struct AutoApply;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("file", FieldShape::Text, "The file that was patched."),
    required("ts", FieldShape::Time, "When."),
    required(
        "action",
        FieldShape::Text,
        "What was done: committed, applied, or a word with revert in it; anything else is no signal.",
    ),
    optional("patches_applied", FieldShape::COUNT, "How many patches were applied."),
    optional("patches_proposed", FieldShape::COUNT, "How many patches the review proposed."),
    optional("gates", FieldShape::Gates, "The gates g1 to g5, and whether the patches passed them."),
    optional("commit", FieldShape::Text, "The commit that was made."),
    optional("commands_run", FieldShape::Commands, "The commands that were run."),
];

impl Stream for AutoApply {
    fn name(&self) -> &'static str {
        "auto_apply"
    }

    fn about(&self) -> &'static str {
        "What an applier did with the patches of a review."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "auto_apply";

    fn row() -> Value {
        json!({
            "file": "src/a.rs", "ts": "2026-04-26T14:03:11.482Z", "action": "committed", "patches_applied": 2,
            "patches_proposed": 2, "gates": {"g1": true}, "commit": "0123abc",
            "commands_run": ["cargo test", {"cmd": "cargo fmt", "exit_code": 1, "duration_ms": 12.5}, {"command": "ls"}, 7],
        })
    }

    #[test]
    fn an_apply_is_work_on_its_file() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "apply:{sig16}", "task_id": "file:src/a.rs", "source_files": ["src/a.rs"], "commit": "0123abc",
                "model_name": null, "text": null, "validation_results": [{"name": "g1", "passed": true, "deterministic": true}],
                "commands_run": [{"cmd": "cargo test"}, {"cmd": "cargo fmt", "exit_code": 1, "duration_ms": 12.5}, {"cmd": "ls"}],
                "scored": "accepted",
            }),
        );
        check_required(STREAM, &row(), &["file", "ts", "action"]);
        let bad = json!({
            "patches_applied": -1, "patches_proposed": "2", "gates": 1, "commit": 5, "commands_run": "cargo test",
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn what_became_of_the_patches_is_said_of_the_review_too() {
        let both = |more: Value, codes: &[&str]| {
            check(STREAM, &with(&row(), more), &json!({"own": codes, "says": codes}));
        };
        both(json!({}), &["apply.committed"]);
        both(json!({"action": "Applied"}), &["apply.committed"]);
        both(json!({"gates": null, "patches_applied": null}), &["apply.committed"]);
        both(json!({"patches_applied": 1}), &["apply.partial"]);
        both(json!({"patches_applied": 0}), &["apply.partial"]);
        both(json!({"action": "auto-reverted", "patches_applied": 0}), &["apply.reverted"]);
        both(json!({"gates": {"g2": false}}), &["gate.failed:g2"]);
        both(json!({"action": "revert", "gates": {"g2": false}}), &["apply.reverted", "gate.failed:g2"]);
        both(json!({"action": "skipped"}), &[]);
        both(json!({"action": "skipped", "gates": {"g5": false}}), &["gate.failed:g5"]);
    }
}
