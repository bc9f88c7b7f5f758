//! What an EvidenceRecord is made of beyond single fields. Absent members are left out.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::schema::checked::{Amount, filled_list};
use crate::domain::schema::scalars::{Escaped, EventTime};
use crate::domain::score::HumanAction;

/// Whether a record is something done, or judges or describes what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RecordKind")]
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
    ($( $variant:ident $name:literal $doc:literal; )*) => {
        /// The part that the author of a row plays (OpenTelemetry: the role of the agent behind `gen_ai.agent.name`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum ModelRole { $( #[doc = $doc] $variant, )* }

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
    Executor "executor" "Does the task.";
    Reviewer "reviewer" "Reviews a file.";
    Applier "applier" "Applies what a review proposes.";
    Auditor "auditor" "Checks claims against the code.";
    Observer "observer" "Watches others work.";
    Overseer "overseer" "Corrects others.";
    Extractor "extractor" "Takes facts and lessons out of texts.";
    Verifier "verifier" "Checks what was extracted.";
    Categorizer "categorizer" "Sorts runs and texts.";
    Router "router" "Chooses models and paths.";
    Embedder "embedder" "Makes vectors of texts.";
    Human "human" "A person.";
    Deterministic "deterministic" "A program without a model.";
}

/// Where a record's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
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

/// A number, kept as its canonical JSON digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number<'a>(pub Cow<'a, str>);

impl Number<'_> {
    /// The number.
    pub fn value(&self) -> Option<f64> {
        self.0.parse().ok()
    }

    /// Whether it is 0 or more; canonical JSON has no negative zero.
    pub fn is_amount(&self) -> bool {
        !self.0.starts_with('-')
    }
}

impl<'de> Deserialize<'de> for Number<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let digits = match number.as_f64().filter(|_| number.is_f64()) {
            Some(double) => ryu_js::Buffer::new().format(double).to_owned(),
            None => number.to_string(),
        };
        Ok(Self(digits.into()))
    }
}

impl JsonSchema for Number<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A command that was run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRun<'a> {
    /// The command line.
    #[schemars(example = "cargo test -p queryd")]
    pub cmd: Escaped<'a>,
    /// Its exit code.
    pub exit_code: Option<i64>,
    /// How long it took.
    #[schemars(with = "Option<Amount>", extend("x-unit" = "ms"))]
    pub duration_ms: Option<Number<'a>>,
}

/// A tool that the model called (OpenTelemetry: a `tool_call` part of `gen_ai.output.messages`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall<'a> {
    /// The tool (OpenTelemetry: `gen_ai.tool.name`).
    #[schemars(example = &"read_file")]
    pub name: Escaped<'a>,
    /// The call's id (OpenTelemetry: `gen_ai.tool.call.id`).
    pub id: Option<Escaped<'a>>,
    /// What it was called with, as canonical JSON text (OpenTelemetry: `gen_ai.tool.call.arguments`).
    #[schemars(example = "{\"path\":\"src/main.rs\"}")]
    pub arguments: Option<Escaped<'a>>,
    /// What it gave, as text (OpenTelemetry: `gen_ai.tool.call.result`).
    pub result: Option<Escaped<'a>>,
}

/// One document that was retrieved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["id"] }, { "required": ["corpus"] }]))]
pub struct RetrievedDocument<'a> {
    /// The document's id (OpenTelemetry: `gen_ai.retrieval.documents[].id`).
    pub id: Option<Escaped<'a>>,
    /// The corpus it is from (OpenTelemetry: `gen_ai.data_source.id`).
    pub corpus: Option<Escaped<'a>>,
    /// How well it matched, on the scale of whoever retrieved it.
    pub score: Option<Number<'a>>,
}

/// What was retrieved for the work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "required": ["corpora"] }, { "required": ["hits"] }, { "required": ["latency_ms"] }, { "required": ["documents"] }
]))]
pub struct RetrievedContext<'a> {
    /// The corpora that were searched (OpenTelemetry: `gen_ai.data_source.id`).
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub corpora: Vec<Escaped<'a>>,
    /// How many hits there were.
    #[schemars(range(min = 0))]
    pub hits: Option<i64>,
    /// How long it took.
    #[schemars(with = "Option<Amount>", extend("x-unit" = "ms"))]
    pub latency_ms: Option<Number<'a>>,
    /// The documents (OpenTelemetry: `gen_ai.retrieval.documents`).
    #[serde(default, deserialize_with = "filled_list")]
    #[schemars(length(min = 1))]
    pub documents: Vec<RetrievedDocument<'a>>,
}

impl RetrievedContext<'_> {
    /// Whether nothing is known: then it is left out.
    pub fn is_empty(&self) -> bool {
        self.corpora.is_empty()
            && self.hits.is_none()
            && self.latency_ms.is_none()
            && self.documents.is_empty()
    }
}

/// Reads a context that says something.
pub(super) fn filled_context<'a, 'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<RetrievedContext<'a>, D::Error> {
    let context = RetrievedContext::deserialize(deserializer)?;
    if context.is_empty() { Err(D::Error::custom("an empty object")) } else { Ok(context) }
}

/// One check that was made, and how it came out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationResult<'a> {
    /// The check or gate (OpenTelemetry: `gen_ai.evaluation.name`).
    #[schemars(example = &"static")]
    pub name: Escaped<'a>,
    /// Whether it passed (OpenTelemetry: `gen_ai.evaluation.score.label`).
    pub passed: bool,
    /// How grave a failure is: block, warn or info, or a producer's own word.
    pub severity: Option<Escaped<'a>>,
    /// Whether a program rather than a model made the check.
    pub deterministic: bool,
    /// What was found (OpenTelemetry: `gen_ai.evaluation.explanation`).
    pub explanation: Option<Escaped<'a>>,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HumanOverride<'a> {
    /// The decision.
    pub action: HumanAction,
    /// Who.
    pub actor: Option<Escaped<'a>>,
    /// Why.
    pub reason: Option<Escaped<'a>>,
    /// When, UTC. From `ts`.
    pub at: EventTime,
    /// How it should have been.
    pub corrected_text: Option<Escaped<'a>>,
}
