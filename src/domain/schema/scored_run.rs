//! ScoredRun, version 1: the category of one piece of evidence, and why (SPEC section 6).

use super::SCHEMA_VERSION;
use super::scalars::{Escaped, EventTime};
use crate::domain::render::Object;
use crate::domain::score::Category;

/// The first score of one piece of evidence, from the signals of its own row.
#[derive(Debug)]
pub struct ScoredRun<'a> {
    /// The evidence's run.
    pub evidence_run_id: &'a Escaped<'a>,
    /// What became of it.
    pub category: Category,
    /// Signals and rule, sorted, never empty.
    pub reasons: &'a [&'static str],
    /// How much of the text stands on its sources, in [0, 1].
    pub anchor_grounding: Option<f64>,
    /// Event time: the evidence's.
    pub scored_at: EventTime,
    /// Semver and a hash of the scorer's settings.
    pub scorer_version: &'a str,
    /// The provenance of the row it is about, as JSON.
    pub provenance: &'a str,
}

impl ScoredRun<'_> {
    /// Appends the score as one line of JSON with its newline.
    pub fn render(&self, out: &mut String) {
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.text("evidence_run_id", self.evidence_run_id);
        o.plain("category", self.category.name());
        o.codes("reasons", self.reasons.iter().copied());
        if let Some(grounding) = self.anchor_grounding {
            o.raw("anchor_grounding", ryu_js::Buffer::new().format(grounding));
        }
        o.time("scored_at", self.scored_at);
        o.int("score_seq", 0);
        o.plain("scorer_version", self.scorer_version);
        o.raw("provenance", self.provenance);
        o.end();
        out.push('\n');
    }
}
