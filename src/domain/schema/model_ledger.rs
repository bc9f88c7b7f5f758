//! ModelLedgerEntry, version 1: how one model does at one kind of task (SPEC section 9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Amount, Distinct, Positive, SchemaVersion, Share, Text};
use super::codes::Reason;
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::scalars::EventTime;

/// One way in which work goes wrong.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureMode {
    /// The signal or rule that tells it.
    pub code: Reason,
    /// In how many runs that were not accepted.
    pub count: Positive,
}

/// How one model does at one kind of task, over the work that was judged. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [
    cross::sum("/sample_count", &["/accepted", "/partially_accepted", "/rejected"]),
    cross::at_most("/success_rate_low", "/success_rate"),
    cross::at_most("/latency_p50", "/latency_p95"),
]))]
pub struct ModelLedgerEntry {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The model (OpenTelemetry: `gen_ai.request.model`).
    #[schemars(example = "ollama/qwen3-coder:480b")]
    pub model_name: Text,
    /// Who serves it (OpenTelemetry: `gen_ai.provider.name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ollama")]
    pub model_provider: Option<Text>,
    /// The kind of task.
    pub task_type: Text,
    /// Accepted samples among all that were judged.
    pub success_rate: Share,
    /// The least success rate that the samples leave likely: the lower end of the 95 % Wilson interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate_low: Option<Share>,
    /// How it goes wrong, most frequent first; of runs that wait too.
    #[serde(default)]
    pub failure_modes: Vec<FailureMode>,
    /// The model that was most often accepted after this one had failed at the same task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_partner_model: Option<Text>,
    /// Where in the chain of models it comes in: `primary` when mostly first; after others' failures `escalation` when mostly
    /// accepted there, else `fallback`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_role: Option<Text>,
    /// What a sample costs on average, of those that say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "USD"))]
    pub cost: Option<Amount>,
    /// What all samples that say cost together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "USD"))]
    pub cost_total: Option<Amount>,
    /// Median latency, within 1 % (OpenTelemetry: `gen_ai.client.operation.duration`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_p50: Option<Amount>,
    /// Latency that 95 % of the calls stay within, within 1 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_p95: Option<Amount>,
    /// The longest prompt it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "tokens"))]
    pub context_window: Option<Positive>,
    /// Samples that were judged: accepted, accepted in part, or rejected. A sample is all work of one run by the model.
    pub sample_count: Positive,
    /// Accepted samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<u64>,
    /// Samples accepted in part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partially_accepted: Option<u64>,
    /// Rejected samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// Work that waits for a person or for a further signal; not among the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_human_review: Option<u64>,
    /// Calls that failed, which says nothing of the model; not among the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_errors: Option<u64>,
    /// Event time, UTC: that of the entry's latest row.
    pub last_updated: EventTime,
    /// The first of its rows and the latest, 16 at most.
    pub provenance: Distinct<Provenance<'static>>,
}

impl Published for ModelLedgerEntry {
    const NAME: &'static str = "ModelLedgerEntry";
}
