//! What the parts around a run write of it: the experiment, its outcome, its signature, its routing; and contracts.

use super::prose;
use crate::corpus::names::{COMMANDS, CORPORA, MODELS, MODES, TASK_CLASSES};
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::{Run, Story};
use crate::corpus::time::SECOND;

pub(crate) fn mode_experiment(pen: &mut Pen, story: &Story, run: &Run) {
    pen.time("ts", run.at);
    if pen.dice.often(88) {
        pen.str("run_id", &run.id);
    }
    pen.str("task_class", story.signature.task_class);
    pen.str("mode", run.mode);
    pen.str("model", run.model);
    pen.str("file_path", &run.file);
    sources(pen);
    let milliseconds = pen.dice.between(180, 95_000);
    pen.num("latency_ms", milliseconds);
    if run.failed {
        pen.literal("response", "\"\"");
        pen.num("response_chars", 0);
        pen.say("error", Kind::Error);
    } else {
        let bytes = if pen.dice.often(3) { 0 } else { pen.dice.text_bytes(120) };
        let before = pen.len();
        pen.open_text("response");
        if pen.dice.often(50) {
            prose::review(pen, &run.file, None, bytes);
        } else {
            prose::essay(pen, Kind::Analysis, bytes);
        }
        pen.close_text();
        let chars = pen.len().saturating_sub(before) as u64 * 19 / 20;
        pen.num("response_chars", chars);
        grounding(pen);
    }
    if pen.dice.often(75) {
        pen.str("prompt_hash", &run.prompt_hash);
    }
    if pen.dice.often(12) {
        pen.num("pr_number", story.pr_number);
        pen.str("head_sha", &story.head_sha);
    }
}

/// The retrieval behind a run: an object as a rule, an array of documents else.
fn sources(pen: &mut Pen) {
    if pen.dice.often(65) {
        pen.literal("sources", "{");
        let corpus = pen.dice.word(&CORPORA);
        let second = pen.dice.word(&CORPORA);
        pen.words("matrix_corpus", &[corpus, second]);
        let hits = pen.dice.below(24);
        pen.num("matrix_chunks_kept", hits);
        let dropped = pen.dice.below(9);
        pen.num("matrix_chunks_dropped", dropped);
        pen.fraction("relevance_threshold");
        let fingerprints = pen.dice.below(40);
        pen.num("bug_fingerprints_count", fingerprints);
        pen.json("}");
    } else {
        pen.literal("sources", "[");
        for _ in 0..pen.dice.below(4) {
            pen.item();
            pen.json("{");
            let corpus = pen.dice.word(&CORPORA);
            pen.str("corpus", corpus);
            pen.hex("id", 12);
            pen.fraction("score");
            pen.json("}");
        }
        pen.json("]");
    }
}

fn grounding(pen: &mut Pen) {
    if pen.dice.often(15) {
        return;
    }
    pen.key("grounding_pct");
    match pen.dice.below(12) {
        0 => pen.json("31.245270191439438"),
        1 => pen.json("97.5"),
        2 => pen.json("100"),
        3 => pen.json("0"),
        4 => {
            let whole = pen.dice.between(0, 99);
            pen.decimal(whole, 14);
        }
        5..9 => {
            let whole = pen.dice.between(80, 99);
            pen.decimal(whole, 1);
        }
        _ => {
            let whole = pen.dice.between(20, 99);
            pen.decimal(whole, 2);
        }
    }
}

pub(crate) fn outcome(pen: &mut Pen, story: &Story, run: &Run) {
    pen.str("run_id", &run.id);
    pen.time("created_at", run.at + 40 * SECOND);
    let total = if pen.dice.often(4) { 0 } else { pen.dice.between(1, 24) };
    let ok = match pen.dice.below(10) {
        0..6 => total,
        6..9 => total - total / 3,
        _ => total / 4,
    };
    pen.num("total_events", total);
    pen.num("ok_events", ok);
    if pen.dice.often(85) {
        pen.str("sig_hash", &story.signature.hash);
    }
    pen.words("models", &[run.model]);
    let citations = pen.dice.below(30);
    pen.num("total_citations", citations);
    let gaps = if pen.dice.often(75) { 0 } else { pen.dice.between(1, 5) };
    pen.num("total_gap_signals", gaps);
    if pen.dice.often(40) {
        let command = pen.dice.word(&COMMANDS);
        let second = pen.dice.word(&COMMANDS);
        pen.words("commands_run", &[command, second]);
    }
}

