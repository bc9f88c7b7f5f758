//! ScratchpadSummary, version 1: what a scratchpad says of the state of the work (SPEC section 9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Distinct, NonEmpty, SchemaVersion, Text};
use super::provenance::Provenance;
use super::published::Published;
use super::scalars::Sha256Hex;

/// Whether the work was validated, and how that came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationStatus {
    /// Every check that is named passed.
    Passed,
    /// A check failed.
    Failed,
    /// Some checks passed, others are open.
    Partial,
    /// No check is named.
    NotRun,
}

/// What a scratchpad says of the state of the work. What it does not say is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScratchpadSummary {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The run whose scratchpad it is.
    pub run_id: Text,
    /// What the work is to reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_objective: Option<Text>,
    /// Steps that are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_steps: Option<NonEmpty<Text>>,
    /// Steps that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_steps: Option<NonEmpty<Text>>,
    /// Steps still to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_steps: Option<NonEmpty<Text>>,
    /// Files worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub important_paths: Option<Distinct<Text>>,
    /// What was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<NonEmpty<Text>>,
    /// What is still to be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved_questions: Option<NonEmpty<Text>>,
    /// Whether the work was validated.
    pub validation_status: ValidationStatus,
    /// The command to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<Text>,
    /// SHA-256 of the text it was read from.
    pub source_scratchpad_hash: Sha256Hex,
    /// The row it was read from.
    pub provenance: Distinct<Provenance<'static>>,
}

impl Published for ScratchpadSummary {
    const NAME: &'static str = "ScratchpadSummary";
}
