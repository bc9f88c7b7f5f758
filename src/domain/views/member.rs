//! The members of evidence, in the order in which a record has them.

/// Declares [`Member`] and the names of its variants.
macro_rules! members {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A member of the evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Member {
            $(#[doc = concat!("`", $name, "`")] $variant),+
        }

        const ALL: &[(&str, Member)] = &[$(($name, Member::$variant)),+];
    };
}

members! {
    SchemaVersion "schema_version",
    RunId "run_id",
    TaskId "task_id",
    Timestamp "timestamp",
    TimestampOrigin "timestamp_origin",
    ModelRole "model_role",
    SourceStream "source_stream",
    Kind "kind",
    Provenance "provenance",
    TaskType "task_type",
    Mode "mode",
    ModelName "model_name",
    ModelProvider "model_provider",
    InputHash "input_hash",
    OutputHash "output_hash",
    Text "text",
    SourceFiles "source_files",
    CommandsRun "commands_run",
    ToolCalls "tool_calls",
    RetrievedContext "retrieved_context",
    ObserverNotes "observer_notes",
    ObserverVerdict "observer_verdict",
    ObserverConfidence "observer_confidence",
    ScratchpadSummary "scratchpad_summary",
    SuccessMarkers "success_markers",
    FailureMarkers "failure_markers",
    ValidationResults "validation_results",
    HumanOverride "human_override",
    Extractor "extractor",
    Verifier "verifier",
    Categorizer "categorizer",
    Category "category",
    SourceLabel "source_label",
    SourceService "source_service",
    CostUsd "cost_usd",
    LatencyMs "latency_ms",
    TokensIn "tokens_in",
    TokensOut "tokens_out",
    ResponseChars "response_chars",
    PrNumber "pr_number",
    HeadSha "head_sha",
    Commit "commit",
    ClaimIdx "claim_idx",
    RunSignature "run_signature",
    TraceId "trace_id",
    Attempt "attempt",
}

impl Member {
    /// Whether the line of a run shows it.
    pub(super) fn is_shown(self) -> bool {
        match self {
            Self::ModelRole
            | Self::Provenance
            | Self::Mode
            | Self::SourceFiles
            | Self::CommandsRun
            | Self::RetrievedContext
            | Self::ObserverVerdict
            | Self::ObserverConfidence
            | Self::ScratchpadSummary
            | Self::SuccessMarkers
            | Self::FailureMarkers
            | Self::HumanOverride
            | Self::Extractor
            | Self::Verifier
            | Self::Categorizer
            | Self::SourceLabel
            | Self::SourceService
            | Self::CostUsd
            | Self::TokensIn
            | Self::TokensOut
            | Self::PrNumber
            | Self::HeadSha
            | Self::Commit
            | Self::RunSignature
            | Self::TraceId
            | Self::Attempt => true,
            Self::SchemaVersion
            | Self::RunId
            | Self::TaskId
            | Self::Timestamp
            | Self::TimestampOrigin
            | Self::SourceStream
            | Self::Kind
            | Self::TaskType
            | Self::ModelName
            | Self::ModelProvider
            | Self::InputHash
            | Self::OutputHash
            | Self::Text
            | Self::ToolCalls
            | Self::ObserverNotes
            | Self::ValidationResults
            | Self::Category
            | Self::LatencyMs
            | Self::ResponseChars
            | Self::ClaimIdx => false,
        }
    }

    /// One visible character, by which [`Member::of_mark`] knows it.
    pub(super) fn mark(self) -> char {
        char::from(b'0' + self as u8)
    }

    /// The member of a mark.
    pub(super) fn of_mark(mark: u8) -> Option<Self> {
        ALL.get(usize::from(mark.checked_sub(b'0')?)).map(|(_, member)| *member)
    }
}

/// Finds members by name. They come in the order of the record, so that each is found a step or two from the one before.
#[derive(Debug, Default)]
pub(super) struct Finder(usize);

impl Finder {
    /// For members behind one.
    pub(super) fn behind(member: Member) -> Self {
        Self(member as usize + 1)
    }

    /// The member of this name, if there is one.
    pub(super) fn find(&mut self, name: &str) -> Option<Member> {
        let in_order = ALL.iter().skip(self.0).position(|(known, _)| *known == name);
        let at = in_order
            .map(|steps| self.0 + steps)
            .or_else(|| ALL.iter().take(self.0).position(|(known, _)| *known == name))?;
        self.0 = at + 1;
        ALL.get(at).map(|(_, member)| *member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_any_order() {
        let mut finder = Finder::default();
        for name in ["run_id", "text", "attempt", "run_id", "nothing", "kind", "kind"] {
            let found = finder.find(name);
            assert_eq!(found, ALL.iter().find(|(known, _)| *known == name).map(|(_, member)| *member));
        }
    }

    #[test]
    fn every_member_is_known_by_its_mark() {
        for (_, member) in ALL {
            assert!(member.mark().is_ascii_graphic());
            assert_eq!(Member::of_mark(member.mark() as u8), Some(*member));
        }
        assert_eq!(Member::of_mark(b'~'), None);
    }
}
