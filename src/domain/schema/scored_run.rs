//! ScoredRun, version 1: the category of one piece of evidence, and why (SPEC section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::checked::{Distinct, SchemaVersion, Share, Text, Version};
use super::codes::Reason;
use super::cross;
use super::provenance::Provenance;
use super::published::Published;
use super::record::{Invalid, hold};
use super::scalars::{Escaped, EventTime, TimeText};
use crate::domain::render::Object;
use crate::domain::score::Category;

/// What became of one piece of evidence, and why. Of several scores of a row the one with the highest `score_seq` counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "if" = { "required": ["score_seq"], "properties": { "score_seq": { "const": 0 } } },
    "then" = { "not": { "anyOf": [{ "required": ["supersedes"] }, { "required": ["caused_by"] }] } },
    "else" = { "required": ["supersedes", "caused_by"] },
    "x-rules" = [
        cross::sorted("/reasons"),
        cross::at_most("/supersedes", "/score_seq"),
        cross::differ("/supersedes", "/score_seq"),
        cross::equal("/scored_at", "/caused_by/recorded_at"),
    ]
))]
pub struct ScoredRun {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The run of the evidence.
    pub evidence_run_id: Text,
    /// What became of it.
    pub category: Category,
    /// Every signal that reached the work, and the rule that decided; sorted.
    pub reasons: Distinct<Reason>,
    /// How much of the text stands on its sources; of several values the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor_grounding: Option<Share>,
    /// Event time, UTC: the evidence's; of a later score that of the row that caused it.
    pub scored_at: EventTime,
    /// How many scores of the row came before.
    pub score_seq: u32,
    /// The `score_seq` of the score that this one takes the place of; from the second score on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<u32>,
    /// The row that caused the new score; from the second score on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Provenance<'static>>,
    /// The scorer: its release, and a hash of its settings.
    pub scorer_version: Version,
    /// The row the evidence was made from.
    pub provenance: Provenance<'static>,
}

impl Published for ScoredRun {
    const NAME: &'static str = "ScoredRun";

    fn check(&self) -> Result<(), Invalid> {
        let first = self.score_seq == 0;
        hold(self.supersedes.is_some() != first, "supersedes", "stands from the second score on")?;
        hold(self.caused_by.is_some() != first, "caused_by", "stands from the second score on")
    }
}

/// A score on its way into its file: the first one of a piece of evidence, from the signals of its own row, or one that
/// takes the place of another.
#[derive(Debug)]
pub struct NewScore<'a> {
    /// The evidence's run.
    pub evidence_run_id: &'a Escaped<'a>,
    /// What became of it.
    pub category: Category,
    /// Signals and rule, sorted, never empty.
    pub reasons: &'a [&'static str],
    /// How much of the text stands on its sources, in [0, 1].
    pub anchor_grounding: Option<f64>,
    /// Event time, printed: the evidence's.
    pub scored_at: &'a TimeText,
    /// Semver and a hash of the scorer's settings.
    pub scorer_version: &'a str,
    /// The provenance of the row it is about, as JSON.
    pub provenance: &'a str,
    /// How many scores came before, and the provenance of the row that caused this one, as JSON; of a score that takes the
    /// place of another.
    pub supersedes: Option<(u32, &'a str)>,
}

impl NewScore<'_> {
    /// Checks what the types do not: the last look before a score is written.
    pub fn check(&self) -> Result<(), Invalid> {
        hold(!self.reasons.is_empty(), "reasons", "are never empty")?;
        hold(self.reasons.is_sorted_by(|a, b| a < b), "reasons", "are sorted and none stands twice")?;
        let share = self.anchor_grounding.is_none_or(|grounding| Share::new(grounding).is_some());
        hold(share, "anchor_grounding", "lies in [0, 1]")
    }

    /// Appends the score as one line of JSON with its newline.
    pub fn render(&self, out: &mut String) {
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.text("evidence_run_id", self.evidence_run_id);
        o.code("category", self.category.name());
        o.codes("reasons", self.reasons.iter().copied());
        if let Some(grounding) = self.anchor_grounding {
            o.raw("anchor_grounding", ryu_js::Buffer::new().format(grounding));
        }
        o.time_text("scored_at", self.scored_at);
        o.int("score_seq", self.supersedes.map_or(0, |(before, _)| before));
        if let Some((before, caused_by)) = self.supersedes {
            o.int("supersedes", before.saturating_sub(1));
            o.raw("caused_by", caused_by);
        }
        o.plain("scorer_version", self.scorer_version);
        o.raw("provenance", self.provenance);
        o.end();
        out.push('\n');
    }
}
