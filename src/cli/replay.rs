//! `distilld replay`: the output made anew from offset zero, checked against the live one, and put in its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Sender;
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use tracing::{info, warn};

use super::config::Config;
use super::run::{Attendants, open};
use super::setup::{self, Paths};
use super::{Exit, Failure};
use crate::domain::schema::receipt::{Receipt, ReceiptKind, ReplacedHead};
use crate::intake::earlier::Earlier;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::replay::no_leak::check_no_leak;
use crate::pipeline::replay::sources::{Generation, Located, locate, receipted};
use crate::pipeline::replay::transitions::Transitions;
use crate::pipeline::replay::{ReplayError, compare, stranger};
use crate::pipeline::streams::StreamSet;
use crate::pipeline::{self, Plan, Shared, Tuning, archive};
use crate::store::behind::Behind;
use crate::store::commit::wall_clock;
use crate::store::disk::{Disk as _, RealDisk};
use crate::store::lock::Lock;
use crate::store::receipts::Receipts;
use crate::store::swap::{WorkFolder, check_folders};
use crate::store::{Commit, Store, StoreError};

mod caches;
mod report;
mod without;

use report::{Report, Took};
use without::{describe, refuse_missing, refuse_unnamed, unnamed};

#[derive(Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// Replay only this stream (may be given several times): a check, nothing is replaced
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// Leave the result in this folder, which must be empty or not there yet; nothing is replaced
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Stop after the checks; nothing is replaced
    #[arg(long)]
    dry_run: bool,
    /// Go on without generations that the receipts name and that are gone: their rows are lost to the output
    #[arg(long)]
    without_missing: bool,
    /// Keep the old output beside the new one, as `.replaced-SEQ`
    #[arg(long, conflicts_with_all = ["into", "dry_run", "stream"])]
    keep_old: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a replay came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was not needed.
    Needless,
    /// It was done.
    Done,
    /// It was asked to stop; the live output is what it was.
    Interrupted,
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error.into(),
            error @ ReplayError::Intake(_) => Self::new(Exit::Io, error),
            error @ ReplayError::DamagedCopy { .. } => Self::new(Exit::Refused, error),
            error @ (ReplayError::Differs { .. } | ReplayError::Fewer { .. } | ReplayError::Leaks { .. }) => {
                Self::new(Exit::Wrong, error)
            }
        }
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let _log = setup::start_log(&config);
    let mut streams = setup::streams(&config);
    if let Some(unknown) = args.stream.iter().find(|name| !streams.names().contains(&name.as_str())) {
        let what = format!("--stream {unknown}: there is no such stream; `distilld status` lists them");
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(what)));
    }
    if let Some(into) = &args.into {
        check_into(into, &config)?;
    }
    if !args.stream.is_empty() {
        streams.specs.retain(|spec| args.stream.contains(&spec.name));
    }
    let Some(report) = replay(&config, &streams, args)? else {
        let what =
            "stopped before the end; the live output is what it was, and the next `distilld replay` goes on";
        return Err(Failure::new(Exit::Wrong, anyhow::anyhow!(what)));
    };
    report.print(args.json);
    Ok(Exit::Fine)
}

/// Replays when the rules configured are not those of the output; for `run`, before it opens it.
pub(super) fn upgrade(config: &Config, streams: &StreamSet) -> Result<Ended, Failure> {
    let last = match Receipts::read(&RealDisk::default(), &config.output) {
        Ok(receipts) => receipts.last,
        // Whoever takes the lock finishes that.
        Err(StoreError::BeingReplaced { .. }) => return Ok(Ended::Needless),
        Err(e) => return Err(e.into()),
    };
    let Some(last) = last.filter(|last| !follows(last, config)) else { return Ok(Ended::Needless) };
    let configured = config.rules.rules_version();
    info!(committed = last.rules_version, configured, "the rules changed: replaying beside the live output");
    let replayed = replay(config, streams, &Args::default()).map_err(|failure| match failure.exit {
        // The same replay would fail the same way: not to be tried again by a service manager.
        Exit::Wrong => Failure { exit: Exit::Refused, ..failure },
        _ => failure,
    })?;
    match replayed {
        None => Ok(Ended::Interrupted),
        Some(report) => {
            report.log();
            Ok(Ended::Done)
        }
    }
}

