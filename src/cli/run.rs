//! `distilld run`: the daemon, and with `--once` one pass over what is there.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use tracing::{error, info, warn};

use super::config::Config;
use super::setup::{self, GIT_SHA, LogHandle, Paths};
use super::summary::Summary;
use super::table::thousands;
use super::{Exit, Failure, replay};
use crate::domain::schema::receipt::Receipt;
use crate::domain::schema::scalars::Sha256Hex;
use crate::edge::systemd::Notifier;
use crate::pipeline::streams::StreamSet;
use crate::pipeline::{self, Plan, Requests, Shared, Tuning};
use crate::store::commit::wall_clock;
use crate::store::disk::{Disk, RealDisk};
use crate::store::lock::Lock;
use crate::store::{Store, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Process what is there and exit
    #[arg(long)]
    once: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let log = setup::start_log(&config);
    let streams = setup::streams(&config);
    if GIT_SHA.bytes().all(|digit| digit == b'0') {
        warn!("distilld was built outside git, so its receipts name no commit");
    }
    for name in streams.unknown_files(&config.kb) {
        warn!(file = name, "a .jsonl file that is no stream; [[stream]] in the config can make it one");
    }
    let command = if args.once { "run --once" } else { "run" };
    let receipt = Receipt { started_at: wall_clock(), ..setup::base_receipt(command, &config) };
    // Recovery may take long. A SIGHUP meanwhile must not end it: systemd would take that for a clean end. SIGTERM
    // may: recovery can be killed anywhere.
    let signals = Signals::new([SIGHUP]).inspect_err(|e| warn!(error = %e, "signals are not handled")).ok();
    if config.replays_on_change && replay::upgrade(&config, &streams)? == replay::Ended::Interrupted {
        info!("stopped during a replay; the next start goes on with it");
        return Ok(Exit::Fine);
    }
    let (store, _lock) =
        open(Box::new(RealDisk::keeping_open()), &config.output, &config.state, &streams, &receipt)?;
    let shared = Shared::new(config.tuning);
    let before = store.state().clone();
    let started = Instant::now();
    let mut attendants = None;
    let plan = Plan {
        store,
        streams: &streams,
        rules: &config.rules,
        state_dir: config.state.clone(),
        receipt,
        workers: config.workers,
        earlier: std::collections::BTreeMap::new(),
        once: args.once,
        shared: Arc::clone(&shared),
        settled: None,
        reload: Box::new(|| reload(paths, &config, &shared, &log)),
        on_ready: Box::new(|requests| {
            attendants = Some(Attendants::start(signals, requests, &shared, args.once, args.json));
        }),
    };
    let ended = pipeline::run(plan);
    if let Some(attendants) = attendants {
        attendants.end();
    }
    let store = ended?;
    if args.once {
        if let Some(error) = shared.unread() {
            return Err(Failure::new(Exit::Io, anyhow::anyhow!("a stream could not be read: {error}")));
        }
        Summary::new(&store, &before, &shared, started.elapsed()).print(args.json);
    } else {
        info!("ended cleanly");
    }
    Ok(Exit::Fine)
}

/// Takes the lock, recovers the output and makes sure that it follows the rules configured.
pub(super) fn open(
    disk: Box<dyn Disk>,
    output: &Path,
    state: &Path,
    streams: &StreamSet,
    receipt: &Receipt,
) -> Result<(Store, Lock), StoreError> {
    disk.make_dir(state)?;
    disk.make_dir(&output.join("receipts"))?;
    let lock = Lock::take(state, &output.join("receipts"))?;
    let recovered = Store::recover(disk, output, state, &streams.output_files())?;
    for repair in &recovered.repairs {
        info!(repair, "recovered");
    }
    let mut store = recovered.store;
    if let Some(last) = store.last_receipt() {
        let pairs = [
            ("the rules version", &last.rules_version, &receipt.rules_version),
            ("the scorer version", &last.scorer_version, &receipt.scorer_version),
        ];
        for (what, committed, configured) in pairs {
            if committed != configured {
                let (committed, configured) = (committed.clone(), configured.clone());
                return Err(StoreError::RulesChanged { what, committed, configured });
            }
        }
    }
    store.ensure_genesis(receipt.clone())?;
    if !recovered.lost_exports.is_empty() {
        warn!(files = recovered.lost_exports.join(", "), "exports were missing or short and are made anew");
        store.restart_exports(&recovered.lost_exports, receipt.clone())?;
    }
    Ok((store, lock))
}

