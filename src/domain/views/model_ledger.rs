//! `views/model_ledger.jsonl`: how each model does at each kind of task, and which model to go to when it fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::by_task::{Fold, Sign, TaskKey, of_all};
use super::detail::Item;
use super::episodes::{Attempt, episodes};
use super::facts::{At, Facts, Row};
use super::few::Few;
use super::names::{Name, Names};
use super::quantiles::Quantiles;
use super::runs::{Run, worst};
use super::{Lines, failures, origins, ranked, ranked_names};
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
#[derive(Debug)]
struct Sample<'f> {
    key: Key,
    /// In order; never empty.
    rows: Few<&'f Row>,
    category: Category,
    signals: SignalSet,
    at: At,
}

/// A task type and a model.
type Key = (Name, Name);

impl Attempt for Sample<'_> {
    fn category(&self) -> Category {
        self.category
    }

    fn signals(&self) -> SignalSet {
        self.signals
    }

    fn at(&self) -> At {
        self.at
    }
}

impl Sample<'_> {
    /// Whether the call failed and nothing else is known.
    fn is_outage(&self) -> bool {
        !self.decided() && self.signals.contains(Code::CallError)
    }

    fn task(&self) -> Option<TaskKey> {
        Some((self.key.0, self.rows.first()?.task()))
    }
}

/// What is counted for one entry.
#[derive(Debug, Default)]
struct Tally {
    rows: BTreeSet<At>,
    /// Those that were put in and are to be among `rows` when all are there: sorted, they make a tree for a quarter of
    /// what they cost one by one.
    new_rows: Vec<At>,
    /// In the order of `Category::ALL`; review without outages.
    categories: [u64; 4],
    outages: u64,
    failures: BTreeMap<Reason, u64>,
    providers: BTreeMap<Name, u64>,
    latency: Quantiles,
    cost_nanos: u128,
    costed: u64,
    /// Samples that opened an episode, and those that came after somebody's failure.
    first: u64,
    later: u64,
    later_accepted: u64,
    /// By model: how often it was accepted after this one's failure; likewise after one kind of failure.
    partners: BTreeMap<Name, u64>,
    partners_by_failure: BTreeMap<(&'static str, Name), u64>,
}

/// The ledger: the tallies of all work since a time.
#[derive(Debug, Default)]
pub struct ModelLedger {
    since: Option<EventTime>,
    /// The rows that count, where not all do.
    only: Option<BTreeSet<At>>,
    by_key: BTreeMap<Key, Tally>,
    changed: BTreeSet<Key>,
}

impl ModelLedger {
    /// The ledger of all runs. Rows before `since` are left out, and those that are not about `file`, where one is asked for.
    pub fn of(facts: &Facts, since: Option<EventTime>, file: Option<&str>) -> Self {
        let is_about = |row: &Row, file: &str| {
            let is = |item| matches!(item, Item::File(name) if facts.names.text(name) == file);
            facts.items(row).any(is)
        };
        let rows = || (0..facts.len()).filter_map(|id| facts.row(id));
        let only = file.map(|file| rows().filter(|row| is_about(row, file)).map(Row::at).collect());
        of_all(Self { since, only, ..Self::default() }, facts)
    }

    /// Task types and models whose entries may have changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<(Name, Name)> {
        std::mem::take(&mut self.changed)
    }

    /// An entry; `None` while nothing was judged.
    pub fn entry(&self, facts: &Facts, key: (Name, Name), lines: &mut dyn Lines) -> Option<ModelLedgerEntry> {
        self.by_key.get(&key)?.entry(facts, key, lines)
    }

    /// All entries, by task type, then model, and what follows from them.
    pub fn read(&self, facts: &Facts, lines: &mut dyn Lines) -> Ledger {
        let text = |name: Name| facts.names.text(name);
        let mut tallies: Vec<_> = self.by_key.iter().collect();
        tallies.sort_unstable_by_key(|((task_type, model), _)| (text(*task_type), text(*model)));
        let mut ledger = Ledger::default();
        let mut entries = Vec::new();
        for (key, tally) in tallies {
            entries.extend(tally.entry(facts, *key, lines).map(|entry| (entry, tally)));
        }
        ledger.advice = advice(facts, &entries);
        ledger.entries = entries.into_iter().map(|(entry, _)| entry).collect();
        ledger
    }

    /// The rows behind the entry of a task type and a model.
    pub(super) fn rows(&self, facts: &Facts, task_type: &str, model: &str) -> BTreeSet<At> {
        let is = |name: Name, wanted: &str| facts.names.text(name) == wanted;
        let mut keys = self.by_key.iter();
        let found = keys.find(|((known, by), _)| is(*known, task_type) && is(*by, model));
        found.map(|(_, tally)| tally.rows.clone()).unwrap_or_default()
    }

    /// Memory that it takes, in bytes.
    pub fn memory(&self) -> usize {
        // A tree's leaves are three quarters full.
        let rows: usize = self.by_key.values().map(|tally| tally.rows.len()).sum();
        let latencies: usize = self.by_key.values().map(|tally| tally.latency.memory()).sum();
        rows * size_of::<At>() * 4 / 3 + latencies
    }
}

