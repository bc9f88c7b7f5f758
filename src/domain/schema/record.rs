//! EvidenceRecord, version 1: what one row says, in one shape for all streams (SPEC section 4).

use super::SCHEMA_VERSION;
use super::provenance::Provenance;
use super::scalars::{Escaped, EventTime, Sha256Hex};
use crate::domain::render::Object;

/// Whether a record is something done, or judges or describes what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something done.
    Work,
    /// Something that judges or describes what was done.
    Support,
}

impl Kind {
    /// The kind's name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Support => "support",
        }
    }
}

macro_rules! roles {
    ($( $variant:ident $name:literal; )*) => {
        /// The part that the author of a row plays (OpenTelemetry: the role of the agent behind `gen_ai.agent.name`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ModelRole { $( #[doc = concat!("`", $name, "`")] $variant, )* }

        impl ModelRole {
            /// Every role.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The role's name in records.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// The role of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|role| role.name() == name)
            }
        }
    };
}

roles! {
    Executor "executor";
    Reviewer "reviewer";
    Applier "applier";
    Auditor "auditor";
    Observer "observer";
    Overseer "overseer";
    Extractor "extractor";
    Verifier "verifier";
    Categorizer "categorizer";
    Router "router";
    Embedder "embedder";
    Human "human";
    Deterministic "deterministic";
}

/// Where a record's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampOrigin {
    /// The row's own time.
    Row,
    /// The time of the last row before it in the stream that had one.
    Stream,
    /// Nobody knows; the Unix epoch stands in.
    None,
}

impl TimestampOrigin {
    /// The origin's name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Stream => "stream",
            Self::None => "none",
        }
    }
}

/// A command that was run. Durations in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRun<'a> {
    /// The command line.
    pub cmd: Escaped<'a>,
    /// Its exit code.
    pub exit_code: Option<i64>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<Number<'a>>,
}

/// A number, kept as its canonical JSON digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(pub &'a str);

/// One document that was retrieved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetrievedDocument<'a> {
    /// The document's id (OpenTelemetry: `gen_ai.retrieval.documents[].id`).
    pub id: Option<Escaped<'a>>,
    /// The corpus it is from (OpenTelemetry: `gen_ai.data_source.id`).
    pub corpus: Option<Escaped<'a>>,
    /// How well it matched.
    pub score: Option<Number<'a>>,
}

/// What was retrieved for the work. Latency in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetrievedContext<'a> {
    /// The corpora that were searched.
    pub corpora: Vec<Escaped<'a>>,
    /// How many hits there were.
    pub hits: Option<i64>,
    /// How long it took, in milliseconds.
    pub latency_ms: Option<Number<'a>>,
    /// The documents.
    pub documents: Vec<RetrievedDocument<'a>>,
}

impl RetrievedContext<'_> {
    fn is_empty(&self) -> bool {
        self.corpora.is_empty()
            && self.hits.is_none()
            && self.latency_ms.is_none()
            && self.documents.is_empty()
    }
}

/// One check that was made, and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationResult<'a> {
    /// The check or gate.
    pub name: Escaped<'a>,
    /// Whether it passed.
    pub passed: bool,
    /// How grave a failure is: block, warn or info.
    pub severity: Option<Escaped<'a>>,
    /// Whether a program rather than a model made the check.
    pub deterministic: bool,
    /// What was found.
    pub explanation: Option<Escaped<'a>>,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanOverride<'a> {
    /// accept, partial, reject, review or correct.
    pub action: &'static str,
    /// Who.
    pub actor: Option<Escaped<'a>>,
    /// Why.
    pub reason: Option<Escaped<'a>>,
    /// When, UTC.
    pub at: EventTime,
    /// How it should have been.
    pub corrected_text: Option<Escaped<'a>>,
}

/// One row as evidence; borrowed from the row's canonical form. Absent fields are left out of the record.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the fields are described in the published schema, by the names of SPEC section 4"
)]
pub struct EvidenceRecord<'a> {
    pub run_id: Escaped<'a>,
    pub task_id: Escaped<'a>,
    pub timestamp: EventTime,
    pub timestamp_origin: TimestampOrigin,
    pub model_role: ModelRole,
    pub source_stream: &'a str,
    pub kind: Kind,
    pub provenance: Provenance<'a>,
    pub task_type: Option<Escaped<'a>>,
    pub mode: Option<Escaped<'a>>,
    pub model_name: Option<Escaped<'a>>,
    pub input_hash: Option<Sha256Hex>,
    pub output_hash: Option<Sha256Hex>,
    pub text: Option<Escaped<'a>>,
    pub source_files: Vec<Escaped<'a>>,
    pub commands_run: Vec<CommandRun<'a>>,
    pub retrieved_context: RetrievedContext<'a>,
    pub observer_notes: Vec<Escaped<'a>>,
    pub observer_verdict: Option<Escaped<'a>>,
    pub observer_confidence: Option<Number<'a>>,
    pub success_markers: Vec<&'static str>,
    pub failure_markers: Vec<&'static str>,
    pub validation_results: Vec<ValidationResult<'a>>,
    pub human_override: Option<HumanOverride<'a>>,
    pub extractor: Option<Escaped<'a>>,
    pub verifier: Option<Escaped<'a>>,
    pub categorizer: Option<Escaped<'a>>,
    pub category: Option<Escaped<'a>>,
    pub source_label: Option<Escaped<'a>>,
    pub source_service: Option<Escaped<'a>>,
    pub cost_usd: Option<Number<'a>>,
    pub latency_ms: Option<Number<'a>>,
    pub response_chars: Option<i64>,
    pub pr_number: Option<i64>,
    pub head_sha: Option<Escaped<'a>>,
    pub commit: Option<Escaped<'a>>,
    pub claim_idx: Option<i64>,
    pub run_signature: Option<Escaped<'a>>,
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

