//! EvidenceRecord, version 1: what one row says, in one shape for all streams (SPEC section 4).

mod parts;
mod render;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::{Amount, GitSha, SchemaVersion, Share, StreamName, filled_list, text_of};
use super::codes::{Marker, marker_names};
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::scalars::{Escaped, EventTime, Sha256Hex};
use parts::filled_context;
pub use parts::{
    CommandRun, HumanOverride, Kind, ModelRole, Number, RetrievedContext, RetrievedDocument, TimestampOrigin,
    ToolCall, ValidationResult,
};

/// One row as evidence. All of it comes from the row itself; what is not known is left out.
///
/// The record borrows from the row's canonical form.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "One row of a stream as evidence. All of it comes from the row itself; what is not known is left out.",
    extend(
        "dependentRequired" = {
            "text": ["output_hash"], "output_hash": ["text"], "model_provider": ["model_name"]
        },
        "if" = { "required": ["timestamp_origin"], "properties": { "timestamp_origin": { "const": "none" } } },
        "then" = { "properties": { "timestamp": { "const": "1970-01-01T00:00:00.000Z" } } },
        "x-rules" = [
            cross::equal("/timestamp", "/provenance/recorded_at"),
            cross::sorted("/success_markers"),
            cross::sorted("/failure_markers"),
        ]
    )
)]
pub struct EvidenceRecord<'a> {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The run the row belongs to: the row's own `run_id`, or one made of the stream's prefix and the row's hash
    /// (OpenTelemetry: `gen_ai.conversation.id`).
    #[schemars(example = "scrum:5e60602b8ac913e9")]
    pub run_id: Escaped<'a>,
    /// What the work is about: a file, a pull request, a permit; else the run.
    #[schemars(example = "file:crates/queryd/src/harness.rs")]
    pub task_id: Escaped<'a>,
    /// When it happened, UTC, by the row's own time.
    pub timestamp: EventTime,
    /// Where the time comes from.
    pub timestamp_origin: TimestampOrigin,
    /// The part the author plays.
    pub model_role: ModelRole,
    /// The stream the row stands in.
    #[serde(deserialize_with = "text_of::<StreamName, _, _>")]
    #[schemars(with = "StreamName")]
    pub source_stream: Cow<'a, str>,
    /// Work, or support for the judgement of work.
    pub kind: Kind,
    /// The row it was made from.
    pub provenance: Provenance<'a>,
    /// The kind of task, as the producer names it.
    pub task_type: Option<Escaped<'a>>,
    /// The mode the task was done in.
    pub mode: Option<Escaped<'a>>,
    /// The model (OpenTelemetry: `gen_ai.request.model`).
    #[schemars(example = "ollama/qwen3-coder:480b")]
    pub model_name: Option<Escaped<'a>>,
    /// Who serves the model: what stands before the first `/` of its name (OpenTelemetry: `gen_ai.provider.name`).
    #[schemars(example = &"ollama")]
    pub model_provider: Option<Escaped<'a>>,
    /// SHA-256 of the prompt: the row's `prompt_hash`, else that of the instruction (OpenTelemetry:
    /// `gen_ai.input.messages`, hashed).
    pub input_hash: Option<Sha256Hex>,
    /// SHA-256 of `text`.
    pub output_hash: Option<Sha256Hex>,
    /// What was produced (OpenTelemetry: the text of `gen_ai.output.messages`).
    pub text: Option<Escaped<'a>>,
    /// The files it is about.
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub source_files: Vec<Escaped<'a>>,
    /// Commands that were run.
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub commands_run: Vec<CommandRun<'a>>,
    /// Tools that the model called.
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub tool_calls: Vec<ToolCall<'a>>,
    /// What was retrieved for the work.
    #[serde(default, deserialize_with = "filled_context")]
    pub retrieved_context: RetrievedContext<'a>,
    /// What an observer noted.
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub observer_notes: Vec<Escaped<'a>>,
    /// An observer's verdict, in its own word.
    pub observer_verdict: Option<Escaped<'a>>,
    /// How sure the observer is (OpenTelemetry: `gen_ai.evaluation.score.value`).
    #[schemars(with = "Option<Share>")]
    pub observer_confidence: Option<Number<'a>>,
    /// Where the row's ScratchpadSummary stands: its file, `#`, and the row's `sig_hash`.
    pub scratchpad_summary: Option<Escaped<'a>>,
    /// What the row says for the work, sorted.
    #[serde(default, deserialize_with = "marker_names")]
    #[schemars(with = "Vec<Marker>", length(min = 1), extend("uniqueItems" = true))]
    pub success_markers: Vec<&'static str>,
    /// What the row says against the work, and oddities; sorted.
    #[serde(default, deserialize_with = "marker_names")]
    #[schemars(with = "Vec<Marker>", length(min = 1), extend("uniqueItems" = true))]
    pub failure_markers: Vec<&'static str>,
    /// Checks that were made of the work (OpenTelemetry: `gen_ai.evaluation.result` events).
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub validation_results: Vec<ValidationResult<'a>>,
    /// What a person decided.
    pub human_override: Option<HumanOverride<'a>>,
    /// The model that extracted the text.
    pub extractor: Option<Escaped<'a>>,
    /// The model that verified it.
    pub verifier: Option<Escaped<'a>>,
    /// The model that sorted it.
    pub categorizer: Option<Escaped<'a>>,
    /// What it was sorted as; not the category of a score.
    pub category: Option<Escaped<'a>>,
    /// The producer's label of the source.
    pub source_label: Option<Escaped<'a>>,
    /// The service that wrote the row (OpenTelemetry: `service.name`).
    pub source_service: Option<Escaped<'a>>,
    /// What the call cost.
    #[schemars(with = "Option<Amount>", extend("x-unit" = "USD"))]
    pub cost_usd: Option<Number<'a>>,
    /// How long the call took (OpenTelemetry: `gen_ai.client.operation.duration`).
    #[schemars(with = "Option<Amount>", extend("x-unit" = "ms"))]
    pub latency_ms: Option<Number<'a>>,
    /// Tokens of the prompt (OpenTelemetry: `gen_ai.usage.input_tokens`).
    #[schemars(range(min = 0), extend("x-unit" = "tokens"))]
    pub tokens_in: Option<i64>,
    /// Tokens of the answer (OpenTelemetry: `gen_ai.usage.output_tokens`).
    #[schemars(range(min = 0), extend("x-unit" = "tokens"))]
    pub tokens_out: Option<i64>,
    /// Length of the answer, as the producer counted it.
    #[schemars(range(min = 0), extend("x-unit" = "characters"))]
    pub response_chars: Option<i64>,
    /// The pull request.
    #[schemars(example = 42)]
    pub pr_number: Option<i64>,
    /// The head of the pull request (OpenTelemetry: `vcs.ref.head.revision`).
    #[schemars(with = "Option<GitSha>")]
    pub head_sha: Option<Escaped<'a>>,
    /// The commit that was made, as the producer wrote it.
    pub commit: Option<Escaped<'a>>,
    /// Which claim of the pull request.
    pub claim_idx: Option<i64>,
    /// The producer's own signature of the run: its `sig_hash`.
    pub run_signature: Option<Escaped<'a>>,
    /// The trace (OpenTelemetry: the trace id of the span).
    #[schemars(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<Escaped<'a>>,
    /// Which attempt it was, from 1.
    #[schemars(range(min = 1))]
    pub attempt: Option<i64>,
}

