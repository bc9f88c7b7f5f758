//! `mode_experiments`: one answer of one model in one mode, with how well it stands on its sources.

use super::{Draft, Stream};
use crate::domain::canonical::{Kind as JsonKind, Value};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_int, as_number, as_text};
use crate::domain::schema::record::{Kind, ModelRole, RetrievedContext, RetrievedDocument};
use crate::domain::signal::Code;

/// The stream `mode_experiments`.
pub(super) struct ModeExperiments;

impl Stream for ModeExperiments {
    fn name(&self) -> &'static str {
        "mode_experiments"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "ts",
            "task_class",
            "mode",
            "model",
            "file_path",
            "sources",
            "latency_ms",
            "response",
            "response_chars",
            "prompt_hash",
            "grounding_pct",
            "error",
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
        let id = as_text(item).or_else(|| named(item, &["id", "doc_id", "path", "file"]).and_then(as_text));
        let corpus = named(item, &["corpus", "source"]).and_then(as_text);
        let score = item.get("score").and_then(as_number);
        if id.is_some() || corpus.is_some() {
            context.documents.push(RetrievedDocument { id, corpus, score });
        }
    }
    if let Some(corpora) = named(value, &["corpora", "matrix_corpora", "matrix_corpus"]) {
        context.corpora.extend(corpora.items().filter_map(as_text).chain(as_text(corpora)));
    }
    context.hits = named(value, &["hits", "matrix_hits", "matrix_chunks_kept"]).and_then(as_int);
    context
}
