//! One row as the views see it: its evidence without the texts, and the score that counts now.

use std::sync::Arc;

use super::names::Names;
use crate::domain::schema::codes::{Marker, Reason};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::record::ModelRole;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};
use crate::domain::skim;

/// Where a row stands; places in order are in canonical order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The stream's logical name.
    pub source_file: Arc<str>,
    /// Which life of its file, from 0.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
}

/// A command that was run.
#[derive(Debug, Clone)]
pub struct Command {
    /// The command line.
    pub line: Arc<str>,
    /// Its exit code.
    pub exit_code: Option<i64>,
}

/// A check that was made.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it passed.
    pub passed: bool,
    /// How grave a failure is, in the producer's word.
    pub severity: Option<Arc<str>>,
    /// Whether a program made it.
    pub deterministic: bool,
    /// How many, where the check is a count.
    pub count: Option<u64>,
}

/// What a person decided.
#[derive(Debug, Clone)]
pub struct PersonSaid {
    /// The decision.
    pub action: Arc<str>,
    /// Who.
    pub actor: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Arc<str>>,
}

/// One row: what its evidence says, texts aside, and the score that counts now.
#[derive(Debug, Clone)]
pub struct ViewRow {
    /// Where the row stands.
    pub place: Place,
    /// Byte at which its line starts.
    pub byte_offset: u64,
    /// SHA-256 of the row.
    pub sig_hash: Sha256Hex,
    /// Event time.
    pub time: EventTime,
    /// The stream.
    pub stream: Arc<str>,
    /// The run.
    pub run_id: Arc<str>,
    /// What it is about.
    pub task_id: Arc<str>,
    /// Whether it is work rather than support.
    pub is_work: bool,
    /// Whether it was taken out of other work.
    pub is_extraction: bool,
    /// The category that counts now.
    pub category: Category,
    /// The signals that reached it.
    pub signals: SignalSet,
    /// The rule that decided.
    pub rule: Option<Reason>,
    /// The row's task type.
    pub task_type: Option<Arc<str>>,
    /// The model.
    pub model: Option<Arc<str>>,
    /// Who serves it.
    pub provider: Option<Arc<str>>,
    /// The producer's signature of the run.
    pub run_signature: Option<Arc<str>>,
    /// What it was sorted as: of a swept phase its status.
    pub sorted_as: Option<Arc<str>>,
    /// The part its author plays.
    pub role: Option<&'static str>,
    /// The files it is about.
    pub files: Box<[Arc<str>]>,
    /// The pull request.
    pub pr_number: Option<i64>,
    /// Its head.
    pub head_sha: Option<Arc<str>>,
    /// Which attempt it was, from 1.
    pub attempt: Option<u32>,
    /// How long the call took, in microseconds.
    pub latency_us: Option<u64>,
    /// What the row says, as codes.
    pub markers: Box<[Marker]>,
    /// What most rows have nothing of.
    rare: Option<Box<Rare>>,
}

