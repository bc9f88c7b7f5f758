//! Writing an EvidenceRecord: straight into the output, absent fields left out.

use super::{EvidenceRecord, Number};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::scalars::{Escaped, TimeText};

impl EvidenceRecord<'_> {
    /// Appends the record as one line of JSON with its newline.
    /// `provenance` and `timestamp` are the record's own, rendered; its score repeats them. Gives the byte of the line behind its
    /// text: whoever looks for what stands there need not pass over the text.
    pub fn render(&self, provenance: &str, timestamp: &TimeText, out: &mut String) -> usize {
        let from = out.len();
        let mut object = Object::new(out);
        let o = &mut object;
        o.int("schema_version", SCHEMA_VERSION);
        o.text("run_id", &self.run_id);
        o.text("task_id", &self.task_id);
        o.time_text("timestamp", timestamp);
        o.code("timestamp_origin", self.timestamp_origin.name());
        o.code("model_role", self.model_role.name());
        o.plain("source_stream", &self.source_stream);
        o.code("kind", self.kind.name());
        o.raw("provenance", provenance);
        let text = |o: &mut Object<'_>, key, value: &Option<Escaped<'_>>| {
            if let Some(value) = value {
                o.text(key, value);
            }
        };
        text(o, "task_type", &self.task_type);
        text(o, "mode", &self.mode);
        text(o, "model_name", &self.model_name);
        text(o, "model_provider", &self.model_provider);
        if let Some(hash) = &self.input_hash {
            o.hash("input_hash", hash);
        }
        if let Some(hash) = &self.output_hash {
            o.hash("output_hash", hash);
        }
        text(o, "text", &self.text);
        let context_at = o.written() - from;
        self.render_context(o);
        self.render_judgements(o);
        text(o, "extractor", &self.extractor);
        text(o, "verifier", &self.verifier);
        text(o, "categorizer", &self.categorizer);
        text(o, "category", &self.category);
        text(o, "source_label", &self.source_label);
        text(o, "source_service", &self.source_service);
        number(o, "cost_usd", self.cost_usd.as_ref());
        number(o, "latency_ms", self.latency_ms.as_ref());
        int(o, "tokens_in", self.tokens_in);
        int(o, "tokens_out", self.tokens_out);
        int(o, "response_chars", self.response_chars);
        int(o, "pr_number", self.pr_number);
        text(o, "head_sha", &self.head_sha);
        text(o, "commit", &self.commit);
        int(o, "claim_idx", self.claim_idx);
        text(o, "run_signature", &self.run_signature);
        text(o, "trace_id", &self.trace_id);
        int(o, "attempt", self.attempt);
        object.end();
        out.push('\n');
        context_at
    }

    fn render_context(&self, o: &mut Object<'_>) {
        if !self.source_files.is_empty() {
            o.texts("source_files", &self.source_files);
        }
        if !self.commands_run.is_empty() {
            o.array("commands_run", &self.commands_run, |out, run| {
                let mut item = Object::new(out);
                item.text("cmd", &run.cmd);
                int(&mut item, "exit_code", run.exit_code);
                number(&mut item, "duration_ms", run.duration_ms.as_ref());
                item.end();
            });
        }
        if !self.tool_calls.is_empty() {
            o.array("tool_calls", &self.tool_calls, |out, call| {
                let mut item = Object::new(out);
                item.text("name", &call.name);
                call.id.iter().for_each(|id| item.text("id", id));
                call.arguments.iter().for_each(|arguments| item.text("arguments", arguments));
                call.result.iter().for_each(|result| item.text("result", result));
                item.end();
            });
        }
        let context = &self.retrieved_context;
        if !context.is_empty() {
            o.object("retrieved_context", |inner| {
                if !context.corpora.is_empty() {
                    inner.texts("corpora", &context.corpora);
                }
                int(inner, "hits", context.hits);
                number(inner, "latency_ms", context.latency_ms.as_ref());
                if !context.documents.is_empty() {
                    inner.array("documents", &context.documents, |out, document| {
                        let mut item = Object::new(out);
                        document.id.iter().for_each(|id| item.text("id", id));
                        document.corpus.iter().for_each(|corpus| item.text("corpus", corpus));
                        number(&mut item, "score", document.score.as_ref());
                        item.end();
                    });
                }
            });
        }
        if !self.observer_notes.is_empty() {
            o.texts("observer_notes", &self.observer_notes);
        }
        self.observer_verdict.iter().for_each(|verdict| o.text("observer_verdict", verdict));
        number(o, "observer_confidence", self.observer_confidence.as_ref());
        self.scratchpad_summary.iter().for_each(|place| o.text("scratchpad_summary", place));
    }

    fn render_judgements(&self, o: &mut Object<'_>) {
        if !self.success_markers.is_empty() {
            o.codes("success_markers", self.success_markers.iter().copied());
        }
        if !self.failure_markers.is_empty() {
            o.codes("failure_markers", self.failure_markers.iter().copied());
        }
        if !self.validation_results.is_empty() {
            o.array("validation_results", &self.validation_results, |out, result| {
                let mut item = Object::new(out);
                item.text("name", &result.name);
                item.bool("passed", result.passed);
                result.severity.iter().for_each(|severity| item.text("severity", severity));
                item.bool("deterministic", result.deterministic);
                result.explanation.iter().for_each(|found| item.text("explanation", found));
                item.end();
            });
        }
        if let Some(human) = &self.human_override {
            o.object("human_override", |inner| {
                inner.plain("action", human.action.word());
                human.actor.iter().for_each(|actor| inner.text("actor", actor));
                human.reason.iter().for_each(|reason| inner.text("reason", reason));
                inner.time("at", human.at);
                human.corrected_text.iter().for_each(|text| inner.text("corrected_text", text));
            });
        }
    }
}

fn int(object: &mut Object<'_>, key: &str, value: Option<i64>) {
    if let Some(value) = value {
        object.int(key, value);
    }
}

fn number(object: &mut Object<'_>, key: &str, value: Option<&Number<'_>>) {
    if let Some(Number(digits)) = value {
        object.raw(key, digits);
    }
}
