//! What a version changed against the one before: for whoever trained on that one, and must take something back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Dataset;
use super::version::Version;
use crate::domain::schema::scalars::Sha256Hex;

/// The samples of a version: by dataset and id the hash of the canonical line.
pub type Holdings = BTreeMap<(Dataset, String), Sha256Hex>;

/// The ids that came, went, or say something else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// There now, and not before.
    pub added: Vec<(Dataset, String)>,
    /// There before, and not now.
    pub retracted: Vec<(Dataset, String)>,
    /// There both times with the same content, and with other members: runs, category, reasons.
    pub changed: Vec<(Dataset, String)>,
}

impl Changes {
    /// What leads from one version to the next.
    pub fn between(before: &Holdings, now: &Holdings) -> Self {
        let missing = |from: &Holdings, of: &Holdings| -> Vec<_> {
            of.keys().filter(|key| !from.contains_key(*key)).cloned().collect()
        };
        let differs =
            |key: &&(Dataset, String)| before.get(*key).is_some_and(|hash| Some(hash) != now.get(*key));
        Self {
            added: missing(before, now),
            retracted: missing(now, before),
            changed: now.keys().filter(differs).cloned().collect(),
        }
    }

    /// Whether every sample is as it was.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.retracted.is_empty() && self.changed.is_empty()
    }

    fn kinds(&self) -> [(&'static str, &[(Dataset, String)]); 3] {
        [("added", &self.added), ("retracted", &self.retracted), ("changed", &self.changed)]
    }

    /// `changes.json`
    pub fn json(&self, from: Version, to: Version) -> Value {
        let mut json = Map::new();
        json.insert("schema_version".to_owned(), 1.into());
        json.insert("from".to_owned(), from.to_string().into());
        json.insert("to".to_owned(), to.to_string().into());
        for (kind, ids) in self.kinds() {
            let of = |dataset: Dataset| ids_of(ids, dataset).collect::<Vec<_>>();
            let by_dataset = json!({
                "rag": of(Dataset::Rag), "sft": of(Dataset::Sft), "preference": of(Dataset::Preference),
            });
            json.insert(kind.to_owned(), by_dataset);
        }
        json.into()
    }

    /// `CHANGES.md`
    pub fn markdown(&self, from: Version, to: Version) -> String {
        let mut out = format!("# Changes from {from} to {to}\n\n");
        let major = if self.retracted.is_empty() {
            "Nothing was taken back: what was trained on the version before stays valid.\n"
        } else {
            "Samples were taken back: what was trained on the version before has seen data that is withdrawn.\n"
        };
        out.push_str(major);
        for (kind, ids) in self.kinds() {
            // Writing into a string cannot fail.
            let _ = write!(out, "\n## {kind}: {}\n", ids.len());
            for dataset in Dataset::ALL {
                let mut ids = ids_of(ids, dataset).peekable();
                if ids.peek().is_some() {
                    let _ = write!(out, "\n{}\n\n", dataset.name());
                }
                for id in ids {
                    let _ = writeln!(out, "- `{id}`");
                }
            }
        }
        out
    }
}

fn ids_of(ids: &[(Dataset, String)], dataset: Dataset) -> impl Iterator<Item = &str> {
    ids.iter().filter(move |(of, _)| *of == dataset).map(|(_, id)| id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(of: &[(&str, &str)]) -> Holdings {
        of.iter()
            .map(|(id, line)| ((Dataset::Sft, (*id).to_owned()), Sha256Hex::of(line.as_bytes())))
            .collect()
    }

    #[test]
    fn every_sample_that_came_went_or_changed_is_named() {
        let before = holdings(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let now = holdings(&[("b", "1"), ("c", "2"), ("d", "1")]);
        let changes = Changes::between(&before, &now);
        let (from, to) = (Version::FIRST, Version::FIRST.next(true));
        let json = changes.json(from, to);
        assert_eq!(json["added"]["sft"], json!(["d"]));
        assert_eq!(json["retracted"]["sft"], json!(["a"]));
        assert_eq!(json["changed"]["sft"], json!(["c"]));
        let text = changes.markdown(from, to);
        assert!(
            text.contains("from 1.0 to 2.0") && text.contains("## retracted: 1\n\nsft\n\n- `a`\n"),
            "{text}"
        );
        assert!(!text.contains("`b`") && !changes.is_empty());
        assert!(Changes::between(&now, &now).is_empty());
    }
}
