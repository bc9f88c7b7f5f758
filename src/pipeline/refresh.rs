//! Refreshing the views: on a thread of their own, from what is committed, while the committer goes on.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use tracing::{debug, warn};

use super::committer::{PipelineError, Turn};
use super::event::Event;
use super::outputs::Outputs;
use super::review::{Special, queue_of};
use super::views::{ViewError, ViewFile, render_all};
use crate::domain::schema::receipt::{Receipt, ReceiptKind};
use crate::store::commit::wall_clock;
use crate::store::{Commit, Replace, StoreError};

/// How long after one refresh the next one may come, at least, while streams are tailed.
const REST_MIN: Duration = Duration::from_secs(1);
/// A refresh may take one part in so many of the time.
const REST_FACTOR: u32 = 20;

/// A view and its file are compared in blocks of this size.
const COMPARE_BYTES: usize = 1 << 20;

/// The review queue, below the output folder.
pub const REVIEW_QUEUE: &str = "views/review_queue.jsonl";

/// When the views were made, and whether they are to be made again.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// Whether anything was committed since they were last made.
    pub(super) is_due: bool,
    under_way: Option<Instant>,
    /// When the last refresh ended, and how long it took.
    last: Option<(Instant, Duration)>,
}

impl Refresh {
    pub(super) fn new(is_due: bool) -> Self {
        Self { is_due, ..Self::default() }
    }

    /// How long to wait before the next refresh.
    fn rest(&self) -> Duration {
        let rest = |(ended, took): (Instant, Duration)| {
            REST_MIN.max(took * REST_FACTOR).saturating_sub(ended.elapsed())
        };
        self.last.map_or(Duration::ZERO, rest)
    }

    /// Whether the views are as they should be.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_due && self.under_way.is_none()
    }
}

impl Turn<'_> {
    /// How long until the views may be refreshed, if they are to be.
    pub(super) fn until_refresh(&self) -> Option<Duration> {
        let wanted = self.refresh.is_due && self.refresh.under_way.is_none() && self.is_idle();
        wanted.then(|| if self.source_ended.is_some() { Duration::ZERO } else { self.refresh.rest() })
    }

    /// Begins a refresh when it is time for one.
    pub(super) fn refresh_views(&mut self) {
        if self.until_refresh() != Some(Duration::ZERO) {
            return;
        }
        let (output, answer) = (self.c.store.output().to_owned(), self.c.answers.clone());
        let streams: Vec<String> = self.c.streams.names().into_iter().map(str::to_owned).collect();
        let special = self.c.desk.special(&self.c.known.links);
        let work = move || {
            let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
            let made = Outputs::open(&output)
                .map_err(ViewError::from)
                .and_then(|outputs| make_views(&outputs, &streams, &special));
            send(&answer, made);
        };
        if std::thread::Builder::new().name("views".to_owned()).spawn(work).is_ok() {
            self.refresh.under_way = Some(Instant::now());
            self.refresh.is_due = false;
        }
    }

    /// Commits views that were made.
    pub(super) fn take_views(&mut self, made: Result<Vec<ViewFile>, ViewError>) -> Result<(), PipelineError> {
        if let Some(began) = self.refresh.under_way.take() {
            self.refresh.last = Some((Instant::now(), began.elapsed()));
        }
        let files = match made {
            Ok(files) => files,
            // Views can be made at any time; rows go on without them.
            Err(e) => {
                warn!(error = %e, "the views could not be made");
                return Ok(());
            }
        };
        if files.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = files.iter().map(|file| file.path).collect();
        debug!(views = names.join(", "), "views refreshed");
        let replaces = files.into_iter().map(|file| Replace {
            path: file.path.to_owned(),
            keep: Vec::new(),
            then: file.bytes,
            rows: file.rows,
        });
        let replaces = replaces.collect();
        let receipt = Receipt { kind: ReceiptKind::View, started_at: wall_clock(), ..self.c.receipt.clone() };
        self.commit(&Commit { appends: Vec::new(), replaces, receipt })
    }
}

/// Makes the views, the queue beside the others; gives those that are not there already.
fn make_views(outputs: &Outputs, streams: &[&str], special: &Special) -> Result<Vec<ViewFile>, ViewError> {
    let (files, queue) = std::thread::scope(|scope| {
        let queue = scope.spawn(|| queue_file(outputs, streams, special));
        let died = |_| Err(StoreError::CheckFailed("the thread of the review queue panicked".to_owned()));
        (render_all(outputs), queue.join().unwrap_or_else(died))
    });
    let mut files = files?;
    files.push(queue?);
    files.retain(|file| !is_there(outputs, file));
    Ok(files)
}

fn queue_file(outputs: &Outputs, streams: &[&str], special: &Special) -> Result<ViewFile, StoreError> {
    let items = queue_of(outputs, streams, special)?.items;
    let (mut bytes, rows) = (Vec::new(), items.len() as u64);
    for item in items {
        bytes.extend_from_slice(item.as_bytes());
        bytes.push(b'\n');
    }
    Ok(ViewFile { path: REVIEW_QUEUE, bytes, rows })
}

/// Whether a view stands in its file already.
fn is_there(outputs: &Outputs, file: &ViewFile) -> bool {
    let blocks = || file.bytes.chunks(COMPARE_BYTES).zip((0_u64..).step_by(COMPARE_BYTES));
    let same = |(block, at): (&[u8], u64)| {
        outputs.read(file.path, at, at + block.len() as u64).is_ok_and(|found| found == block)
    };
    let committed = outputs.state.outputs.get(file.path);
    committed.is_some_and(|committed| committed.len == file.bytes.len() as u64) && blocks().all(same)
}

fn send(answer: &Sender<Event>, made: Result<Vec<ViewFile>, ViewError>) {
    // The committer may have ended meanwhile; then nobody wants them.
    let _ = answer.send(Event::Viewed(made));
}
