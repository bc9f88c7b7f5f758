//! The table of SPEC section 6, rule by rule.

use super::{
    Case, Rows, apply, at, audit, case, experiment, fact, facts, finding, human, observer, outcome, overseer,
    review,
};
use serde_json::{Value, json};

pub(super) fn cases() -> Vec<Case> {
    [human_rule(), failed(), judged(), opinions()].into_iter().flatten().collect()
}

fn on_run(rows: Rows) -> Rows {
    std::iter::once(experiment(0, json!({}))).chain(rows).collect()
}

fn by(millis: i64, action: &str) -> (&'static str, Value) {
    human(millis, action, json!({"run_id": "r"}))
}

fn human_rule() -> Vec<Case> {
    let passed = || outcome(0, 1, 1, json!({}));
    vec![
        case(
            "rule.support",
            vec![
                ("signatures", json!({})),
                ("doc_drift_corrections", json!({"ts": at(0)})),
                ("phase_sweep_findings", json!({"phase": 1, "status": "fake", "discovered_at": at(0)})),
            ],
            [
                "signatures:0 needs_human_review rule.support",
                "doc_drift_corrections:0 needs_human_review rule.support",
                "phase_sweep_findings:0 needs_human_review rule.support",
            ],
        ),
        case(
            "rule.human: accept",
            on_run(vec![by(0, "accept")]),
            ["mode_experiments:0 accepted human.accept rule.human"],
        ),
        case(
            "partial",
            on_run(vec![by(0, "Partial ")]),
            ["mode_experiments:0 partially_accepted human.partial rule.human"],
        ),
        case(
            "reject",
            on_run(vec![by(0, "reject"), passed()]),
            ["mode_experiments:0 rejected human.reject outcome.complete rule.human"],
        ),
        case(
            "correct",
            on_run(vec![by(0, "correct")]),
            ["mode_experiments:0 rejected human.correct rule.human"],
        ),
        case(
            "review",
            on_run(vec![by(0, "review")]),
            ["mode_experiments:0 needs_human_review human.review rule.human"],
        ),
        case(
            "an unknown action",
            on_run(vec![by(0, "burn")]),
            ["mode_experiments:0 needs_human_review human.review rule.human"],
        ),
        case(
            "the latest person counts, and all stand in the reasons",
            on_run(vec![by(5, "accept"), by(3, "reject")]),
            ["mode_experiments:0 accepted human.accept human.reject rule.human"],
        ),
        case(
            "by canonical order at one time",
            on_run(vec![by(3, "accept"), by(3, "reject")]),
            ["mode_experiments:0 rejected human.accept human.reject rule.human"],
        ),
        case(
            "a deterministic fail that is later takes an accept back",
            on_run(vec![by(0, "accept"), outcome(1, 1, 0, json!({}))]),
            ["mode_experiments:0 needs_human_review human.accept outcome.failed rule.human"],
        ),
        case(
            "one that is earlier does not",
            on_run(vec![by(1, "accept"), outcome(0, 1, 0, json!({}))]),
            ["mode_experiments:0 accepted human.accept outcome.failed rule.human"],
        ),
        case(
            "at one time canonical order decides: outcomes come after human_overrides",
            on_run(vec![by(1, "accept"), outcome(1, 1, 0, json!({}))]),
            ["mode_experiments:0 needs_human_review human.accept outcome.failed rule.human"],
        ),
        case(
            "a fail of its own row has that row's time",
            vec![review(2, json!({"gates": {"g1": false}, "run_id": "r"})), by(1, "accept")],
            ["scrum_reviews:0 needs_human_review gate.failed:g1 human.accept rule.human scrum.accept"],
        ),
        case(
            "a revert is as late as it is, not as the apply it undoes",
            vec![
                review(0, json!({"run_id": "r"})),
                apply(1, "committed", json!({})),
                by(2, "accept"),
                apply(3, "reverted", json!({})),
            ],
            ["scrum_reviews:0 needs_human_review apply.reverted human.accept rule.human scrum.accept"],
        ),
        case(
            "a partial acceptance stands against a later fail",
            on_run(vec![by(0, "partial"), outcome(1, 1, 0, json!({}))]),
            ["mode_experiments:0 partially_accepted human.partial outcome.failed rule.human"],
        ),
        case(
            "a correction is accepted until somebody overrules it",
            vec![
                human(0, "correct", json!({"corrected_text": "x"})),
                human(1, "correct", json!({"corrected_text": ""})),
            ],
            [
                "human_overrides:0 accepted human.accept rule.human",
                "human_overrides:1 needs_human_review rule.support",
            ],
        ),
    ]
}

