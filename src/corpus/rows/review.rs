//! `scrum_reviews`.

use super::prose;
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::{Review, Story};

const FOR: [&str; 5] = ["accept", "approved", "pass", "ok", "Accepted"];
const AGAINST: [&str; 5] = ["needs_patch", "request_changes", "reject", "cycle", "Blocked"];
const GATES: [&str; 5] = ["g1", "g2", "g3", "g4", "g5"];

pub(crate) fn scrum_review(pen: &mut Pen, story: &Story, review: &Review) {
    pen.str("file", &review.file);
    pen.time("reviewed_at", review.at);
    pen.str("accepted_model", review.model);
    pen.num("accepted_on_attempt", review.attempt);
    if let Some(run_id) = &review.run_id {
        pen.str("run_id", run_id);
    }
    let verdict = match pen.dice.below(10) {
        0..3 => None,
        3 if pen.dice.often(30) => Some(pen.dice.word(&["unclear", "LGTM", "approve", "needs_patch"])),
        _ => Some(pen.dice.word(if review.accepted { &FOR } else { &AGAINST })),
    };
    if let Some(verdict) = verdict {
        pen.str("verdict", verdict);
    }
    if pen.dice.often(14) {
        pen.str("format", "json");
        structured(pen, review, verdict);
    } else {
        pen.str("format", "markdown");
        let bytes = pen.dice.text_bytes(130);
        pen.open_text("review");
        prose::review(pen, &review.file, verdict, bytes);
        pen.close_text();
    }
    if pen.dice.often(70) {
        pen.str("prompt_hash", &review.prompt_hash);
    }
    gates(pen, review.accepted);
    if pen.dice.often(12) {
        pen.num("pr_number", story.pr_number);
        pen.str("head_sha", &story.head_sha);
    }
    if pen.dice.often(3) {
        pen.num("schema_version", 1);
    }
}

/// A review that is an object instead of a text.
fn structured(pen: &mut Pen, review: &Review, verdict: Option<&str>) {
    pen.literal("review", "{");
    pen.say("summary", Kind::Remark);
    pen.fraction("score");
    pen.literal("findings", "[");
    for _ in 0..pen.dice.between(1, 6) {
        pen.item();
        pen.json("{");
        let line = pen.dice.between(1, 900);
        pen.num("line", line);
        let severity = pen.dice.word(&["info", "warn", "block"]);
        pen.str("severity", severity);
        pen.open_text("text");
        pen.fragment(Kind::Remark);
        if pen.dice.often(30) {
            pen.plain("\\n\\n");
            pen.fragment(Kind::Code);
        }
        pen.close_text();
        pen.json("}");
    }
    pen.json("]");
    pen.str("file", &review.file);
    match verdict {
        Some(verdict) => pen.str("verdict", verdict),
        None => pen.literal("verdict", "null"),
    }
    pen.json("}");
}

/// All gates true, one or two false, or no gates at all.
fn gates(pen: &mut Pen, accepted: bool) {
    if !pen.dice.often(72) {
        return;
    }
    let fails = pen.dice.often(if accepted { 12 } else { 55 });
    let first_failed = if fails { pen.dice.below(6) } else { u64::MAX };
    pen.literal("gates", "{");
    for (index, gate) in (0..).zip(GATES) {
        let also = fails && pen.dice.often(8);
        pen.flag(gate, index != first_failed && !also);
    }
    if first_failed == 5 {
        pen.flag("anchor_grounding", false);
    }
    pen.json("}");
}
