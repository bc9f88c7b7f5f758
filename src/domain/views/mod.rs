//! Derived views: folds over the evidence and the scores that count now, and over nothing else.
//!
//! A view depends on the *set* of rows: not on the order in which they came, not on the batches, and not on how a score
//! came to be (who caused it, and as which of how many). docs/knowledge.md says what everything means.

pub mod drift;
mod episodes;
pub mod model_ledger;
pub mod names;
mod pattern;
pub mod playbooks;
pub mod quantiles;
pub mod row;
pub mod run_lines;
pub mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::schema::checked::{Distinct, Text};
use super::schema::provenance::Provenance;
use super::signal::{Code, Kind, SignalSet};
use row::ViewRow;

/// The first row and the latest ones stand in an item's provenance: so many in all.
const PROVENANCE_MAX: usize = 16;

/// Puts rows into canonical order, whatever the order they were read in.
pub fn in_canonical_order(mut rows: Vec<ViewRow>) -> Vec<ViewRow> {
    rows.sort_unstable_by(|a, b| a.place.cmp(&b.place));
    rows
}

/// Whether a signal tells how work went wrong. A call that failed says nothing of the work.
pub(crate) fn is_failure(code: Code) -> bool {
    match code.kind() {
        Kind::DeterministicFail | Kind::OpinionAgainst => true,
        Kind::WeaklyGrounded => matches!(code, Code::GroundingLow | Code::ReplayLow),
        Kind::Human => matches!(code, Code::HumanReject | Code::HumanCorrect),
        Kind::DeterministicPass
        | Kind::DeterministicPartial
        | Kind::Grounded
        | Kind::ReasonOnly
        | Kind::OpinionFor
        | Kind::Infrastructure
        | Kind::Unclear => false,
    }
}

/// The codes of a set that tell how work went wrong.
pub(crate) fn failures(signals: SignalSet) -> impl Iterator<Item = Code> {
    signals.iter().filter(|code| is_failure(*code))
}

/// The places of rows: the first by time and the latest, each once, in the order of time. `None` without rows.
fn origins<'r>(rows: impl IntoIterator<Item = &'r ViewRow>) -> Option<Distinct<Provenance<'static>>> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_unstable_by(|a, b| a.at().cmp(&b.at()));
    rows.dedup_by(|a, b| a.place == b.place);
    let dropped = rows.len().saturating_sub(PROVENANCE_MAX);
    if dropped > 0 {
        rows.drain(1..=dropped);
    }
    Distinct::new(rows.into_iter().map(ViewRow::provenance).collect())
}

/// What was counted, most frequent first, then by name; at most `max` of it.
fn ranked<K: Ord + Clone>(counts: &BTreeMap<K, u64>, max: usize) -> Vec<(K, u64)> {
    let mut ranked: Vec<_> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
    // Keys are in order already, and the sort is stable.
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked.truncate(max);
    ranked
}

/// The names of what was counted, as texts.
fn ranked_texts(counts: &BTreeMap<Arc<str>, u64>, max: usize) -> Vec<Text> {
    ranked(counts, max).into_iter().filter_map(|(name, _)| Text::new(&*name)).collect()
}
