//! Retraction, version 1: a sample that was taken back, and why (SPEC section 7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{NonEmpty, SchemaVersion, Text};
use super::provenance::Provenance;
use super::published::Published;
use crate::domain::score::Category;

/// The files of samples, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatasetName {
    /// Texts to retrieve.
    Rag,
    /// Answers to train on.
    Sft,
    /// Pairs to prefer by.
    Preference,
}

/// A sample that was taken back, and why: one line of `exports/retractions.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retraction {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The sample's id, made of its content: the same content comes back under the same id.
    #[schemars(example = &"sft_0123456789abcdef")]
    pub sample_id: Text,
    /// Where it stood.
    pub dataset: DatasetName,
    /// The run that no longer stands behind it.
    pub run_id: Text,
    /// The category the sample was made under.
    pub old_category: Category,
    /// The category now.
    pub new_category: Category,
    /// The reasons of the new score; or what else speaks against the sample: `conflict.content`, `secret`,
    /// `superseded_by_twin`, `target.moved`, `sides.moved`.
    pub reasons: NonEmpty<Text>,
    /// The row that caused it.
    pub caused_by: Provenance<'static>,
    /// The row that no longer stands behind the sample.
    pub provenance: Provenance<'static>,
}

impl Published for Retraction {
    const NAME: &'static str = "Retraction";
}
