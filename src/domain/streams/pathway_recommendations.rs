//! `pathway_recommendations`: how often replaying a run's pathway worked.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::signal::Code;

/// Replays fewer than this prove nothing.
const REPLAYS_MIN: i64 = 3;

/// The stream `pathway_recommendations`.
pub(super) struct PathwayRecommendations;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("run_id", FieldShape::Text, "The run."),
    optional("pathway_id", FieldShape::Text, "The pathway.").unread(),
    optional("replays", FieldShape::COUNT, "How often it was replayed."),
    optional("replay_ok", FieldShape::COUNT, "How often that worked."),
    optional("recommended_model", FieldShape::Text, "The model that is recommended."),
    optional("ts", FieldShape::Time, "When."),
];

impl Stream for PathwayRecommendations {
    fn name(&self) -> &'static str {
        "pathway_recommendations"
    }

    fn about(&self) -> &'static str {
        "How often replaying a run's pathway worked."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Router
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let run = row.text("run_id")?;
        draft.run_and_task(run.clone(), "run:", Some(&run));
        draft.record.model_name = row.opt_text("recommended_model");
        draft.time = row.opt_time("ts");
        let replays = row.opt_int("replays", 0);
        let ok = row.opt_int("replay_ok", 0);
        if let Some((replays, ok)) = replays.zip(ok).filter(|(replays, _)| *replays >= REPLAYS_MIN) {
            let rate = ok as f64 / replays as f64;
            if rate >= 0.8 {
                draft.says.insert(Code::ReplayHigh);
            } else if rate < 0.5 {
                draft.says.insert(Code::ReplayLow);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "pathway_recommendations";

    fn row() -> Value {
        json!({
            "run_id": "run_1", "pathway_id": "p", "replays": 5, "replay_ok": 4, "recommended_model": "m",
            "ts": "2026-04-26T14:03:11.482Z",
        })
    }

    #[test]
    fn a_recommendation_supports_its_run() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "run:run_1", "model_name": "m", "text": null, "own": [], "kind": "support",
                "timestamp": "2026-04-26T14:03:11.482Z",
            }),
        );
        check_required(STREAM, &row(), &["run_id"]);
        check_ignored(
            STREAM,
            &row(),
            &json!({"replays": -1, "replay_ok": "4", "recommended_model": 1, "ts": 1}),
        );
    }

    #[test]
    fn three_replays_tell_something() {
        let says = |ok: i64, replays: i64, says: &[&str]| {
            check(
                STREAM,
                &with(&row(), json!({"replays": replays, "replay_ok": ok})),
                &json!({"says": says}),
            );
        };
        says(4, 5, &["replay.high"]);
        says(3, 3, &["replay.high"]);
        says(3, 4, &[]);
        says(2, 4, &[]);
        says(1, 3, &["replay.low"]);
        says(0, 3, &["replay.low"]);
        says(2, 2, &[]);
        says(0, 2, &[]);
    }
}
