//! Every row's current score, and every sample, held against what all rows and the links between them give.
//!
//! The rows are taken in anew from the evidence, in the order of the streams, whatever order they came in once: links
//! are functions of the set of rows.

use crate::domain::exports::{Dataset, Verdict, wanted_rag, wanted_sft};
use crate::domain::link::Place;
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::{reasons, score};
use crate::pipeline::known_rows::{KnownRows, sig_of};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::streams::StreamSet;

/// A row: its stream's number, its generation, its line.
pub type RowKey = (u16, u32, u64);

/// What a row's current score must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedScore {
    /// The category's name.
    pub category: &'static str,
    /// The reasons as they stand in the line: a JSON array, sorted.
    pub reasons: String,
}

/// All rows, linked anew.
#[derive(Debug)]
pub struct Relinked {
    known: KnownRows,
}

impl Relinked {
    /// Takes in all committed rows; `None` where the evidence or the scores cannot be read, or were made by another scorer,
    /// which other checks tell.
    pub fn load(outputs: &Outputs, streams: &StreamSet, rules: &Rules) -> Option<Self> {
        let same_rules =
            outputs.last.as_ref().is_some_and(|last| last.scorer_version == rules.scorer_version());
        let known = KnownRows::load(outputs.committed(), streams, rules, None).ok().filter(|_| same_rules)?;
        Some(Self { known })
    }

    fn place(&self, stream: u16, sig_hash: &Sha256Hex) -> Option<Place> {
        self.known.find(usize::from(stream), sig_of(sig_hash))
    }

    /// The score that must count now for a row; `None` for support, whose first score stands.
    pub fn score(&self, stream: u16, sig_hash: &Sha256Hex) -> Option<ExpectedScore> {
        let place = self.place(stream, sig_hash)?;
        if !self.known.get(place)?.is_work() {
            return None;
        }
        let judgement = self.known.links.reach(place).judgement();
        let verdict = score(judgement);
        let reasons = format!("[\"{}\"]", reasons(judgement, verdict).join("\",\""));
        Some(ExpectedScore { category: verdict.category.name(), reasons })
    }

    /// Why a sample of a row must not be in a file although the row's category allows it, if anything speaks against it.
    pub fn objection(&self, dataset: Dataset, stream: u16, sig_hash: &Sha256Hex) -> Option<&'static str> {
        let place = self.place(stream, sig_hash)?;
        let links = &self.known.links;
        let text = links.rows.text(place)?.facts.text;
        let verdict = match dataset {
            Dataset::Rag if links.is_superseded(place) => return Some("a twin that stands for it"),
            Dataset::Rag => wanted_rag(links, text),
            Dataset::Sft => {
                let instruction = links.instruction(place);
                let of = wanted_sft(links, text).into_iter().find(|(of, _)| *of == instruction);
                of.map_or(Verdict::Nothing, |(_, verdict)| verdict)
            }
            Dataset::Preference => return None,
        };
        match verdict {
            Verdict::Sample(_) => None,
            Verdict::Withheld(why, _) => Some(why.code()),
            Verdict::Nothing => Some("no row that may stand behind it"),
        }
    }
}

/// What is wrong with a row's current score, if anything is: expected and found.
pub(super) fn difference(
    expected: &ExpectedScore,
    category: &str,
    reasons: &str,
) -> Option<(String, String)> {
    let same = expected.category == category && expected.reasons == reasons;
    let say = |category: &str, reasons: &str| format!("{category} for {reasons}");
    (!same).then(|| (say(expected.category, &expected.reasons), say(category, reasons)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_of_another_category_or_for_other_reasons_is_told() {
        let reasons = r#"["gate.passed","rule.passed"]"#;
        let expected = ExpectedScore { category: "accepted", reasons: reasons.to_owned() };
        assert_eq!(difference(&expected, "accepted", reasons), None);
        let (should, is) = difference(&expected, "rejected", reasons).unwrap();
        assert_eq!((should, is), (format!("accepted for {reasons}"), format!("rejected for {reasons}")));
        assert!(difference(&expected, "accepted", r#"["rule.passed"]"#).is_some());
    }
}
