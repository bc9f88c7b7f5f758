//! `views/model_ledger.jsonl`: how each model does at each kind of task, and which model to go to when it fails.

use std::collections::BTreeMap;

use serde::Serialize;

use super::episodes::{Attempt, episodes};
use super::quantiles::Quantiles;
use super::row::{Place, ViewRow};
use super::runs::{Run, task_type_of, worst};
use super::{failures, origins, ranked};
use crate::domain::schema::checked::{Amount, Positive, SchemaVersion, Share, Text};
use crate::domain::schema::codes::Reason;
use crate::domain::schema::model_ledger::{FailureMode, ModelLedgerEntry};
use crate::domain::schema::scalars::EventTime;
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};

/// All entries, by task type, then model, and what follows from them.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The entries.
    pub entries: Vec<ModelLedgerEntry>,
    /// One piece of advice a task type.
    pub advice: Vec<Advice>,
}

/// Which model to try first at a kind of task, and where to go from there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// The kind of task.
    pub task_type: String,
    /// The model whose success rate is the highest that its samples leave likely.
    pub try_first: String,
    /// Its success rate at the lower end of the 95 % Wilson interval.
    pub success_rate_low: f64,
    /// After which failure of that model to go to which other one, most frequent first.
    pub escalate: Vec<Escalation>,
}

/// A way of failing, and the model that most often ended well after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// The failure.
    pub after: &'static str,
    /// The model to go to.
    pub to: String,
    /// How often that model was accepted after this failure.
    pub times: u64,
}

/// What one model did for one task type in one run.
#[derive(Debug, Clone)]
struct Sample<'r> {
    task_type: &'r str,
    model: &'r str,
    /// In order; never empty.
    rows: Vec<&'r ViewRow>,
    category: Category,
    signals: SignalSet,
    at: (EventTime, &'r Place),
}

impl Attempt for Sample<'_> {
    fn category(&self) -> Category {
        self.category
    }

    fn signals(&self) -> SignalSet {
        self.signals
    }

    fn at(&self) -> (EventTime, &Place) {
        self.at
    }
}

impl Sample<'_> {
    /// Whether the call failed and nothing else is known.
    fn is_outage(&self) -> bool {
        !self.decided() && self.signals.contains(Code::CallError)
    }
}

/// What is counted for one entry.
#[derive(Debug, Default)]
struct Tally<'r> {
    rows: Vec<&'r ViewRow>,
    /// By category, in the order of `Category::ALL`; review without outages.
    categories: BTreeMap<Category, u64>,
    outages: u64,
    failures: BTreeMap<Reason, u64>,
    latency: Quantiles,
    cost_nanos: u64,
    costed: u64,
    /// Samples that opened an episode, and those that came after somebody's failure.
    first: u64,
    later: u64,
    later_accepted: u64,
    /// By model: how often it was accepted after this one's failure; likewise after one kind of failure.
    partners: BTreeMap<&'r str, u64>,
    partners_by_failure: BTreeMap<(&'static str, &'r str), u64>,
}

/// Folds runs into the ledger; rows before `since` are left out.
pub fn ledger<'r>(runs: &BTreeMap<&'r str, Run<'r>>, since: Option<EventTime>) -> Ledger {
    let samples = samples(runs, since);
    let mut tallies: BTreeMap<(&str, &str), Tally<'_>> = BTreeMap::new();
    for sample in &samples {
        tallies.entry((sample.task_type, sample.model)).or_default().add(sample);
    }
    let mut tasks: BTreeMap<(&str, &str), Vec<Sample<'_>>> = BTreeMap::new();
    for sample in samples {
        if let Some(task_id) = sample.rows.first().map(|row| &*row.task_id) {
            tasks.entry((sample.task_type, task_id)).or_default().push(sample);
        }
    }
    for episode in tasks.into_values().flat_map(episodes) {
        note_episode(&episode, &mut tallies);
    }
    let mut ledger = Ledger::default();
    for ((task_type, model), tally) in &tallies {
        ledger.entries.extend(tally.entry(task_type, model));
    }
    ledger.advice = advice(&ledger.entries, &tallies);
    ledger
}

