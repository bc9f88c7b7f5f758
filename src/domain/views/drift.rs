//! `views/drift.jsonl`: what sweeps found true, half true and false, phase by phase, and what changed between them.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{At, Facts, Row};
use super::{Lines, origins};
use crate::domain::schema::checked::{GitSha, SchemaVersion, Text};
use crate::domain::schema::codes::Marker;
use crate::domain::schema::drift::{Change, DriftSnapshot, Mark, PhaseState};
use crate::domain::skim;

/// The streams that drift is made from: sweeps of phases, and corrections.
pub const STREAMS: [&str; 2] = ["phase_sweep_findings", "doc_drift_corrections"];

/// A sweep of a phase, or a correction.
#[derive(Debug)]
struct Found {
    at: At,
    is_sweep: bool,
    /// The snapshot that it belongs to.
    snapshot: String,
    phase: String,
    files: Vec<String>,
    markers: Vec<Marker>,
    status: Option<String>,
    /// Claims by the name of their count.
    claims: BTreeMap<String, Option<u64>>,
}

impl Found {
    fn of(facts: &Facts, row: &Row, lines: &mut dyn Lines) -> Option<Self> {
        let [sweeps, _] = STREAMS;
        let mut found = Self {
            at: row.at(),
            is_sweep: facts.names.text(facts.stream_name(row)) == sweeps,
            snapshot: format!("sweep:{}", row.time().to_string().get(..10).unwrap_or_default()),
            phase: String::new(),
            files: Vec::new(),
            markers: Vec::new(),
            status: None,
            claims: BTreeMap::new(),
        };
        let text = |value: &str| skim::text(value).map(|text| text.plain().into_owned());
        for (key, value) in skim::members(lines.evidence(row)?) {
            match key {
                "task_id" => {
                    let task = text(value)?;
                    task.strip_prefix("phase:").unwrap_or(&task).clone_into(&mut found.phase);
                }
                "head_sha" => found.snapshot = text(value).unwrap_or(found.snapshot),
                "source_files" => found.files = skim::items(value).filter_map(text).collect(),
                "category" => found.status = text(value),
                "success_markers" | "failure_markers" => {
                    let markers = skim::items(value).map(|item| item.trim_matches('"'));
                    found.markers.extend(markers.filter_map(Marker::from_name));
                }
                "validation_results" => {
                    for (name, count) in skim::items(value).filter_map(claims) {
                        found.claims.entry(name).or_insert(count);
                    }
                }
                _ => {}
            }
        }
        Some(found)
    }
}

/// The name of a check, and how many, where it is a count.
fn claims(check: &str) -> Option<(String, Option<u64>)> {
    let (mut name, mut count) = (None, None);
    for (key, value) in skim::members(check) {
        match key {
            "name" => name = skim::text(value).map(|name| name.plain().into_owned()),
            "explanation" => count = value.trim_matches('"').parse().ok(),
            _ => {}
        }
    }
    Some((name?, count))
}

/// Folds sweeps and corrections into snapshots, in the order of their first rows.
pub fn drift(facts: &Facts, lines: &mut dyn Lines) -> Vec<DriftSnapshot> {
    let mut groups: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    let rows = STREAMS.into_iter().flat_map(|stream| facts.of_stream(stream));
    for found in rows.filter_map(|row| Found::of(facts, row, lines)) {
        groups.entry(found.snapshot.clone()).or_default().push(found);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    for (_, found) in &mut groups {
        found.sort_unstable_by_key(|found| found.at);
    }
    groups.sort_by_key(|(_, found)| found.first().map(|found| found.at));
    let mut known: BTreeMap<Text, PhaseState> = BTreeMap::new();
    let mut last_sweep: BTreeSet<Text> = BTreeSet::new();
    let snapshot =
        |(key, found): (String, Vec<Found>)| snapshot(facts, key, &found, &mut known, &mut last_sweep, lines);
    groups.into_iter().filter_map(snapshot).collect()
}

/// The rows of a snapshot.
pub(super) fn rows_of(facts: &Facts, snapshot: &str, lines: &mut dyn Lines) -> BTreeSet<At> {
    let rows = STREAMS.into_iter().flat_map(|stream| facts.of_stream(stream));
    let found = rows.filter_map(|row| Found::of(facts, row, lines));
    found.filter(|found| found.snapshot == snapshot).map(|found| found.at).collect()
}

fn snapshot(
    facts: &Facts,
    key: String,
    all: &[Found],
    known: &mut BTreeMap<Text, PhaseState>,
    last_sweep: &mut BTreeSet<Text>,
    lines: &mut dyn Lines,
) -> Option<DriftSnapshot> {
    // Of several sweeps of a phase the latest counts; rows are in order.
    let mut swept: BTreeMap<Text, &Found> = BTreeMap::new();
    for found in all.iter().filter(|found| found.is_sweep) {
        swept.insert(Text::new(&*found.phase)?, found);
    }
    let with_past = |(phase, found)| {
        let before = known.get(&phase);
        state(phase, found, before)
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
    let corrections: Vec<_> = all.iter().filter(|found| !found.is_sweep).collect();
    let documents: BTreeSet<&String> = corrections.iter().flat_map(|found| &found.files).collect();
    let places: BTreeSet<At> = all.iter().map(|found| found.at).collect();
    Some(DriftSnapshot {
        schema_version: SchemaVersion,
        head_sha: GitSha::new(key.clone()),
        snapshot: Text::new(key)?,
        first_seen: all.first()?.at.0,
        last_seen: all.last()?.at.0,
        phases,
        documents_corrected: corrections.len() as u64,
        documents: documents.into_iter().filter_map(|document| Text::new(document.as_str())).collect(),
        regressed,
        repaired,
        new,
        gone,
        provenance: origins(facts, &places, lines)?,
    })
}

fn state(phase: Text, found: &Found, before: Option<&PhaseState>) -> PhaseState {
    let count = |name: &str| found.claims.get(name).copied().flatten();
    let marked = |marker: &str| found.markers.iter().any(|known| known.name() == marker);
    let mark = match () {
        () if marked("phase.fake") => Some(Mark::Fake),
        () if marked("phase.partial") => Some(Mark::Partial),
        () if marked("phase.verified") => Some(Mark::Verified),
        () => None,
    };
    let mut state = PhaseState {
        phase,
        status: found.status.as_deref().and_then(Text::new),
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
