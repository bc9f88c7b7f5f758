//! ScoredRun, version 1: the category of one piece of evidence, and why (SPEC section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::checked::{SchemaVersion, Share, Text, Version};
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::record::Invalid;
use super::scalars::{Escaped, EventTime};
use crate::domain::render::Object;
use crate::domain::score::Category;

/// What became of one piece of evidence, and why. Of several scores of a row the one with the highest `score_seq` counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [cross::sorted("/reasons")]))]
pub struct ScoredRun {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The run of the evidence.
    pub evidence_run_id: Text,
    /// What became of it.
    pub category: Category,
    /// Every signal that reached the work, and the code of the rule that decided; sorted.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub reasons: Vec<Text>,
    /// How much of the text stands on its sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_grounding: Option<Share>,
    /// Event time: the evidence's; of a later score that of the row that caused it. UTC.
    pub scored_at: EventTime,
    /// How many scores of the row came before, over its whole history.
    pub score_seq: u32,
    /// The scorer: its release, and a hash of its settings.
    pub scorer_version: Version,
    /// The row the evidence was made from.
    pub provenance: Provenance<'static>,
}

impl Published for ScoredRun {
    fn check(&self) -> Result<(), Invalid> {
        if self.reasons.is_empty() {
            return Err(Invalid { field: "reasons", rule: "is not empty" });
        }
        Ok(())
    }
}

/// The first score of one piece of evidence, from the signals of its own row.
#[derive(Debug)]
pub struct FirstScore<'a> {
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

impl FirstScore<'_> {
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
