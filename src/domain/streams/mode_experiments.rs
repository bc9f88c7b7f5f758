//! `mode_experiments`: one answer of one model in one mode, with how well it stands on its sources.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream};
use crate::domain::canonical::{Kind as JsonKind, Value};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_filled_text, as_int, as_number};
use crate::domain::schema::record::{Kind, ModelRole, RetrievedContext, RetrievedDocument};
use crate::domain::signal::Code;

/// The stream `mode_experiments`.
pub(super) struct ModeExperiments;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("ts", FieldShape::Time, "When."),
    required("task_class", FieldShape::Text, "The type of the task."),
    required("mode", FieldShape::Text, "The mode the model ran in."),
    required("model", FieldShape::Text, "The model."),
    optional("file_path", FieldShape::Text, "The file the task is about."),
    optional("sources", FieldShape::Sources, "What was retrieved for the answer."),
    optional("latency_ms", FieldShape::AMOUNT, "How long the answer took.").unit("ms"),
    optional("response", FieldShape::Text, "The answer."),
    optional("response_chars", FieldShape::COUNT, "How long the answer is.").unit("characters"),
    optional("prompt_hash", FieldShape::Sha256, "SHA-256 of the prompt."),
    optional(
        "grounding_pct",
        FieldShape::Number { min: 0.0, max: 100.0 },
        "How much of the answer stands on its sources.",
    )
    .unit("%"),
    optional("error", FieldShape::Error, "What went wrong with the call."),
    optional("run_id", FieldShape::Text, "The run; without one, each row is a run."),
];

impl Stream for ModeExperiments {
    fn name(&self) -> &'static str {
        "mode_experiments"
    }

    fn about(&self) -> &'static str {
        "An answer of one model in one mode, with how well it stands on its sources."
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
        draft.record.task_type = Some(row.text("task_class")?);
        draft.record.mode = Some(row.text("mode")?);
        draft.record.model_name = Some(row.text("model")?);
        let file = row.opt_text("file_path");
        let run = row.opt_text("run_id").unwrap_or_else(|| row.sig_run("mode"));
        draft.run_and_task(run, "file:", file.as_ref());
        draft.record.source_files.extend(file);
        draft.record.latency_ms = row.opt_amount("latency_ms");
        draft.record.text = row.opt_text("response");
        draft.record.response_chars = row.opt_int("response_chars", 0);
        draft.record.input_hash = row.opt_hash("prompt_hash");
        if let Some(value) = row.opt("sources") {
            match value.kind() {
                JsonKind::Array | JsonKind::Object => draft.record.retrieved_context = sources(value),
                _ => row.warn("wrong_type", "sources"),
            }
        }
        let rules = &row.rules().scorer;
        if let Some((percent, _)) = row.opt_number("grounding_pct", 0.0, 100.0) {
            let grounding = percent / 100.0;
            draft.anchor_grounding = Some(grounding);
            draft.own.insert(if grounding >= rules.grounding_high {
                Code::GroundingHigh
            } else if grounding < rules.grounding_low {
                Code::GroundingLow
            } else {
                Code::GroundingMid
            });
        }
        if row.reports_error("error") {
            draft.own.insert(Code::CallError);
        }
        Ok(())
    }
}

fn named<'a>(value: Value<'a>, names: &[&str]) -> Option<Value<'a>> {
    names.iter().find_map(|name| value.get(name))
}

