//! `views/runs.jsonl`: one line a run: where its evidence stands, its category, and the fields of all streams joined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::row::ViewRow;
use super::runs::Run;
use crate::domain::schema::checked::SchemaVersion;
use crate::domain::schema::codes::Reason;
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::EventTime;
use crate::domain::score::Category;

/// One run, with what every stream says of it. What nobody says is left out.
#[derive(Debug, Serialize)]
pub struct RunLine<'r> {
    /// Always 1.
    pub schema_version: SchemaVersion,
    /// The run.
    pub run_id: &'r str,
    /// What it is about.
    pub task_id: &'r str,
    /// Given by the latest row that gives one, else the stream's name.
    pub task_type: &'r str,
    /// Given by the latest row that gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_signature: Option<&'r str>,
    /// The worst category of its work; a run of support rows waits for ever.
    pub category: Category,
    /// How much of its work has which category.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<&'static str, u64>,
    /// Why, over all of its work.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reasons: BTreeSet<Reason>,
    /// When its first row happened.
    pub first_timestamp: EventTime,
    /// When its last row happened.
    pub last_timestamp: EventTime,
    /// The pull request, as its latest row gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr_number: Option<i64>,
    /// Its head, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<&'r str>,
    /// The highest attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The sum over its work, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The sum over its work, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The sum over its work, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    /// The sum over its work, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// Models of its work, in the order in which they come in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<&'r str>,
    /// The files it is about.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub source_files: BTreeSet<&'r str>,
    /// Commands that were run, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands_run: Vec<CommandLine<'r>>,
    /// What rows say, as codes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub markers: BTreeSet<&'static str>,
    /// Corpora and documents that were retrieved.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub retrieved: BTreeSet<&'r str>,
    /// What people decided about it, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub human_overrides: Vec<PersonLine<'r>>,
    /// Other members of its evidence, each with all its values.
    #[serde(flatten)]
    pub others: BTreeMap<&'static str, BTreeSet<&'r str>>,
    /// Its evidence, and the support rows that name it as their task.
    pub evidence: Vec<EvidencePlace<'r>>,
}

/// A command, as it was run.
#[derive(Debug, Serialize)]
pub struct CommandLine<'r> {
    /// The command line.
    pub cmd: &'r str,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// What a person decided.
#[derive(Debug, Serialize)]
pub struct PersonLine<'r> {
    /// The decision.
    pub action: &'r str,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<&'r str>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'r str>,
    /// When.
    pub at: EventTime,
}

/// One piece of evidence.
#[derive(Debug, Serialize)]
pub struct EvidencePlace<'r> {
    /// Its stream.
    pub source_stream: &'r str,
    /// Its category.
    pub category: Category,
    /// The row it was made from.
    pub provenance: Provenance<'static>,
}

/// The lines of the view, by `run_id`.
pub fn run_lines<'r>(runs: &BTreeMap<&'r str, Run<'r>>) -> impl Iterator<Item = RunLine<'r>> {
    runs.values().filter_map(line)
}

fn line<'r>(run: &Run<'r>) -> Option<RunLine<'r>> {
    let mut all: Vec<&'r ViewRow> = run.rows.iter().chain(&run.about).copied().collect();
    all.sort_unstable_by(|a, b| a.at().cmp(&b.at()));
    let mut categories = BTreeMap::new();
    for row in run.work() {
        *categories.entry(row.category.name()).or_default() += 1;
    }
    let mut models = Vec::new();
    for model in run.work().filter_map(|row| row.model.as_deref()) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let mut others: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in all.iter().flat_map(|row| &row.rare().others) {
        others.entry(name).or_default().insert(value);
    }
    let roles = all.iter().filter_map(|row| row.role);
    others.entry("model_role").or_default().extend(roles);
    let sum = |of: fn(&ViewRow) -> Option<u64>| run.work().filter_map(of).reduce(u64::saturating_add);
    let person = |row: &&'r ViewRow| {
        let said = row.rare().person.as_ref()?;
        let text = |text: &'r Option<Arc<str>>| text.as_deref();
        Some(PersonLine {
            action: &said.action,
            actor: text(&said.actor),
            reason: text(&said.reason),
            at: row.time,
        })
    };
    Some(RunLine {
        schema_version: SchemaVersion,
        run_id: run.run_id,
        task_id: run.task_id(),
        task_type: run.task_type(),
        run_signature: run.signature().map(|signature| &**signature),
        category: run.category().unwrap_or(Category::NeedsHumanReview),
        categories,
        reasons: run.work().flat_map(ViewRow::reasons).collect(),
        first_timestamp: all.first()?.time,
        last_timestamp: all.last()?.time,
        pr_number: all.iter().rev().find_map(|row| row.pr_number),
        head_sha: all.iter().rev().find_map(|row| row.head_sha.as_deref()),
        attempt: run.rows.iter().filter_map(|row| row.attempt).max(),
        cost_usd: sum(|row| row.rare().cost_nanos).map(|nanos| nanos as f64 / 1e9),
        latency_ms: sum(|row| row.latency_us).map(|micros| micros as f64 / 1e3),
        tokens_in: sum(|row| row.rare().tokens_in),
        tokens_out: sum(|row| row.rare().tokens_out),
        models,
        source_files: all.iter().flat_map(|row| &row.files).map(|file| &**file).collect(),
        commands_run: run
            .rows
            .iter()
            .flat_map(|row| &row.rare().commands)
            .map(|command| CommandLine { cmd: &command.line, exit_code: command.exit_code })
            .collect(),
        markers: all.iter().flat_map(|row| row.markers.iter()).map(|marker| marker.name()).collect(),
        retrieved: all.iter().flat_map(|row| &row.rare().context).map(|name| &**name).collect(),
        human_overrides: all.iter().filter_map(person).collect(),
        others,
        evidence: all
            .iter()
            .map(|row| EvidencePlace {
                source_stream: &row.stream,
                category: row.category,
                provenance: row.provenance(),
            })
            .collect(),
    })
}
