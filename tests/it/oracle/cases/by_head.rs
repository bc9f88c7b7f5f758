//! L3, by pull request and head.

use super::{Case, SHA, apply, audit, case, facts, finding, human};
use serde_json::{Value, json};

pub(super) fn cases() -> Vec<Case> {
    [what_audits_say(), who_is_reached(), people()].into_iter().flatten().collect()
}

/// An apply of the audited head, on which nothing else stands.
fn applied(millis: i64) -> (&'static str, Value) {
    apply(millis, "skipped", json!({"commit": SHA}))
}

fn what_audits_say() -> Vec<Case> {
    let said = |more: Value, end: &'static str| {
        case("what an audit says of the audited work", vec![applied(0), audit(0, more)], [end])
    };
    let both = |a: &str, b: &str| json!({"overall": "ok", "findings": [{"check": a, "severity": "block"}, {"check": b, "severity": "block"}]});
    vec![
        said(finding("static", "block"), "auto_apply:0 rejected auditor.block:static rule.failed"),
        said(finding("dynamic", "block"), "auto_apply:0 rejected auditor.block:dynamic rule.failed"),
        said(
            both("static", "dynamic"),
            "auto_apply:0 rejected auditor.block:dynamic auditor.block:static rule.failed",
        ),
        said(
            both("static", "inference"),
            "auto_apply:0 rejected auditor.block.model auditor.block:static rule.failed",
        ),
        said(
            finding("inference", "block"),
            "auto_apply:0 needs_human_review auditor.block.model rule.opposed",
        ),
        said(
            finding("kb_query", "block"),
            "auto_apply:0 needs_human_review auditor.block.model rule.opposed",
        ),
        said(finding("static", "warn"), "auto_apply:0 partially_accepted auditor.warn rule.passed"),
        said(finding("inference", "warn"), "auto_apply:0 needs_human_review rule.none"),
        said(
            json!({"overall": "pass"}),
            "auto_apply:0 needs_human_review auditor.approve.model rule.single_opinion",
        ),
        said(
            json!({"verdict": "pass"}),
            "auto_apply:0 needs_human_review auditor.approve.model rule.single_opinion",
        ),
        said(json!({"overall": "fail"}), "auto_apply:0 needs_human_review rule.none"),
        said(
            json!({"overall": "Approved", "findings": [{"check": "dynamic", "severity": "info"}]}),
            "auto_apply:0 accepted auditor.approve rule.passed",
        ),
    ]
}

fn who_is_reached() -> Vec<Case> {
    let block = || finding("static", "block");
    vec![
        case(
            "an audit reaches work that carries its pull request and head, and applies of that head",
            vec![
                audit(0, json!({})),
                audit(1, block()),
                human(0, "correct", json!({"pr_number": 1, "head_sha": SHA, "corrected_text": "x"})),
                apply(0, "skipped", json!({"commit": SHA.to_uppercase()})),
                apply(0, "skipped", json!({"commit": "c0ffee"})),
                apply(1, "skipped", json!({})),
            ],
            [
                "audits:0 rejected auditor.block:static human.correct rule.human",
                "audits:1 rejected audit.backed human.correct rule.human",
                "human_overrides:0 needs_human_review auditor.block:static human.accept rule.human",
                "auto_apply:0 rejected auditor.block:static human.correct rule.human",
                "auto_apply:1 needs_human_review rule.none",
                "auto_apply:2 needs_human_review rule.none",
            ],
        ),
        case(
            "facts, lessons and discrepancies are not what an audit is about",
            vec![
                audit(0, block()),
                facts(0, json!({})),
                (
                    "audit_discrepancies",
                    json!({
                        "pr_number": 1, "head_sha": SHA, "claim_idx": 0, "votes": [{"verdict": "x"}], "resolution": "X",
                    }),
                ),
            ],
            [
                "audit_facts:0 needs_human_review rule.none",
                "audit_discrepancies:0 partially_accepted consensus.majority rule.opinions",
            ],
        ),
        case(
            "an audit of another head or pull request reaches nothing here",
            vec![
                audit(0, json!({})),
                audit(1, super::with(block(), json!({"pr_number": 2}))),
                audit(1, super::with(block(), json!({"head_sha": "0".repeat(40)}))),
            ],
            ["audits:0 needs_human_review rule.none"],
        ),
        case(
            "of several audits only the latest counts",
            vec![applied(0), audit(1, json!({"overall": "ok"})), audit(0, block())],
            [
                "auto_apply:0 needs_human_review auditor.approve.model rule.single_opinion",
                "audits:1 accepted audit.backed auditor.approve.model rule.passed",
            ],
        ),
        case(
            "even when it says nothing",
            vec![applied(0), audit(1, json!({})), audit(0, block())],
            ["auto_apply:0 needs_human_review rule.none"],
        ),
        case(
            "at one time the later in canonical order is the latest",
            vec![applied(0), audit(0, block()), audit(0, json!({"overall": "ok"}))],
            ["auto_apply:0 needs_human_review auditor.approve.model rule.single_opinion"],
        ),
    ]
}

fn people() -> Vec<Case> {
    vec![
        case(
            "a person who names both reaches facts too, and every audit, whenever they are",
            vec![
                audit(5, json!({})),
                facts(5, json!({})),
                applied(5),
                human(0, "accept", json!({"pr_number": 1, "head_sha": SHA.to_uppercase()})),
            ],
            [
                "audits:0 accepted human.accept rule.human",
                "audit_facts:0 accepted human.accept rule.human",
                "auto_apply:0 accepted human.accept rule.human",
            ],
        ),
        case(
            "a person who names a pull request only means all its work up to that time",
            vec![
                audit(0, json!({})),
                audit(1, json!({})),
                audit(0, json!({"pr_number": 2})),
                facts(0, json!({"head_sha": "0".repeat(40)})),
                applied(0),
                human(0, "accept", json!({"pr_number": 1})),
            ],
            [
                "audits:0 accepted human.accept rule.human",
                "audits:1 needs_human_review rule.none",
                "audits:2 needs_human_review rule.none",
                "audit_facts:0 accepted human.accept rule.human",
                "auto_apply:0 needs_human_review rule.none",
            ],
        ),
        case(
            "a correction is never reached by itself, but by others",
            vec![
                human(0, "correct", json!({"pr_number": 1, "corrected_text": "x"})),
                human(1, "reject", json!({"pr_number": 1})),
            ],
            [
                "human_overrides:0 rejected human.accept human.reject rule.human",
                "human_overrides:1 needs_human_review rule.support",
            ],
        ),
    ]
}