impl Fold for ModelLedger {
    fn take(&mut self, facts: &Facts, run: &Run<'_>, sign: Sign) -> Few<TaskKey> {
        let mut tasks = Few::Many(Vec::new());
        for sample in self.samples(run).iter() {
            self.changed.insert(sample.key);
            let tally = self.by_key.entry(sample.key).or_default();
            tally.take(facts, sample, sign);
            if tally.is_empty() {
                self.by_key.remove(&sample.key);
            }
            if let Some(task) = sample.task().filter(|task| sample.decided() && !tasks.contains(task)) {
                tasks.push(task);
            }
        }
        tasks
    }

    fn settle(&mut self) {
        for key in &self.changed {
            if let Some(tally) = self.by_key.get_mut(key) {
                let mut new = std::mem::take(&mut tally.new_rows);
                new.sort_unstable();
                if tally.rows.is_empty() {
                    tally.rows = new.into_iter().collect();
                } else {
                    tally.rows.extend(new);
                }
            }
        }
    }

    fn fold(&mut self, facts: &Facts, task: TaskKey, runs: &[Run<'_>], sign: Sign) {
        let mut samples = Vec::with_capacity(runs.len());
        for run in runs {
            let of_run = self.samples(run);
            samples.extend(of_run.into_iter().filter(|sample| sample.task() == Some(task)));
        }
        for episode in episodes(samples) {
            self.changed.extend(episode.iter().map(|sample| sample.key));
            self.note_episode(facts, &episode, sign);
        }
    }
}

impl ModelLedger {
    /// The work of a run, by task type and model: one sample for all rows.
    fn samples<'f>(&self, run: &Run<'f>) -> Few<Sample<'f>> {
        let mut samples: Few<Sample<'f>> = Few::Many(Vec::new());
        let counts = |row: &&Row| {
            self.since.is_none_or(|since| row.time() >= since)
                && self.only.as_ref().is_none_or(|only| only.contains(&row.at()))
        };
        for row in run.work().filter(counts) {
            let Some(model) = row.model() else { continue };
            let key = (run.task_type_of(row), model);
            let told = row.told();
            match samples.iter_mut().find(|sample| sample.key == key) {
                Some(sample) => {
                    sample.rows.push(row);
                    let both = [sample.category, told.category()];
                    sample.category = worst(both.into_iter()).unwrap_or(sample.category);
                    sample.signals = sample.signals.union(told.signals());
                }
                None => samples.push(Sample {
                    key,
                    rows: Few::One(row),
                    category: told.category(),
                    signals: told.signals(),
                    at: row.at(),
                }),
            }
        }
        samples
    }

    /// Notes who came in when, and who helped whom.
    fn note_episode(&mut self, facts: &Facts, episode: &[Sample<'_>], sign: Sign) {
        let ended_by = episode.last().filter(|last| last.category == Category::Accepted);
        // Whether one failed that is not this one: whoever it was, or a second one beside it.
        let mut failed: Option<Name> = None;
        let mut several_failed = false;
        for sample in episode {
            let model = sample.key.1;
            let another_failed = several_failed || failed.is_some_and(|other| other != model);
            if sample.failed() {
                several_failed |= failed.is_some_and(|other| other != model);
                failed.get_or_insert(model);
            }
            let Some(tally) = self.by_key.get_mut(&sample.key) else { continue };
            let repeats = sample.rows.iter().any(|row| facts.attempt(row).is_some_and(|attempt| attempt > 1));
            if repeats || another_failed {
                sign.add(&mut tally.later, 1);
                sign.add(&mut tally.later_accepted, u64::from(sample.category == Category::Accepted));
            } else {
                sign.add(&mut tally.first, 1);
            }
            if let Some(helper) = ended_by.filter(|helper| sample.failed() && helper.key.1 != model) {
                sign.count(&mut tally.partners, helper.key.1);
                for code in failures(sample.signals) {
                    sign.count(&mut tally.partners_by_failure, (code.name(), helper.key.1));
                }
            }
        }
    }
}

impl Tally {
    fn take(&mut self, facts: &Facts, sample: &Sample<'_>, sign: Sign) {
        if sample.is_outage() {
            sign.add(&mut self.outages, 1);
        } else {
            if let Some(count) = self.categories.get_mut(sample.category as usize) {
                sign.add(count, 1);
            }
            if sample.category != Category::Accepted {
                for reason in failures(sample.signals).filter_map(|code| Reason::from_name(code.name())) {
                    sign.count(&mut self.failures, reason);
                }
            }
        }
        let mut cost: Option<u64> = None;
        for row in sample.rows.iter() {
            match sign {
                Sign::In => self.new_rows.push(row.at()),
                Sign::Out => drop(self.rows.remove(&row.at())),
            }
            let latency = row.latency_us().filter(|_| !row.told().signals().contains(Code::CallError));
            match (sign, latency) {
                (Sign::In, Some(micros)) => self.latency.add(micros),
                (Sign::Out, Some(micros)) => self.latency.remove(micros),
                (_, None) => {}
            }
            for item in facts.items(row) {
                match item {
                    Item::Provider(provider) => sign.count(&mut self.providers, provider),
                    Item::Cost(nanos) => cost = Some(cost.unwrap_or(0).saturating_add(nanos)),
                    _ => {}
                }
            }
        }
        if let Some(nanos) = cost.map(u128::from) {
            self.cost_nanos = match sign {
                Sign::In => self.cost_nanos + nanos,
                Sign::Out => self.cost_nanos.saturating_sub(nanos),
            };
            sign.add(&mut self.costed, 1);
        }
    }