/// Whether a receipt's commit followed the rules configured.
fn follows(receipt: &Receipt, config: &Config) -> bool {
    receipt.rules_version == config.rules.rules_version()
        && receipt.scorer_version == config.rules.scorer_version()
}

/// The whole of it; `None` when it was asked to stop.
fn replay(config: &Config, streams: &StreamSet, args: &Args) -> Result<Option<Report>, Failure> {
    // What a replay reads is in the archive, or was when it ended.
    let tuning = Tuning { archive_rotated: false, ..config.tuning };
    let mut watched = Watched { shared: Shared::new(tuning), attendants: None };
    let ended = replay_watched(config, streams, args, &mut watched);
    if let Some(attendants) = watched.attendants {
        attendants.end();
    }
    ended
}

/// A replay that signals reach until its end, the checks included.
struct Watched {
    shared: Arc<Shared>,
    attendants: Option<Attendants>,
}

impl Watched {
    fn is_interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::Relaxed)
    }
}

fn replay_watched(
    config: &Config,
    streams: &StreamSet,
    args: &Args,
    watched: &mut Watched,
) -> Result<Option<Report>, Failure> {
    let started = Instant::now();
    let mut clock = started;
    let is_swap = args.stream.is_empty() && args.into.is_none() && !args.dry_run;
    let _live = hold_live(config)?;
    let receipts = Receipts::read(&RealDisk::default(), &config.output)?;
    let Some(last) = receipts.last else { return Err(nothing_there(&config.output)) };
    let old = ReplacedHead { seq: last.seq, sha256: receipts.head };
    let unnamed = if args.stream.is_empty() { unnamed(&receipts.state, streams) } else { Vec::new() };
    if let Some(first) = unnamed.first().filter(|_| !args.without_missing) {
        return Err(refuse_unnamed(first, unnamed.len() - 1));
    }
    let Located { gone: missing, copied, earlier } =
        locate(&config.output, &receipted(&config.output)?, streams)?;
    let mut took = Took { sources: lap(&mut clock), ..Took::default() };
    if let Some(first) = missing.first().filter(|_| !args.without_missing) {
        return Err(refuse_missing(first, missing.len() - 1));
    }
    if is_swap {
        check_folders(&config.output)?;
    }
    let work = WorkFolder::claim(&config.output)?;
    let output = args.into.clone().unwrap_or_else(|| work.new_output());
    let receipt = setup::base_receipt(&command(args), config);
    if args.into.is_some() || !work.is_of_this_boot() || !can_resume(&output, &receipt) {
        work.clear()?;
    }
    let began = Receipt { started_at: wall_clock(), ..receipt.clone() };
    // No commit waits for the disk: nothing of this counts before all of it is synced.
    let behind = Behind::new(Box::new(RealDisk::keeping_open()))?;
    let (store, lock) = open(behind.front(), &output, &work.state(), streams, &began)?;
    let inputs = (streams, earlier);
    let check = || check(config, &output, streams, args, &last, &missing);
    let (settled, is_settled) = crossbeam_channel::bounded(1);
    // What is checked is there before the views are, and making those leaves a core half idle.
    let (store, checked) = std::thread::scope(|scope| {
        let checked = scope.spawn(|| is_settled.recv().ok().map(|()| check()));
        let store = distil(store, config, inputs, (work.state(), settled), &receipt, watched, args.json);
        (store, checked.join().unwrap_or_default())
    });
    let Some(mut store) = store? else {
        return Ok(None);
    };
    took.distilled = lap(&mut clock);
    let checked = checked.unwrap_or_else(check);
    took.checked = lap(&mut clock);
    let mut report = match checked {
        Ok(report) => report,
        Err(e) => {
            // The next one would stand before the same difference; `--into` is for looking at it.
            drop(store);
            work.remove()?;
            return Err(e.into());
        }
    };
    report.copied = copied.iter().map(describe).collect();
    if watched.is_interrupted() {
        return Ok(None);
    }
    let keep_old = args.keep_old || if is_swap { keeps_strangers(config, streams)? } else { false };
    if is_swap {
        let without = missing.iter().map(describe).chain(unnamed);
        let warnings = without.map(|gone| format!("without {gone}")).collect();
        let receipt = Receipt {
            kind: ReceiptKind::Replay,
            replaces_head: Some(old),
            warnings,
            started_at: wall_clock(),
            ..receipt
        };
        store.commit(&Commit { appends: Vec::new(), replaces: Vec::new(), receipt })?;
        report.receipt = store.last_receipt().map(|last| last.seq);
    }
    store.close();
    drop(store);
    behind.settle()?;
    if is_swap {
        let rows = caches::exchange(&config.state, &work.state())?;
        archive::lost::forget(&config.archive())?;
        report.kept = work.put_in_place(old, keep_old)?.map(|path| path.display().to_string());
        rows.put_in_place();
        report.replaced = true;
    } else {
        work.remove()?;
    }
    // The new output's receipts are locked until here, wherever they lie by now.
    drop(lock);
    took.put_in_place = lap(&mut clock);
    report.took = took;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(Some(report))
}