fn failed() -> Vec<Case> {
    vec![
        case(
            "rule.conflict: a pass and a fail",
            on_run(vec![outcome(0, 1, 1, json!({})), outcome(1, 1, 0, json!({}))]),
            ["mode_experiments:0 needs_human_review outcome.complete outcome.failed rule.conflict"],
        ),
        case(
            "a pass in part and a fail",
            on_run(vec![outcome(0, 2, 1, json!({})), outcome(1, 1, 0, json!({}))]),
            ["mode_experiments:0 needs_human_review outcome.failed outcome.partial rule.conflict"],
        ),
        case(
            "rule.failed: whatever opinions say",
            vec![review(0, json!({"gates": {"g1": false, "g2": true}}))],
            ["scrum_reviews:0 rejected gate.failed:g1 rule.failed scrum.accept"],
        ),
        case(
            "a gate that is no flag neither fails nor lets the others pass",
            vec![review(0, json!({"gates": {"g1": true, "g2": "yes"}})), review(1, json!({"gates": {}}))],
            [
                "scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept",
                "scrum_reviews:1 needs_human_review rule.single_opinion scrum.accept",
            ],
        ),
        case(
            "rule.unclear: before what is for it and what is against",
            vec![
                facts(0, json!({"facts": []})),
                facts(0, json!({"facts": [], "verifier": "v", "verified": false})),
            ],
            [
                "audit_facts:0 needs_human_review extract.failed rule.unclear",
                "audit_facts:1 needs_human_review extract.failed rule.unclear",
            ],
        ),
    ]
}

fn judged() -> Vec<Case> {
    let grounded =
        |percent: i64, more: Value| experiment(0, super::with(json!({"grounding_pct": percent}), more));
    let accepted_by = || observer(0, "ok", json!({"run_id": "r"}));
    vec![
        case(
            "rule.disputed: a pass and an opinion against",
            on_run(vec![outcome(0, 1, 1, json!({})), observer(0, "cycle", json!({"run_id": "r"}))]),
            ["mode_experiments:0 needs_human_review observer.reject outcome.complete rule.disputed"],
        ),
        case(
            "grounded, and an opinion against",
            vec![grounded(80, json!({})), overseer(0, json!({"run_id": "r"}))],
            ["mode_experiments:0 needs_human_review grounding.high overseer.corrected rule.disputed"],
        ),
        case(
            "rule.passed",
            vec![
                review(0, json!({"gates": {"g1": true}, "verdict": "maybe"})),
                audit(0, finding("dynamic", "info")),
            ],
            [
                "scrum_reviews:0 accepted gate.passed rule.passed",
                "audits:0 accepted audit.backed rule.passed",
            ],
        ),
        case(
            "in part, when some signal is in part",
            on_run(vec![outcome(0, 1, 1, json!({})), outcome(0, 2, 1, json!({}))]),
            ["mode_experiments:0 partially_accepted outcome.complete outcome.partial rule.passed"],
        ),
        case(
            "or grounds weakly",
            vec![grounded(50, json!({})), grounded(49, json!({})), outcome(0, 1, 1, json!({}))],
            [
                "mode_experiments:0 partially_accepted grounding.mid outcome.complete rule.passed",
                "mode_experiments:1 partially_accepted grounding.low outcome.complete rule.passed",
            ],
        ),
        case(
            "rule.ungrounded: whatever opinions say",
            vec![grounded(49, json!({})), accepted_by(), super::overseer(0, json!({"run_id": "r"}))],
            ["mode_experiments:0 rejected grounding.low observer.accept overseer.corrected rule.ungrounded"],
        ),
        case(
            "rule.grounded: with an opinion for",
            vec![grounded(80, json!({})), accepted_by()],
            ["mode_experiments:0 accepted grounding.high observer.accept rule.grounded"],
        ),
        case(
            "and without",
            vec![grounded(100, json!({"error": "late"})), grounded(79, json!({"run_id": "q"}))],
            [
                "mode_experiments:0 partially_accepted call.error grounding.high rule.grounded",
                "mode_experiments:1 needs_human_review grounding.mid rule.none",
            ],
        ),
        case(
            "a contract is grounded by what was retrieved for it",
            vec![
                (
                    "contract_analyses",
                    json!({"ts": at(0), "ok": true, "analysis": "x", "matrix_hits": 1, "observer_verdict": "ok"}),
                ),
                ("contract_analyses", json!({"ts": at(0), "ok": true, "analysis": "x", "matrix_hits": 0})),
                ("contract_analyses", json!({"ts": at(0), "ok": false, "analysis": "x", "matrix_hits": 1})),
                (
                    "contract_analyses",
                    json!({"ts": at(0), "ok": true, "matrix_hits": 1, "observer_verdict": "ok", "observer_conf": 0.6}),
                ),
            ],
            [
                "contract_analyses:0 accepted contract.complete observer.accept rule.grounded",
                "contract_analyses:1 needs_human_review rule.none",
                "contract_analyses:2 needs_human_review call.error rule.outage",
                "contract_analyses:3 needs_human_review rule.none",
            ],
        ),
    ]
}

