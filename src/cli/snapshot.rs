//! `distilld snapshot`: the committed samples as a versioned dataset, with a folder for every trainer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::setup::{self, Paths};
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::pipeline::snapshot::{Outcome, Published, Request, SnapshotError, publish};
use crate::store::StoreError;
use crate::store::disk::RealDisk;
use crate::store::receipts::Receipts;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the versions; each is a folder in it
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Also write SHA256SUMS, which `sha256sum -c` checks
    #[arg(long)]
    seal: bool,
    /// The dataset's name, for its card and metadata
    #[arg(long, value_name = "NAME", default_value = "distilld", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// The dataset's licence: an SPDX identifier, or `other`
    #[arg(long, value_name = "LICENSE", default_value = "other", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    license: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Answer {
    version: String,
    folder: String,
    /// Whether the version is new; an unchanged dataset keeps the one it has.
    published: bool,
    samples: BTreeMap<&'static str, u64>,
    added: usize,
    retracted: usize,
    changed: usize,
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => error.into(),
            error @ SnapshotError::Leak { .. } => Self::new(Exit::Wrong, error),
            error @ SnapshotError::Moved => Self::new(Exit::Refused, error),
        }
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    if absolute(&args.into).starts_with(absolute(&config.kb)) {
        let what = format!(
            "--into {}: it must lie outside paths.kb, which is never written to",
            args.into.display()
        );
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(what)));
    }
    if setup::is_within_outputs(&absolute(&args.into), &absolute(&config.output)) {
        let what =
            format!("--into {}: it must lie outside the folders of the live output", args.into.display());
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(what)));
    }
    let Some(last) = Receipts::read(&RealDisk::default(), &config.output)?.last else {
        let what =
            format!("nothing is committed in {}; run `distilld run --once` first", config.output.display());
        return Err(Failure::new(Exit::Refused, anyhow::anyhow!(what)));
    };
    let (rules, scorer) = (config.rules.rules_version(), config.rules.scorer_version());
    for (what, committed, configured) in
        [("rules_version", last.rules_version, rules), ("scorer_version", last.scorer_version, scorer)]
    {
        // The card says by which rules samples were selected, so they must be known.
        if committed != configured {
            return Err(StoreError::RulesChanged { what, committed, configured }.into());
        }
    }
    let request = Request {
        output: &config.output,
        into: &args.into,
        rules: &config.rules,
        name: &args.name,
        license: &args.license,
        seal: args.seal,
    };
    let published = publish(&request)?;
    if args.json {
        print_json(&answer(&published));
    } else {
        print(sentence(&published));
    }
    Ok(Exit::Fine)
}

fn answer(published: &Published) -> Answer {
    Answer {
        version: published.version.to_string(),
        folder: published.folder.display().to_string(),
        published: published.outcome == Outcome::Published,
        samples: published.samples.iter().map(|(dataset, count)| (dataset.name(), *count)).collect(),
        added: published.changes.added.len(),
        retracted: published.changes.retracted.len(),
        changed: published.changes.changed.len(),
    }
}

fn sentence(published: &Published) -> String {
    let counts: Vec<_> = published
        .samples
        .iter()
        .map(|(dataset, count)| format!("{} {}", thousands(*count), dataset.name()))
        .collect();
    let counts = counts.join(", ");
    let (version, folder) = (published.version, published.folder.display());
    match published.outcome {
        Outcome::Unchanged => {
            format!("nothing changed since version {version} in {folder}: {counts} samples")
        }
        Outcome::Published if published.previous.is_none() => {
            format!("version {version}, the first, in {folder}: {counts} samples")
        }
        Outcome::Published => {
            let changes = &published.changes;
            let (added, retracted, changed) =
                (changes.added.len(), changes.retracted.len(), changes.changed.len());
            format!(
                "version {version} in {folder}: {counts} samples; since the version before {added} added, {retracted} retracted, \
                 {changed} changed"
            )
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