/// The seconds since the last lap.
fn lap(clock: &mut Instant) -> f64 {
    let now = Instant::now();
    now.duration_since(std::mem::replace(clock, now)).as_secs_f64()
}

/// Takes the live output's lock, so that nothing moves on in it meanwhile.
fn hold_live(config: &Config) -> Result<Lock, Failure> {
    if !config.output.join("receipts").exists() && !config.output.join(".replay").exists() {
        return Err(nothing_there(&config.output));
    }
    let disk = RealDisk::default();
    disk.make_dir(&config.state)?;
    disk.make_dir(&config.output.join("receipts"))?;
    Lock::take(&config.state, &config.output.join("receipts")).map_err(|error| match error {
        StoreError::Locked { .. } => {
            let what = format!("{error}: stop it (`systemctl stop distilld`), replay, and start it again");
            Failure::new(Exit::Held, anyhow::anyhow!(what))
        }
        error => error.into(),
    })
}

fn nothing_there(output: &Path) -> Failure {
    let what = format!("nothing is committed in {}; run `distilld run --once` first", output.display());
    Failure::new(Exit::Refused, anyhow::anyhow!(what))
}

/// `--into` must be a folder of nobody's.
fn check_into(into: &Path, config: &Config) -> Result<(), Failure> {
    let absolute = |path: &Path| {
        path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    };
    let refuse =
        |why: &str| Err(Failure::new(Exit::Usage, anyhow::anyhow!("--into {}: {why}", into.display())));
    if absolute(into).starts_with(absolute(&config.kb)) {
        return refuse("it must lie outside paths.kb, which is never written to");
    }
    if setup::is_within_outputs(&absolute(into), &absolute(&config.output)) {
        return refuse("it must lie outside the folders of the live output");
    }
    match std::fs::read_dir(into).map(Iterator::count) {
        Ok(1..) => refuse("it must be empty, or not be there yet"),
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) => refuse("it must be a folder, or not be there yet"),
    }
}

/// What the receipts of this replay call it: one that is otherwise the same goes on where it was killed.
fn command(args: &Args) -> String {
    let mut command = "replay".to_owned();
    for name in &args.stream {
        command.push_str(" --stream ");
        command.push_str(name);
    }
    if args.without_missing {
        command.push_str(" --without-missing");
    }
    command
}

/// Whether an interrupted replay lies there that this one would make in the same way.
fn can_resume(output: &Path, receipt: &Receipt) -> bool {
    let read = Receipts::read(&RealDisk::default(), output).ok().and_then(|receipts| receipts.last);
    read.is_some_and(|last| {
        last.command == receipt.command
            && last.rules_version == receipt.rules_version
            && last.scorer_version == receipt.scorer_version
            && last.git_sha == receipt.git_sha
            && last.config_sha256 == receipt.config_sha256
    })
}

