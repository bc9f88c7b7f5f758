//! Twins: what was distilled from a text stands for it, by the run they share, else by the signature.

use super::Links;
use super::by_run::has_own_run;
use super::facts::{Key, Part};
use super::map::{KeyMap, KeySet};
use super::rows::{Place, Row};
use crate::domain::score::Category;

/// Runs and signatures that have something distilled.
#[derive(Debug, Default)]
pub(super) struct Twins {
    runs: KeyMap<TwinRun>,
    /// Signatures under which anything distilled ever stood.
    signatures: KeySet,
}

/// A run that has something distilled.
#[derive(Debug, Default)]
struct TwinRun {
    distilled: Vec<Place>,
    /// How many other rows with a text it has.
    raw_texts: u32,
}

/// Whether a row is fit to stand for the text that it was distilled from.
fn stands(row: &Row) -> bool {
    matches!(row.category, Category::Accepted | Category::PartiallyAccepted) && !row.has_secret()
}

impl Links {
    /// Takes a row with a text into account.
    pub(super) fn insert_twin(&mut self, place: Place, run: Key, part: Part) {
        let distilled = part == Part::Distilled;
        if let Some(twins) = self.twins.runs.get_mut(&run) {
            if distilled {
                twins.distilled.push(place);
            } else {
                twins.raw_texts += 1;
            }
        } else if distilled {
            let is_raw = |other: &Place| {
                self.rows.text(*other).is_some()
                    && self.rows.get(*other).is_some_and(|row| row.part() != Part::Distilled)
            };
            let raw_texts = self.of_run(run).filter(is_raw).count() as u32;
            self.twins.runs.insert(run, TwinRun { distilled: vec![place], raw_texts });
        }
        if distilled && let Some(signature) = self.signature(run) {
            self.twins.signatures.insert(signature);
        }
    }

    /// Notes that a run with something distilled in it has got a signature.
    pub(super) fn note_twin_signature(&mut self, run: Key, signature: Key) {
        if self.twins.runs.contains_key(&run) {
            self.twins.signatures.insert(signature);
        }
    }

    /// Whether something distilled stands for the row's text.
    pub fn is_superseded(&self, place: Place) -> bool {
        let Some(row) = self.rows.get(place).filter(|row| row.part() != Part::Distilled) else {
            return false;
        };
        if self.twins.runs.is_empty() {
            return false;
        }
        let stands_at = |place: &Place| self.rows.get(*place).is_some_and(stands);
        if self.twins.runs.get(&row.run).is_some_and(|twins| twins.distilled.iter().any(stands_at)) {
            return true;
        }
        let signature = self.signature(row.run).filter(|signature| self.twins.signatures.contains(signature));
        signature.is_some_and(|signature| {
            self.of_signature(signature).any(|other| {
                let has_text = self.rows.text(other).is_some();
                self.rows.get(other).is_some_and(|other| {
                    // A run with a text of its own has its twin there, and none elsewhere.
                    let alone = || self.twins.runs.get(&other.run).is_some_and(|twins| twins.raw_texts == 0);
                    other.part() == Part::Distilled && stands(other) && alone() && has_text
                })
            })
        })
    }

    /// Rows with the texts for which a new or changed row may stand, or no longer stand; and the signature whose texts it may
    /// stand for.
    pub fn twin_texts(&self, place: Place, texts: &mut Vec<Place>) -> Option<Key> {
        let row = self.rows.get(place)?;
        let distilled = row.part() == Part::Distilled;
        if !distilled && has_own_run(&self.rows, place) {
            return None;
        }
        let twins = self.twins.runs.get(&row.run)?;
        if distilled {
            self.texts_of(self.run_mates(place), texts);
        }
        let by_signature = if distilled { twins.raw_texts == 0 } else { twins.raw_texts == 1 };
        if by_signature { self.signature(row.run) } else { None }
    }

    /// Rows with the texts of a signature.
    pub fn texts_of_signature(&self, signature: Key) -> impl Iterator<Item = Place> + '_ {
        self.of_signature(signature).filter(|place| self.rows.text(*place).is_some())
    }

    /// Rows with the texts whose twins may be others because a run's signature moved.
    pub fn moved_texts(&self, run: Key, before: Option<Key>, now: Key, texts: &mut Vec<Place>) {
        let known = |signature: &Key| self.twins.signatures.contains(signature);
        let signatures: Vec<Key> = before.into_iter().chain([now]).filter(known).collect();
        if signatures.is_empty() {
            return;
        }
        self.texts_of(self.of_run(run), texts);
        if self.twins.runs.contains_key(&run) {
            for signature in signatures {
                self.texts_of(self.of_signature(signature), texts);
            }
        }
    }

    fn texts_of(&self, places: impl Iterator<Item = Place>, texts: &mut Vec<Place>) {
        texts.extend(places.filter(|place| self.rows.text(*place).is_some()));
    }
}
