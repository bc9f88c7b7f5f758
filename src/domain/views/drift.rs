//! `views/drift.jsonl`: what sweeps found true, half true and false, phase by phase, and what changed between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::origins;
use super::row::ViewRow;
use crate::domain::schema::checked::{Distinct, SchemaVersion};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::EventTime;

/// How far the claims of a phase hold, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// All that was looked at is true.
    Verified,
    /// Something is half true.
    Partial,
    /// Something is false.
    Fake,
}

/// What became of a phase since it was last swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was never swept before.
    New,
    /// It holds less than before.
    Regressed,
    /// It holds more than before.
    Repaired,
    /// Neither, or nobody can tell.
    Same,
}

/// One phase in one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseState {
    /// The phase.
    pub phase: String,
    /// Its status, in the sweep's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How far its claims hold, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Claims that are true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_verified: Option<u64>,
    /// Claims that are half true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_partial: Option<u64>,
    /// Claims that are false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_fake: Option<u64>,
    /// What became of it since it was last swept.
    pub change: Change,
}

/// One commit, or one day's sweep of rows that name no commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriftSnapshot {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// What the snapshot is of: the commit, or `sweep:` and the day, UTC.
    pub snapshot: String,
    /// The commit, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    /// When its first row was found.
    pub first_seen: EventTime,
    /// When its last row was found.
    pub last_seen: EventTime,
    /// The phases that were swept, by name.
    pub phases: Vec<PhaseState>,
    /// Corrections of documents.
    pub documents_corrected: u64,
    /// The documents that were corrected.
    pub documents: Vec<String>,
    /// Phases that hold less than when they were last swept.
    pub regressed: Vec<String>,
    /// Phases that hold more.
    pub repaired: Vec<String>,
    /// Phases that were never swept before.
    pub new: Vec<String>,
    /// Phases of the sweep before that this one does not have.
    pub gone: Vec<String>,
    /// The first of its rows and the latest, 16 at most.
    pub provenance: Distinct<Provenance<'static>>,
}

/// Folds sweeps and corrections into snapshots, in the order of their first rows.
pub fn drift(rows: &[ViewRow]) -> Vec<DriftSnapshot> {
    let mut groups: BTreeMap<String, Vec<&ViewRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_sweep(row) || is_correction(row)) {
        let day = || format!("sweep:{}", row.time.to_string().get(..10).unwrap_or_default());
        let key = row.head_sha.as_ref().map_or_else(day, ToString::to_string);
        groups.entry(key).or_default().push(row);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    for (_, rows) in &mut groups {
        rows.sort_unstable_by(|a, b| a.at().cmp(&b.at()));
    }
    groups.sort_by(|(_, a), (_, b)| a.first().map(|row| row.at()).cmp(&b.first().map(|row| row.at())));
    let mut known: BTreeMap<String, PhaseState> = BTreeMap::new();
    let mut last_sweep: BTreeSet<String> = BTreeSet::new();
    let snapshot = |(key, rows): (String, Vec<&ViewRow>)| snapshot(key, &rows, &mut known, &mut last_sweep);
    groups.into_iter().filter_map(snapshot).collect()
}

fn is_sweep(row: &ViewRow) -> bool {
    &*row.stream == "phase_sweep_findings"
}

fn is_correction(row: &ViewRow) -> bool {
    &*row.stream == "doc_drift_corrections"
}

fn snapshot(
    key: String,
    rows: &[&ViewRow],
    known: &mut BTreeMap<String, PhaseState>,
    last_sweep: &mut BTreeSet<String>,
) -> Option<DriftSnapshot> {
    // Of several sweeps of a phase the latest counts; rows are in order.
    let mut swept: BTreeMap<&str, &ViewRow> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_sweep(row)) {
        swept.insert(row.task_id.strip_prefix("phase:").unwrap_or(&row.task_id), row);
    }
    let phases: Vec<_> = swept.into_iter().map(|(phase, row)| state(phase, row, known.get(phase))).collect();
    let changed = |change: Change| {
        let those = phases.iter().filter(|phase| phase.change == change);
        those.map(|phase| phase.phase.clone()).collect::<Vec<_>>()
    };
    let (regressed, repaired, new) =
        (changed(Change::Regressed), changed(Change::Repaired), changed(Change::New));
    let mut gone = Vec::new();
    if !phases.is_empty() {
        let now: BTreeSet<_> = phases.iter().map(|phase| phase.phase.clone()).collect();
        gone.extend(last_sweep.difference(&now).cloned());
        *last_sweep = now;
    }
    for phase in &phases {
        known.insert(phase.phase.clone(), phase.clone());
    }
    let corrections: Vec<_> = rows.iter().filter(|row| is_correction(row)).collect();
    let documents: BTreeSet<&Arc<str>> = corrections.iter().flat_map(|row| &row.files).collect();
    Some(DriftSnapshot {
        schema_version: SchemaVersion,
        head_sha: (!key.starts_with("sweep:")).then(|| key.clone()),
        snapshot: key,
        first_seen: rows.first()?.time,
        last_seen: rows.last()?.time,
        phases,
        documents_corrected: corrections.len() as u64,
        documents: documents.into_iter().map(ToString::to_string).collect(),
        regressed,
        repaired,
        new,
        gone,
        provenance: origins(rows.iter().copied())?,
    })
}

fn state(phase: &str, row: &ViewRow, before: Option<&PhaseState>) -> PhaseState {
    let count = |name: &str| row.checks.iter().find(|check| &*check.name == name)?.count;
    let marked = |marker: &str| row.markers.iter().any(|known| &**known == marker);
    let mark = match () {
        () if marked("phase.fake") => Some(Mark::Fake),
        () if marked("phase.partial") => Some(Mark::Partial),
        () if marked("phase.verified") => Some(Mark::Verified),
        () => None,
    };
    let mut state = PhaseState {
        phase: phase.to_owned(),
        status: row.sorted_as.as_ref().map(ToString::to_string),
        mark,
        claims_verified: count("claims.verified"),
        claims_partial: count("claims.partial"),
        claims_fake: count("claims.fake"),
        change: Change::New,
    };
    if let Some(before) = before {
        state.change = match (badness(before), badness(&state)) {
            (Some(before), Some(now)) if now > before => Change::Regressed,
            (Some(before), Some(now)) if now < before => Change::Repaired,
            _ => Change::Same,
        };
    }
    state
}

/// How bad a phase is: its mark, then its false claims, then its half true ones.
fn badness(state: &PhaseState) -> Option<(Mark, u64, u64)> {
    Some((state.mark?, state.claims_fake.unwrap_or(0), state.claims_partial.unwrap_or(0)))
}