    /// Whether no row is counted any more.
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.new_rows.is_empty()
    }

    fn of(&self, category: Category) -> u64 {
        self.categories.get(category as usize).copied().unwrap_or(0)
    }

    fn judged(&self) -> u64 {
        self.of(Category::Accepted) + self.of(Category::PartiallyAccepted) + self.of(Category::Rejected)
    }

    /// The entry; `None` while nothing was judged.
    fn entry(
        &self,
        facts: &Facts,
        (task_type, model): Key,
        lines: &mut dyn Lines,
    ) -> Option<ModelLedgerEntry> {
        let judged = Positive::new(self.judged())?;
        let accepted = self.of(Category::Accepted);
        let rate = accepted as f64 / judged.get() as f64;
        let latency = |percent| Amount::new(self.latency.percentile(percent)? / 1000.0);
        let cost = u64::try_from(self.cost_nanos).unwrap_or(u64::MAX) as f64 / 1e9;
        let costs = self.costed > 0;
        let failure = |(code, count)| Some(FailureMode { code, count: Positive::new(count)? });
        let text = |name: Name| facts.names.text(name);
        Some(ModelLedgerEntry {
            schema_version: SchemaVersion,
            model_name: Text::new(text(model))?,
            model_provider: self.providers.keys().map(|name| text(*name)).min().and_then(Text::new),
            task_type: Text::new(text(task_type))?,
            success_rate: Share::new(rate)?,
            success_rate_low: Share::new(wilson_low(accepted, judged.get())),
            failure_modes: ranked(&self.failures, usize::MAX).into_iter().filter_map(failure).collect(),
            best_partner_model: best(&facts.names, &self.partners).and_then(Text::new),
            escalation_role: self.role().and_then(Text::new),
            cost: Amount::new(cost / self.costed.max(1) as f64).filter(|_| costs),
            cost_total: Amount::new(cost).filter(|_| costs),
            latency_p50: latency(50),
            latency_p95: latency(95),
            context_window: None,
            sample_count: judged,
            accepted: Some(accepted),
            partially_accepted: Some(self.of(Category::PartiallyAccepted)),
            rejected: Some(self.of(Category::Rejected)),
            needs_human_review: Some(self.of(Category::NeedsHumanReview)),
            infrastructure_errors: Some(self.outages),
            last_updated: self.rows.last()?.0,
            provenance: origins(facts, &self.rows, lines)?,
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

    /// For each way of failing the model that most often ended well after it.
    fn escalations(&self, names: &Names) -> Vec<Escalation> {
        let mut by_failure: BTreeMap<&'static str, BTreeMap<Name, u64>> = BTreeMap::new();
        for ((code, model), times) in &self.partners_by_failure {
            by_failure.entry(code).or_default().insert(*model, *times);
        }
        let escalation = |(after, models): (&'static str, BTreeMap<Name, u64>)| {
            let to = best(names, &models)?.to_owned();
            Some(Escalation { after, to, times: models.into_values().max()? })
        };
        let mut escalations: Vec<_> = by_failure.into_iter().filter_map(escalation).collect();
        escalations.sort_by_key(|escalation| std::cmp::Reverse(escalation.times));
        escalations
    }
}

/// The most frequent; of several the first by name.
fn best<'n>(names: &'n Names, counts: &BTreeMap<Name, u64>) -> Option<&'n str> {
    ranked_names(names, counts, 1).into_iter().next()
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

fn advice(facts: &Facts, entries: &[(ModelLedgerEntry, &Tally)]) -> Vec<Advice> {
    let mut firsts: BTreeMap<&str, &(ModelLedgerEntry, &Tally)> = BTreeMap::new();
    let low = |entry: &ModelLedgerEntry| entry.success_rate_low.map_or(0.0, Share::get);
    for entry in entries {
        let first = firsts.entry(entry.0.task_type.as_str()).or_insert(entry);
        let order = low(&entry.0)
            .total_cmp(&low(&first.0))
            .then(entry.0.sample_count.get().cmp(&first.0.sample_count.get()));
        // Entries come by name: of equal ones the first by name stays.
        if order.is_gt() {
            *first = entry;
        }
    }
    let advise = |(task_type, (first, tally)): (&str, &(ModelLedgerEntry, &Tally))| Advice {
        task_type: task_type.to_owned(),
        try_first: first.model_name.as_str().to_owned(),
        success_rate_low: low(first),
        escalate: tally.escalations(&facts.names),
    };
    firsts.into_iter().map(advise).collect()
}