/// Reads the config again; what may change while running does, and what may not keeps the old config in force.
fn reload(paths: &Paths, old: &Config, shared: &Shared, log: &LogHandle) -> Option<Sha256Hex> {
    let refused = |why: String| {
        error!(why, "the config was read again and refused; the old one stays in force");
        None
    };
    let new = match paths.load() {
        Ok(new) => new,
        Err(e) => {
            let cause = std::error::Error::source(&e).map_or_else(String::new, |cause| format!(": {cause}"));
            return refused(format!("{e}{cause}"));
        }
    };
    if new.rules != old.rules {
        return refused("rules, scorer, link, limits and streams cannot change while running; restart, then `distilld replay`".to_owned());
    }
    if new.places() != old.places() || new.workers != old.workers {
        return refused("paths and workers cannot change while running; restart distilld".to_owned());
    }
    let tuning: Tuning = new.tuning;
    shared.set_tuning(tuning);
    if let Err(e) = log.reload(setup::filter(&new)) {
        warn!(error = %e, "the log level could not be changed");
    }
    info!("the config was read again");
    Some(new.sha256)
}

impl Config {
    /// Every path that is fixed for the life of the process.
    fn places(&self) -> (&Path, &Path, &Path, PathBuf, &[PathBuf]) {
        (&self.kb, &self.output, &self.state, self.archive(), &self.custom_paths)
    }
}

/// Threads beside the pipeline: signals, systemd, the progress bar.
pub(super) struct Attendants {
    signals: Option<(Handle, std::thread::JoinHandle<()>)>,
    notifier: Option<Notifier>,
    progress: Option<(Arc<AtomicBool>, std::thread::JoinHandle<()>)>,
}

impl Attendants {
    pub(super) fn start(
        signals: Option<Signals>,
        requests: Requests,
        shared: &Arc<Shared>,
        once: bool,
        json: bool,
    ) -> Self {
        for signal in [SIGTERM, SIGINT] {
            if let Some(Err(e)) = signals.as_ref().map(|signals| signals.handle().add_signal(signal)) {
                warn!(error = %e, signal, "a signal is not handled");
            }
        }
        // Only after that: who hears READY may ask for the end at once.
        let notifier = if once { None } else { Notifier::start(Arc::clone(shared)) };
        let farewell = notifier.as_ref().map(Notifier::farewell);
        let signals = signals.and_then(|mut signals| {
            let handle = signals.handle();
            let listen = move || {
                for signal in signals.forever() {
                    if signal == SIGHUP {
                        requests.reload();
                        continue;
                    }
                    requests.stop();
                    if let Some(farewell) = &farewell {
                        farewell.say();
                    }
                }
            };
            let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(listen).ok()?;
            Some((handle, thread))
        });
        let show = once && !json && std::io::stderr().is_terminal();
        let progress = show.then(|| show_progress(Arc::clone(shared))).flatten();
        Self { signals, notifier, progress }
    }

    pub(super) fn end(self) {
        drop(self.notifier);
        if let Some((ended, thread)) = self.progress {
            ended.store(true, Ordering::Release);
            let _ = thread.join();
        }
        if let Some((handle, thread)) = self.signals {
            handle.close();
            let _ = thread.join();
        }
    }
}

fn show_progress(shared: Arc<Shared>) -> Option<(Arc<AtomicBool>, std::thread::JoinHandle<()>)> {
    let ended = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ended);
    let draw = move || {
        let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {msg}");
        let bar = ProgressBar::new(0);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        while !until.load(Ordering::Acquire) {
            let done = shared.committed_bytes.load(Ordering::Relaxed);
            bar.set_length(done + shared.lag_bytes.load(Ordering::Relaxed));
            bar.set_position(done);
            bar.set_message(format!("{} rows", thousands(shared.committed_rows.load(Ordering::Relaxed))));
            std::thread::sleep(Duration::from_millis(100));
        }
        bar.finish_and_clear();
    };
    std::thread::Builder::new().name("progress".to_owned()).spawn(draw).ok().map(|thread| (ended, thread))
}