/// The work of runs, by task type and model: one sample for all rows of a run.
fn samples<'r>(runs: &BTreeMap<&'r str, Run<'r>>, since: Option<EventTime>) -> Vec<Sample<'r>> {
    let mut samples = Vec::new();
    for run in runs.values() {
        let mut by_model: BTreeMap<(&str, &str), Vec<&'r ViewRow>> = BTreeMap::new();
        for row in run.work().filter(|row| since.is_none_or(|since| row.time >= since)) {
            if let Some(model) = &row.model {
                by_model.entry((task_type_of(row, run), model)).or_default().push(row);
            }
        }
        for ((task_type, model), rows) in by_model {
            let category = worst(rows.iter().map(|row| row.category));
            let signals = rows.iter().fold(SignalSet::EMPTY, |all, row| all.union(row.signals));
            if let (Some(category), Some(at)) = (category, rows.first().map(|row| row.at())) {
                samples.push(Sample { task_type, model, rows, category, signals, at });
            }
        }
    }
    samples
}

/// Notes who came in when, and who helped whom.
fn note_episode<'r>(episode: &[Sample<'r>], tallies: &mut BTreeMap<(&'r str, &'r str), Tally<'r>>) {
    let ended_by = episode.last().filter(|last| last.category == Category::Accepted);
    for (place, sample) in episode.iter().enumerate() {
        let Some(tally) = tallies.get_mut(&(sample.task_type, sample.model)) else { continue };
        let mut before = episode.iter().take(place);
        let repeats = sample.rows.iter().any(|row| row.attempt.is_some_and(|attempt| attempt > 1));
        if repeats || before.any(|other| other.model != sample.model && other.failed()) {
            tally.later += 1;
            tally.later_accepted += u64::from(sample.category == Category::Accepted);
        } else {
            tally.first += 1;
        }
        let helper = ended_by.filter(|helper| sample.failed() && helper.model != sample.model);
        if let Some(helper) = helper {
            *tally.partners.entry(helper.model).or_default() += 1;
            for code in failures(sample.signals) {
                *tally.partners_by_failure.entry((code.name(), helper.model)).or_default() += 1;
            }
        }
    }
}

impl<'r> Tally<'r> {
    fn add(&mut self, sample: &Sample<'r>) {
        self.rows.extend(&sample.rows);
        if sample.is_outage() {
            self.outages += 1;
        } else {
            *self.categories.entry(sample.category).or_default() += 1;
            if sample.category != Category::Accepted {
                for reason in failures(sample.signals).filter_map(|code| Reason::from_name(code.name())) {
                    *self.failures.entry(reason).or_default() += 1;
                }
            }
        }
        for row in sample.rows.iter().filter(|row| !row.signals.contains(Code::CallError)) {
            row.latency_us.into_iter().for_each(|micros| self.latency.add(micros));
        }
        if let Some(nanos) =
            sample.rows.iter().filter_map(|row| row.rare().cost_nanos).reduce(u64::saturating_add)
        {
            self.cost_nanos = self.cost_nanos.saturating_add(nanos);
            self.costed += 1;
        }
    }

    fn of(&self, category: Category) -> u64 {
        self.categories.get(&category).copied().unwrap_or(0)
    }

    fn judged(&self) -> u64 {
        self.of(Category::Accepted) + self.of(Category::PartiallyAccepted) + self.of(Category::Rejected)
    }

