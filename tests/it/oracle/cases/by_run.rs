//! L1, L2, and what holds for all links.

use super::{
    Case, DAY, Rows, SHA, at, audit, case, escalation, experiment, finding, human, observer, outcome, review,
    signature,
};
use serde_json::{Value, json};

pub(super) fn cases() -> Vec<Case> {
    [every_link(), by_run(), by_signature()].into_iter().flatten().collect()
}

fn every_link() -> Vec<Case> {
    vec![
        case(
            "a signal belongs to the judged work, never to the judging row",
            vec![audit(0, finding("static", "block"))],
            ["audits:0 accepted audit.backed rule.passed"],
        ),
        case(
            "the first key that a row carries decides: run before file",
            vec![
                experiment(0, json!({})),
                review(0, json!({})),
                observer(0, "accept", json!({"run_id": "r", "file": "a"})),
            ],
            [
                "mode_experiments:0 needs_human_review observer.accept rule.single_opinion",
                "scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept",
                "observer_reviews:0 needs_human_review rule.support",
            ],
        ),
        case(
            "a run that is not there is not made up for by a file that is",
            vec![review(0, json!({})), human(0, "accept", json!({"run_id": "nobody", "file": "a"}))],
            ["scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept"],
        ),
        case(
            "pull request before file",
            vec![
                review(0, json!({})),
                audit(0, json!({})),
                human(1, "accept", json!({"pr_number": 1, "file": "a"})),
            ],
            [
                "scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept",
                "audits:0 accepted human.accept rule.human",
            ],
        ),
        case(
            "a head without a pull request is no key",
            vec![
                audit(0, json!({})),
                review(0, json!({})),
                human(1, "accept", json!({"head_sha": SHA, "file": "a"})),
            ],
            [
                "audits:0 needs_human_review rule.none",
                "scrum_reviews:0 accepted human.accept rule.human scrum.accept",
            ],
        ),
        case(
            "links do not chain: what reaches a run does not go on to the rows that its rows judge",
            vec![
                review(0, json!({"run_id": "x"})),
                super::apply(0, "committed", json!({})),
                ("observer_ops", json!({"ts": at(0), "run_id": "x", "ok": false})),
            ],
            [
                "scrum_reviews:0 accepted apply.committed call.error rule.passed scrum.accept",
                "auto_apply:0 accepted apply.committed rule.passed",
            ],
        ),
        case(
            "rows that say nothing link nothing, not even when it is unclear to what",
            vec![
                review(0, json!({"review": "x"})),
                review(0, json!({"review": "y"})),
                observer(0, "reject", json!({"file": "a", "conf": 0.69})),
                observer(0, "maybe", json!({"file": "a"})),
                human(0, "reject", json!({})),
            ],
            [
                "scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept",
                "scrum_reviews:1 needs_human_review rule.single_opinion scrum.accept",
            ],
        ),
        case(
            "an observer is heard from 0.70 on, or without a figure",
            vec![review(0, json!({})), observer(0, "reject", json!({"file": "a", "conf": 0.7}))],
            ["scrum_reviews:0 needs_human_review observer.reject rule.opposed scrum.accept"],
        ),
        case(
            "a target may stand in an object of its own",
            vec![experiment(0, json!({})), human(0, "partial", json!({"target": {"run_id": "r"}}))],
            ["mode_experiments:0 partially_accepted human.partial rule.human"],
        ),
    ]
}

