//! The samples of the exports, version 1: what retrieval and training take (SPEC section 7).
//!
//! Every key stands in every sample, no array is empty and nothing is null, so that any file of them loads as one table.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::checked::{Distinct, NonEmpty, PreferenceId, RagId, SchemaVersion, SftId, Text, Version, Words};
use super::codes::Reason;
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::record::{Invalid, hold};
use super::scalars::Sha256Hex;
use crate::domain::score::Category;

/// The categories that retrieval may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuccessScore {
    /// Fit for every export.
    Accepted,
    /// Fit for retrieval, not for training.
    PartiallyAccepted,
}

impl SuccessScore {
    /// The proof that a category may be retrieved.
    pub const fn prove(category: Category) -> Option<Self> {
        match category {
            Category::Accepted => Some(Self::Accepted),
            Category::PartiallyAccepted => Some(Self::PartiallyAccepted),
            Category::Rejected | Category::NeedsHumanReview => None,
        }
    }

    /// The category's name in samples.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => Category::Accepted.name(),
            Self::PartiallyAccepted => Category::PartiallyAccepted.name(),
        }
    }
}

/// The one category that training may use: there is no value for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcceptedOnly {
    /// Fit for every export.
    Accepted,
}

impl AcceptedOnly {
    /// The proof that a category is `accepted`.
    pub const fn prove(category: Category) -> Option<Self> {
        match category {
            Category::Accepted => Some(Self::Accepted),
            Category::PartiallyAccepted | Category::Rejected | Category::NeedsHumanReview => None,
        }
    }

    /// The category's name in samples.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => Category::Accepted.name(),
        }
    }
}

impl JsonSchema for AcceptedOnly {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AcceptedOnly".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The one category that training may use.",
            "type": "string",
            "const": Category::Accepted.name(),
        })
    }
}

/// Which part of the data a sample belongs to; all samples of a group are in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To train on: 90 % of the groups.
    Train,
    /// To choose by: 5 %.
    Validation,
    /// To judge by: 5 %.
    Test,
}

impl Split {
    /// The part's name in samples.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A text worth retrieving: work that was accepted, or accepted in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RagSample {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The sample's id, made of its content.
    pub sample_id: RagId,
    /// Stream and task, for a person.
    #[schemars(example = "scrum_reviews · file:crates/queryd/src/harness.rs")]
    pub title: Text,
    /// What was produced.
    pub text: Words,
    /// The row's task type, else the run's, else the stream's name.
    pub task_type: Text,
    /// How good the work is.
    pub success_score: SuccessScore,
    /// The runs that produced this text.
    pub source_run_ids: Distinct<Text>,
    /// What to filter by: `stream:`, `task:`, `file:`, `pr:`, `model:`; the stream is always there.
    #[schemars(example = ["stream:scrum_reviews", "file:src/main.rs"])]
    pub tags: NonEmpty<Text>,
    /// SHA-256 of `text`.
    pub content_sha256: Sha256Hex,
    /// The row the sample was made from.
    pub provenance: Provenance<'static>,
}

impl Published for RagSample {
    const NAME: &'static str = "RagSample";
}

/// An accepted answer under its instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [cross::sorted("/score_reasons")]))]
pub struct SftSample {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The sample's id, made of its content.
    pub sample_id: SftId,
    /// The row's task type, else the run's, else the stream's name.
    pub task_type: Text,
    /// The system message (OpenTelemetry: `gen_ai.system_instructions`).
    pub system: Words,
    /// What the model is asked.
    pub instruction: Words,
    /// What it is given beside the instruction; often nothing.
    pub input: String,
    /// What it should answer.
    pub response: Words,
    /// Always `accepted`: no other work is trained on.
    pub quality_score: AcceptedOnly,
    /// Why it was accepted; sorted.
    pub score_reasons: Distinct<Reason>,
    /// The scorer: its release, and a hash of its settings.
    pub scorer_version: Version,
    /// The runs that produced this answer.
    pub source_run_ids: Distinct<Text>,
    /// Which part of the data it belongs to.
    pub split: Split,
    /// What keeps samples of one origin in one part: pull request, else file, else signature, else run.
    #[schemars(example = &"pr:42")]
    pub split_group: Text,
    /// The row the sample was made from.
    pub provenance: Provenance<'static>,
}

impl Published for SftSample {
    const NAME: &'static str = "SftSample";
}

/// Two answers to one instruction, of which one is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [
    cross::differ_folded("/chosen", "/rejected"),
    cross::differ("/chosen_run_id", "/rejected_run_id"),
    cross::member("/chosen_run_id", "/source_run_ids"),
    cross::member("/rejected_run_id", "/source_run_ids"),
]))]
pub struct PreferenceSample {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The sample's id, made of its content.
    pub sample_id: PreferenceId,
    /// The row's task type, else the run's, else the stream's name.
    pub task_type: Text,
    /// The system message (OpenTelemetry: `gen_ai.system_instructions`).
    pub system: Words,
    /// What the model is asked.
    pub instruction: Words,
    /// What it is given beside the instruction; often nothing.
    pub input: String,
    /// The better answer.
    pub chosen: Words,
    /// The worse answer; another text than the better one, white space aside.
    pub rejected: Words,
    /// Why the one is better.
    pub reason: Words,
    /// The run of the better answer.
    pub chosen_run_id: Text,
    /// The run of the worse answer.
    pub rejected_run_id: Text,
    /// The runs behind the pair.
    pub source_run_ids: Distinct<Text>,
    /// Which part of the data it belongs to.
    pub split: Split,
    /// What keeps samples of one origin in one part: pull request, else file, else signature, else run.
    #[schemars(example = &"pr:42")]
    pub split_group: Text,
    /// The rows of the better and of the worse answer, in this order.
    pub provenance: [Provenance<'static>; 2],
}

impl Published for PreferenceSample {
    const NAME: &'static str = "PreferenceSample";

    fn check(&self) -> Result<(), Invalid> {
        let differ = cross::folded(self.chosen.as_str()) != cross::folded(self.rejected.as_str());
        hold(differ, "rejected", "is another text than chosen, white space aside")?;
        hold(
            self.chosen_run_id != self.rejected_run_id,
            "rejected_run_id",
            "is another run than chosen_run_id",
        )
    }
}
