//! ScratchpadSummary, version 1: what a scratchpad says of the state of the work (SPEC section 9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Distinct, SchemaVersion, Text};
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
    #[serde(default)]
    pub current_objective: String,
    /// Steps that are done.
    #[serde(default)]
    pub completed_steps: Vec<Text>,
    /// Steps that failed.
    #[serde(default)]
    pub failed_steps: Vec<Text>,
    /// Steps still to be done.
    #[serde(default)]
    pub pending_steps: Vec<Text>,
    /// Files worth knowing.
    #[serde(default)]
    pub important_paths: Vec<Text>,
    /// What was decided.
    #[serde(default)]
    pub decisions: Vec<Text>,
    /// What is still to be found out.
    #[serde(default)]
    pub unresolved_questions: Vec<Text>,
    /// Whether the work was validated.
    pub validation_status: ValidationStatus,
    /// The command to go on with.
    #[serde(default)]
    pub next_command: String,
    /// SHA-256 of the text it was read from.
    pub source_scratchpad_hash: Sha256Hex,
    /// The row it was read from.
    pub provenance: Distinct<Provenance<'static>>,
}

impl Published for ScratchpadSummary {
    const NAME: &'static str = "ScratchpadSummary";
}
