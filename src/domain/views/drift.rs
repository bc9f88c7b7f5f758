//! `views/drift.jsonl`: what sweeps found true, half true and false, phase by phase, and what changed between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::origins;
use super::row::ViewRow;
use crate::domain::schema::checked::{GitSha, SchemaVersion, Text};
use crate::domain::schema::drift::{Change, DriftSnapshot, Mark, PhaseState};

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
    let mut known: BTreeMap<Text, PhaseState> = BTreeMap::new();
    let mut last_sweep: BTreeSet<Text> = BTreeSet::new();
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
    known: &mut BTreeMap<Text, PhaseState>,
    last_sweep: &mut BTreeSet<Text>,
) -> Option<DriftSnapshot> {
    // Of several sweeps of a phase the latest counts; rows are in order.
    let mut swept: BTreeMap<Text, &ViewRow> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_sweep(row)) {
        swept.insert(Text::new(row.task_id.strip_prefix("phase:").unwrap_or(&row.task_id))?, row);
    }
    let with_past = |(phase, row)| {
        let before = known.get(&phase);
        state(phase, row, before)
    };
    let phases: Vec<_> = swept.into_iter().map(with_past).collect();
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
        head_sha: GitSha::new(key.clone()),
        snapshot: Text::new(key)?,
        first_seen: rows.first()?.time,
        last_seen: rows.last()?.time,
        phases,
        documents_corrected: corrections.len() as u64,
        documents: documents.into_iter().filter_map(|document| Text::new(&**document)).collect(),
        regressed,
        repaired,
        new,
        gone,
        provenance: origins(rows.iter().copied())?,
    })
}

fn state(phase: Text, row: &ViewRow, before: Option<&PhaseState>) -> PhaseState {
    let count = |name: &str| row.rare().checks.iter().find(|check| &*check.name == name)?.count;
    let marked = |marker: &str| row.markers.iter().any(|known| known.name() == marker);
    let mark = match () {
        () if marked("phase.fake") => Some(Mark::Fake),
        () if marked("phase.partial") => Some(Mark::Partial),
        () if marked("phase.verified") => Some(Mark::Verified),
        () => None,
    };
    let mut state = PhaseState {
        phase,
        status: row.sorted_as.as_ref().and_then(|status| Text::new(&**status)),
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
