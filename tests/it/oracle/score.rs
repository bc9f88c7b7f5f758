//! The table of SPEC section 6, top to bottom, over the signals that stand on one piece of evidence.

use super::links::Signal;
use super::read::Row;

/// A category, and the sorted reasons for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    pub category: &'static str,
    pub reasons: Vec<String>,
}

/// Deterministic pass.
pub fn is_pass(code: &str) -> bool {
    ["apply.committed", "gate.passed", "auditor.approve", "audit.backed", "outcome.complete"].contains(&code)
}

fn is_partial(code: &str) -> bool {
    ["apply.partial", "auditor.warn", "outcome.partial"].contains(&code)
}

fn is_fail(code: &str) -> bool {
    code == "apply.reverted"
        || code == "outcome.failed"
        || code.starts_with("gate.failed:")
        || code.starts_with("auditor.block:")
}

fn is_grounded(code: &str) -> bool {
    ["grounding.high", "contract.complete"].contains(&code)
}

fn is_weakly_grounded(code: &str) -> bool {
    ["grounding.mid", "grounding.low", "replay.low"].contains(&code)
}

fn is_against(code: &str) -> bool {
    [
        "scrum.reject",
        "observer.reject",
        "observer.escalated",
        "auditor.block.model",
        "extract.refuted",
        "consensus.split",
        "overseer.corrected",
    ]
    .contains(&code)
}

/// How many judges an opinion for the work stands for.
fn judges_for(code: &str) -> usize {
    match code {
        "scrum.accept" | "observer.accept" | "escalation.analysed" | "auditor.approve.model" => 1,
        "extract.verified" | "consensus.majority" => 2,
        _ => 0,
    }
}

fn is_human(code: &str) -> bool {
    code.starts_with("human.")
}

/// Scores one row of all.
pub fn score(rows: &[Row], row: usize, signals: &[Signal]) -> Score {
    if !rows[row].work {
        return Score { category: "needs_human_review", reasons: vec!["rule.support".to_owned()] };
    }
    let mut codes: Vec<String> = signals.iter().map(|signal| signal.code.clone()).collect();
    codes.sort();
    codes.dedup();
    let (category, rule) = decide(rows, signals, &codes);
    codes.push(rule.to_owned());
    codes.sort();
    Score { category, reasons: codes }
}

fn decide(rows: &[Row], signals: &[Signal], codes: &[String]) -> (&'static str, &'static str) {
    let any = |is: fn(&str) -> bool| codes.iter().any(|code| is(code));
    let has = |code: &str| codes.iter().any(|one| one == code);
    let checked = any(is_pass) || any(is_partial);
    let judges: usize = codes.iter().map(|code| judges_for(code)).sum();

    let mut human: Option<&Signal> = None;
    for signal in signals.iter().filter(|signal| is_human(&signal.code)) {
        if human.is_none_or(|latest| rows[signal.said_by].is_later_than(&rows[latest.said_by])) {
            human = Some(signal);
        }
    }
    if let Some(human) = human {
        let failed_since = signals
            .iter()
            .any(|one| is_fail(&one.code) && rows[one.said_by].is_later_than(&rows[human.said_by]));
        let category = match human.code.as_str() {
            "human.accept" if !failed_since => "accepted",
            "human.partial" => "partially_accepted",
            "human.reject" | "human.correct" => "rejected",
            _ => "needs_human_review",
        };
        return (category, "rule.human");
    }
    if checked && any(is_fail) {
        return ("needs_human_review", "rule.conflict");
    }
    if any(is_fail) {
        return ("rejected", "rule.failed");
    }
    if has("link.ambiguous") || has("extract.failed") {
        return ("needs_human_review", "rule.unclear");
    }
    if (checked || any(is_grounded)) && any(is_against) {
        return ("needs_human_review", "rule.disputed");
    }
    if checked {
        let in_part = any(is_partial) || any(is_weakly_grounded);
        return (if in_part { "partially_accepted" } else { "accepted" }, "rule.passed");
    }
    if has("grounding.low") {
        return ("rejected", "rule.ungrounded");
    }
    if any(is_grounded) {
        return (if judges > 0 { "accepted" } else { "partially_accepted" }, "rule.grounded");
    }
    if any(is_against) {
        return ("needs_human_review", "rule.opposed");
    }
    match judges {
        2.. => ("partially_accepted", "rule.opinions"),
        1 => ("needs_human_review", "rule.single_opinion"),
        0 if has("call.error") => ("needs_human_review", "rule.outage"),
        0 => ("needs_human_review", "rule.none"),
    }
}
