//! L4, by file and time, to reviews.

use super::{Case, DAY, apply, case, human, observer, overseer, review};
use serde_json::json;

/// How a review ends that nothing but its own verdict stands on, by its line.
const ALONE: [&str; 3] = [
    "scrum_reviews:0 needs_human_review rule.single_opinion scrum.accept",
    "scrum_reviews:1 needs_human_review rule.single_opinion scrum.accept",
    "scrum_reviews:2 needs_human_review rule.single_opinion scrum.accept",
];
const COMMITTED: [&str; 2] = [
    "scrum_reviews:0 accepted apply.committed rule.passed scrum.accept",
    "scrum_reviews:1 accepted apply.committed rule.passed scrum.accept",
];

pub(super) fn cases() -> Vec<Case> {
    [applies(), reverts(), observers(), people(), unclear()].into_iter().flatten().collect()
}

fn applies() -> Vec<Case> {
    let committed = |millis| apply(millis, "committed", json!({}));
    vec![
        case(
            "an apply reaches the last review of its file at or before it",
            vec![review(0, json!({})), review(5, json!({})), review(9, json!({})), committed(5)],
            [ALONE[0], COMMITTED[1], ALONE[2], "auto_apply:0 accepted apply.committed rule.passed"],
        ),
        case(
            "no review of another file",
            vec![review(0, json!({})), review(1, json!({"file": "A"})), committed(2)],
            [COMMITTED[0], ALONE[1]],
        ),
        case(
            "within the window, its first moment too",
            vec![review(0, json!({})), committed(DAY)],
            [COMMITTED[0]],
        ),
        case("not a moment earlier", vec![review(0, json!({})), committed(DAY + 1)], [ALONE[0]]),
        case(
            "of several applies of a review only the latest counts",
            vec![
                review(0, json!({})),
                apply(2, "applied", json!({"patches_applied": 1, "patches_proposed": 2})),
                apply(1, "committed", json!({"gates": {"g2": false}})),
            ],
            ["scrum_reviews:0 partially_accepted apply.partial rule.passed scrum.accept"],
        ),
        case(
            "even when it says nothing",
            vec![review(0, json!({})), committed(1), apply(2, "skipped", json!({}))],
            [ALONE[0]],
        ),
        case(
            "a failed gate is what the latest apply says",
            vec![review(0, json!({})), apply(1, "committed", json!({"gates": {"g3": false, "fmt": false}}))],
            [
                "scrum_reviews:0 rejected gate.failed:g3 gate.failed:other rule.failed scrum.accept",
                "auto_apply:0 rejected gate.failed:g3 gate.failed:other rule.failed",
            ],
        ),
        case(
            "an apply that another review takes does not count for the one before",
            vec![review(0, json!({})), review(5, json!({})), committed(1), apply(6, "skipped", json!({}))],
            [COMMITTED[0], ALONE[1]],
        ),
    ]
}

fn reverts() -> Vec<Case> {
    let reverted = "scrum_reviews:0 rejected apply.reverted rule.failed scrum.accept";
    let undone = "auto_apply:0 rejected apply.reverted rule.failed";
    let of = |commit: &str| json!({"commit": commit});
    vec![
        case(
            "a revert stands in for the apply of its commit, on it and on its review, however long ago",
            vec![
                review(0, json!({})),
                apply(1, "committed", of("C1")),
                review(2, json!({})),
                apply(3, "committed", of("c2")),
                apply(3 * DAY, "reverted", of("c1")),
            ],
            [
                reverted,
                COMMITTED[1],
                undone,
                "auto_apply:1 accepted apply.committed rule.passed",
                "auto_apply:2 rejected apply.reverted rule.failed",
            ],
        ),
        case(
            "also when it is told before",
            vec![review(0, json!({})), apply(1, "committed", of("c1")), apply(0, "auto-revert", of("c1"))],
            [reverted, undone],
        ),
        case(
            "without that commit it undoes the latest apply before it",
            vec![
                review(0, json!({})),
                apply(1, "committed", json!({})),
                apply(2, "reverted", of("unknown")),
                apply(3 * DAY, "committed", of("c3")),
            ],
            [reverted, undone, "auto_apply:2 accepted apply.committed rule.passed"],
        ),
        case(
            "an apply that failed is no apply to undo",
            vec![
                review(0, json!({})),
                apply(1, "committed", json!({})),
                apply(2, "committed", json!({"gates": {"g1": false}})),
                apply(3, "reverted", json!({})),
            ],
            [
                "scrum_reviews:0 rejected gate.failed:g1 rule.failed scrum.accept",
                undone,
                "auto_apply:1 rejected gate.failed:g1 rule.failed",
            ],
        ),
        case(
            "an undone apply counts where it counted, and only there",
            vec![
                review(0, json!({})),
                apply(1, "committed", of("c1")),
                apply(2, "committed", of("c2")),
                apply(3, "reverted", of("c1")),
            ],
            [COMMITTED[0], undone, "auto_apply:1 accepted apply.committed rule.passed"],
        ),
        case(
            "a revert that undoes something links no further",
            vec![
                review(0, json!({})),
                apply(1, "committed", of("c1")),
                review(2, json!({})),
                apply(3, "reverted", of("c1")),
            ],
            [reverted, ALONE[1]],
        ),
        case(
            "one that undoes nothing known links like any other apply",
            vec![review(0, json!({})), apply(1, "reverted", json!({}))],
            [reverted, undone],
        ),
        case(
            "a revert of another file undoes nothing here",
            vec![
                review(0, json!({})),
                apply(1, "committed", of("c1")),
                apply(2, "reverted", json!({"file": "b", "commit": "c1"})),
            ],
            [COMMITTED[0], "auto_apply:0 accepted apply.committed rule.passed"],
        ),
        case(
            "what was done in part is undone too",
            vec![
                review(0, json!({})),
                apply(1, "applied", json!({"patches_applied": 0, "patches_proposed": 1})),
                apply(2, "reverted", json!({})),
            ],
            [reverted, undone],
        ),
    ]
}