fn by_run() -> Vec<Case> {
    let on_run = |stream: &'static str, row: Value| -> Rows { vec![experiment(0, json!({})), (stream, row)] };
    vec![
        case(
            "an outcome reaches all work of its run, and stands on itself once",
            vec![
                experiment(0, json!({})),
                experiment(1, json!({"run_id": "other"})),
                review(0, json!({"run_id": "r"})),
                outcome(0, 2, 2, json!({})),
                outcome(0, 2, 1, json!({})),
            ],
            [
                "mode_experiments:0 partially_accepted outcome.complete outcome.partial rule.passed",
                "mode_experiments:1 needs_human_review rule.none",
                "scrum_reviews:0 partially_accepted outcome.complete outcome.partial rule.passed scrum.accept",
                "outcomes:0 partially_accepted outcome.complete outcome.partial rule.passed",
                "outcomes:1 partially_accepted outcome.complete outcome.partial rule.passed",
            ],
        ),
        case(
            "gaps, few good events or none at all",
            vec![
                outcome(0, 2, 2, json!({"run_id": "gaps", "total_gap_signals": 1})),
                outcome(0, 3, 1, json!({"run_id": "few"})),
                outcome(0, 0, 0, json!({"run_id": "none"})),
            ],
            [
                "outcomes:0 partially_accepted outcome.partial rule.passed",
                "outcomes:1 rejected outcome.failed rule.failed",
                "outcomes:2 rejected outcome.failed rule.failed",
            ],
        ),
        case(
            "a router's errors are an outage of the run",
            on_run(
                "model_trust",
                json!({"run_id": "r", "task_type": "t", "accepted_model": "m", "errors": 1}),
            ),
            ["mode_experiments:0 needs_human_review call.error rule.outage"],
        ),
        case(
            "a router without errors says nothing",
            on_run(
                "model_trust",
                json!({"run_id": "r", "task_type": "t", "accepted_model": "m", "errors": 0}),
            ),
            ["mode_experiments:0 needs_human_review rule.none"],
        ),
        case(
            "an observer of operations names the outage of a run",
            on_run("observer_ops", json!({"ts": at(0), "run_id": "r", "ok": true, "error": "e"})),
            [
                "mode_experiments:0 needs_human_review call.error rule.outage",
                "observer_ops:0 needs_human_review rule.support",
            ],
        ),
        case(
            "replays tell from the third on",
            on_run("pathway_recommendations", json!({"run_id": "r", "replays": 2, "replay_ok": 0})),
            ["mode_experiments:0 needs_human_review rule.none"],
        ),
        case(
            "replays that mostly work are a reason and decide nothing",
            on_run("pathway_recommendations", json!({"run_id": "r", "replays": 5, "replay_ok": 4})),
            ["mode_experiments:0 needs_human_review replay.high rule.none"],
        ),
        case(
            "replays that mostly fail ground weakly",
            vec![
                outcome(0, 1, 1, json!({})),
                ("pathway_recommendations", json!({"run_id": "r", "replays": 5, "replay_ok": 2})),
            ],
            ["outcomes:0 partially_accepted outcome.complete replay.low rule.passed"],
        ),
        case(
            "replays in between say nothing",
            on_run("pathway_recommendations", json!({"run_id": "r", "replays": 4, "replay_ok": 2})),
            ["mode_experiments:0 needs_human_review rule.none"],
        ),
        case(
            "observer, person and overseer reach a run that they name",
            vec![
                experiment(0, json!({})),
                observer(0, "ok", json!({"run_id": "r"})),
                super::overseer(0, json!({"run_id": "r"})),
                experiment(0, json!({"run_id": "q"})),
                human(-DAY * 9, "reject", json!({"run_id": "q"})),
            ],
            [
                "mode_experiments:0 needs_human_review observer.accept overseer.corrected rule.opposed",
                "mode_experiments:1 rejected human.reject rule.human",
            ],
        ),
    ]
}

fn by_signature() -> Vec<Case> {
    let on_signed = |millis: i64, more: Value| -> Rows {
        vec![experiment(millis, more), signature(0, "r", "s"), escalation(DAY, json!({}))]
    };
    let reached = "mode_experiments:0 needs_human_review observer.escalated rule.opposed";
    let not_reached = "mode_experiments:0 needs_human_review rule.none";
    vec![
        case("an escalation reaches work of its signature before it", on_signed(1000, json!({})), [reached]),
        case("a window holds its first moment", on_signed(0, json!({})), [reached]),
        case("and its last", on_signed(DAY, json!({})), [reached]),
        case("and nothing before", on_signed(-1, json!({})), [not_reached]),
        case("nor after", on_signed(DAY + 1, json!({})), [not_reached]),
        case(
            "the signature of a run is the latest that one of its rows gives",
            vec![
                experiment(0, json!({})),
                signature(0, "r", "s"),
                outcome(1, 0, 0, json!({"sig_hash": "z"})),
                ("classifications", json!({"run_id": "r"})),
                escalation(1, json!({})),
            ],
            ["mode_experiments:0 rejected outcome.failed rule.failed"],
        ),
        case(
            "of two at one time the later in canonical order counts",
            vec![
                experiment(0, json!({})),
                signature(0, "r", "s"),
                ("classifications", json!({"run_id": "r", "sig_hash": "z", "ts": at(0)})),
                escalation(0, json!({})),
            ],
            [reached],
        ),
        case(
            "no work on which a deterministic pass stands, whatever it came from",
            vec![
                outcome(0, 1, 1, json!({})),
                experiment(0, json!({})),
                signature(0, "r", "s"),
                escalation(1, json!({})),
            ],
            [
                "mode_experiments:0 accepted outcome.complete rule.passed",
                "outcomes:0 accepted outcome.complete rule.passed",
            ],
        ),
        case(
            "a pass in part is none",
            vec![outcome(0, 2, 1, json!({"sig_hash": "s"})), escalation(1, json!({}))],
            ["outcomes:0 needs_human_review observer.escalated outcome.partial rule.disputed"],
        ),
        case(
            "an escalation is work, which another reaches, but not it itself",
            vec![escalation(0, json!({"analysis": "x"})), escalation(1, json!({"analysis": "y"}))],
            [
                "observer_escalations:0 needs_human_review escalation.analysed observer.escalated rule.opposed",
                "observer_escalations:1 needs_human_review escalation.analysed rule.single_opinion",
            ],
        ),
    ]
}