/// Sources are a list of documents (names or objects), or an object that names corpora and counts hits.
fn sources(value: Value<'_>) -> RetrievedContext<'_> {
    let mut context = RetrievedContext::default();
    for item in value.items() {
        let named = |names| named(item, names).and_then(as_filled_text);
        let id = as_filled_text(item).or_else(|| named(&["id", "doc_id", "path", "file"]));
        let corpus = named(&["corpus", "source"]);
        let score = item.get("score").and_then(as_number);
        if id.is_some() || corpus.is_some() {
            context.documents.push(RetrievedDocument { id, corpus, score });
        }
    }
    if let Some(corpora) = named(value, &["corpora", "matrix_corpora", "matrix_corpus"]) {
        context.corpora.extend(corpora.items().filter_map(as_filled_text).chain(as_filled_text(corpora)));
    }
    context.hits =
        named(value, &["hits", "matrix_hits", "matrix_chunks_kept"]).and_then(as_int).filter(|n| *n >= 0);
    context
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAM: &str = "mode_experiments";

    fn row() -> Value {
        json!({
            "ts": "2026-04-26T14:03:11.482Z", "task_class": "review", "mode": "isolated", "model": "qwen3-coder:480b",
            "file_path": "src/a.rs", "latency_ms": 7885, "response": "answer", "response_chars": 6,
            "prompt_hash": "ab".repeat(32), "grounding_pct": 80, "run_id": "run_1",
            "sources": [{"corpus": "arch", "id": "d1", "score": 0.70}, "d2", {"path": "p"}, 7, {"none": 1}],
        })
    }

    #[test]
    fn an_answer_is_work_on_its_file() {
        check(
            STREAM,
            &row(),
            &json!({
                "run_id": "run_1", "task_id": "file:src/a.rs", "task_type": "review", "mode": "isolated",
                "model_name": "qwen3-coder:480b", "source_files": ["src/a.rs"], "latency_ms": 7885, "text": "answer",
                "response_chars": 6, "input_hash": "ab".repeat(32), "own": ["grounding.high"], "says": [],
                "retrieved_context": {"documents": [{"id": "d1", "corpus": "arch", "score": 0.7}, {"id": "d2"}, {"id": "p"}]},
                "anchor_grounding": 0.8, "scored": "partially_accepted",
            }),
        );
        let anonymous = with(&row(), json!({"run_id": null, "file_path": null}));
        check(
            STREAM,
            &anonymous,
            &json!({"run_id": "mode:{sig16}", "task_id": "mode:{sig16}", "source_files": null}),
        );
        check_required(STREAM, &row(), &["ts", "task_class", "mode", "model"]);
        let bad = json!({
            "file_path": 1, "sources": "d1", "latency_ms": "fast", "response": {}, "response_chars": -1,
            "prompt_hash": "x", "grounding_pct": 101, "run_id": 3,
        });
        check_ignored(STREAM, &row(), &bad);
    }

    #[test]
    fn sources_may_be_an_object_that_counts() {
        let counted = json!({"sources": {"matrix_corpus": "arch", "matrix_hits": 3}});
        check(
            STREAM,
            &with(&row(), counted),
            &json!({"retrieved_context": {"corpora": ["arch"], "hits": 3}}),
        );
        let several = json!({"sources": {"corpora": ["a", "b"], "hits": -1}});
        check(STREAM, &with(&row(), several), &json!({"retrieved_context": {"corpora": ["a", "b"]}}));
        check(STREAM, &with(&row(), json!({"sources": []})), &json!({"retrieved_context": null}));
    }

    #[test]
    fn grounding_is_high_from_80_and_low_below_50() {
        for (percent, code, share) in [
            (json!(100), "grounding.high", json!(1)),
            (json!(80), "grounding.high", json!(0.8)),
            (json!(79.9), "grounding.mid", json!(0.799)),
            (json!(50), "grounding.mid", json!(0.5)),
            (json!(49.99), "grounding.low", json!(0.4999)),
            (json!(0), "grounding.low", json!(0)),
        ] {
            let expected = json!({"own": [code], "anchor_grounding": share});
            check(STREAM, &with(&row(), json!({"grounding_pct": percent})), &expected);
        }
        check(
            STREAM,
            &with(&row(), json!({"grounding_pct": null})),
            &json!({"own": [], "anchor_grounding": null}),
        );
    }

    #[test]
    fn an_error_is_a_failed_call() {
        for error in [json!("timeout"), json!({"code": 500}), json!(true)] {
            let failed = with(&row(), json!({"error": error, "grounding_pct": null, "response": null}));
            check(
                STREAM,
                &failed,
                &json!({"own": ["call.error"], "scored": "needs_human_review", "text": null}),
            );
        }
        for fine in [json!(null), json!(""), json!(false)] {
            check(STREAM, &with(&row(), json!({"error": fine})), &json!({"own": ["grounding.high"]}));
        }
    }
}