impl<'a> EvidenceRecord<'a> {
    /// Checks what the types alone do not: the last look before a record is written.
    pub fn check(&self) -> Result<(), Invalid> {
        let filled = |field, text: &Escaped<'_>| {
            if text.is_empty() { Err(Invalid { field, rule: "is not empty" }) } else { Ok(()) }
        };
        filled("run_id", &self.run_id)?;
        filled("task_id", &self.task_id)?;
        if self.provenance.source_file.is_empty() {
            return Err(Invalid { field: "provenance.source_file", rule: "is not empty" });
        }
        if self.provenance.recorded_at != self.timestamp {
            return Err(Invalid { field: "provenance.recorded_at", rule: "is the record's timestamp" });
        }
        if (self.timestamp_origin == TimestampOrigin::None) && self.timestamp != EventTime::EPOCH {
            return Err(Invalid { field: "timestamp", rule: "is the epoch when nobody knows the time" });
        }
        if self.text.is_some() != self.output_hash.is_some() {
            return Err(Invalid { field: "output_hash", rule: "stands exactly when there is a text" });
        }
        if let Some(Number(confidence)) = self.observer_confidence
            && !confidence.parse::<f64>().is_ok_and(|c| (0.0..=1.0).contains(&c))
        {
            return Err(Invalid { field: "observer_confidence", rule: "lies in [0, 1]" });
        }
        Ok(())
    }

    /// The provider named in a model's name (`provider/model`), if it names one.
    fn model_provider(&self) -> Option<Escaped<'a>> {
        let name = self.model_name.as_ref()?.escaped();
        let (provider, model) = name.split_once('/')?;
        (!provider.is_empty() && !model.is_empty()).then(|| Escaped::from_escaped(provider.to_owned()))
    }

    /// Appends the record as one line of JSON with its newline.
    /// `provenance` is the record's own, rendered; its score repeats it.
    pub fn render(&self, provenance: &str, out: &mut String) {
        let mut object = Object::new(out);
        let o = &mut object;
        o.int("schema_version", SCHEMA_VERSION);
        o.text("run_id", &self.run_id);
        o.text("task_id", &self.task_id);
        o.time("timestamp", self.timestamp);
        o.plain("timestamp_origin", self.timestamp_origin.name());
        o.plain("model_role", self.model_role.name());
        o.plain("source_stream", self.source_stream);
        o.plain("kind", self.kind.name());
        o.raw("provenance", provenance);
        let text = |o: &mut Object<'_>, key, value: &Option<Escaped<'_>>| {
            if let Some(value) = value {
                o.text(key, value);
            }
        };
        text(o, "task_type", &self.task_type);
        text(o, "mode", &self.mode);
        text(o, "model_name", &self.model_name);
        text(o, "model_provider", &self.model_provider());
        if let Some(hash) = &self.input_hash {
            o.hash("input_hash", hash);
        }
        if let Some(hash) = &self.output_hash {
            o.hash("output_hash", hash);
        }
        text(o, "text", &self.text);
        self.render_context(o);
        self.render_judgements(o);
        text(o, "extractor", &self.extractor);
        text(o, "verifier", &self.verifier);
        text(o, "categorizer", &self.categorizer);
        text(o, "category", &self.category);
        text(o, "source_label", &self.source_label);
        text(o, "source_service", &self.source_service);
        number(o, "cost_usd", self.cost_usd);
        number(o, "latency_ms", self.latency_ms);
        int(o, "response_chars", self.response_chars);
        int(o, "pr_number", self.pr_number);
        text(o, "head_sha", &self.head_sha);
        text(o, "commit", &self.commit);
        int(o, "claim_idx", self.claim_idx);
        text(o, "run_signature", &self.run_signature);
        int(o, "attempt", self.attempt);
        object.end();
        out.push('\n');
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
                number(&mut item, "duration_ms", run.duration_ms);
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
                number(inner, "latency_ms", context.latency_ms);
                if !context.documents.is_empty() {
                    inner.array("documents", &context.documents, |out, document| {
                        let mut item = Object::new(out);
                        document.id.iter().for_each(|id| item.text("id", id));
                        document.corpus.iter().for_each(|corpus| item.text("corpus", corpus));
                        number(&mut item, "score", document.score);
                        item.end();
                    });
                }
            });
        }
        if !self.observer_notes.is_empty() {
            o.texts("observer_notes", &self.observer_notes);
        }
        self.observer_verdict.iter().for_each(|verdict| o.text("observer_verdict", verdict));
        number(o, "observer_confidence", self.observer_confidence);
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
                inner.plain("action", human.action);
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

fn number(object: &mut Object<'_>, key: &str, value: Option<Number<'_>>) {
    if let Some(Number(digits)) = value {
        object.raw(key, digits);
    }
}
