//! Playbook, version 1: how one kind of problem has been solved (SPEC section 9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Distinct, NonEmpty, PlaybookId, Positive, SchemaVersion, Text};
use super::provenance::Provenance;
use super::published::Published;
use super::scalars::EventTime;

/// How one kind of problem has been solved: one playbook for a task type and a problem pattern, from at least one
/// accepted run. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The playbook's id, made of task type and problem pattern.
    pub playbook_id: PlaybookId,
    /// The kind of task.
    pub task_type: Text,
    /// The problem, as far as it is the same in all its runs.
    pub problem_pattern: Text,
    /// What helped to know.
    #[serde(default)]
    pub useful_context: Vec<Text>,
    /// The models that the work went through, in order.
    #[serde(default)]
    pub model_routing_path: Vec<Text>,
    /// Commands that ended well.
    #[serde(default)]
    pub commands_worked: Vec<Text>,
    /// Commands that did not.
    #[serde(default)]
    pub commands_failed: Vec<Text>,
    /// The checks that told good work from bad.
    #[serde(default)]
    pub validation_steps: Vec<Text>,
    /// The files that the work is about.
    #[serde(default)]
    pub repo_files_touched: Vec<Text>,
    /// What to do when it goes wrong.
    #[serde(default)]
    pub recovery_strategy: String,
    /// How it is known to go wrong.
    #[serde(default)]
    pub known_failure_modes: Vec<Text>,
    /// After how many failed attempts the next model, or a person, should take over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "attempts"))]
    pub escalation_threshold: Option<Positive>,
    /// What has to hold for the work to count as done.
    pub acceptance_criteria: NonEmpty<Text>,
    /// How many runs it was accepted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_for: Option<Positive>,
    /// How many runs failed at the same problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_against: Option<u64>,
    /// The accepted runs it was learnt from: the first and the latest, 64 at most.
    pub source_run_ids: Distinct<Text>,
    /// Event time, UTC: that of the first accepted run.
    pub created_at: EventTime,
    /// The rows it was made from: the first and the latest, 16 at most.
    pub provenance: Distinct<Provenance<'static>>,
}

impl Published for Playbook {
    const NAME: &'static str = "Playbook";
}