/// What most rows have nothing of, apart so that a row takes little room.
#[derive(Debug, Clone)]
pub struct Rare {
    /// What the call cost, in billionths of a US dollar: whole, so that sums do not depend on their order.
    pub cost_nanos: Option<u64>,
    /// Tokens of the prompt.
    pub tokens_in: Option<u64>,
    /// Tokens of the answer.
    pub tokens_out: Option<u64>,
    /// Commands that were run.
    pub commands: Vec<Command>,
    /// Checks that were made.
    pub checks: Vec<Check>,
    /// Corpora and documents that were retrieved.
    pub context: Vec<Arc<str>>,
    /// What a person decided.
    pub person: Option<PersonSaid>,
    /// Further members of the evidence, as they are: name and value.
    pub others: Vec<(&'static str, Arc<str>)>,
}

impl Rare {
    const NOTHING: Self = Self {
        cost_nanos: None,
        tokens_in: None,
        tokens_out: None,
        commands: Vec::new(),
        checks: Vec::new(),
        context: Vec::new(),
        person: None,
        others: Vec::new(),
    };
}

static NOTHING_RARE: Rare = Rare::NOTHING;

/// Members that the runs show as they are.
const OTHERS: [&str; 11] = [
    "mode",
    "observer_verdict",
    "observer_confidence",
    "scratchpad_summary",
    "extractor",
    "verifier",
    "categorizer",
    "source_label",
    "source_service",
    "commit",
    "trace_id",
];

impl ViewRow {
    /// Reads a row; `None` when a line is none that distilld wrote.
    pub fn read(names: &mut Names, evidence: &str, score: &str) -> Option<Self> {
        let member = |wanted: &str| skim::members(evidence).find(|(key, _)| *key == wanted).map(|(_, v)| v);
        let mut row = Self::at_place(names, member("provenance")?)?;
        for (key, value) in skim::members(evidence) {
            row.take_evidence(names, key, value);
        }
        let mut category = None;
        for (key, value) in skim::members(score) {
            match key {
                "category" => category = Category::from_name(value.trim_matches('"')),
                "reasons" => skim::items(value).for_each(|item| row.take_reason(item.trim_matches('"'))),
                _ => {}
            }
        }
        row.category = category?;
        let named = !row.run_id.is_empty() && !row.task_id.is_empty() && !row.stream.is_empty();
        named.then_some(row)
    }

    fn take_reason(&mut self, reason: &str) {
        match Code::ALL.iter().copied().find(|code| code.name() == reason) {
            Some(code) => self.signals.insert(code),
            None => self.rule = Reason::from_name(reason).or(self.rule),
        }
    }

    /// What most rows have nothing of.
    pub fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(Rare::NOTHING))
    }

    /// Signals and rule.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.signals.iter().filter_map(|code| Reason::from_name(code.name())).chain(self.rule)
    }

    fn at_place(names: &mut Names, provenance: &str) -> Option<Self> {
        let (mut file, mut generation, mut line_offset, mut byte_offset) = (None, None, None, None);
        let (mut sig_hash, mut time) = (None, None);
        for (key, value) in skim::members(provenance) {
            match key {
                "source_file" => file = names.text(value),
                "generation" => generation = value.parse().ok(),
                "line_offset" => line_offset = value.parse().ok(),
                "byte_offset" => byte_offset = value.parse().ok(),
                "sig_hash" => sig_hash = Sha256Hex::parse(value.trim_matches('"')),
                "recorded_at" => time = EventTime::parse(value.trim_matches('"')),
                _ => {}
            }
        }
        let none = names.of("");
        Some(Self {
            place: Place { source_file: file?, generation: generation?, line_offset: line_offset? },
            byte_offset: byte_offset?,
            sig_hash: sig_hash?,
            time: time?.time,
            stream: Arc::clone(&none),
            run_id: Arc::clone(&none),
            task_id: none,
            is_work: false,
            is_extraction: false,
            category: Category::NeedsHumanReview,
            signals: SignalSet::EMPTY,
            rule: None,
            task_type: None,
            model: None,
            provider: None,
            run_signature: None,
            sorted_as: None,
            role: None,
            files: Box::default(),
            pr_number: None,
            head_sha: None,
            attempt: None,
            latency_us: None,
            markers: Box::default(),
            rare: None,
        })
    }

    fn take_evidence(&mut self, names: &mut Names, key: &str, value: &str) {
        match key {
            // Most runs have one row: to look for another copy of their name would cost more than it spares.
            "run_id" => self.run_id = skim::text(value).map(|text| text.plain().into()).unwrap_or_default(),
            "task_id" => self.task_id = names.text(value).unwrap_or_default(),
            "source_stream" => self.stream = names.text(value).unwrap_or_default(),
            "kind" => self.is_work = value == "\"work\"",
            "task_type" => self.task_type = names.text(value),
            "model_name" => self.model = names.text(value),
            "model_provider" => self.provider = names.text(value),
            "run_signature" => self.run_signature = names.text(value),
            "category" => self.sorted_as = names.text(value),
            "source_files" => self.files = names.texts(value).into(),
            "pr_number" => self.pr_number = value.parse().ok(),
            "head_sha" => self.head_sha = names.text(value),
            "attempt" => self.attempt = value.parse().ok(),
            "latency_ms" => self.latency_us = scaled(value, 1e3),
            "cost_usd" => self.rare_mut().cost_nanos = scaled(value, 1e9),
            "tokens_in" => self.rare_mut().tokens_in = value.parse().ok(),
            "tokens_out" => self.rare_mut().tokens_out = value.parse().ok(),
            "success_markers" | "failure_markers" => {
                let markers = skim::items(value).filter_map(|item| Marker::from_name(item.trim_matches('"')));
                self.markers = self.markers.iter().copied().chain(markers).collect();
            }
            "model_role" => {
                self.role = ModelRole::from_name(value.trim_matches('"')).map(ModelRole::name);
                self.is_extraction = self.role == Some(ModelRole::Extractor.name());
            }
            "commands_run" => {
                self.rare_mut().commands =
                    skim::items(value).filter_map(|item| command(names, item)).collect();
            }
            "validation_results" => {
                self.rare_mut().checks = skim::items(value).filter_map(|item| check(names, item)).collect();
            }
            "retrieved_context" => self.rare_mut().context = context(names, value),
            "human_override" => self.rare_mut().person = person(names, value),
            _ => {
                if let Some(name) = OTHERS.iter().find(|name| **name == key) {
                    let text = names.text(value).unwrap_or_else(|| names.of(value));
                    self.rare_mut().others.push((*name, text));
                }
            }
        }
    }

    /// The order between rows: time, then canonical order.
    pub fn at(&self) -> (EventTime, &Place) {
        (self.time, &self.place)
    }

    /// The row's provenance.
    pub fn provenance(&self) -> Provenance<'static> {
        Provenance {
            source_file: self.place.source_file.to_string().into(),
            generation: self.place.generation,
            line_offset: self.place.line_offset,
            byte_offset: self.byte_offset,
            sig_hash: self.sig_hash,
            recorded_at: self.time,
        }
    }
}

