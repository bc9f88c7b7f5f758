//! `distilld repair`: makes lost or damaged records anew from their rows, and takes them only when the receipts know them.

use super::setup::{self, Paths};
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::pipeline::repair::{RepairError, Request, repair};
use crate::store::disk::{Disk as _, RealDisk};
use crate::store::lock::Lock;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl From<RepairError> for Failure {
    fn from(error: RepairError) -> Self {
        match error {
            RepairError::Store(error) => error.into(),
            error @ RepairError::Io { .. } => Self::new(Exit::Io, error),
            error => Self::new(Exit::Refused, error),
        }
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let streams = setup::streams(&config);
    let receipts = config.output.join("receipts");
    let disk = RealDisk::default();
    // Without receipts nothing is committed, and nothing can be damaged; folders are not made for that.
    let _lock = if args.dry_run || disk.list(&receipts)?.is_empty() {
        None
    } else {
        disk.make_dir(&config.state)?;
        Some(Lock::take(&config.state, &receipts)?)
    };
    let (output, rules) = (&config.output, &config.rules);
    let done = repair(&Request { output, streams: &streams, rules, dry_run: args.dry_run })?;
    if args.json {
        print_json(&done);
        return Ok(Exit::Fine);
    }
    for (path, bytes) in &done.files {
        let did = if args.dry_run { "would be made" } else { "made" };
        print(format_args!(
            "{path}: {did} anew, {} bytes, each range with the hash of its receipt",
            thousands(*bytes)
        ));
    }
    for path in &done.left_to_run {
        let did = if args.dry_run { "would be removed" } else { "is removed" };
        print(format_args!("{path}: what was damaged {did}, and the next `distilld run` makes it anew"));
    }
    if done.files.is_empty() && done.left_to_run.is_empty() {
        print("nothing to repair: every committed range has the hash of its receipt");
    }
    Ok(Exit::Fine)
}
