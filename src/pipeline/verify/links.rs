//! Every row's current score, and every sample, held against what all rows and the links between them give.
//!
//! The rows are taken in as they are distilled again, in whatever order that happens: links are functions of the set of
//! rows.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::remade::source_of;
use crate::domain::exports::preference::{self, Sides, Source};
use crate::domain::exports::{Dataset, Verdict, wanted_rag, wanted_sft};
use crate::domain::link::{Place, Row};
use crate::domain::rules::Rules;
use crate::domain::schema::record::Kind;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::{Category, Judgement, reasons, score};
use crate::pipeline::known_rows::{KnownRows, sig_of};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;

/// The latest superseding score of a row, as its line says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later {
    pub(super) score_seq: u32,
    /// The hash of category and reasons.
    pub(super) digest: u64,
    /// Where its line starts, and its length, in bytes.
    pub(super) at: u64,
    pub(super) len: u32,
}

/// The hash of a category and its reasons, as they stand in a score.
pub(super) fn digest_of<'r>(category: Category, reasons: impl Iterator<Item = &'r str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    category.name().hash(&mut hasher);
    reasons.for_each(|reason| reason.hash(&mut hasher));
    hasher.finish()
}

/// What a current score should say, and what it says where that is not in a line of superseding scores.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongScore {
    pub(super) expected: String,
    pub(super) found: Option<String>,
}

/// All rows, linked anew.
#[derive(Debug)]
pub(super) struct Relinked {
    known: KnownRows,
    /// Whether scores are worked out anew.
    pub(super) judges: bool,
    /// The numbers of the streams, by source file.
    streams: HashMap<String, u16>,
}

impl Relinked {
    /// Takes over rows that were distilled again, and the scores that count now.
    pub(super) fn of_rows(mut known: KnownRows, outputs: &Outputs, streams: &StreamSet) -> Self {
        // A line that cannot be read, or names no row, is a finding of its own.
        let judges = known.restore_scores(outputs.committed(), streams, 0).is_ok();
        known.links.note_people();
        Self { known, judges, streams: numbers_of(streams) }
    }

    /// Takes in all committed rows as they are written. Scores made by another scorer cannot be worked out anew.
    pub(super) fn load(outputs: &Outputs, streams: &StreamSet, rules: &Rules) -> Result<Self, StoreError> {
        let judges = outputs.last.as_ref().is_some_and(|last| last.scorer_version == rules.scorer_version());
        let known = KnownRows::load(outputs.committed(), streams, rules, None)?;
        Ok(Self { known, judges, streams: numbers_of(streams) })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The row at a place.
    pub(super) fn row(&self, place: Place) -> Option<&Row> {
        self.known.get(place)
    }

    /// All rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.known.links.rows.iter()
    }

    /// The row of a source file with that hash.
    pub(super) fn find(&self, source_file: &str, sig_hash: &Sha256Hex) -> Option<Place> {
        self.known.find(usize::from(*self.streams.get(source_file)?), sig_of(sig_hash))
    }

    /// Whether a stream has that source file.
    pub(super) fn is_source(&self, source_file: &str) -> bool {
        self.streams.contains_key(source_file)
    }

    /// What is wrong with the score that counts for a row, if anything is; the score of support is its first.
    pub(super) fn wrong_score(&self, place: Place, later: Option<&Later>) -> Option<WrongScore> {
        let row = self.known.get(place).filter(|row| self.judges && row.is_work())?;
        let reached = self.known.links.reach(place);
        let judgement = reached.judgement();
        let verdict = score(judgement);
        let say =
            |category: Category, reasons: &[&str]| format!("{category} for [\"{}\"]", reasons.join("\",\""));
        let first = Judgement::of_own(Kind::Work, row.own);
        let holds = match later {
            // The first score counts; it was held against its row.
            None => reached.signals == row.own && verdict == score(first),
            Some(later) => {
                later.digest == digest_of(verdict.category, reasons(judgement, verdict).into_iter())
            }
        };
        (!holds).then(|| WrongScore {
            expected: say(verdict.category, &reasons(judgement, verdict)),
            found: later.is_none().then(|| say(score(first).category, &reasons(first, score(first)))),
        })
    }

    /// The hash of a row's first score.
    pub(super) fn first_digest(&self, place: Place) -> Option<u64> {
        let row = self.known.get(place)?;
        let first = Judgement::of_own(Kind::Work, row.own);
        let verdict = score(first);
        Some(digest_of(verdict.category, reasons(first, verdict).into_iter()))
    }

    /// The work whose instruction a row's text answers, where that is not its own.
    pub(super) fn asked(&self, place: Place) -> Option<Place> {
        Some(self.known.links.asked(place)).filter(|asked| *asked != place)
    }

    /// Whether a row of its run gives a row a task type.
    pub(super) fn has_task_giver(&self, place: Place) -> bool {
        self.known.links.task_giver(place).is_some()
    }

    /// The source of the pair whose better answer a row is, and its sides as things stand.
    pub(super) fn pair(&self, chosen: Place) -> Option<(Source, Option<Sides>)> {
        let links = &self.known.links;
        let input = links.rows.text(chosen).map(|text| text.facts.input);
        let source = source_of(self.known.get(chosen)?.part(), chosen, input)?;
        let sides = preference::sides(links, source);
        Some((source, sides.filter(|sides| !preference::holds_secret(links, *sides))))
    }

    /// Why a sample of a row must not be in a file although the row's category allows it, if anything speaks against it.
    pub(super) fn objection(&self, dataset: Dataset, place: Place) -> Option<&'static str> {
        let links = &self.known.links;
        let text = links.rows.text(place).filter(|_| self.judges)?.facts.text;
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

fn numbers_of(streams: &StreamSet) -> HashMap<String, u16> {
    let numbered = streams.specs.iter().enumerate();
    numbered.map(|(number, spec)| (spec.source_file.clone(), number as u16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_category_and_other_reasons_have_another_digest() {
        let of = |category, reasons: &[&'static str]| digest_of(category, reasons.iter().copied());
        let whole = of(Category::Accepted, &["gate.passed", "rule.passed"]);
        assert_eq!(whole, of(Category::Accepted, &["gate.passed", "rule.passed"]));
        assert_ne!(whole, of(Category::Rejected, &["gate.passed", "rule.passed"]));
        assert_ne!(whole, of(Category::Accepted, &["rule.passed"]));
        assert_ne!(whole, of(Category::Accepted, &["gate.passedrule.passed"]));
    }
}
