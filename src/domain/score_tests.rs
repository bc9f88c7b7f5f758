//! The rule table, rule by rule and signal by signal.

use super::*;

fn judge(codes: &[Code]) -> Judgement {
    Judgement {
        kind: RecordKind::Work,
        signals: codes.iter().copied().collect(),
        human: None,
        failed_since_human: false,
    }
}

#[track_caller]
fn check(judgement: Judgement, category: Category, rule: &str) {
    assert_eq!(
        score(judgement),
        Verdict { category, rule: RULES.iter().find(|r| r.code == rule).map_or("", |r| r.code) }
    );
}

#[track_caller]
fn check_codes(codes: &[Code], category: Category, rule: &str) {
    check(judge(codes), category, rule);
}

#[test]
fn support_is_never_scored_by_its_signals() {
    let support =
        Judgement { kind: RecordKind::Support, ..judge(&[Code::ApplyCommitted, Code::ScrumAccept]) };
    check(support, NeedsHumanReview, "rule.support");
    assert_eq!(reasons(support, score(support)), ["rule.support"]);
    let overruled = Judgement { human: Some(HumanAction::Accept), ..support };
    check(overruled, NeedsHumanReview, "rule.support");
}

#[test]
fn a_person_decides_over_every_other_signal() {
    let base = judge(&[Code::ApplyReverted, Code::ApplyCommitted, Code::LinkAmbiguous]);
    for (action, category) in [
        (HumanAction::Accept, Accepted),
        (HumanAction::Partial, PartiallyAccepted),
        (HumanAction::Reject, Rejected),
        (HumanAction::Correct, Rejected),
        (HumanAction::Review, NeedsHumanReview),
    ] {
        check(Judgement { human: Some(action), ..base }, category, "rule.human");
    }
}

#[test]
fn an_acceptance_by_a_person_is_looked_at_again_after_a_later_failure() {
    let base = judge(&[Code::ApplyReverted, Code::HumanAccept]);
    let later = Judgement { human: Some(HumanAction::Accept), failed_since_human: true, ..base };
    check(later, NeedsHumanReview, "rule.human");
    check(Judgement { human: Some(HumanAction::Reject), ..later }, Rejected, "rule.human");
}

#[test]
fn a_pass_and_a_fail_are_a_conflict() {
    check_codes(&[Code::GatePassed, Code::ApplyReverted], NeedsHumanReview, "rule.conflict");
    check_codes(&[Code::ApplyPartial, Code::GateFailedG2], NeedsHumanReview, "rule.conflict");
}

#[test]
fn a_fail_rejects_whatever_the_opinions() {
    for fail in Code::ALL.iter().filter(|code| code.kind() == Kind::DeterministicFail) {
        check_codes(&[*fail], Rejected, "rule.failed");
        check_codes(&[*fail, Code::ScrumAccept, Code::GroundingHigh], Rejected, "rule.failed");
    }
}

#[test]
fn an_unclear_signal_wants_a_person() {
    check_codes(&[Code::LinkAmbiguous, Code::GatePassed], NeedsHumanReview, "rule.unclear");
    check_codes(&[Code::ExtractFailed], NeedsHumanReview, "rule.unclear");
}

#[test]
fn an_opinion_against_what_passed_is_a_dispute() {
    for against in Code::ALL.iter().filter(|code| code.kind() == Kind::OpinionAgainst) {
        check_codes(&[Code::GatePassed, *against], NeedsHumanReview, "rule.disputed");
        check_codes(&[Code::OutcomePartial, *against], NeedsHumanReview, "rule.disputed");
        check_codes(&[Code::GroundingHigh, *against], NeedsHumanReview, "rule.disputed");
    }
}

#[test]
fn a_deterministic_pass_accepts_alone() {
    for pass in Code::ALL.iter().filter(|code| code.kind() == Kind::DeterministicPass) {
        check_codes(&[*pass], Accepted, "rule.passed");
    }
}

#[test]
fn a_partial_or_weakly_grounded_signal_makes_a_pass_partial() {
    for partial in Code::ALL.iter().filter(|code| code.kind() == Kind::DeterministicPartial) {
        check_codes(&[*partial], PartiallyAccepted, "rule.passed");
        check_codes(&[*partial, Code::GatePassed], PartiallyAccepted, "rule.passed");
    }
    for weak in Code::ALL.iter().filter(|code| code.kind() == Kind::WeaklyGrounded) {
        check_codes(&[Code::GatePassed, *weak], PartiallyAccepted, "rule.passed");
    }
    check_codes(&[Code::GatePassed, Code::ReplayHigh], Accepted, "rule.passed");
}

#[test]
fn work_without_ground_is_rejected() {
    check_codes(&[Code::GroundingLow, Code::ScrumAccept], Rejected, "rule.ungrounded");
}

#[test]
fn grounded_work_needs_one_opinion_for_it() {
    check_codes(&[Code::GroundingHigh], PartiallyAccepted, "rule.grounded");
    check_codes(&[Code::ContractComplete], PartiallyAccepted, "rule.grounded");
    for for_it in Code::ALL.iter().filter(|code| code.kind() == Kind::OpinionFor) {
        check_codes(&[Code::ContractComplete, *for_it], Accepted, "rule.grounded");
    }
}

#[test]
fn an_opinion_against_alone_wants_a_person() {
    check_codes(&[Code::ScrumReject], NeedsHumanReview, "rule.opposed");
    check_codes(&[Code::ScrumAccept, Code::ObserverReject], NeedsHumanReview, "rule.opposed");
}

#[test]
fn two_opinions_for_are_enough_for_retrieval() {
    check_codes(&[Code::ScrumAccept, Code::ObserverAccept], PartiallyAccepted, "rule.opinions");
    check_codes(&[Code::ExtractVerified], PartiallyAccepted, "rule.opinions");
    check_codes(&[Code::ConsensusMajority], PartiallyAccepted, "rule.opinions");
}

#[test]
fn one_model_opinion_is_never_enough() {
    for single in
        [Code::ScrumAccept, Code::ObserverAccept, Code::EscalationAnalysed, Code::AuditorApproveModel]
    {
        check_codes(&[single], NeedsHumanReview, "rule.single_opinion");
        check_codes(&[single, Code::GroundingMid], NeedsHumanReview, "rule.single_opinion");
    }
}

#[test]
fn an_outage_says_nothing_of_the_work() {
    check_codes(&[Code::CallError], NeedsHumanReview, "rule.outage");
    check_codes(&[Code::CallError, Code::GatePassed], Accepted, "rule.passed");
}

#[test]
fn anything_else_waits() {
    check_codes(&[], NeedsHumanReview, "rule.none");
    check_codes(&[Code::GroundingMid], NeedsHumanReview, "rule.none");
    check_codes(&[Code::ReplayLow], NeedsHumanReview, "rule.none");
    check_codes(&[Code::ReplayHigh], NeedsHumanReview, "rule.none");
}

#[test]
fn reasons_are_sorted_and_name_the_rule() {
    let judgement = judge(&[Code::ScrumAccept, Code::GatePassed]);
    assert_eq!(reasons(judgement, score(judgement)), ["gate.passed", "rule.passed", "scrum.accept"]);
}
