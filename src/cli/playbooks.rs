//! `distilld playbooks`: how each kind of problem has been solved.

use super::listing::{Format, Listing, as_code, since};
use super::setup::Paths;
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::domain::schema::checked::{Positive, Text};
use crate::domain::schema::playbook::Playbook;
use crate::domain::schema::scalars::EventTime;
use crate::domain::views::playbooks::{Playbooks, Wanted};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::views::{ReadBack, committed_facts};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this kind of task
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Only where this model took part
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only where this file was worked on
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only from runs that began then or later: a time, a date, or how long ago (7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<EventTime>,
    #[command(flatten)]
    format: Format,
}

#[derive(serde::Serialize)]
struct Answer {
    playbooks: Vec<Playbook>,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let outputs = Outputs::open_whole(&config.output)?;
    let facts = committed_facts(&outputs)?;
    let wanted =
        Wanted { task_type: args.task.as_deref(), model: args.model.as_deref(), file: args.file.as_deref() };
    let mut lines = ReadBack::of(&facts, &outputs);
    let playbooks = Playbooks::of(&facts, args.since);
    let answer = Answer { playbooks: playbooks.read(&facts, &wanted, &mut lines) };
    lines.check()?;
    if args.format.json {
        print_json(&answer);
    } else if answer.playbooks.is_empty() {
        print("no such problem was solved yet: a playbook needs an accepted run");
    } else if args.format.markdown {
        answer.playbooks.iter().for_each(print_card);
    } else {
        answer.print_table(args.format);
    }
    Ok(Exit::Fine)
}

fn runs_for(playbook: &Playbook) -> String {
    thousands(playbook.runs_for.map_or(0, Positive::get))
}

fn threshold(playbook: &Playbook) -> String {
    playbook.escalation_threshold.map_or_else(|| "-".to_owned(), |attempts| attempts.get().to_string())
}

impl Answer {
    fn print_table(&self, format: Format) {
        let mut listing =
            Listing::new(&["playbook", "task type", "for", "against", "escalate after", "models", "problem"]);
        for playbook in &self.playbooks {
            listing.row([
                playbook.playbook_id.as_str().to_owned(),
                playbook.task_type.as_str().to_owned(),
                runs_for(playbook),
                thousands(playbook.runs_against.unwrap_or(0)),
                threshold(playbook),
                path(&playbook.model_routing_path),
                playbook.problem_pattern.as_str().to_owned(),
            ]);
        }
        listing.print(format);
        print("--markdown shows all of a playbook");
    }
}

/// The first and the last of a way through models, and how many are between them.
fn path(models: &[Text]) -> String {
    match models {
        [] => "-".to_owned(),
        [only] => only.as_str().to_owned(),
        [first, last] => format!("{} > {}", first.as_str(), last.as_str()),
        [first, between @ .., last] => {
            format!("{} > {} more > {}", first.as_str(), between.len(), last.as_str())
        }
    }
}

/// A playbook in full.
fn print_card(playbook: &Playbook) {
    print(format_args!(
        "## {}: {}\n",
        as_code(playbook.task_type.as_str()),
        as_code(playbook.problem_pattern.as_str())
    ));
    let against = thousands(playbook.runs_against.unwrap_or(0));
    print(format_args!(
        "{}: {} runs for, {against} against, since {}\n",
        playbook.playbook_id.as_str(),
        runs_for(playbook),
        playbook.created_at
    ));
    if !playbook.recovery_strategy.is_empty() {
        print(format_args!("- Recovery: {}", as_code(&playbook.recovery_strategy)));
    }
    if playbook.escalation_threshold.is_some() {
        print(format_args!("- Escalate after failed attempts: {}", threshold(playbook)));
    }
    for (name, texts) in [
        ("Models", playbook.model_routing_path.as_slice()),
        ("Accepted for", playbook.acceptance_criteria.as_slice()),
        ("Checks", &playbook.validation_steps),
        ("Commands that worked", &playbook.commands_worked),
        ("Commands that failed", &playbook.commands_failed),
        ("Fails by", &playbook.known_failure_modes),
        ("Context", &playbook.useful_context),
        ("Files", &playbook.repo_files_touched),
        ("Runs", playbook.source_run_ids.as_slice()),
    ] {
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| as_code(text.as_str())).collect();
            print(format_args!("- {name}: {}", texts.join(", ")));
        }
    }
    print("");
}
