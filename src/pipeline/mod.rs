//! The loop: tails are read, rows become evidence on every core, and one committer writes.
//!
//! ```text
//!   source (1 thread)          workers (n threads)           committer (the caller's thread)
//!   tails → chunks  ──live──▶  rows → evidence, scores  ──▶  order, duplicates, batch, commit, exports
//!                   ──bulk──▶
//! ```

pub mod archive;
mod batch;
mod commits;
pub mod committer;
pub mod event;
mod evidence_lines;
pub mod explain;
pub mod exports;
pub mod known_rows;
mod latest;
pub mod outputs;
pub mod refresh;
pub mod repair;
pub mod replay;
mod rescore;
pub mod review;
pub mod row_cache;
pub mod row_code;
pub mod row_ends;
mod row_scan;
mod sample_pace;
pub mod snapshot;
pub mod source;
pub mod streams;
pub mod trees;
pub mod verify;
pub mod views;
pub mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Settings that may change while distilld runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Input bytes of one commit, at most (unless one row is longer).
    pub batch_bytes_max: u64,
    /// Rows of one commit, at most.
    pub batch_rows_max: u64,
    /// How long to wait between two looks at quiet files, at least.
    pub poll_min: Duration,
    /// And at most.
    pub poll_max: Duration,
    /// How long a rotated file is given for late writes.
    pub rotated_wait: Duration,
    /// How long samples may be late once nothing lags.
    pub export_refresh: Duration,
    /// Additions to exports wait while more input than this is unread, in bytes.
    pub export_lag_max: u64,
    /// Whether finished generations are copied to the archive.
    pub archive_rotated: bool,
}

/// What the threads share: figures to look at, settings that may change, and the word to stop.
#[derive(Debug)]
pub struct Shared {
    tuning: RwLock<Tuning>,
    stop: AtomicBool,
    /// Chunks and gaps sent by the source and not yet taken by the committer.
    pub in_flight: AtomicU64,
    /// Bytes that are there and not read yet, as of the source's last look.
    pub lag_bytes: AtomicU64,
    /// Input bytes committed since the start.
    pub committed_bytes: AtomicU64,
    /// Rows committed since the start.
    pub committed_rows: AtomicU64,
    /// Evidence committed since the start, by category in the order of `Category::ALL`.
    pub categories: [AtomicU64; 4],
    /// Counts up with every turn of the committer.
    pub heartbeat: AtomicU64,
    /// The streams that cannot be read for now, with the reason.
    unread: Mutex<BTreeMap<usize, String>>,
    /// Whether somebody asked for an end before there was one.
    pub interrupted: AtomicBool,
    /// Whether a batch or the views are held because there is no space.
    pub no_space: AtomicBool,
}

impl Shared {
    /// Figures at zero.
    pub fn new(tuning: Tuning) -> Arc<Self> {
        Arc::new(Self {
            tuning: RwLock::new(tuning),
            stop: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            lag_bytes: AtomicU64::new(0),
            committed_bytes: AtomicU64::new(0),
            committed_rows: AtomicU64::new(0),
            categories: [const { AtomicU64::new(0) }; 4],
            heartbeat: AtomicU64::new(0),
            unread: Mutex::new(BTreeMap::new()),
            interrupted: AtomicBool::new(false),
            no_space: AtomicBool::new(false),
        })
    }

    /// The settings in force.
    pub fn tuning(&self) -> Tuning {
        *self.tuning.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the settings.
    pub fn set_tuning(&self, tuning: Tuning) {
        *self.tuning.write().unwrap_or_else(PoisonError::into_inner) = tuning;
    }

    /// Notes that a stream cannot be read, or can again; whether that is news.
    fn note_unread(&self, stream: usize, trouble: Option<String>) -> bool {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => unread.insert(stream, trouble.clone()).as_ref() != Some(&trouble),
            None => unread.remove(&stream).is_some(),
        }
    }

    /// Why some stream cannot be read, if one cannot.
    pub fn unread(&self) -> Option<String> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    /// Asks every thread to come to an end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether somebody asked for an end.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Everything a run is made of.
pub struct Plan<'r> {
    /// The outputs, recovered.
    pub store: crate::store::Store,
    /// The streams.
    pub streams: &'r streams::StreamSet,
    /// What rows mean.
    pub rules: &'r crate::domain::rules::Rules,
    /// The state folder.
    pub state_dir: std::path::PathBuf,
    /// What every receipt says alike.
    pub receipt: crate::domain::schema::receipt::Receipt,
    /// How many threads distil rows.
    pub workers: usize,
    /// Of streams with generations whose files are gone: what is read before the stream's file, from generation 0 on.
    pub earlier: BTreeMap<String, Vec<crate::intake::earlier::Earlier>>,
    /// Whether to end when all there is has been read.
    pub once: bool,
    /// What the threads share.
    pub shared: Arc<Shared>,
    /// What to do when asked to read the config again; gives the hash of a config that was taken.
    pub reload: Box<dyn FnMut() -> Option<crate::domain::schema::scalars::Sha256Hex> + 'r>,
    /// Told once all rows and samples of what there was are committed, and only views are to come.
    pub settled: Option<crossbeam_channel::Sender<()>>,
    /// What to do once everything is in place and reading begins; is given the way to ask for something.
    pub on_ready: Box<dyn FnOnce(Requests) + 'r>,
}

