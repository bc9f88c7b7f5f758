//! Refreshing the views: on a thread of their own, from what is committed, while the committer goes on.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::{debug, error, warn};

use super::commits::BACK_OFF_MAX;
use super::committer::{PipelineError, Turn};
use super::event::Event;
use super::review::Special;
use super::views::{Fresh, Made, ViewError, Views, died};
use crate::domain::schema::receipt::{CommittedState, Receipt, ReceiptKind};
use crate::store::StoreError;
use crate::store::commit::wall_clock;

/// How long after one refresh the next one may come, at least, while streams are tailed.
const REST_MIN: Duration = Duration::from_secs(1);
/// A refresh may take one part in so many of the time.
const REST_FACTOR: u32 = 20;
/// And so many bytes are written a second over time. Files of views are written whole: those of a million runs are 800 MB, and a
/// row a second would wear a disk out by two terabytes a day.
const WRITE_BYTES_A_SECOND: u64 = 4 << 20;

/// While rows come in, the views read them in steps of so many bytes of input.
const FOLLOW_BYTES: u64 = 8 << 20;

/// What the views have not taken yet holds so much at most.
const FRESH_BYTES_MAX: usize = 32 << 20;

/// The review queue, below the output folder.
pub const REVIEW_QUEUE: &str = "views/review_queue.jsonl";

/// When the views were made, and whether they are to be made again.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// Whether anything was committed since they were last made.
    pub(super) is_due: bool,
    under_way: Option<Instant>,
    /// When the last refresh ended, and how long the next one has to wait.
    last: Option<(Instant, Duration)>,
    /// How long it has to wait because there was no space for the files of the last one.
    held: Option<Duration>,
    /// What the last one left to go on from; made anew when there is nothing.
    views: Option<Views>,
    is_following: bool,
    /// How much input was committed when the refresh under way began.
    begun_at_bytes: u64,
    /// How much was committed since the start when the views last began to read.
    followed_bytes: u64,
    /// Where the refresh under way waits for what is known only when all samples are made.
    special: Option<Sender<Special>>,
    /// What the views have not taken yet of rows that are committed.
    fresh: Vec<Fresh>,
    fresh_bytes: usize,
}

impl Refresh {
    pub(super) fn new(is_due: bool) -> Self {
        Self { is_due, ..Self::default() }
    }

    /// How long to wait before the next refresh.
    fn rest(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |(ended, rest)| rest.saturating_sub(ended.elapsed()))
    }

    /// Whether the views are as they should be.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_due && self.is_at_rest()
    }

    fn is_at_rest(&self) -> bool {
        self.under_way.is_none() && !self.is_following
    }

    /// Keeps what the views are to take of rows that were committed. What is too much is dropped: they read the files then.
    pub(super) fn take_fresh(&mut self, fresh: Vec<Fresh>) {
        self.fresh_bytes += fresh.iter().map(|fresh| fresh.outlines.memory()).sum::<usize>();
        self.fresh.extend(fresh);
        if self.fresh_bytes > FRESH_BYTES_MAX {
            self.give_fresh();
        }
    }

    fn give_fresh(&mut self) -> Vec<Fresh> {
        self.fresh_bytes = 0;
        std::mem::take(&mut self.fresh)
    }

    /// Takes back views that have read on.
    pub(super) fn take_followed(&mut self, read: Result<Box<Views>, ViewError>) {
        self.is_following = false;
        // A refresh starts anew without them, and says what is wrong.
        self.views = read.ok().map(|views| *views);
    }
}

