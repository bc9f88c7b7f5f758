//! `phase_sweep_findings` and `doc_drift_corrections`: what the papers claim and what the code does.

use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;
use crate::corpus::story::Story;

const PHASES: [&str; 6] =
    ["storage", "query engine", "vector index", "mode router", "auditor", "distillation"];
const DOCS: [&str; 5] =
    ["docs/PRD.md", "docs/DECISIONS.md", "docs/PHASES.md", "README.md", "docs/données/modèle.md"];

pub(crate) fn phase_sweep(pen: &mut Pen, story: &Story) {
    let phase = pen.dice.between(0, 44);
    if pen.dice.often(70) {
        pen.num("phase", phase);
    } else {
        pen.open_text("phase");
        pen.number(phase);
        pen.plain(".5");
        pen.close_text();
    }
    let name = pen.dice.word(&PHASES);
    pen.str("phase_name", name);
    let status = pen.dice.word(&["verified", "partial", "fake", "verified", "drifted"]);
    pen.str("status", status);
    pen.time("discovered_at", story.now);
    for name in ["claims_verified", "claims_partial", "claims_fake"] {
        let claims = pen.dice.below(9);
        pen.num(name, claims);
    }
    let findings = pen.dice.between(0, 5);
    pen.say_list("findings", Kind::Finding, findings);
    pen.literal("evidence", "[");
    for file in &story.files {
        pen.str_item(&file.path);
    }
    pen.json("]");
    if pen.dice.often(85) {
        pen.str("head_sha", &story.head_sha);
    }
}

pub(crate) fn doc_drift(pen: &mut Pen, story: &Story) {
    pen.time("ts", story.now);
    let doc = pen.dice.word(&DOCS);
    pen.str("doc", doc);
    let section = pen.dice.between(1, 24);
    pen.open_text("section");
    pen.plain("§ ");
    pen.number(section);
    pen.close_text();
    pen.say("claim", Kind::Claim);
    pen.say("actual", Kind::Finding);
    pen.open_text("correction");
    pen.fragment(Kind::Fact);
    pen.plain("\\n");
    pen.fragment(Kind::Fact);
    pen.close_text();
    pen.str("head_sha", &story.head_sha);
}
