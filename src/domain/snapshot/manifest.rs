//! What a snapshot is made of: `manifest.json`, with every file's hash and the rules by which samples were selected.

use serde_json::{Map, Value, json};

use super::Dataset;
use super::version::Version;
use super::view::View;
use crate::domain::rules::Rules;
use crate::domain::schema::samples::Split;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};

/// One file of samples.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Below the version's folder.
    pub path: String,
    /// Of its bytes.
    pub sha256: Sha256Hex,
    /// Its length.
    pub bytes: u64,
    /// Its lines.
    pub rows: u64,
    /// What its lines are.
    pub view: &'static View,
    /// Which part of the data.
    pub split: Split,
}

/// One file that is no data: card, metadata, recipes.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// Below the version's folder.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A version and its manifest, which the next version names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// SHA-256 of its `manifest.json`.
    pub manifest_sha256: Sha256Hex,
}

/// Everything that is said about a snapshot.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The dataset's name.
    pub name: &'a str,
    /// Its licence.
    pub license: &'a str,
    /// The version.
    pub version: Version,
    /// The version before.
    pub previous: Option<Previous>,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Newest event time among the rows that samples were made from.
    pub newest: EventTime,
    /// The data, by path.
    pub files: &'a [DataFile],
}

impl Facts<'_> {
    /// The samples of a dataset, by split.
    pub fn samples(&self, dataset: Dataset) -> impl Iterator<Item = (Split, u64)> {
        // The canonical view has one line a sample.
        let of = self.files.iter().filter(move |file| file.view.name == dataset.name());
        of.map(|file| (file.split, file.rows))
    }

    /// How many samples a dataset has.
    pub fn count(&self, dataset: Dataset) -> u64 {
        self.samples(dataset).map(|(_, rows)| rows).sum()
    }

    /// The files of a view: train, validation, test.
    pub fn files_of(&self, view: &View) -> impl Iterator<Item = &DataFile> {
        let name = view.name;
        let mut files: Vec<_> = self.files.iter().filter(|file| file.view.name == name).collect();
        files.sort_by_key(|file| file.split as u8);
        files.into_iter()
    }
}

/// How samples are made, word for word: the page that documents it.
const EXPORT_RULES: &str = include_str!("../../../docs/exports.md");

/// The rule table, top to bottom: the first that matches decides.
pub const SCORE_RULES: [[&str; 3]; 14] = [
    ["rule.support", "support row", "needs_human_review; never exported"],
    [
        "rule.human",
        "a human signal; the latest counts (time, then canonical order)",
        "accept: accepted, but needs_human_review when a deterministic fail is later than it; partial: partially_accepted; \
         reject, correct: rejected; review: needs_human_review",
    ],
    ["rule.conflict", "deterministic pass or partial, and fail", "needs_human_review"],
    ["rule.failed", "deterministic fail", "rejected"],
    ["rule.unclear", "link.ambiguous or extract.failed", "needs_human_review"],
    [
        "rule.disputed",
        "deterministic pass or partial or grounded, and an opinion against",
        "needs_human_review",
    ],
    [
        "rule.passed",
        "deterministic pass or partial",
        "any partial or weakly grounded signal: partially_accepted; else accepted",
    ],
    ["rule.ungrounded", "grounding.low", "rejected"],
    ["rule.grounded", "grounded", "with an opinion for: accepted; else partially_accepted"],
    ["rule.opposed", "an opinion against", "needs_human_review"],
    [
        "rule.opinions",
        "two opinions for (two codes, or one that stands for two judges)",
        "partially_accepted",
    ],
    ["rule.single_opinion", "one opinion for", "needs_human_review"],
    ["rule.outage", "call.error", "needs_human_review"],
    ["rule.none", "anything else", "needs_human_review"],
];

/// The manifest. It names neither clock nor host nor path of a machine: equal inputs give equal bytes.
pub fn manifest(facts: &Facts<'_>, texts: &[TextFile]) -> Value {
    let mut files: Vec<(&str, Value)> = facts
        .files
        .iter()
        .map(|file| {
            let entry =
                json!({ "path": file.path, "sha256": file.sha256, "bytes": file.bytes, "rows": file.rows });
            (file.path.as_str(), entry)
        })
        .collect();
    files.extend(texts.iter().map(|file| {
        let sha256 = Sha256Hex::of(file.text.as_bytes());
        (file.path.as_str(), json!({ "path": file.path, "sha256": sha256, "bytes": file.text.len() }))
    }));
    files.sort_by(|a, b| a.0.cmp(b.0));
    let mut samples = Map::new();
    for dataset in Dataset::ALL {
        let mut splits = Map::new();
        for (split, rows) in facts.samples(dataset) {
            splits.insert(split.name().to_owned(), rows.into());
        }
        let entry = json!({ "total": facts.count(dataset), "splits": splits });
        samples.insert(dataset.name().to_owned(), entry);
    }
    let previous = facts.previous.map(|previous| {
        json!({ "version": previous.version.to_string(), "manifest_sha256": previous.manifest_sha256 })
    });
    let mut manifest = Map::new();
    manifest.insert("schema_version".to_owned(), 1.into());
    manifest.insert("name".to_owned(), facts.name.into());
    manifest.insert("license".to_owned(), facts.license.into());
    manifest.insert("version".to_owned(), facts.version.to_string().into());
    if let Some(previous) = previous {
        manifest.insert("previous".to_owned(), previous);
    }
    manifest.insert("date_published".to_owned(), facts.newest.to_string().into());
    manifest.insert("rules_version".to_owned(), facts.rules.rules_version().into());
    manifest.insert("scorer_version".to_owned(), facts.rules.scorer_version().into());
    manifest.insert("selection".to_owned(), selection(facts.rules));
    manifest.insert("samples".to_owned(), samples.into());
    manifest.insert("files".to_owned(), files.into_iter().map(|(_, entry)| entry).collect());
    manifest.into()
}

fn selection(rules: &Rules) -> Value {
    let categories = json!({
        "rag": ["accepted", "partially_accepted"],
        "sft": ["accepted"],
        "preference": "see rules: the chosen answer is not rejected, the rejected answer is not accepted",
    });
    let score_rules: Vec<_> = SCORE_RULES
        .iter()
        .map(|[rule, when, category]| json!({ "rule": rule, "when": when, "category": category }))
        .collect();
    let scorer = &rules.scorer;
    json!({
        "categories": categories,
        "rules": EXPORT_RULES,
        "score_rules": score_rules,
        "settings": {
            "scorer.grounding_high": scorer.grounding_high,
            "scorer.grounding_low": scorer.grounding_low,
            "scorer.observer_confidence_min": scorer.observer_confidence_min,
            "scorer.router_confidence_low": scorer.router_confidence_low,
            "scorer.outcome_partial_min": scorer.outcome_partial_min,
            "link.window_seconds": rules.link_window.as_secs(),
        },
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rules_that_are_told_are_the_rules_that_decide() {
        let told: Vec<_> = super::SCORE_RULES.iter().map(|[rule, ..]| *rule).collect();
        assert_eq!(told, crate::domain::score::rule_codes().collect::<Vec<_>>());
    }
}