/// The way to ask a running pipeline for something.
#[derive(Debug, Clone)]
pub struct Requests {
    events: crossbeam_channel::Sender<event::Event>,
    waker: crate::intake::watch::Waker,
    shared: Arc<Shared>,
}

impl Requests {
    /// Asks for a clean end: what was read is committed, nothing more is read.
    pub fn stop(&self) {
        self.shared.interrupted.store(true, Ordering::Release);
        self.shared.stop();
        self.waker.wake();
        let _ = self.events.send(event::Event::Request(event::Request::Stop));
    }

    /// Asks to read the config again.
    pub fn reload(&self) {
        let _ = self.events.send(event::Event::Request(event::Request::Reload));
    }
}

/// Runs the pipeline until it is asked to stop, or with `once` until everything there is has been distilled.
pub fn run(plan: Plan<'_>) -> Result<crate::store::Store, committer::PipelineError> {
    let Plan {
        store,
        streams,
        rules,
        state_dir,
        receipt,
        workers,
        earlier,
        once,
        shared,
        reload,
        settled,
        on_ready,
    } = plan;
    let workers = workers.max(1);
    let known =
        known_rows::KnownRows::load(outputs::Committed::of(&store), streams, rules, Some(&state_dir))?;
    let desk = exports::Desk::load(&store, streams, &known, &state_dir)?;
    let (event_sender, events) = crossbeam_channel::unbounded();
    let (live_sender, live) = crossbeam_channel::unbounded();
    let (bulk_sender, bulk) = crossbeam_channel::unbounded();
    // The buffers bound everything that is under way: no chunk without one.
    let buffer_count = workers * BUFFERS_PER_WORKER + BUFFERS_BESIDE;
    let (buffer_sender, buffers) = crossbeam_channel::bounded(buffer_count);
    for _ in 0..buffer_count {
        let _ = buffer_sender.send(Vec::new());
    }
    let source = source::Source {
        tails: tails(&store, streams, earlier, shared.tuning().rotated_wait),
        live: live_sender,
        bulk: bulk_sender.clone(),
        events: event_sender.clone(),
        buffers,
        spare: None,
        looked_for_files: None,
        shared: Arc::clone(&shared),
        line_bytes_max: rules.line_bytes_max,
        once,
    };
    let (mut watch, waker) = crate::intake::watch::Watch::new();
    let requests =
        Requests { events: event_sender.clone(), waker: waker.clone(), shared: Arc::clone(&shared) };
    let abandon = AtomicBool::new(false);
    let (keeper_sender, words) = crossbeam_channel::unbounded();
    let output = store.output().to_owned();
    let keeper = archive::keeper::Keeper {
        output,
        streams,
        words,
        shared: Arc::clone(&shared),
        abandon: &abandon,
        said: std::cell::RefCell::default(),
    };
    let committer = committer::Committer {
        store,
        known,
        desk,
        answers: event_sender.clone(),
        keeper: keeper_sender,
        streams,
        rules,
        receipt,
        events,
        buffers: buffer_sender,
        tasks: bulk_sender,
        sample_jobs_max: workers as u64 * SAMPLE_JOBS_PER_WORKER,
        shared,
        reload,
        settled,
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (live, bulk, events) = (live.clone(), bulk.clone(), event_sender.clone());
            let notice = DeathNotice(events.clone());
            scope.spawn(move || {
                let _notice = notice;
                worker::work(rules, streams, &live, &bulk, &events);
            });
        }
        let notice = DeathNotice(event_sender);
        scope.spawn(move || {
            let _notice = notice;
            source.run(&mut watch);
        });
        let keeper = scope.spawn(move || keeper.run());
        on_ready(requests);
        let ended = committer.run();
        waker.wake();
        // Who wants an end gets it; else what ended is copied first.
        abandon.store(ended.is_err(), Ordering::Release);
        if keeper.join().is_err() {
            tracing::warn!("the thread of the archive ended before its time; the next start makes up for it");
        }
        ended
    })
}

/// Tells the committer of a thread that panicked: what it held will never arrive.
struct DeathNotice(crossbeam_channel::Sender<event::Event>);

impl Drop for DeathNotice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.send(event::Event::Died);
        }
    }
}

/// While a commit waits for the disk the workers go on: this many chunks, and as much evidence for samples, is about as
/// long as a commit takes.
const BUFFERS_PER_WORKER: usize = 8;
const SAMPLE_JOBS_PER_WORKER: u64 = 6;
const BUFFERS_BESIDE: usize = 4;

/// One tail a stream, each where it was committed to.
fn tails(
    store: &crate::store::Store,
    streams: &streams::StreamSet,
    mut earlier: BTreeMap<String, Vec<crate::intake::earlier::Earlier>>,
    rotated_wait: Duration,
) -> Vec<crate::intake::tail::Tail> {
    use crate::intake::tail::Tail;
    let position = |name: &str| store.state().streams.get(name).and_then(streams::position);
    let tail = |spec: &streams::StreamSpec| {
        let earlier = earlier.remove(&spec.name).unwrap_or_default();
        Tail::new(spec.path.clone(), position(&spec.name), rotated_wait).after(earlier)
    };
    streams.specs.iter().map(tail).collect()
}
