//! DriftSnapshot, version 1: what one sweep found true and false, and what changed (SPEC section 9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::{Distinct, GitSha, SchemaVersion, Text};
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::scalars::EventTime;

/// How far the claims of a phase hold, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// All that was looked at is true.
    Verified,
    /// Something is half true.
    Partial,
    /// Something is false.
    Fake,
}

impl Mark {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Partial => "partial",
            Self::Fake => "fake",
        }
    }
}

/// What became of a phase since it was last swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was never swept before.
    New,
    /// It holds less than before.
    Regressed,
    /// It holds more than before.
    Repaired,
    /// Neither, or nobody can tell.
    Same,
}

impl Change {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regressed => "regressed",
            Self::Repaired => "repaired",
            Self::Same => "same",
        }
    }
}

/// One phase in one snapshot. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseState {
    /// The phase.
    #[schemars(example = &"3.5")]
    pub phase: Text,
    /// Its status, in the sweep's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Text>,
    /// How far its claims hold, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Claims that are true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_verified: Option<u64>,
    /// Claims that are half true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_partial: Option<u64>,
    /// Claims that are false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_fake: Option<u64>,
    /// What became of it since it was last swept.
    pub change: Change,
}

/// What was swept and corrected at one commit, or on one day by rows that name no commit, and what changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [
    cross::equal("/head_sha", "/snapshot"),
]))]
pub struct DriftSnapshot {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// What the snapshot is of: the commit, or `sweep:` and the day, UTC.
    #[schemars(example = &"sweep:2026-04-26")]
    pub snapshot: Text,
    /// The commit, where it is one (OpenTelemetry: `vcs.ref.head.revision`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<GitSha>,
    /// Event time, UTC: that of its first row.
    pub first_seen: EventTime,
    /// Event time, UTC: that of its last row.
    pub last_seen: EventTime,
    /// The phases that were swept, by name.
    #[serde(default)]
    pub phases: Vec<PhaseState>,
    /// How many corrections of documents there were.
    pub documents_corrected: u64,
    /// The documents that were corrected.
    #[serde(default)]
    pub documents: Vec<Text>,
    /// Phases that hold less than when they were last swept.
    #[serde(default)]
    pub regressed: Vec<Text>,
    /// Phases that hold more.
    #[serde(default)]
    pub repaired: Vec<Text>,
    /// Phases that were never swept before.
    #[serde(default)]
    pub new: Vec<Text>,
    /// Phases of the sweep before that this one does not have.
    #[serde(default)]
    pub gone: Vec<Text>,
    /// The first of its rows and the latest, 16 at most.
    pub provenance: Distinct<Provenance<'static>>,
}

impl Published for DriftSnapshot {
    const NAME: &'static str = "DriftSnapshot";
}
