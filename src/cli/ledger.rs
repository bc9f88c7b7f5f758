//! `distilld ledger`: how each model does at each kind of task, which to try first, and where to go when it fails.

use super::listing::{Format, Listing, as_code, percent, since};
use super::setup::Paths;
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::domain::schema::checked::{Amount, Share, Text};
use crate::domain::schema::model_ledger::ModelLedgerEntry;
use crate::domain::schema::scalars::EventTime;
use crate::domain::views::model_ledger::{Advice, ModelLedger};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::views::{ReadBack, committed_facts};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this kind of task
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Only this model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only work on this file
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only work from then on: a time, a date, or how long ago (7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<EventTime>,
    #[command(flatten)]
    format: Format,
}

#[derive(serde::Serialize)]
struct Answer {
    entries: Vec<ModelLedgerEntry>,
    advice: Vec<Advice>,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let outputs = Outputs::open_whole(&config.output)?;
    let facts = committed_facts(&outputs)?;
    let mut lines = ReadBack::of(&facts, &outputs);
    let mut ledger = ModelLedger::of(&facts, args.since, args.file.as_deref()).read(&facts, &mut lines);
    lines.check()?;
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    ledger.entries.retain(|entry| {
        is(&args.task, entry.task_type.as_str()) && is(&args.model, entry.model_name.as_str())
    });
    ledger
        .advice
        .retain(|advice| ledger.entries.iter().any(|entry| entry.task_type.as_str() == advice.task_type));
    let answer = Answer { entries: ledger.entries, advice: ledger.advice };
    if args.format.json {
        print_json(&answer);
    } else if answer.entries.is_empty() {
        print("no such work was judged yet: `distilld run --once` takes in what there is");
    } else {
        answer.print(args.format);
    }
    Ok(Exit::Fine)
}

impl Answer {
    fn print(&self, format: Format) {
        let mut listing = Listing::new(&[
            "task type",
            "model",
            "role",
            "success",
            "at least",
            "samples",
            "accepted",
            "partial",
            "rejected",
            "review",
            "outages",
            "p50 ms",
            "p95 ms",
            "cost $",
            "partner",
            "fails by",
        ]);
        self.entries.iter().for_each(|entry| listing.row(cells(entry)));
        if format.markdown {
            print("# Model ledger\n");
        }
        listing.print(format);
        print(if format.markdown { "\n## Which model first, and which after it\n" } else { "" });
        for advice in &self.advice {
            let name = |text: &str| if format.markdown { as_code(text) } else { text.to_owned() };
            let escalate = advice.escalate.iter().map(|escalation| {
                format!("; after {} go to {} ({})", escalation.after, name(&escalation.to), escalation.times)
            });
            let mark = if format.markdown { "- " } else { "" };
            print(format_args!(
                "{mark}{}: try {} first (at least {}){}",
                name(&advice.task_type),
                name(&advice.try_first),
                percent(advice.success_rate_low),
                escalate.collect::<String>()
            ));
        }
    }
}

fn cells(entry: &ModelLedgerEntry) -> Vec<String> {
    let count = |count: Option<u64>| thousands(count.unwrap_or(0));
    let amount = |amount: Option<Amount>, digits: usize| {
        amount.map_or_else(|| "-".to_owned(), |amount| format!("{:.digits$}", amount.get()))
    };
    let text = |text: &Option<Text>| text.as_ref().map_or("-", Text::as_str).to_owned();
    vec![
        entry.task_type.as_str().to_owned(),
        entry.model_name.as_str().to_owned(),
        text(&entry.escalation_role),
        percent(entry.success_rate.get()),
        percent(entry.success_rate_low.map_or(0.0, Share::get)),
        thousands(entry.sample_count.get()),
        count(entry.accepted),
        count(entry.partially_accepted),
        count(entry.rejected),
        count(entry.needs_human_review),
        count(entry.infrastructure_errors),
        amount(entry.latency_p50, 0),
        amount(entry.latency_p95, 0),
        amount(entry.cost, 4),
        text(&entry.best_partner_model),
        entry.failure_modes.first().map_or("-", |mode| mode.code.name()).to_owned(),
    ]
}
