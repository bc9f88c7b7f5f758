//! audits, `audit_facts`, `audit_lessons` and `audit_discrepancies` of one push.

use super::prose;
use crate::corpus::names::{self, MODELS};
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::Story;

const OVERALL: [&str; 7] = ["approve", "approved", "pass", "request_changes", "block", "needs_patch", "ok"];
const CHECKS: [&str; 4] = ["static", "dynamic", "inference", "kb_query"];

pub(crate) fn audit(pen: &mut Pen, story: &Story) {
    pen.num("pr_number", story.pr_number);
    pen.str("head_sha", &story.head_sha);
    pen.time("audited_at", story.now);
    let word = pen.dice.word(&OVERALL);
    let field = if pen.dice.often(70) { "overall" } else { "verdict" };
    pen.str(field, word);
    let good = matches!(word, "approve" | "approved" | "pass" | "ok");
    pen.literal("findings", "[");
    let most = if pen.dice.often(5) { 0 } else { 8 };
    for index in 0..pen.dice.between(most.min(1), most) {
        finding(pen, story, good, index);
    }
    pen.json("]");
    let model = pen.dice.word(&MODELS);
    pen.str("model", model);
    let milliseconds = pen.dice.between(900, 180_000);
    pen.num("duration_ms", milliseconds);
    pen.num("schema_version", 1);
}

fn finding(pen: &mut Pen, story: &Story, good: bool, index: u64) {
    pen.item();
    pen.json("{");
    let check = pen.dice.word(&CHECKS);
    pen.str("check", check);
    let severity = match (good, pen.dice.below(20)) {
        (true, 0..15) | (false, 0..7) => "info",
        (true, 15..19) | (false, 7..14) => "warn",
        (true | false, _) => "block",
    };
    pen.str("severity", severity);
    if pen.dice.often(70) {
        pen.num("claim_idx", index);
    }
    pen.open_text("summary");
    if index == 0 && pen.dice.often(10) {
        prose::scratchpad(pen, story.files.first().map_or("the diff", |file| &file.path));
    }
    pen.fragment(Kind::Finding);
    pen.close_text();
    pen.literal("evidence", "[");
    for _ in 0..pen.dice.below(4) {
        pen.item();
        pen.json("\"");
        if pen.dice.often(50) {
            let file = pen.dice.pick(&story.files).map_or("", |file| &file.path);
            pen.plain(file);
            pen.plain(":");
            let line = pen.dice.between(1, 1_200);
            pen.number(line);
        } else {
            pen.fragment(Kind::Claim);
        }
        pen.json("\"");
    }
    pen.json("]}");
}

/// Extractor and verifier, mostly of different families; now and then there is no verifier.
fn judges(pen: &mut Pen) {
    let extractor = pen.dice.word(&MODELS);
    pen.str("extractor", extractor);
    if pen.dice.often(88) {
        let verifier = names::second_model(&mut pen.dice, extractor);
        pen.str("verifier", verifier);
    }
}

fn verified(pen: &mut Pen) {
    if pen.dice.often(80) {
        let verified = pen.dice.often(84);
        pen.flag("verified", verified);
    }
}

fn team_run(pen: &mut Pen, story: &Story) {
    match pen.dice.below(10) {
        0..4 => {
            let number = pen.dice.between(1_000, 90_000_000);
            pen.open_text("llm_team_run_id");
            pen.plain("team-");
            pen.number(number);
            pen.close_text();
        }
        4 => {
            let run = story.any_run(&mut pen.dice);
            pen.str("llm_team_run_id", &run.id);
        }
        _ => {}
    }
}

pub(crate) fn facts(pen: &mut Pen, story: &Story) {
    pen.num("pr_number", story.pr_number);
    pen.str("head_sha", &story.head_sha);
    pen.time("extracted_at", story.now);
    judges(pen);
    team_run(pen, story);
    let facts = if pen.dice.often(6) { 0 } else { pen.dice.between(1, 9) };
    pen.say_list("facts", Kind::Fact, facts);
    pen.literal("entities", "[");
    for _ in 0..pen.dice.below(5) {
        pen.item();
        pen.json("{");
        let name = pen.dice.word(&names::SYMBOLS);
        pen.str("name", name);
        let kind = pen.dice.word(&["function", "struct", "file", "claim"]);
        pen.str("type", kind);
        pen.say("description", Kind::Claim);
        pen.json("}");
    }
    pen.json("]");
    pen.literal("relationships", "[");
    for _ in 0..pen.dice.below(3) {
        pen.item();
        pen.json("{");
        let from = pen.dice.word(&names::SYMBOLS);
        pen.str("from", from);
        let to = pen.dice.word(&names::SYMBOLS);
        pen.str("to", to);
        pen.str("type", "calls");
        pen.json("}");
    }
    pen.json("]");
    verified(pen);
    pen.num("schema_version", 1);
}

pub(crate) fn lesson(pen: &mut Pen, story: &Story) {
    pen.num("pr_number", story.pr_number);
    pen.str("head_sha", &story.head_sha);
    pen.time("extracted_at", story.now);
    judges(pen);
    team_run(pen, story);
    match pen.dice.below(20) {
        0 => {}
        1..12 => pen.say("lesson", Kind::Lesson),
        _ => {
            let lessons = pen.dice.between(1, 4);
            pen.say_list("lessons", Kind::Lesson, lessons);
        }
    }
    let severity = pen.dice.word(&["info", "warn", "block"]);
    pen.str("severity", severity);
    verified(pen);
}

pub(crate) fn discrepancy(pen: &mut Pen, story: &Story) {
    pen.num("pr_number", story.pr_number);
    pen.str("head_sha", &story.head_sha);
    let claim = pen.dice.below(12);
    pen.num("claim_idx", claim);
    pen.say("claim", Kind::Claim);
    let (mine, other) = if pen.dice.often(60) { ("backed", "not_backed") } else { ("not_backed", "backed") };
    let voters = pen.dice.word(&["3", "5", "7"]).parse::<u64>().unwrap_or(3);
    let majority = voters.div_ceil(2) + u64::from(pen.dice.often(30));
    pen.literal("votes", "[");
    for vote in 1..=voters {
        pen.item();
        pen.json("{");
        pen.num("n", vote);
        pen.str("verdict", if vote % voters < majority { mine } else { other });
        if pen.dice.often(40) {
            let model = pen.dice.word(&MODELS);
            pen.str("model", model);
        }
        pen.json("}");
    }
    pen.json("]");
    let resolution = match pen.dice.below(20) {
        0 | 1 => other,
        2 => "unresolved",
        _ => mine,
    };
    pen.str("resolution", resolution);
    if pen.dice.often(90) {
        for name in ["chosen", "rejected"] {
            let bytes = pen.dice.text_bytes(40);
            pen.open_text(name);
            prose::essay(pen, Kind::Finding, bytes);
            pen.close_text();
        }
        pen.hex("prompt_hash", 64);
    }
    if pen.dice.often(65) {
        pen.time("ts", story.now);
    }
}