/// Distils everything there is into the new output; `None` when it was asked to stop.
fn distil(
    store: Store,
    config: &Config,
    (streams, earlier): (&StreamSet, BTreeMap<String, Vec<Earlier>>),
    (state_dir, settled): (PathBuf, Sender<()>),
    receipt: &Receipt,
    watched: &mut Watched,
    json: bool,
) -> Result<Option<Store>, Failure> {
    let signals = Signals::new([SIGHUP]).inspect_err(|e| warn!(error = %e, "signals are not handled")).ok();
    let shared = Arc::clone(&watched.shared);
    let attendants = &mut watched.attendants;
    let plan = Plan {
        store,
        streams,
        rules: &config.rules,
        state_dir,
        receipt: receipt.clone(),
        workers: config.workers,
        earlier,
        once: true,
        shared: Arc::clone(&shared),
        settled: Some(settled),
        reload: Box::new(|| None),
        on_ready: Box::new(|requests| {
            *attendants = Some(Attendants::start(signals, requests, &shared, true, json));
        }),
    };
    let store = pipeline::run(plan)?;
    if watched.is_interrupted() {
        return Ok(None);
    }
    match shared.unread() {
        Some(error) => Err(Failure::new(Exit::Io, anyhow::anyhow!("a stream could not be read: {error}"))),
        None => Ok(Some(store)),
    }
}

/// What the comparison with the live output gave.
enum Compared {
    /// How many files are equal.
    Files(usize),
    /// Which rows changed category.
    Transitions(Transitions),
}

/// Everything that must hold before the new output may take the place of the old one.
fn check(
    config: &Config,
    output: &Path,
    streams: &StreamSet,
    args: &Args,
    last: &Receipt,
    missing: &[Generation],
) -> Result<Report, ReplayError> {
    let (live, replayed) = (Outputs::open(&config.output)?, Outputs::open(output)?);
    let equal_rules = follows(last, config);
    // Where a generation is gone, the rows of the others have other numbers, and nothing can be compared.
    let whole = |name: &&str| !missing.iter().any(|gone| gone.stream == *name);
    let names: Vec<&str> = streams.names().into_iter().filter(whole).collect();
    compare::check_counts(&live, &replayed, &names, equal_rules)?;
    let mut report = Report::new(&replayed, last, &config.rules);
    report.missing = missing.iter().map(describe).collect();
    // Neither check needs more than one core, and both read everything.
    let (compared, proved) = std::thread::scope(|scope| {
        let compared = scope.spawn(|| {
            if equal_rules {
                compare::check_bytes(&live, &replayed, &names).map(Compared::Files)
            } else {
                Transitions::between(&live, &replayed, &names, !args.stream.is_empty())
                    .map(Compared::Transitions)
                    .map_err(ReplayError::from)
            }
        });
        let proved = check_no_leak(&replayed, streams);
        (compared.join(), proved)
    });
    let died = |_| StoreError::CheckFailed("the thread that compares panicked".to_owned());
    match compared.map_err(died)?? {
        Compared::Files(files) => report.compared_files = files,
        Compared::Transitions(transitions) => report.tell(&transitions),
    }
    proved?;
    report.into = args.into.as_ref().map(|into| into.display().to_string());
    Ok(report)
}

/// Whether the old output holds files of somebody else, so that it must be kept.
fn keeps_strangers(config: &Config, streams: &StreamSet) -> Result<bool, StoreError> {
    let known = Outputs::open(&config.output)?.state.outputs.into_keys();
    let own: Vec<String> = known.chain(streams.output_files()).collect();
    let found = stranger(&config.output, &own)?;
    if let Some(path) = &found {
        warn!(path = %path.display(), "a file that is not distilld's lies in the old output, which is kept");
    }
    Ok(found.is_some())
}
