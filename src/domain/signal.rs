//! Signals: one fact each, for or against some work, under a fixed code.

use std::fmt;

/// What a signal says, by how it was found out (SPEC section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A deterministic check passed.
    DeterministicPass,
    /// A deterministic check passed in part.
    DeterministicPartial,
    /// A deterministic check failed.
    DeterministicFail,
    /// The work stands on its sources.
    Grounded,
    /// The work stands on its sources in part, or hardly.
    WeaklyGrounded,
    /// Worth naming as a reason; decides nothing.
    ReasonOnly,
    /// A model or reviewer is for the work.
    OpinionFor,
    /// A model or reviewer is against the work.
    OpinionAgainst,
    /// The call failed, which says nothing of the work.
    Infrastructure,
    /// A person spoke.
    Human,
    /// It cannot be told.
    Unclear,
}

macro_rules! codes {
    ($( $variant:ident $code:literal $kind:ident; )*) => {
        /// The code of a signal. The order is that of SPEC section 5 and decides nothing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code { $( #[doc = concat!("`", $code, "`")] $variant, )* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )* ];

            /// The code as it stands in reasons and markers.
            pub const fn name(self) -> &'static str {
                match self { $( Code::$variant => $code, )* }
            }

            /// What kind of fact it is.
            pub const fn kind(self) -> Kind {
                match self { $( Code::$variant => Kind::$kind, )* }
            }
        }
    };
}

codes! {
    ApplyCommitted "apply.committed" DeterministicPass;
    GatePassed "gate.passed" DeterministicPass;
    AuditorApprove "auditor.approve" DeterministicPass;
    AuditBacked "audit.backed" DeterministicPass;
    OutcomeComplete "outcome.complete" DeterministicPass;
    ApplyPartial "apply.partial" DeterministicPartial;
    AuditorWarn "auditor.warn" DeterministicPartial;
    OutcomePartial "outcome.partial" DeterministicPartial;
    ApplyReverted "apply.reverted" DeterministicFail;
    GateFailedG1 "gate.failed:g1" DeterministicFail;
    GateFailedG2 "gate.failed:g2" DeterministicFail;
    GateFailedG3 "gate.failed:g3" DeterministicFail;
    GateFailedG4 "gate.failed:g4" DeterministicFail;
    GateFailedG5 "gate.failed:g5" DeterministicFail;
    GateFailedOther "gate.failed:other" DeterministicFail;
    AuditorBlockStatic "auditor.block:static" DeterministicFail;
    AuditorBlockDynamic "auditor.block:dynamic" DeterministicFail;
    OutcomeFailed "outcome.failed" DeterministicFail;
    GroundingHigh "grounding.high" Grounded;
    ContractComplete "contract.complete" Grounded;
    GroundingMid "grounding.mid" WeaklyGrounded;
    GroundingLow "grounding.low" WeaklyGrounded;
    ReplayLow "replay.low" WeaklyGrounded;
    ReplayHigh "replay.high" ReasonOnly;
    ScrumAccept "scrum.accept" OpinionFor;
    ObserverAccept "observer.accept" OpinionFor;
    EscalationAnalysed "escalation.analysed" OpinionFor;
    AuditorApproveModel "auditor.approve.model" OpinionFor;
    ExtractVerified "extract.verified" OpinionFor;
    ConsensusMajority "consensus.majority" OpinionFor;
    ScrumReject "scrum.reject" OpinionAgainst;
    ObserverReject "observer.reject" OpinionAgainst;
    ObserverEscalated "observer.escalated" OpinionAgainst;
    AuditorBlockModel "auditor.block.model" OpinionAgainst;
    ExtractRefuted "extract.refuted" OpinionAgainst;
    ConsensusSplit "consensus.split" OpinionAgainst;
    OverseerCorrected "overseer.corrected" OpinionAgainst;
    CallError "call.error" Infrastructure;
    HumanAccept "human.accept" Human;
    HumanPartial "human.partial" Human;
    HumanReject "human.reject" Human;
    HumanReview "human.review" Human;
    HumanCorrect "human.correct" Human;
    LinkAmbiguous "link.ambiguous" Unclear;
    ExtractFailed "extract.failed" Unclear;
}

impl Code {
    /// The signal of a failed gate; gates other than g1 to g5 share one code.
    pub fn gate_failed(gate: &str) -> Self {
        match gate.to_ascii_lowercase().as_str() {
            "g1" => Self::GateFailedG1,
            "g2" => Self::GateFailedG2,
            "g3" => Self::GateFailedG3,
            "g4" => Self::GateFailedG4,
            "g5" => Self::GateFailedG5,
            _ => Self::GateFailedOther,
        }
    }

    /// How many judges the signal stands for.
    pub const fn judges(self) -> u32 {
        match self {
            Self::ExtractVerified | Self::ConsensusMajority => 2,
            _ => 1,
        }
    }

    /// Whether the signal speaks for the work (and so belongs with the success markers of the row that says it).
    pub const fn is_favourable(self) -> bool {
        match self.kind() {
            Kind::DeterministicPass
            | Kind::DeterministicPartial
            | Kind::Grounded
            | Kind::ReasonOnly
            | Kind::OpinionFor => true,
            Kind::Human => matches!(self, Self::HumanAccept | Self::HumanPartial),
            Kind::WeaklyGrounded => matches!(self, Self::GroundingMid),
            Kind::DeterministicFail | Kind::OpinionAgainst | Kind::Infrastructure | Kind::Unclear => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of signal codes: one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SignalSet(u64);

impl SignalSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of one code.
    pub const fn of(code: Code) -> Self {
        Self(1 << code as u8)
    }

    /// The set as bits: one a code, by its place in [`Code::ALL`].
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A set from bits; those without a code are dropped.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << Code::ALL.len()) - 1))
    }

    /// Adds one code.
    pub fn insert(&mut self, code: Code) {
        self.0 |= 1 << code as u8;
    }

    /// Whether the code is in the set.
    pub const fn contains(self, code: Code) -> bool {
        self.0 & (1 << code as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the codes of another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The codes, in the order of [`Code::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Code> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let code = Code::ALL.get(left.trailing_zeros() as usize).copied()?;
            left &= left - 1;
            Some(code)
        })
    }

    /// Whether any code of that kind is in the set.
    pub fn any(self, kind: Kind) -> bool {
        self.iter().any(|code| code.kind() == kind)
    }
}

impl Extend<Code> for SignalSet {
    fn extend<I: IntoIterator<Item = Code>>(&mut self, codes: I) {
        codes.into_iter().for_each(|code| self.insert(code));
    }
}

impl FromIterator<Code> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        let mut set = Self::EMPTY;
        set.extend(codes);
        set
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Code::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_went_in_and_nothing_else() {
        assert!(Code::ALL.len() <= 64);
        for (position, code) in Code::ALL.iter().enumerate() {
            let set: SignalSet = [*code].into_iter().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), [*code]);
            assert_eq!(*code as usize, position);
            assert!(Code::ALL.iter().all(|other| set.contains(*other) == (other == code)));
        }
        assert!(SignalSet::EMPTY.iter().next().is_none());
    }

    #[test]
    fn no_two_signals_share_a_code() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn gates_beyond_the_five_share_the_code_other() {
        assert_eq!(Code::gate_failed("G3").name(), "gate.failed:g3");
        assert_eq!(Code::gate_failed("lint").name(), "gate.failed:other");
    }
}