/// An amount as a whole number of a smaller unit; what does not fit is left out.
fn scaled(number: &str, units: f64) -> Option<u64> {
    let amount = number.parse::<f64>().ok()? * units;
    (0.0..9e18).contains(&amount).then(|| amount.round() as u64)
}

fn command(names: &mut Names, json: &str) -> Option<Command> {
    let (mut line, mut exit_code) = (None, None);
    for (key, value) in skim::members(json) {
        match key {
            "cmd" => line = names.text(value),
            "exit_code" => exit_code = value.parse().ok(),
            _ => {}
        }
    }
    Some(Command { line: line?, exit_code })
}

fn check(names: &mut Names, json: &str) -> Option<Check> {
    let (mut name, mut passed, mut severity, mut deterministic, mut count) = (None, false, None, false, None);
    for (key, value) in skim::members(json) {
        match key {
            "name" => name = names.text(value),
            "passed" => passed = value == "true",
            "severity" => severity = names.text(value),
            "deterministic" => deterministic = value == "true",
            "explanation" => count = value.trim_matches('"').parse().ok(),
            _ => {}
        }
    }
    Some(Check { name: name?, passed, severity, deterministic, count })
}

fn context(names: &mut Names, json: &str) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    for (key, value) in skim::members(json) {
        match key {
            "corpora" => found.extend(names.texts(value)),
            "documents" => {
                for document in skim::items(value) {
                    let parts = skim::members(document).filter(|(key, _)| matches!(*key, "id" | "corpus"));
                    found.extend(parts.filter_map(|(_, text)| names.text(text)));
                }
            }
            _ => {}
        }
    }
    found
}

fn person(names: &mut Names, json: &str) -> Option<PersonSaid> {
    let (mut action, mut actor, mut reason) = (None, None, None);
    for (key, value) in skim::members(json) {
        match key {
            "action" => action = names.text(value),
            "actor" => actor = names.text(value),
            "reason" => reason = names.text(value),
            _ => {}
        }
    }
    Some(PersonSaid { action: action?, actor, reason })
}