    /// The entry; `None` while nothing was judged.
    fn entry(&self, task_type: &str, model: &str) -> Option<ModelLedgerEntry> {
        let judged = Positive::new(self.judged())?;
        let accepted = self.of(Category::Accepted);
        let rate = accepted as f64 / judged.get() as f64;
        let latency = |percent| Amount::new(self.latency.percentile(percent)? / 1000.0);
        let dollars = |nanos: u64| nanos as f64 / 1e9;
        let costs = self.costed > 0;
        let failure = |(code, count)| Some(FailureMode { code, count: Positive::new(count)? });
        let provider = self.rows.iter().filter_map(|row| row.provider.as_ref()).min();
        Some(ModelLedgerEntry {
            schema_version: SchemaVersion,
            model_name: Text::new(model)?,
            model_provider: provider.and_then(|provider| Text::new(&**provider)),
            task_type: Text::new(task_type)?,
            success_rate: Share::new(rate)?,
            success_rate_low: Share::new(wilson_low(accepted, judged.get())),
            failure_modes: ranked(&self.failures, usize::MAX).into_iter().filter_map(failure).collect(),
            best_partner_model: best(&self.partners).and_then(|(partner, _)| Text::new(partner)),
            escalation_role: self.role().and_then(Text::new),
            cost: Amount::new(dollars(self.cost_nanos) / self.costed.max(1) as f64).filter(|_| costs),
            cost_total: Amount::new(dollars(self.cost_nanos)).filter(|_| costs),
            latency_p50: latency(50),
            latency_p95: latency(95),
            context_window: None,
            sample_count: judged,
            accepted: Some(accepted),
            partially_accepted: Some(self.of(Category::PartiallyAccepted)),
            rejected: Some(self.of(Category::Rejected)),
            needs_human_review: Some(self.of(Category::NeedsHumanReview)),
            infrastructure_errors: Some(self.outages),
            last_updated: self.rows.iter().map(|row| row.time).max()?,
            provenance: origins(self.rows.iter().copied())?,
        })
    }

    /// Where in the chain of models this one comes in; `None` when nothing it did was decided.
    fn role(&self) -> Option<&'static str> {
        match (self.first, self.later) {
            (0, 0) => None,
            (first, later) if first >= later => Some("primary"),
            (_, later) if self.later_accepted * 2 >= later => Some("escalation"),
            _ => Some("fallback"),
        }
    }
}

/// The most frequent; of several the first by name.
fn best<'r>(counts: &BTreeMap<&'r str, u64>) -> Option<(&'r str, u64)> {
    ranked(counts, 1).into_iter().next()
}

/// The lower end of the 95 % Wilson interval of `good` out of `all`.
pub fn wilson_low(good: u64, all: u64) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    let n = all.max(1) as f64;
    let rate = good as f64 / n;
    let centre = rate + Z * Z / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + Z * Z / n)).clamp(0.0, rate)
}

fn advice(entries: &[ModelLedgerEntry], tallies: &BTreeMap<(&str, &str), Tally<'_>>) -> Vec<Advice> {
    let mut firsts: BTreeMap<&str, &ModelLedgerEntry> = BTreeMap::new();
    let low = |entry: &ModelLedgerEntry| entry.success_rate_low.map_or(0.0, Share::get);
    for entry in entries {
        let first = firsts.entry(entry.task_type.as_str()).or_insert(entry);
        let order =
            low(entry).total_cmp(&low(first)).then(entry.sample_count.get().cmp(&first.sample_count.get()));
        // Entries come by name: of equal ones the first by name stays.
        if order.is_gt() {
            *first = entry;
        }
    }
    let advise = |(task_type, first): (&str, &ModelLedgerEntry)| Advice {
        task_type: task_type.to_owned(),
        try_first: first.model_name.as_str().to_owned(),
        success_rate_low: low(first),
        escalate: tallies.get(&(task_type, first.model_name.as_str())).map(escalations).unwrap_or_default(),
    };
    firsts.into_iter().map(advise).collect()
}

/// For each way of failing the model that most often ended well after it.
fn escalations(tally: &Tally<'_>) -> Vec<Escalation> {
    let mut best: BTreeMap<&'static str, (&str, u64)> = BTreeMap::new();
    for ((code, model), times) in &tally.partners_by_failure {
        let known = best.entry(code).or_insert((model, *times));
        if *times > known.1 {
            *known = (model, *times);
        }
    }
    let mut escalations: Vec<_> =
        best.into_iter().map(|(after, (to, times))| Escalation { after, to: to.to_owned(), times }).collect();
    escalations.sort_by_key(|escalation| std::cmp::Reverse(escalation.times));
    escalations
}
