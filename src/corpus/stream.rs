//! The streams' names, places and the spelling habits of their producers.

use std::path::{Path, PathBuf};

/// One of the 23 streams, in the order in which an even story tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    ScrumReviews,
    AutoApply,
    Audits,
    ModeExperiments,
    Outcomes,
    HumanOverrides,
    DistilledFacts,
    ContractAnalyses,
    AuditDiscrepancies,
    AuditFacts,
    AuditLessons,
    ObserverReviews,
    ObserverOps,
    ObserverEscalations,
    Signatures,
    Classifications,
    ModelTrust,
    PathwayRecommendations,
    DistilledProcedures,
    DistilledConfigHints,
    OverseerCorrections,
    PhaseSweepFindings,
    DocDriftCorrections,
}

/// How a stream's producer writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `{"a":1,"b":2}`, text as UTF-8.
    Compact,
    /// `{"a": 1, "b": 2}`, text beyond ASCII as `\u` escapes, as Python's `json.dumps` writes it.
    Python,
}

impl Stream {
    pub(crate) const ALL: [Self; 23] = [
        Self::ScrumReviews,
        Self::AutoApply,
        Self::Audits,
        Self::ModeExperiments,
        Self::Outcomes,
        Self::HumanOverrides,
        Self::DistilledFacts,
        Self::ContractAnalyses,
        Self::AuditDiscrepancies,
        Self::AuditFacts,
        Self::AuditLessons,
        Self::ObserverReviews,
        Self::ObserverOps,
        Self::ObserverEscalations,
        Self::Signatures,
        Self::Classifications,
        Self::ModelTrust,
        Self::PathwayRecommendations,
        Self::DistilledProcedures,
        Self::DistilledConfigHints,
        Self::OverseerCorrections,
        Self::PhaseSweepFindings,
        Self::DocDriftCorrections,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ScrumReviews => "scrum_reviews",
            Self::AutoApply => "auto_apply",
            Self::Audits => "audits",
            Self::ModeExperiments => "mode_experiments",
            Self::Outcomes => "outcomes",
            Self::HumanOverrides => "human_overrides",
            Self::DistilledFacts => "distilled_facts",
            Self::ContractAnalyses => "contract_analyses",
            Self::AuditDiscrepancies => "audit_discrepancies",
            Self::AuditFacts => "audit_facts",
            Self::AuditLessons => "audit_lessons",
            Self::ObserverReviews => "observer_reviews",
            Self::ObserverOps => "observer_ops",
            Self::ObserverEscalations => "observer_escalations",
            Self::Signatures => "signatures",
            Self::Classifications => "classifications",
            Self::ModelTrust => "model_trust",
            Self::PathwayRecommendations => "pathway_recommendations",
            Self::DistilledProcedures => "distilled_procedures",
            Self::DistilledConfigHints => "distilled_config_hints",
            Self::OverseerCorrections => "overseer_corrections",
            Self::PhaseSweepFindings => "phase_sweep_findings",
            Self::DocDriftCorrections => "doc_drift_corrections",
        }
    }

    /// The stream's file for a knowledge base at `kb`.
    pub(crate) fn path(self, kb: &Path) -> PathBuf {
        match self {
            Self::ObserverOps => kb.join("..").join("_observer").join("ops.jsonl"),
            _ => kb.join(format!("{}.jsonl", self.name())),
        }
    }

    pub(crate) const fn spelling(self) -> Spelling {
        match self {
            Self::AuditFacts
            | Self::AuditLessons
            | Self::ContractAnalyses
            | Self::DistilledFacts
            | Self::OverseerCorrections
            | Self::PhaseSweepFindings => Spelling::Python,
            _ => Spelling::Compact,
        }
    }

    /// Whether the producer is one that now and then delivers a row twice.
    pub(crate) const fn repeats(self) -> bool {
        matches!(
            self,
            Self::ScrumReviews
                | Self::AutoApply
                | Self::Audits
                | Self::AuditFacts
                | Self::ModeExperiments
                | Self::DistilledFacts
                | Self::DistilledProcedures
                | Self::ObserverOps
        )
    }
}