/// A rule of the shape that a record breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record's {field} breaks its rule: {rule}")]
pub struct Invalid {
    /// The field.
    pub field: &'static str,
    /// The rule.
    pub rule: &'static str,
}

/// The rule, unless it holds.
pub(super) fn hold(holds: bool, field: &'static str, rule: &'static str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid { field, rule }) }
}

impl<'a> EvidenceRecord<'a> {
    /// Checks what the types alone do not: the last look before a record is written, and after one is read.
    pub fn check(&self) -> Result<(), Invalid> {
        hold(!self.provenance.source_file.is_empty(), "provenance.source_file", "is not empty")?;
        let recorded = self.provenance.recorded_at == self.timestamp;
        hold(recorded, "provenance.recorded_at", "is the record's timestamp")?;
        let known = self.timestamp_origin != TimestampOrigin::None || self.timestamp == EventTime::EPOCH;
        hold(known, "timestamp", "is the epoch when nobody knows the time")?;
        let hashed = self.text.is_some() == self.output_hash.is_some();
        hold(hashed, "output_hash", "stands exactly when there is a text")?;
        let named = self.model_provider.is_none() || self.model_name.is_some();
        hold(named, "model_provider", "stands beside a model_name")?;
        self.check_texts()?;
        self.check_numbers()?;
        for (field, markers) in
            [("success_markers", &self.success_markers), ("failure_markers", &self.failure_markers)]
        {
            hold(markers.is_sorted_by(|a, b| a < b), field, "is sorted and holds nothing twice")?;
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), Invalid> {
        hold(!self.run_id.is_empty(), "run_id", "is not empty")?;
        hold(!self.task_id.is_empty(), "task_id", "is not empty")?;
        let texts = [
            ("task_type", &self.task_type),
            ("mode", &self.mode),
            ("model_name", &self.model_name),
            ("model_provider", &self.model_provider),
            ("text", &self.text),
            ("observer_verdict", &self.observer_verdict),
            ("scratchpad_summary", &self.scratchpad_summary),
            ("extractor", &self.extractor),
            ("verifier", &self.verifier),
            ("categorizer", &self.categorizer),
            ("category", &self.category),
            ("source_label", &self.source_label),
            ("source_service", &self.source_service),
            ("commit", &self.commit),
            ("run_signature", &self.run_signature),
            ("trace_id", &self.trace_id),
        ];
        for (field, text) in texts {
            hold(text.as_ref().is_none_or(|text| !text.is_empty()), field, "is left out when it is empty")?;
        }
        let head_sha = self.head_sha.as_ref().is_none_or(|sha| super::checked::is_hex(sha.escaped(), 40));
        hold(head_sha, "head_sha", "is a commit of 40 lower-case hex digits")
    }

    fn check_numbers(&self) -> Result<(), Invalid> {
        let confidence = self.observer_confidence.as_ref();
        let sure = confidence.is_none_or(|number| number.value().is_some_and(|c| (0.0..=1.0).contains(&c)));
        hold(sure, "observer_confidence", "lies in [0, 1]")?;
        let context = &self.retrieved_context;
        for (field, amount) in [
            ("cost_usd", &self.cost_usd),
            ("latency_ms", &self.latency_ms),
            ("retrieved_context.latency_ms", &context.latency_ms),
        ] {
            hold(amount.as_ref().is_none_or(Number::is_amount), field, "is 0 or more")?;
        }
        let mut durations = self.commands_run.iter().filter_map(|run| run.duration_ms.as_ref());
        hold(durations.all(Number::is_amount), "commands_run", "took 0 ms or more")?;
        for (field, count, least) in [
            ("tokens_in", self.tokens_in, 0),
            ("tokens_out", self.tokens_out, 0),
            ("response_chars", self.response_chars, 0),
            ("retrieved_context.hits", context.hits, 0),
            ("attempt", self.attempt, 1),
        ] {
            hold(count.is_none_or(|count| count >= least), field, "is not below its least value")?;
        }
        let mut documents = context.documents.iter();
        let named = documents.all(|document| document.id.is_some() || document.corpus.is_some());
        hold(named, "retrieved_context.documents", "name a document or a corpus")
    }

    /// The provider named in the model's name (`provider/model`), if it names one.
    pub fn provider_of_model(&self) -> Option<Escaped<'a>> {
        let (provider, model) = self.model_name.as_ref()?.split_once('/')?;
        (!provider.is_empty() && !model.is_empty()).then_some(provider)
    }
}

impl Published for EvidenceRecord<'static> {
    const NAME: &'static str = "EvidenceRecord";

    fn check(&self) -> Result<(), Invalid> {
        EvidenceRecord::check(self)
    }
}
