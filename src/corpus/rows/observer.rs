//! `observer_ops`, `observer_reviews` and `observer_escalations`.

use super::prose;
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::{Review, Run, Story};
use crate::corpus::time::SECOND;

const EVENTS: [&str; 6] =
    ["mode_execute", "matrix_search", "scenario_step", "autotune_trial", "tool_call", "intent_parse"];

pub(crate) fn op(pen: &mut Pen, run: &Run, step: u64) {
    pen.time("ts", run.at + step * 3 * SECOND);
    let source = pen.dice.word(&["gateway", "scenario", "langfuse", "overseer", "mcp"]);
    pen.str("source", source);
    let event = pen.dice.word(&EVENTS);
    pen.str("event", event);
    let ok = !run.failed && pen.dice.often(97);
    pen.flag("ok", ok);
    if pen.dice.often(92) {
        pen.str("run_id", &run.id);
    }
    pen.str("model", run.model);
    let milliseconds = pen.dice.between(3, 40_000);
    pen.num("latency_ms", milliseconds);
    if !ok {
        pen.say("error", Kind::Error);
    }
    if pen.dice.often(35) {
        pen.say("output_summary", Kind::Note);
    }
}

pub(crate) fn review(pen: &mut Pen, review: &Review) {
    // The observer is asked before the review is written down.
    let before = pen.dice.between(1, 20) * 400;
    pen.time("ts", review.at.saturating_sub(before));
    pen.str("file", &review.file);
    if let Some(run_id) = review.run_id.as_ref().filter(|_| pen.dice.often(40)) {
        pen.str("run_id", run_id);
    }
    pen.num("attempt", review.attempt);
    let agrees = pen.dice.often(80);
    let verdict = match (review.accepted == agrees, pen.dice.below(8)) {
        (_, 0) => "cycle",
        (true, _) => "accept",
        (false, _) => "reject",
    };
    pen.str("verdict", verdict);
    if pen.dice.often(90) {
        pen.key("conf");
        let strong = pen.dice.often(75);
        let hundredths = if strong { pen.dice.between(70, 99) } else { pen.dice.between(10, 69) };
        pen.json("0.");
        pen.number(hundredths);
    }
    pen.say("notes", Kind::Note);
    let source = pen.dice.word(&["cloud", "heuristic"]);
    pen.str("src", source);
    let model = pen.dice.word(&["gpt-oss:120b", "kimi-k2:1t", "claude-opus-4-1"]);
    pen.str("model", model);
}

pub(crate) fn escalation(pen: &mut Pen, story: &Story) {
    pen.time("ts", story.now);
    pen.str("sig_hash", &story.signature.hash);
    let cluster = pen.dice.between(3, 14);
    pen.num("cluster_size", cluster);
    if pen.dice.often(92) {
        let bytes = pen.dice.text_bytes(80);
        pen.open_text("analysis");
        prose::essay(pen, Kind::Analysis, bytes);
        pen.close_text();
    }
    pen.str("mode", "escalation_brief");
    let chars = pen.dice.between(0, 12_000);
    pen.num("kb_preamble_chars", chars);
}
