//! `distilld scores`: the score that counts now, of every row.

use std::collections::BTreeMap;

use super::setup::{self, Paths};
use super::table::{print, print_as_it_is, table, thousands};
use super::{Exit, Failure};
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::outputs::Outputs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only rows of this stream; may be given several times
    #[arg(long, value_name = "STREAM")]
    stream: Vec<String>,
    /// Only rows of this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only rows of this category
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    category: Option<Category>,
    /// Print each current ScoredRun as one line of JSON, in row order of each stream
    #[arg(long)]
    json: bool,
}

fn category(name: &str) -> Result<Category, String> {
    let names = || Category::ALL.map(Category::name).join(", ");
    Category::from_name(name).ok_or_else(|| format!("it must be one of {}", names()))
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let set = setup::streams(&config);
    let names = set.names();
    if let Some(unknown) = args.stream.iter().find(|stream| !names.contains(&stream.as_str())) {
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!("{unknown} is no stream")));
    }
    let outputs = Outputs::open_whole(&config.output)?;
    let rescored = outputs.rescored()?;
    let mut counts: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for stream in names {
        if !args.stream.is_empty() && !args.stream.iter().any(|wanted| wanted == stream) {
            continue;
        }
        outputs.each_row(stream, &rescored, |row| {
            let member =
                |name: &str| skim::members(row.score).find(|(key, _)| *key == name).map(|(_, value)| value);
            let Some(category) =
                member("category").and_then(|name| Category::from_name(name.trim_matches('"')))
            else {
                return;
            };
            let run = || member("evidence_run_id").and_then(skim::text);
            let of_run = |wanted: &String| run().is_some_and(|run| run.plain() == wanted.as_str());
            if args.category.is_some_and(|wanted| wanted != category) || !args.run.as_ref().is_none_or(of_run)
            {
                return;
            }
            if let Some(count) = counts.entry(stream).or_default().get_mut(category as usize) {
                *count += 1;
            }
            if args.json {
                print_as_it_is(row.score);
            } else if args.run.is_some() {
                let reasons =
                    member("reasons").unwrap_or_default().replace(['[', ']', '"'], "").replace(',', ", ");
                print(format_args!("{stream}: {category}: {reasons}"));
            }
        })?;
    }
    if !args.json && args.run.is_none() {
        print_counts(&counts);
    }
    Ok(Exit::Fine)
}

fn print_counts(counts: &BTreeMap<&str, [u64; 4]>) {
    let mut table = table(&["stream", "accepted", "partially_accepted", "rejected", "needs_human_review"]);
    let mut total = [0; 4];
    for (stream, count) in counts {
        for (total, count) in total.iter_mut().zip(count) {
            *total += count;
        }
        table.add_row(std::iter::once((*stream).to_owned()).chain(count.map(thousands)).collect::<Vec<_>>());
    }
    table.add_row(std::iter::once("total".to_owned()).chain(total.map(thousands)).collect::<Vec<_>>());
    print(table);
}
