//! `distilled_facts`, `distilled_procedures` and `distilled_config_hints`: what was kept of a run.

use super::prose;
use crate::corpus::names::{self, MODELS};
use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::Story;
use crate::corpus::stream::Stream;

pub(crate) fn distilled(pen: &mut Pen, stream: Stream, story: &Story) {
    let (kind, category) = match stream {
        Stream::DistilledProcedures => (Kind::Procedure, "procedure"),
        Stream::DistilledConfigHints => (Kind::Hint, "config_hint"),
        _ => (Kind::Fact, "fact"),
    };
    let run = story.any_run(&mut pen.dice);
    pen.str("run_id", &run.id);
    pen.str("sig_hash", &story.signature.hash);
    pen.time("created_at", story.now);
    pen.str("extractor", run.model);
    if pen.dice.often(88) {
        let verifier = names::second_model(&mut pen.dice, run.model);
        pen.str("verifier", verifier);
    }
    let categorizer = pen.dice.word(&MODELS);
    pen.str("categorizer", categorizer);
    pen.str("category", category);
    let scale = if kind == Kind::Hint { 25 } else { 70 };
    let bytes = pen.dice.text_bytes(scale);
    pen.open_text("text");
    prose::essay(pen, kind, bytes);
    pen.close_text();
    embedding(pen);
    pen.str("source_label", if run.file.is_empty() { "contract_analyses" } else { "mode_experiments" });
    pen.str("source_service", "distiller");
    if pen.dice.often(80) {
        let verified = pen.dice.often(88);
        pen.flag("verified", verified);
    }
    pen.num("schema_version", 1);
}

/// A short vector, its numbers spelt out in digits.
fn embedding(pen: &mut Pen) {
    let numbers = pen.dice.between(8, 16);
    pen.literal("embedding", "[");
    for _ in 0..numbers {
        pen.item();
        if pen.dice.often(50) {
            pen.json("-");
        }
        let digits = if pen.dice.often(80) { 16 } else { 3 };
        pen.decimal(0, digits);
    }
    pen.json("]");
    pen.num("embed_dim", numbers);
}
