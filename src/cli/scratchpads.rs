//! `distilld scratchpads`: what reviews and audits say of the state of the work. Reads what is committed, never writes.

mod select;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use super::listing::since;
use super::setup::Paths;
use super::table::{print, print_as_it_is};
use super::{Exit, Failure};
use crate::domain::schema::scalars::EventTime;
use crate::domain::schema::scratchpad::{ScratchpadSummary, ValidationStatus};
use crate::domain::scratchpad::STREAMS;
use crate::pipeline::outputs::Outputs;
use select::{Place, Row};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those of this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only those that name this file, or whose row is about it; the end of a path is enough
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only those of this kind of task
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Only those that this model wrote
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only those whose validation came out like this
    #[arg(long, value_enum, value_name = "STATUS", conflicts_with = "empty")]
    status: Option<Status>,
    /// Only those of rows from then on: a time, a date, or how long ago (7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<EventTime>,
    /// Print JSON: one line each
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown: a section each
    #[arg(long, conflicts_with = "empty")]
    markdown: bool,
    /// List the rows whose text says nothing that is understood, to look at by hand
    #[arg(long)]
    empty: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    Passed,
    Failed,
    Partial,
    NotRun,
}

impl From<Status> for ValidationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Passed => Self::Passed,
            Status::Failed => Self::Failed,
            Status::Partial => Self::Partial,
            Status::NotRun => Self::NotRun,
        }
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let outputs = Outputs::open_whole(&paths.load()?.output)?;
    let task_types = if args.task.is_some() { select::task_types(&outputs)? } else { BTreeMap::new() };
    if args.empty {
        return list_empty(&outputs, args, &task_types);
    }
    let mut shown = Vec::new();
    for stream in STREAMS {
        let about_file = match &args.file {
            Some(file) => select::places(&outputs, stream, |row| row.is_about(file))?,
            None => BTreeSet::new(),
        };
        let is_of = |row: &Row<'_>| is_of(args, stream, &task_types, row);
        let of_work = match (&args.task, &args.model) {
            (None, None) => None,
            _ => Some(select::places(&outputs, stream, is_of)?),
        };
        select::each_summary(&outputs, stream, |line, summary| {
            if is_asked_for(args, &summary, &about_file, of_work.as_ref()) {
                if args.json {
                    print_as_it_is(line);
                } else if args.markdown {
                    print(show::markdown(stream, &summary));
                } else {
                    shown.push(summary);
                }
            }
        })?;
    }
    if !args.json && !args.markdown {
        show::table_of(&shown);
    }
    Ok(Exit::Fine)
}

fn is_asked_for(
    args: &Args,
    summary: &ScratchpadSummary,
    about_file: &BTreeSet<Place>,
    of_work: Option<&BTreeSet<Place>>,
) -> bool {
    let Some(provenance) = summary.provenance.as_slice().first() else { return false };
    let names = |file: &str| summary.important_paths.iter().any(|path| select::is_file(path.as_str(), file));
    args.run.as_deref().is_none_or(|run| summary.run_id.as_str() == run)
        && args.status.is_none_or(|status| summary.validation_status == status.into())
        && args.since.is_none_or(|since| provenance.recorded_at >= since)
        && args.file.as_deref().is_none_or(|file| names(file) || about_file.contains(&Place::of(provenance)))
        && of_work.is_none_or(|places| places.contains(&Place::of(provenance)))
}

/// Whether a row is of the kind of task and by the model that are asked for.
fn is_of(args: &Args, stream: &str, task_types: &BTreeMap<String, String>, row: &Row<'_>) -> bool {
    let task_type = || {
        row.task_type.as_ref().or_else(|| task_types.get(&row.run_id)).map_or(stream, |task_type| task_type)
    };
    args.task.as_ref().is_none_or(|wanted| wanted == task_type())
        && args.model.as_ref().is_none_or(|wanted| Some(wanted) == row.model.as_ref())
}

fn list_empty(
    outputs: &Outputs,
    args: &Args,
    task_types: &BTreeMap<String, String>,
) -> Result<Exit, Failure> {
    let mut listed = Vec::new();
    for stream in STREAMS {
        let mut understood = BTreeSet::new();
        select::each_summary(outputs, stream, |_, summary| {
            understood.extend(summary.provenance.as_slice().iter().map(Place::of));
        })?;
        select::each_text(outputs, stream, |row: &Row<'_>| {
            let asked = args.run.as_deref().is_none_or(|run| row.run_id == run)
                && args.file.as_deref().is_none_or(|file| row.is_about(file))
                && args.since.is_none_or(|since| row.time >= since)
                && is_of(args, stream, task_types, row);
            if asked && !understood.contains(&row.place) {
                listed.push(show::Empty::of(stream, row));
            }
        })?;
    }
    if args.json {
        listed.iter().for_each(super::table::print_json);
    } else {
        show::table_of_empty(&listed);
    }
    Ok(Exit::Fine)
}
