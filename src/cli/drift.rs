//! `distilld drift`: what sweeps found true and false, and what changed between them.

use super::listing::{Format, Listing, as_code, since};
use super::setup::Paths;
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::domain::schema::checked::Text;
use crate::domain::schema::drift::{DriftSnapshot, Mark, PhaseState};
use crate::domain::schema::scalars::EventTime;
use crate::domain::views::drift::drift;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::views::{ReadBack, committed_facts};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only snapshots that began then or later: a time, a date, or how long ago (7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<EventTime>,
    /// Only snapshots that corrected this document
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// End with 1 when the latest sweep found this
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FailOn {
    /// A phase that holds less than when it was last swept
    Regressed,
}

#[derive(serde::Serialize)]
struct Answer {
    snapshots: Vec<DriftSnapshot>,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let outputs = Outputs::open_whole(&config.output)?;
    let facts = committed_facts(&outputs)?;
    let mut lines = ReadBack::of(&facts, &outputs);
    let mut answer = Answer { snapshots: drift(&facts, &mut lines) };
    lines.check()?;
    // After the fold: what a snapshot is compared with may lie before.
    let names = |snapshot: &DriftSnapshot, file: &String| {
        snapshot.documents.iter().any(|document| document.as_str() == file)
    };
    answer.snapshots.retain(|snapshot| {
        args.since.is_none_or(|since| snapshot.first_seen >= since)
            && args.file.as_ref().is_none_or(|file| names(snapshot, file))
    });
    if args.format.json {
        print_json(&answer);
    } else if answer.snapshots.is_empty() {
        print("no such sweep yet: drift is made from phase_sweep_findings and doc_drift_corrections");
    } else {
        answer.print(args.format);
    }
    let failed = match args.fail_on {
        Some(FailOn::Regressed) => answer.last_sweep().is_some_and(|last| !last.regressed.is_empty()),
        None => false,
    };
    Ok(if failed { Exit::Wrong } else { Exit::Fine })
}

impl Answer {
    /// The latest snapshot in which phases were swept.
    fn last_sweep(&self) -> Option<&DriftSnapshot> {
        self.snapshots.iter().rev().find(|snapshot| !snapshot.phases.is_empty())
    }

    fn print(&self, format: Format) {
        let mut listing = Listing::new(&[
            "snapshot",
            "from",
            "phases",
            "verified",
            "partial",
            "fake",
            "documents corrected",
            "regressed",
            "repaired",
            "new",
            "gone",
        ]);
        for snapshot in &self.snapshots {
            let claims = |of: fn(&PhaseState) -> Option<u64>| {
                thousands(snapshot.phases.iter().filter_map(of).fold(0, u64::saturating_add))
            };
            listing.row([
                snapshot.snapshot.as_str().to_owned(),
                snapshot.first_seen.to_string(),
                snapshot.phases.len().to_string(),
                claims(|phase| phase.claims_verified),
                claims(|phase| phase.claims_partial),
                claims(|phase| phase.claims_fake),
                thousands(snapshot.documents_corrected),
                names(&snapshot.regressed),
                names(&snapshot.repaired),
                names(&snapshot.new),
                names(&snapshot.gone),
            ]);
        }
        if format.markdown {
            print("# Drift\n");
        }
        listing.print(format);
        let Some(last) = self.last_sweep() else { return };
        if format.markdown {
            for snapshot in self.snapshots.iter().filter(|snapshot| !snapshot.phases.is_empty()) {
                print(format_args!("\n## {}\n", as_code(snapshot.snapshot.as_str())));
                phases(snapshot).print(format);
            }
        } else {
            print(format_args!(
                "\nthe latest sweep, {}: {} phases, {} regressed, {} repaired",
                last.snapshot.as_str(),
                last.phases.len(),
                last.regressed.len(),
                last.repaired.len()
            ));
            phases(last).print(format);
        }
    }
}

/// The phases of a snapshot.
fn phases(snapshot: &DriftSnapshot) -> Listing {
    let mut listing =
        Listing::new(&["phase", "status", "found", "verified", "partial", "fake", "since the last sweep"]);
    for phase in &snapshot.phases {
        let count = |claims: Option<u64>| claims.map_or_else(|| "-".to_owned(), thousands);
        listing.row([
            phase.phase.as_str().to_owned(),
            phase.status.as_ref().map_or("-", Text::as_str).to_owned(),
            phase.mark.map_or("-", Mark::name).to_owned(),
            count(phase.claims_verified),
            count(phase.claims_partial),
            count(phase.claims_fake),
            phase.change.name().to_owned(),
        ]);
    }
    listing
}

/// A few names, and how many more there are.
fn names(names: &[Text]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = names.iter().take(SHOWN).map(Text::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => "-".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