fn observers() -> Vec<Case> {
    let seen = |millis, more| observer(millis, "accept", super::with(json!({"file": "a"}), more));
    let accepted = [
        "scrum_reviews:0 partially_accepted observer.accept rule.opinions scrum.accept",
        "scrum_reviews:1 partially_accepted observer.accept rule.opinions scrum.accept",
    ];
    vec![
        case(
            "an observer means the first review at or after",
            vec![review(0, json!({})), review(5, json!({})), review(9, json!({})), seen(5, json!({}))],
            [ALONE[0], accepted[1], ALONE[2]],
        ),
        case(
            "the first one after rather than a nearer one before",
            vec![review(0, json!({})), review(1 + DAY, json!({})), seen(1, json!({}))],
            [ALONE[0], accepted[1]],
        ),
        case(
            "else the last before",
            vec![review(-5, json!({})), review(0, json!({})), review(2 + DAY, json!({})), seen(1, json!({}))],
            [ALONE[0], accepted[1], ALONE[2]],
        ),
        case("within the window", vec![review(0, json!({})), seen(DAY, json!({}))], [accepted[0]]),
        case(
            "on both sides",
            vec![review(0, json!({})), review(2 * DAY + 2, json!({})), seen(DAY + 1, json!({}))],
            [ALONE[0], ALONE[1]],
        ),
        case(
            "unequal attempts are no link, and no other review takes its place",
            vec![
                review(0, json!({"accepted_on_attempt": 1})),
                review(5, json!({"accepted_on_attempt": 2})),
                seen(5, json!({"attempt": 1})),
            ],
            [ALONE[0], ALONE[1]],
        ),
        case(
            "equal ones are, and so are attempts that one side does not name",
            vec![
                review(0, json!({"accepted_on_attempt": 2})),
                seen(0, json!({"attempt": 2})),
                review(DAY * 5, json!({})),
                seen(DAY * 5, json!({"attempt": 7})),
            ],
            accepted,
        ),
    ]
}

fn people() -> Vec<Case> {
    vec![
        case(
            "a person means the last review at or before, without window",
            vec![
                review(0, json!({})),
                review(5, json!({})),
                review(3 * DAY + 1, json!({})),
                human(3 * DAY, "reject", json!({"file": "a"})),
            ],
            [ALONE[0], "scrum_reviews:1 rejected human.reject rule.human scrum.accept", ALONE[2]],
        ),
        case(
            "and none after",
            vec![review(1, json!({})), human(0, "reject", json!({"file": "a"}))],
            [ALONE[0]],
        ),
        case(
            "an overseer likewise",
            vec![review(0, json!({})), review(1, json!({})), overseer(DAY, json!({"file": "a"}))],
            [ALONE[0], "scrum_reviews:1 needs_human_review overseer.corrected rule.opposed scrum.accept"],
        ),
        case(
            "but within the window",
            vec![review(0, json!({})), overseer(DAY + 1, json!({"file": "a"}))],
            [ALONE[0]],
        ),
    ]
}

fn unclear() -> Vec<Case> {
    let unclear = [
        "scrum_reviews:0 needs_human_review link.ambiguous rule.unclear scrum.accept",
        "scrum_reviews:1 needs_human_review link.ambiguous rule.unclear scrum.accept",
    ];
    let two = || {
        let at_once = |text: &str| review(0, json!({"review": text, "accepted_on_attempt": text.len()}));
        vec![at_once("x"), at_once("yy")]
    };
    let and = |row| two().into_iter().chain([row]).collect();
    vec![
        case("two reviews at one time: an apply", and(apply(1, "committed", json!({}))), unclear),
        case(
            "an observer, whatever the attempts",
            and(observer(0, "ok", json!({"file": "a", "attempt": 2}))),
            unclear,
        ),
        case(
            "a person, whose word then reaches neither",
            and(human(0, "accept", json!({"file": "a"}))),
            unclear,
        ),
        case("an overseer", and(overseer(0, json!({"file": "a"}))), unclear),
        case(
            "an apply that says nothing is not unclear either",
            and(apply(1, "skipped", json!({}))),
            [ALONE[0], ALONE[1]],
        ),
        case(
            "a later review at a time of its own is clear",
            two().into_iter().chain([review(1, json!({})), apply(1, "committed", json!({}))]).collect(),
            [ALONE[0], ALONE[1], "scrum_reviews:2 accepted apply.committed rule.passed scrum.accept"],
        ),
    ]
}
