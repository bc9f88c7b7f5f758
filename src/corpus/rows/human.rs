//! `human_overrides` and `overseer_corrections`.

use super::prose;
use crate::corpus::later::Target;
use crate::corpus::names::MODELS;
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::{Review, Story};
use crate::corpus::time::{MINUTE, Millis};

const ACTIONS: [&str; 7] = ["accept", "accept", "partial", "reject", "review", "correct", "correct"];

pub(crate) fn human_override(pen: &mut Pen, about: &Target, at: Millis) {
    pen.time("ts", at);
    let action = pen.dice.word(&ACTIONS);
    pen.str("action", action);
    let actor = pen.dice.word(&["mara", "jun", "o.björk", "profit", "δέσποινα"]);
    pen.str("actor", actor);
    pen.say("reason", Kind::Reason);
    let nested = pen.dice.often(35);
    if nested {
        pen.literal("target", "{");
    }
    target(pen, about);
    if nested {
        pen.json("}");
    }
    if action == "correct" {
        let bytes = pen.dice.text_bytes(90);
        pen.open_text("corrected_text");
        let end = pen.len() + bytes;
        prose::body(pen, end);
        pen.close_text();
    }
}

fn target(pen: &mut Pen, about: &Target) {
    match about {
        Target::Run(run_id) => pen.str("run_id", run_id),
        Target::Push { pr_number, head_sha } => {
            pen.num("pr_number", *pr_number);
            if pen.dice.often(85) {
                pen.str("head_sha", head_sha);
            }
        }
        Target::File(file) => pen.str("file", file),
    }
}

pub(crate) fn overseer(pen: &mut Pen, story: &Story, review: &Review) {
    let minutes = pen.dice.between(2, 90);
    pen.time("ts", review.at + minutes * MINUTE);
    if pen.dice.often(50) {
        pen.str("file", &review.file);
    } else {
        let run = story.any_run(&mut pen.dice);
        pen.str("run_id", &run.id);
    }
    let model = pen.dice.word(&MODELS);
    pen.str("overseer_model", model);
    for name in ["original", "corrected"] {
        let bytes = pen.dice.text_bytes(50);
        pen.open_text(name);
        let end = pen.len() + bytes;
        prose::body(pen, end);
        pen.close_text();
    }
    pen.say("reason", Kind::Reason);
}
