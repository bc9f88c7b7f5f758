//! The one scoring function: signals in, category and reasons out, by the first rule that matches.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::record::Kind as RecordKind;
use super::signal::{Code, Kind, SignalSet};

/// The version of the rule table; it goes up when a rule changes what it says.
pub const RULES_SEMVER: &str = "1.0.0";

/// What became of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    /// Fit for every export.
    Accepted,
    /// Fit for retrieval, not for training.
    PartiallyAccepted,
    /// Fit for nothing but the losing side of a preference pair.
    Rejected,
    /// A person has to look, or a further signal has to come.
    NeedsHumanReview,
}

impl Category {
    /// Every category, in the order they are listed in tables.
    pub const ALL: [Self; 4] =
        [Self::Accepted, Self::PartiallyAccepted, Self::Rejected, Self::NeedsHumanReview];

    /// The category's name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::PartiallyAccepted => "partially_accepted",
            Self::Rejected => "rejected",
            Self::NeedsHumanReview => "needs_human_review",
        }
    }

    /// The category of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a person decided about a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HumanAction {
    /// It is good.
    Accept,
    /// It is good in part.
    Partial,
    /// It is bad.
    Reject,
    /// Somebody should look again.
    Review,
    /// It is bad, and here is how it should have been.
    Correct,
}

impl HumanAction {
    /// Every action, in the order of the variants.
    pub const ALL: [Self; 5] = [Self::Accept, Self::Partial, Self::Reject, Self::Review, Self::Correct];

    /// The action behind a word, case-folded; `None` for an unknown one.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_lowercase().as_str() {
            "accept" => Self::Accept,
            "partial" => Self::Partial,
            "reject" => Self::Reject,
            "review" => Self::Review,
            "correct" => Self::Correct,
            _ => return None,
        })
    }

    /// The action's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Partial => "partial",
            Self::Reject => "reject",
            Self::Review => "review",
            Self::Correct => "correct",
        }
    }

    /// The signal the action sends.
    pub const fn code(self) -> Code {
        match self {
            Self::Accept => Code::HumanAccept,
            Self::Partial => Code::HumanPartial,
            Self::Reject => Code::HumanReject,
            Self::Review => Code::HumanReview,
            Self::Correct => Code::HumanCorrect,
        }
    }
}

/// Everything that decides about one piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is work or support.
    pub kind: RecordKind,
    /// Every signal that reached it.
    pub signals: SignalSet,
    /// The latest human signal, by time, then canonical order.
    pub human: Option<HumanAction>,
    /// Whether a deterministic fail is later than that human signal.
    pub failed_since_human: bool,
}

impl Judgement {
    /// What decides about the first score of a row: its own signals alone.
    pub fn of_own(kind: RecordKind, own: SignalSet) -> Self {
        let human = own.contains(Code::HumanAccept).then_some(HumanAction::Accept);
        Self { kind, signals: own, human, failed_since_human: false }
    }

    /// The signals that reached the work itself; support is reached by none.
    pub fn reached(self) -> SignalSet {
        if self.kind == RecordKind::Support { SignalSet::EMPTY } else { self.signals }
    }
}

/// The category, and the rule that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The category.
    pub category: Category,
    /// The code of the rule.
    pub rule: &'static str,
}

#[expect(clippy::struct_excessive_bools, reason = "each is one condition of the table")]
struct Facts {
    judgement: Judgement,
    pass: bool,
    partial: bool,
    fail: bool,
    grounded: bool,
    weakly_grounded: bool,
    opinions_for: u32,
    opinion_against: bool,
    unclear: bool,
}

/// One line of the table: its code, and the category when it applies.
struct Rule {
    code: &'static str,
    decide: fn(&Facts) -> Option<Category>,
}

use Category::{Accepted, NeedsHumanReview, PartiallyAccepted, Rejected};

/// SPEC section 6, top to bottom; the first rule that applies decides.
const RULES: &[Rule] = &[
    Rule {
        code: "rule.support",
        decide: |f| (f.judgement.kind == RecordKind::Support).then_some(NeedsHumanReview),
    },
    Rule {
        code: "rule.human",
        decide: |f| {
            Some(match f.judgement.human? {
                HumanAction::Accept if f.judgement.failed_since_human => NeedsHumanReview,
                HumanAction::Accept => Accepted,
                HumanAction::Partial => PartiallyAccepted,
                HumanAction::Reject | HumanAction::Correct => Rejected,
                HumanAction::Review => NeedsHumanReview,
            })
        },
    },
    Rule { code: "rule.conflict", decide: |f| ((f.pass || f.partial) && f.fail).then_some(NeedsHumanReview) },
    Rule { code: "rule.failed", decide: |f| f.fail.then_some(Rejected) },
    Rule { code: "rule.unclear", decide: |f| f.unclear.then_some(NeedsHumanReview) },
    Rule {
        code: "rule.disputed",
        decide: |f| ((f.pass || f.partial || f.grounded) && f.opinion_against).then_some(NeedsHumanReview),
    },
    Rule {
        code: "rule.passed",
        decide: |f| {
            let whole = if f.partial || f.weakly_grounded { PartiallyAccepted } else { Accepted };
            (f.pass || f.partial).then_some(whole)
        },
    },
    Rule {
        code: "rule.ungrounded",
        decide: |f| f.judgement.signals.contains(Code::GroundingLow).then_some(Rejected),
    },
    Rule {
        code: "rule.grounded",
        decide: |f| f.grounded.then_some(if f.opinions_for > 0 { Accepted } else { PartiallyAccepted }),
    },
    Rule { code: "rule.opposed", decide: |f| f.opinion_against.then_some(NeedsHumanReview) },
    Rule { code: "rule.opinions", decide: |f| (f.opinions_for >= 2).then_some(PartiallyAccepted) },
    Rule { code: "rule.single_opinion", decide: |f| (f.opinions_for == 1).then_some(NeedsHumanReview) },
    Rule {
        code: "rule.outage",
        decide: |f| f.judgement.signals.contains(Code::CallError).then_some(NeedsHumanReview),
    },
    Rule { code: "rule.none", decide: |_| Some(NeedsHumanReview) },
];

/// The codes of the rules, top to bottom.
pub fn rule_codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.code)
}

/// Scores one piece of evidence.
pub fn score(judgement: Judgement) -> Verdict {
    let signals = judgement.signals;
    let facts = Facts {
        judgement,
        pass: signals.any(Kind::DeterministicPass),
        partial: signals.any(Kind::DeterministicPartial),
        fail: signals.any(Kind::DeterministicFail),
        grounded: signals.any(Kind::Grounded),
        weakly_grounded: signals.any(Kind::WeaklyGrounded),
        opinions_for: signals.iter().filter(|c| c.kind() == Kind::OpinionFor).map(Code::judges).sum(),
        opinion_against: signals.any(Kind::OpinionAgainst),
        unclear: signals.any(Kind::Unclear),
    };
    let applied = RULES
        .iter()
        .find_map(|rule| (rule.decide)(&facts).map(|category| Verdict { category, rule: rule.code }));
    applied.unwrap_or(Verdict { category: NeedsHumanReview, rule: "rule.none" })
}

/// The reasons of a score, sorted: the signals that reached the evidence, and the rule.
pub fn reasons(judgement: Judgement, verdict: Verdict) -> Vec<&'static str> {
    let mut reasons: Vec<_> = judgement.reached().iter().map(Code::name).chain([verdict.rule]).collect();
    reasons.sort_unstable();
    reasons
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
