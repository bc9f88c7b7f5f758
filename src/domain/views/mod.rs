//! Derived views: folds over the evidence and the scores that count now, and over nothing else.
//!
//! A view depends on the *set* of rows: not on the order in which they came, not on the batches, and not on how a score
//! came to be (who caused it, and as which of how many). docs/knowledge.md says what everything means.

pub mod behind;
mod by_task;
mod detail;
mod details;
pub mod drift;
mod episodes;
pub mod facts;
mod few;
pub mod kept;
mod member;
pub mod model_ledger;
pub mod names;
pub mod outline;
mod pattern;
pub mod playbooks;
pub mod quantiles;
pub mod queue_line;
mod row;
pub mod run_lines;
mod runs;
mod shown;
mod standing;
pub mod told;

use std::collections::{BTreeMap, BTreeSet};

use super::schema::checked::Distinct;
use super::schema::provenance::Provenance;
use super::signal::{Code, Kind, SignalSet};
use super::skim;
use facts::{At, Facts, Row};
use names::{Name, Names};

/// The first row and the latest ones stand in an item's provenance: so many in all.
const PROVENANCE_MAX: usize = 16;

/// What the evidence says that is not kept, read back.
pub trait Lines {
    /// The evidence of a row; `None` when it cannot be read.
    fn evidence(&mut self, row: &Row) -> Option<&str>;
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
fn origins(
    facts: &Facts,
    rows: &BTreeSet<At>,
    lines: &mut dyn Lines,
) -> Option<Distinct<Provenance<'static>>> {
    let first = rows.first().into_iter();
    let latest = rows.iter().skip(1).rev().take(PROVENANCE_MAX - 1).collect::<Vec<_>>().into_iter().rev();
    let rows = first.chain(latest).filter_map(|(_, place)| facts.row_at(*place));
    let origin = |id| {
        let row = facts.row(id)?;
        facts.origin_shown(id, row).or_else(|| provenance(lines.evidence(row)?))
    };
    Distinct::new(rows.filter_map(origin).collect())
}

/// The provenance that a line of ours names.
fn provenance(line: &str) -> Option<Provenance<'static>> {
    let provenance = skim::members(line).find(|(key, _)| *key == "provenance")?.1;
    let provenance: Provenance<'_> = serde_json::from_str(provenance).ok()?;
    Some(Provenance { source_file: provenance.source_file.into_owned().into(), ..provenance })
}

/// What was counted, most frequent first, then by name; at most `max` of it.
fn ranked<K: Ord + Clone>(counts: &BTreeMap<K, u64>, max: usize) -> Vec<(K, u64)> {
    let mut ranked: Vec<_> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
    // Keys are in order already, and the sort is stable.
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked.truncate(max);
    ranked
}

/// The same of texts.
fn ranked_names<'n>(names: &'n Names, counts: &BTreeMap<Name, u64>, max: usize) -> Vec<&'n str> {
    let mut ranked: Vec<_> =
        counts.iter().map(|(name, count)| (u64::MAX - count, names.text(*name))).collect();
    ranked.sort_unstable();
    ranked.truncate(max);
    ranked.into_iter().map(|(_, text)| text).collect()
}
