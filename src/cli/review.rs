//! `distilld review`: what needs a person, most pressing first.

use serde_json::value::RawValue;

use super::setup::{self, Paths};
use super::table::{one_line, print, print_json, table, thousands};
use super::{Exit, Failure};
use crate::domain::skim;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::review::{ReviewQueue, review_queue};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many to show, at most; all by default
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print JSON: the queue, and how much merely waits for a signal
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Answer {
    total: usize,
    queue: Vec<Box<RawValue>>,
    /// Work that waits for a signal, by the rule that says so.
    waiting: std::collections::BTreeMap<String, u64>,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let set = setup::streams(&config);
    let outputs = Outputs::open_whole(&config.output)?;
    let queue = review_queue(&outputs, &set, &config.rules)?;
    let total = queue.items.len();
    let shown = args.limit.unwrap_or(total);
    if args.json {
        let raw = |item: String| RawValue::from_string(item);
        let items: Result<_, _> = queue.items.into_iter().take(shown).map(raw).collect();
        let items = items.map_err(|e| Failure::new(Exit::Io, e))?;
        print_json(&Answer { total, queue: items, waiting: queue.waiting });
    } else {
        show(&queue, shown);
    }
    Ok(Exit::Fine)
}

/// Characters of a text that a table shows.
const EXCERPT_CHARS: usize = 60;

fn show(queue: &ReviewQueue, shown: usize) {
    let mut table = table(&["why", "run", "task", "reasons", "text"]);
    for item in queue.items.iter().take(shown) {
        let member = |name: &str| skim::members(item).find(|(key, _)| *key == name).map(|(_, value)| value);
        let text = |name: &str| {
            member(name).and_then(skim::text).map_or(String::new(), |text| one_line(&text.plain()))
        };
        let reasons = member("reasons").unwrap_or_default().replace(['[', ']', '"'], "").replace(',', " ");
        table.add_row([
            text("why"),
            text("run_id"),
            text("task_id"),
            reasons,
            text("text").chars().take(EXCERPT_CHARS).collect(),
        ]);
    }
    if !queue.items.is_empty() {
        print(table);
    }
    let waiting: Vec<String> =
        queue.waiting.iter().map(|(rule, count)| format!("{rule} {}", thousands(*count))).collect();
    let waits = if waiting.is_empty() { "nothing".to_owned() } else { waiting.join(", ") };
    print(format_args!(
        "{} need a person; waiting for a signal: {waits}",
        thousands(queue.items.len() as u64)
    ));
    if !queue.items.is_empty() {
        print("`distilld override RUN --action accept --reason … --actor …` decides one");
    }
}