pub(crate) fn model_trust(pen: &mut Pen, story: &Story, run: &Run) {
    pen.str("run_id", &run.id);
    pen.str("task_type", story.signature.task_class);
    pen.str("accepted_model", run.model);
    let attempts = pen.dice.between(1, 5);
    pen.num("attempts_made", attempts);
    pen.fraction("confidence_avg");
    let errors = if pen.dice.often(85) { 0 } else { pen.dice.between(1, 3) };
    pen.num("errors", errors);
    let thin = pen.dice.below(3);
    pen.num("thin_rejections", thin);
    if pen.dice.often(70) {
        pen.time("ts", run.at + 45 * SECOND);
    }
}

pub(crate) fn pathway(pen: &mut Pen, run: &Run) {
    pen.str("run_id", &run.id);
    pen.hex("pathway_id", 16);
    let replays = pen.dice.below(9);
    pen.num("replays", replays);
    let good = if pen.dice.often(60) { replays } else { pen.dice.below(replays + 1) };
    pen.num("replay_ok", good);
    let model = pen.dice.word(&MODELS);
    pen.str("recommended_model", model);
    if pen.dice.often(70) {
        pen.time("ts", run.at + 50 * SECOND);
    }
}

pub(crate) fn signature(pen: &mut Pen, story: &Story, run: &Run) {
    if pen.dice.often(95) {
        pen.str("run_id", &run.id);
    }
    pen.str("sig_hash", &story.signature.hash);
    if pen.dice.often(75) {
        pen.time("created_at", run.at);
    }
    pen.str("kind", story.signature.task_class);
    pen.words("parts", &[story.signature.task_class, run.mode, &run.file]);
}

pub(crate) fn classification(pen: &mut Pen, story: &Story, run: &Run) {
    pen.str("run_id", &run.id);
    let task = if pen.dice.often(90) { story.signature.task_class } else { pen.dice.word(&TASK_CLASSES) };
    pen.str("task_type", task);
    pen.fraction("confidence");
    let classifier = pen.dice.word(&["rules-v3", "gpt-oss:20b", "qwen3.5:latest"]);
    pen.str("classifier", classifier);
    pen.str("sig_hash", &story.signature.hash);
    if pen.dice.often(70) {
        pen.time("ts", run.at);
    }
}

pub(crate) fn contract(pen: &mut Pen, story: &Story) {
    let run = &story.contract;
    pen.time("ts", story.now);
    let ok = pen.dice.often(92);
    pen.flag("ok", ok);
    let permit = pen.dice.between(100_000_000, 101_999_999);
    pen.open_text("permit_id");
    pen.number(permit);
    pen.close_text();
    if pen.dice.often(92) {
        pen.str("run_id", &run.id);
    }
    pen.str("model", run.model);
    if ok {
        let bytes = pen.dice.text_bytes(90);
        pen.open_text("analysis");
        prose::essay(pen, Kind::Analysis, bytes);
        pen.close_text();
    } else {
        pen.say("error", Kind::Error);
    }
    pen.words("matrix_corpora", &["chicago_permits_v1", "entity_brief_v1"]);
    let hits = if pen.dice.often(12) { 0 } else { pen.dice.between(1, 16) };
    pen.num("matrix_hits", hits);
    let milliseconds = pen.dice.between(12, 900);
    pen.num("matrix_ms", milliseconds);
    if ok && pen.dice.often(75) {
        let verdict = pen.dice.word(&["accept", "accept", "approve", "reject", "cycle"]);
        pen.str("observer_verdict", verdict);
        pen.fraction("observer_conf");
        pen.say_list("observer_notes", Kind::Note, 2);
        let source = pen.dice.word(&["cloud", "heuristic"]);
        pen.str("observer_src", source);
    }
    pen.key("cost");
    pen.decimal(0, 6);
    let milliseconds = pen.dice.between(2_000, 140_000);
    pen.num("duration_ms", milliseconds);
    let mode = pen.dice.word(&MODES);
    pen.str("mode", mode);
}
