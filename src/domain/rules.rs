//! The settings that decide what records say, and the versions made from them.
//!
//! Promise 2 holds for one rules version: whatever is in here is hashed into it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::schema::record::ModelRole;
use super::schema::scalars::Sha256Hex;
use super::score::RULES_SEMVER;
use super::scratchpad::GRAMMAR_SEMVER;

/// The version of what rows mean: goes up when a stream's reading changes.
pub const READING_SEMVER: &str = "1.2.0";

/// Thresholds of the scorer. Shares are in [0, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct ScorerSettings {
    /// From here on text is well grounded.
    pub grounding_high: f64,
    /// Below this text is ungrounded.
    pub grounding_low: f64,
    /// An observer less sure than this is not heard.
    pub observer_confidence_min: f64,
    /// A router less sure than this leaves the marker `confidence.low`.
    pub router_confidence_low: f64,
    /// From this share of good events on an outcome is partial rather than failed.
    pub outcome_partial_min: f64,
}

impl Default for ScorerSettings {
    fn default() -> Self {
        Self {
            grounding_high: 0.80,
            grounding_low: 0.50,
            observer_confidence_min: 0.70,
            router_confidence_low: 0.50,
            outcome_partial_min: 0.50,
        }
    }
}

/// A stream that the config describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomStream {
    /// Its name, also of its output files.
    pub name: String,
    /// Whether its rows are work.
    pub work: bool,
    /// Who writes it.
    pub role: ModelRole,
    /// JSON pointers into its rows.
    pub time: Option<String>,
    /// Pointer to the run.
    pub run_id: Option<String>,
    /// Pointer to the task.
    pub task_id: Option<String>,
    /// Pointer to the model.
    pub model: Option<String>,
    /// Pointer to the text.
    pub text: Option<String>,
}

/// What one stream's rows may look like beyond the documented shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamSettings {
    /// The `schema_version` its rows must have when they have one; 1 when not set.
    pub schema_version: Option<i64>,
    /// Documented field → the producers' names for it, of which the first counts that a row has.
    pub alias: BTreeMap<String, Vec<String>>,
}

/// Everything that decides what records say.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The scorer's thresholds.
    pub scorer: ScorerSettings,
    /// How far apart in time linked rows may be.
    pub link_window: Duration,
    /// The longest row, in bytes without its newline.
    pub line_bytes_max: u64,
    /// By stream name.
    pub streams: BTreeMap<String, StreamSettings>,
    /// Streams beyond the built-in ones.
    pub custom: Vec<CustomStream>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scorer: ScorerSettings::default(),
            link_window: Duration::from_hours(24),
            line_bytes_max: 8 << 20,
            streams: BTreeMap::new(),
            custom: Vec::new(),
        }
    }
}

impl Rules {
    /// Semver of the rule table and a hash of the settings that scores depend on.
    pub fn scorer_version(&self) -> String {
        let settings = format!("{:?} {:?}", self.scorer, self.link_window);
        format!("{RULES_SEMVER}+{}", short_hash(&settings))
    }

    /// Semver of the reading of rows and a hash of every setting that records depend on.
    pub fn rules_version(&self) -> String {
        format!("{READING_SEMVER}+{}", short_hash(&format!("{RULES_SEMVER} {GRAMMAR_SEMVER} {self:?}")))
    }
}

fn short_hash(settings: &str) -> String {
    let mut hash = Sha256Hex::of(settings.as_bytes()).to_string();
    hash.truncate(12);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scorer_setting_changes_both_versions_and_a_row_limit_only_the_rules() {
        let base = Rules::default();
        let mut scorer = base.clone();
        scorer.scorer.grounding_low = 0.4;
        assert_ne!(scorer.scorer_version(), base.scorer_version());
        assert_ne!(scorer.rules_version(), base.rules_version());
        let limit = Rules { line_bytes_max: 1024, ..base.clone() };
        assert_eq!(limit.scorer_version(), base.scorer_version());
        assert_ne!(limit.rules_version(), base.rules_version());
    }
}