fn opinions() -> Vec<Case> {
    let votes = |verdicts: &[&str]| {
        let votes: Vec<Value> = verdicts.iter().map(|verdict| json!({"verdict": verdict})).collect();
        (
            "audit_discrepancies",
            json!({"pr_number": 1, "head_sha": super::SHA, "claim_idx": 0, "votes": votes, "resolution": "yes"}),
        )
    };
    vec![
        case(
            "rule.opposed",
            vec![review(0, json!({"verdict": "needs_patch"}))],
            ["scrum_reviews:0 needs_human_review rule.opposed scrum.reject"],
        ),
        case(
            "rule.opinions: two codes",
            vec![review(0, json!({"run_id": "r"})), observer(0, "ok", json!({"run_id": "r"}))],
            ["scrum_reviews:0 partially_accepted observer.accept rule.opinions scrum.accept"],
        ),
        case(
            "but not one code twice",
            on_run(vec![
                observer(0, "ok", json!({"run_id": "r"})),
                observer(1, "ok", json!({"run_id": "r"})),
            ]),
            ["mode_experiments:0 needs_human_review observer.accept rule.single_opinion"],
        ),
        case(
            "one that stands for two judges",
            vec![votes(&["yes", "Yes ", "no"]), votes(&["yes", "no"]), fact(0, "x", json!({}))],
            [
                "audit_discrepancies:0 partially_accepted consensus.majority rule.opinions",
                "audit_discrepancies:1 needs_human_review consensus.split rule.opposed",
                "distilled_facts:0 partially_accepted extract.verified rule.opinions",
            ],
        ),
        case(
            "a verifier of the same family says nothing, and one that refutes speaks against",
            vec![
                fact(0, "x", json!({"extractor": "qwen3", "verifier": "Qwen2.5-coder"})),
                fact(0, "y", json!({"verified": false})),
                fact(0, "z", json!({"verifier": null})),
            ],
            [
                "distilled_facts:0 needs_human_review rule.none",
                "distilled_facts:1 needs_human_review extract.refuted rule.opposed",
                "distilled_facts:2 needs_human_review rule.none",
            ],
        ),
        case(
            "rule.single_opinion, outage or not",
            vec![
                review(0, json!({"run_id": "r"})),
                ("observer_ops", json!({"ts": at(0), "run_id": "r", "ok": false})),
            ],
            ["scrum_reviews:0 needs_human_review call.error rule.single_opinion scrum.accept"],
        ),
        case(
            "rule.outage and rule.none",
            vec![experiment(0, json!({"error": "e"})), experiment(0, json!({}))],
            [
                "mode_experiments:0 needs_human_review call.error rule.outage",
                "mode_experiments:1 needs_human_review rule.none",
            ],
        ),
    ]
}
