//! The command line: one file a command, and the exit codes.

mod check_proof;
mod config;
mod drift;
mod explain;
mod generate;
mod key;
mod ledger;
mod listing;
mod override_;
mod playbooks;
mod probe;
mod prove;
mod repair;
mod replay;
mod review;
mod run;
mod schema;
mod scores;
mod scratchpads;
mod setup;
mod snapshot;
mod status;
mod summary;
mod table;
mod validate;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::pipeline::committer::PipelineError;
use crate::store::StoreError;

/// Distils the JSONL streams that LLM agents leave behind into scored, traceable training and retrieval data.
#[derive(Debug, Parser)]
#[command(name = "distilld", version, max_term_width = 110)]
struct Cli {
    /// The config file [default: config.toml in the working folder, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder with the streams
    #[arg(long, global = true, value_name = "DIR")]
    kb: Option<PathBuf>,
    /// The folder for evidence, scores, exports and receipts
    #[arg(long, global = true, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The folder for what can be rebuilt: cursors, row index, lock
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tail the streams until SIGTERM, or with --once process what is there
    Run(run::Args),
    /// Show cursor, lag, counts and last receipt of every stream; works beside a running daemon
    Status(status::Args),
    /// Make the output anew from the streams, check it against the live one, and put it in its place
    Replay(replay::Args),
    /// Say what is to become of a run: appends one row to human_overrides.jsonl
    Override(override_::Args),
    /// Publish the committed samples as a versioned dataset, with a folder for every trainer
    Snapshot(snapshot::Args),
    /// Look at real rows of every stream, and report which producers changed what they write
    Probe(probe::Args),
    /// Tell the whole life of a row: source, evidence, signals, scores, samples, receipts
    Explain(explain::Args),
    /// Show the score that counts now, of every row
    Scores(scores::Args),
    /// Show what needs a person, most pressing first
    Review(review::Args),
    /// Check receipts, ranges, counts, every record against its row and every sample against its record
    Verify(verify::Args),
    /// Make lost or damaged records anew from their rows
    Repair(repair::Args),
    /// Write a coherent corpus of all streams
    Generate(generate::Args),
    /// Write the schemas of all shapes, or check that a folder holds exactly them
    Schema(schema::Args),
    /// Judge the lines of JSONL files by a schema
    Validate(validate::Args),
    /// Make the key that heads are signed with
    Key(key::Args),
    /// Sign the heads of all streams, or prove that rows stand in them
    Prove(prove::Args),
    /// Check proofs with nothing but the public key
    CheckProof(check_proof::Args),
    /// Show how each model does at each kind of task, and which to try first
    Ledger(ledger::Args),
    /// Show how each kind of problem has been solved
    Playbooks(playbooks::Args),
    /// Show what sweeps of the claims found, and what changed between them
    Drift(drift::Args),
    /// Show what reviews and audits say of the state of the work
    Scratchpads(scratchpads::Args),
}

/// What the process ends with (sysexits.h where it has a number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Fine.
    Fine = 0,
    /// Something wrong was found.
    Wrong = 1,
    /// The command line is not one of ours.
    Usage = 64,
    /// State or data is refused.
    Refused = 65,
    /// Input or output failed.
    Io = 74,
    /// Another distilld holds the state.
    Held = 75,
    /// The config is wrong.
    Config = 78,
}

/// An error that knows how the process ends.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Io { .. } | StoreError::NoSpace { .. } | StoreError::Sync { .. } => Exit::Io,
            StoreError::OutputChanged { .. }
            | StoreError::OutputDamaged { .. }
            | StoreError::ReceiptsDamaged { .. }
            | StoreError::ReceiptsLost { .. }
            | StoreError::RulesChanged { .. }
            | StoreError::NotMovable { .. }
            // The same rows would fail the same way: not to be tried again by itself.
            | StoreError::CheckFailed(_) => Exit::Refused,
            StoreError::Locked { .. } | StoreError::BeingReplaced { .. } => Exit::Held,
        };
        Self::new(exit, error)
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Store(error) => error.into(),
            error @ PipelineError::BadRecord(_) => Self::new(Exit::Refused, error),
            error @ PipelineError::ThreadDied => Self::new(Exit::Io, error),
        }
    }
}

impl From<config::ConfigError> for Failure {
    fn from(error: config::ConfigError) -> Self {
        Self::new(Exit::Config, error)
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            if !e.use_stderr() {
                // Help or version. Nothing can be done about a terminal that is gone.
                let _ = e.print();
                return ExitCode::from(Exit::Fine as u8);
            }
            table::error_line(&anyhow::anyhow!("{}; see `distilld --help`", usage_error(&e)));
            return ExitCode::from(Exit::Usage as u8);
        }
    };
    one_line_panics();
    let settings = setup::Paths { config: cli.config, kb: cli.kb, output: cli.output, state: cli.state };
    let ended = match cli.command {
        Command::Run(args) => run::run(&settings, &args),
        Command::Status(args) => status::run(&settings, &args),
        Command::Replay(args) => replay::run(&settings, &args),
        Command::Override(args) => override_::run(&settings, &args),
        Command::Snapshot(args) => snapshot::run(&settings, &args),
        Command::Probe(args) => probe::run(&settings, &args),
        Command::Explain(args) => explain::run(&settings, &args),
        Command::Scores(args) => scores::run(&settings, &args),
        Command::Review(args) => review::run(&settings, &args),
        Command::Verify(args) => verify::run(&settings, &args),
        Command::Repair(args) => repair::run(&settings, &args),
        Command::Generate(args) => generate::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Prove(args) => prove::run(&settings, &args),
        Command::CheckProof(args) => check_proof::run(&args),
        Command::Ledger(args) => ledger::run(&settings, &args),
        Command::Playbooks(args) => playbooks::run(&settings, &args),
        Command::Drift(args) => drift::run(&settings, &args),
        Command::Scratchpads(args) => scratchpads::run(&settings, &args),
    };
    let ended = match (ended, table::write_error()) {
        (Ok(_), Some(e)) => {
            Err(Failure::new(Exit::Io, anyhow::Error::new(e).context("cannot write to standard output")))
        }
        (ended, _) => ended,
    };
    match ended {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            table::error_line(&failure.error);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// What is wrong with the command line, on one line.
fn usage_error(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing".to_owned();
    }
    let text = error.to_string();
    // clap adds its hints and the usage behind an empty line.
    let said = text.split("\n\n").next().unwrap_or_default();
    said.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A panic is a bug; whoever runs the daemon gets one line of it, not a stack.
fn one_line_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload();
        let text = what
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| what.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string);
        tracing::error!(
            place,
            "a bug in distilld or a library: {}",
            text.unwrap_or("a panic").replace('\n', " ")
        );
    }));
}