impl Turn<'_> {
    /// How long until the views may be refreshed, if they are to be.
    pub(super) fn until_refresh(&self) -> Option<Duration> {
        let may = self.is_idle() || self.has_only_samples_left();
        let wanted = self.refresh.is_due && self.refresh.is_at_rest() && may;
        let rest = || {
            // What a refresh writes, rows that come meanwhile wait for at the disk: with one every 12 ms that was one in 130, for
            // 5 ms and not 1.3.
            let last = self.refresh.last.map(|(ended, _)| ended);
            self.refresh.rest().max(self.samples.until_quiet(last, Instant::now()))
        };
        let has_ended = self.source_ended.is_some() && self.refresh.held.is_none();
        wanted.then(|| if has_ended { Duration::ZERO } else { rest() })
    }

    /// Whether no row will come any more, and all that came are committed. Views are made of them while the last samples
    /// are: neither keeps two cores busy.
    fn has_only_samples_left(&self) -> bool {
        let has_ended = self.source_ended.is_some() && !self.c.shared.is_stopping();
        has_ended && self.is_drained() && self.batch.is_empty()
    }

    /// Begins a refresh when it is time for one, and gives the one under way what it waits for.
    pub(super) fn refresh_views(&mut self) {
        if self.until_refresh() == Some(Duration::ZERO) {
            self.begin_refresh();
        } else {
            self.follow();
        }
        if self.is_idle()
            && let Some(refresh) = self.refresh.special.take()
        {
            // A refresh that failed waits no more.
            let _ = refresh.send(self.c.desk.special(&self.c.known.links));
            // A source that had nothing to read may have had rows right after it began; else these were samples.
            if self.refresh.begun_at_bytes == self.c.shared.committed_bytes.load(Ordering::Relaxed) {
                self.refresh.is_due = false;
            }
            if let Some(settled) = self.c.settled.take_if(|_| self.source_ended.is_some()) {
                // Whoever wanted to know may be gone.
                let _ = settled.send(());
            }
        }
    }

    fn begin_refresh(&mut self) {
        let (output, answer) = (self.c.store.output().to_owned(), self.c.answers.clone());
        let committed = self.c.store.state().clone();
        let streams: Vec<String> = self.c.streams.names().into_iter().map(str::to_owned).collect();
        let (sender, special) = bounded(1);
        let (views, fresh) = (self.refresh.views.take(), self.refresh.give_fresh());
        let work = move || {
            let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
            send(&answer, refresh(views, fresh, &output, &committed, &streams, &special).map(Box::new));
        };
        if std::thread::Builder::new().name("views".to_owned()).spawn(work).is_ok() {
            self.refresh.under_way = Some(Instant::now());
            self.refresh.special = Some(sender);
            self.refresh.begun_at_bytes = self.c.shared.committed_bytes.load(Ordering::Relaxed);
            self.refresh.is_due = false;
        }
    }

    /// Lets the views read what is committed while more comes in: it is in memory now, and a core is often free.
    fn follow(&mut self) {
        let committed_bytes = self.c.shared.committed_bytes.load(Ordering::Relaxed);
        let unread = committed_bytes - self.refresh.followed_bytes;
        let is_enough = unread >= FOLLOW_BYTES || (unread > 0 && self.source_ended.is_some());
        if !is_enough || !self.refresh.is_at_rest() || self.c.shared.is_stopping() {
            return;
        }
        let (output, answer) = (self.c.store.output().to_owned(), self.c.answers.clone());
        let committed = self.c.store.state().clone();
        let streams = self.c.streams.names();
        let known = self.refresh.views.take().filter(|views| views.fit(&committed));
        let views = known.unwrap_or_else(|| Views::new(&streams, &committed));
        let fresh = self.refresh.give_fresh();
        let work = move || {
            let read = views.follow(fresh, &output, &committed).map(Box::new);
            // The committer may have ended meanwhile; then nobody wants them.
            let _ = answer.send(Event::Followed(read));
        };
        self.refresh.followed_bytes = committed_bytes;
        self.refresh.is_following = std::thread::Builder::new().name("views".to_owned()).spawn(work).is_ok();
    }

    /// Commits views that were made.
    pub(super) fn take_views(&mut self, made: Result<Box<Made>, ViewError>) -> Result<(), PipelineError> {
        if let Some(began) = self.refresh.under_way.take() {
            let files = made.as_ref().map_or(&[][..], |made| &made.files);
            let written = files.iter().map(|file| file.len).sum();
            self.refresh.last = Some((Instant::now(), rest_after(began.elapsed(), written)));
        }
        let Made { views, files } = match made {
            Ok(made) => *made,
            Err(ViewError::Store(StoreError::NoSpace { path, source })) => {
                self.hold_views(&path, &source);
                return Ok(());
            }
            // What a disk that fails to sync holds is not known, whoever asked. And who waits for the end is told.
            Err(ViewError::Store(e))
                if matches!(e, StoreError::Sync { .. }) || self.source_ended.is_some() =>
            {
                return Err(e.into());
            }
            // Views can be made at any time; rows go on without them.
            Err(e) => {
                warn!(error = %e, "the views could not be made");
                return Ok(());
            }
        };
        if !files.is_empty() {
            let receipt =
                Receipt { kind: ReceiptKind::View, started_at: wall_clock(), ..self.c.receipt.clone() };
            match self.c.store.commit_prepared(&files, receipt) {
                Ok(()) => {}
                Err(StoreError::NoSpace { path, source }) => {
                    self.hold_views(&path, &source);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
            let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            debug!(views = names.join(", "), "views refreshed");
        }
        if self.refresh.held.take().is_some() {
            self.c.shared.no_space.store(false, Ordering::Relaxed);
        }
        self.refresh.views = Some(views);
        Ok(())
    }

    /// Views that found no space are made again until there is some, as a batch is committed again; rows go on meanwhile.
    fn hold_views(&mut self, path: &Path, source: &io::Error) {
        error!(path = %path.display(), error = %source, "no space; the views are held until there is some");
        self.c.shared.no_space.store(true, Ordering::Relaxed);
        let wait = self.refresh.held.map_or(REST_MIN, |before| (before * 2).min(BACK_OFF_MAX));
        self.refresh.held = Some(wait);
        self.refresh.last = self.refresh.last.map(|(ended, rest)| (ended, rest.max(wait)));
        self.refresh.is_due = true;
    }
}

/// How long to wait after a refresh that took so long and wrote so many bytes.
fn rest_after(took: Duration, written: u64) -> Duration {
    let for_the_disk = Duration::from_millis(written * 1000 / WRITE_BYTES_A_SECOND);
    REST_MIN.max(took * REST_FACTOR).max(for_the_disk)
}

/// Refreshes views; they start anew where there is nothing to go on from, and where a file is not what they left. What is
/// special comes when it is known.
fn refresh(
    views: Option<Views>,
    fresh: Vec<Fresh>,
    output: &Path,
    committed: &CommittedState,
    streams: &[&str],
    special: &Receiver<Special>,
) -> Result<Made, ViewError> {
    let mut known = None;
    let mut special = || {
        // It comes once, and a refresh that starts over wants it again.
        let special = known.take().map_or_else(|| special.recv().map_err(died), Ok)?;
        known = Some(Special::clone(&special));
        Ok(special)
    };
    let new = || Views::new(streams, committed);
    let known = views.filter(|views| views.fit(committed));
    match known.unwrap_or_else(new).refresh(fresh, output, committed, &mut special) {
        Err(changed @ ViewError::Changed(_)) => {
            warn!(error = %changed, "a view has to be made from the beginning");
            new().refresh(Vec::new(), output, committed, &mut special)
        }
        made => made,
    }
}

fn send(answer: &Sender<Event>, made: Result<Box<Made>, ViewError>) {
    // The committer may have ended meanwhile; then nobody wants them.
    let _ = answer.send(Event::Viewed(made));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_rests_as_long_as_its_time_and_what_it_wrote_ask_for() {
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(3));
        assert_eq!(rest_after(short, 4096), REST_MIN);
        assert_eq!(rest_after(long, 4096), long * REST_FACTOR);
        assert_eq!(rest_after(long, 800 << 20), Duration::from_secs(200));
    }
}
