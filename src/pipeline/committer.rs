//! The one writer: puts chunks in order, drops duplicates, gathers batches, commits them, and then the exports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use tracing::info;

use super::Shared;
use super::archive::{Ended, Word};
use super::batch::Batch;
use super::event::{Event, Request, Ticket};
use super::exports::Desk;
use super::known_rows::KnownRows;
use super::refresh::Refresh;
use super::sample_pace::SamplePace;
use super::streams::StreamSet;
use super::worker::{Task, Worked, distil};
use crate::domain::distil::{BadRecord, Distiller};
use crate::domain::rules::Rules;
use crate::domain::schema::receipt::{Receipt, ReceiptKind};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::intake::chunk::{Finished, GapFound};
use crate::store::{Store, StoreError};

/// The committer turns at least this often, so that a watchdog can tell it from one that hangs.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A backlog is committed in steps of this size while anything is tailed live, so that live rows do not wait long.
const BULK_STEP_BESIDE_LIVE_BYTES: u64 = 1 << 20;
/// For how long after a live row a backlog takes small steps.
const LIVE_MEMORY: Duration = Duration::from_secs(5);
/// How long exports may go on once a stop was asked for.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Why the committer could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Trouble with what is durable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record broke a rule of its own shape.
    #[error(transparent)]
    BadRecord(#[from] BadRecord),
    /// A worker or the source died.
    #[error("a thread of the pipeline ended before its time")]
    ThreadDied,
}

/// Everything the committer works with.
pub struct Committer<'r> {
    /// The outputs.
    pub store: Store,
    /// Every row that is evidence.
    pub known: KnownRows,
    /// The files of samples.
    pub desk: Desk,
    /// The way back from a thread that makes views.
    pub answers: Sender<Event>,
    /// The streams.
    pub streams: &'r StreamSet,
    /// What rows mean.
    pub rules: &'r Rules,
    /// What every receipt says alike.
    pub receipt: Receipt,
    /// What happens.
    pub events: Receiver<Event>,
    /// Where empty buffers go.
    pub buffers: Sender<Vec<u8>>,
    /// Where sample jobs go.
    pub tasks: Sender<Task>,
    /// Where generations that ended go, to be copied.
    pub keeper: Sender<Word>,
    /// How many sample jobs may be out at a time.
    pub sample_jobs_max: u64,
    /// What the threads share.
    pub shared: Arc<Shared>,
    /// Told once all rows and samples of what there was are committed.
    pub settled: Option<Sender<()>>,
    /// What to do when asked to read the config again; gives the hash of a config that was taken.
    pub reload: Box<dyn FnMut() -> Option<Sha256Hex> + 'r>,
}

/// The committer at work.
pub(super) struct Turn<'r> {
    pub(super) c: Committer<'r>,
    distiller: Distiller<'r>,
    pub(super) batch: Batch,
    /// Chunks and gaps that came before their turn, by ticket.
    early: BTreeMap<Ticket, Early>,
    next_place: Vec<u64>,
    pub(super) last_times: Vec<Option<EventTime>>,
    /// Generations that ended, and whose last rows may not be committed yet.
    pub(super) ended: Vec<Ended>,
    last_live: Option<Instant>,
    pub(super) samples: SamplePace,
    pub(super) source_ended: Option<Instant>,
    pub(super) refresh: Refresh,
}

enum Early {
    Worked(Box<Worked>),
    Gap(GapFound),
    Finished(Finished),
}

impl Committer<'_> {
    /// Works until the source has ended and everything it read is committed; gives back the store.
    pub fn run(self) -> Result<Store, PipelineError> {
        let state = self.store.state();
        let time_of = |spec: &super::streams::StreamSpec| state.streams.get(&spec.name)?.last_timestamp;
        let mut turn = Turn {
            distiller: Distiller::new(self.rules),
            batch: Batch::default(),
            early: BTreeMap::new(),
            next_place: vec![0; self.streams.specs.len()],
            last_times: self.streams.specs.iter().map(time_of).collect(),
            ended: Vec::new(),
            last_live: None,
            samples: SamplePace::new(Instant::now()),
            source_ended: None,
            // A refresh is the last thing that a run commits.
            refresh: Refresh::new(
                !state.outputs.is_empty()
                    && self.store.last_receipt().is_none_or(|last| last.kind != ReceiptKind::View),
            ),
            c: self,
        };
        let ended = turn.run();
        // Threads that wait for buffers or send events must not wait for a committer that is gone.
        turn.c.shared.stop();
        // To free a million small things takes a twentieth of a second, for which nobody should wait.
        let (known, desk) = (turn.c.known, turn.c.desk);
        let _ = std::thread::Builder::new().name("freeing".to_owned()).spawn(move || drop((known, desk)));
        ended.map(|()| turn.c.store)
    }
}

impl Turn<'_> {
    fn run(&mut self) -> Result<(), PipelineError> {
        loop {
            self.c.shared.heartbeat.fetch_add(1, Ordering::Relaxed);
            match self.next_event()? {
                Some(event) => self.handle(event)?,
                None if self.is_done() => break,
                None => {}
            }
            if self.is_batch_due() {
                self.commit_batch()?;
            }
            self.send_ended();
            self.send_sample_jobs()?;
            let beside_live = self.is_beside_live();
            if self.c.desk.is_due(beside_live) {
                let gathered = self.c.desk.take_due(beside_live);
                self.commit_samples(gathered)?;
            }
            self.refresh_views();
        }
        self.c.desk.close(&self.c.store, &self.c.known);
        self.c.store.close();
        Ok(())
    }

    /// The next event, or `None` when there is something to do or to look after without one.
    fn next_event(&mut self) -> Result<Option<Event>, PipelineError> {
        match self.c.events.try_recv() {
            Ok(event) => return Ok(Some(event)),
            Err(TryRecvError::Disconnected) if self.source_ended.is_none() => {
                return Err(PipelineError::ThreadDied);
            }
            Err(_) => {}
        }
        if self.is_done() {
            return Ok(None);
        }
        // Where more is on its way, or the source has still to say how far it is, an event comes.
        let wants_export = self.c.desk.has_waiting() && self.c.desk.in_flight() == 0 && self.batch.is_empty();
        let ending = self.c.shared.is_stopping();
        let patience = if wants_export && self.has_caught_up() {
            self.until_exports()
        } else if ending || wants_export {
            Duration::from_millis(50)
        } else {
            HEARTBEAT
        };
        let patience = self.until_refresh().map_or(patience, |refresh| patience.min(refresh));
        match self.c.events.recv_timeout(patience) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(PipelineError::ThreadDied),
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.c.shared.in_flight.load(Ordering::Acquire) == 0 && self.c.events.is_empty()
    }

    /// Whether everything that was read is committed, and the exports with it.
    pub(super) fn is_idle(&self) -> bool {
        let desk = &self.c.desk;
        let exported = desk.in_flight() == 0 && !desk.has_gathered() && !desk.has_waiting();
        exported && self.is_drained() && self.batch.is_empty()
    }

    /// Whether there is nothing left to do.
    fn is_done(&self) -> bool {
        // Whoever asks for an end gets it soon; what is not exported by then is at the next start.
        let settled = self.is_idle() && self.refresh.is_settled();
        let out_of_time = || self.is_out_of_time() && self.is_drained() && self.batch.is_empty();
        self.source_ended.is_some() && (settled || out_of_time())
    }

    fn handle(&mut self, event: Event) -> Result<(), PipelineError> {
        match event {
            Event::Worked(worked) => {
                self.c.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
                self.arrive(worked.job.ticket, Early::Worked(worked))
            }
            Event::Gap(ticket, gap) => {
                self.c.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
                self.arrive(ticket, Early::Gap(gap))
            }
            Event::Finished(ticket, finished) => {
                self.c.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
                self.arrive(ticket, Early::Finished(finished))
            }
            Event::Sampled(sampled) => Ok(self.c.desk.arrive(sampled, &self.c.known)?),
            Event::Viewed(made) => self.take_views(made),
            Event::Followed(read) => {
                self.refresh.take_followed(read);
                Ok(())
            }
            Event::BadRecord(bad) => Err(bad.into()),
            Event::Died => Err(PipelineError::ThreadDied),
            Event::SourceEnded => {
                self.source_ended = Some(Instant::now());
                Ok(())
            }
            Event::Request(Request::Stop) => {
                info!("asked to stop");
                self.c.shared.stop();
                Ok(())
            }
            Event::Request(Request::Reload) => {
                if let Some(config_sha256) = (self.c.reload)() {
                    self.c.receipt.config_sha256 = config_sha256;
                    let _ = self.c.keeper.send(Word::Look);
                }
                Ok(())
            }
        }
    }

    /// Takes what arrived, and what waited behind it, in the order of its stream.
    fn arrive(&mut self, ticket: Ticket, what: Early) -> Result<(), PipelineError> {
        self.early.insert(ticket, what);
        let Some(mut place) = self.next_place.get(ticket.stream).copied() else { return Ok(()) };
        while let Some(due) = self.early.remove(&Ticket { stream: ticket.stream, place }) {
            place += 1;
            if let Some(next) = self.next_place.get_mut(ticket.stream) {
                *next = place;
            }
            match due {
                Early::Worked(worked) => {
                    if !self.has_room_for(&worked) {
                        self.commit_batch()?;
                    }
                    self.take(*worked)?;
                }
                Early::Gap(gap) => self.commit_gap(ticket.stream, &gap)?,
                Early::Finished(Finished { generation, file }) => {
                    self.ended.push(Ended { stream: ticket.stream, generation, file: Some(file) });
                }
            }
            if self.is_batch_full() {
                self.commit_batch()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, mut worked: Worked) -> Result<(), PipelineError> {
        let stream = worked.job.ticket.stream;
        let streams = self.c.streams;
        let (Some(spec), Some(last_time)) = (streams.specs.get(stream), self.last_times.get_mut(stream))
        else {
            return Ok(());
        };
        if worked.wants_carry && last_time.is_some() {
            // Only now is the time before the chunk known; such rows are rare, and made again here.
            worked = distil(&mut self.distiller, spec, worked.job, *last_time)?;
        }
        *last_time = worked.last_time.or(*last_time);
        let last_timestamp = *last_time;
        if worked.job.live {
            self.last_live = Some(Instant::now());
        }
        let committed = self.c.store.state().output_len(&spec.output("evidence"));
        let buffer = self.batch.take(spec, worked, committed, last_timestamp, &mut self.c.known);
        // Nobody takes buffers any more when the source has ended.
        let _ = self.c.buffers.send(buffer);
        Ok(())
    }

    /// Whether rows were tailed live just now, and may be again.
    fn is_beside_live(&self) -> bool {
        self.last_live.is_some_and(|at| at.elapsed() < LIVE_MEMORY)
    }

    /// Input bytes and rows that one commit may take.
    fn batch_limits(&self) -> (u64, u64) {
        let tuning = self.c.shared.tuning();
        let bytes_max = if self.is_beside_live() {
            tuning.batch_bytes_max.min(BULK_STEP_BESIDE_LIVE_BYTES)
        } else {
            tuning.batch_bytes_max
        };
        (bytes_max, tuning.batch_rows_max)
    }

    fn is_batch_full(&self) -> bool {
        let (bytes_max, rows_max) = self.batch_limits();
        self.batch.bytes >= bytes_max || self.batch.counts.rows_in >= rows_max
    }

    /// Whether a chunk may join the batch; what is too large for any batch is one of its own.
    fn has_room_for(&self, worked: &Worked) -> bool {
        let (bytes_max, rows_max) = self.batch_limits();
        let chunk = &worked.job.chunk;
        self.batch.bytes + (chunk.to - chunk.from) <= bytes_max
            && self.batch.counts.rows_in + chunk.lines <= rows_max
    }

    /// A batch grows while more is on its way, and is committed at once when nothing is, or somebody waits for it.
    fn is_batch_due(&self) -> bool {
        let nothing_coming = || self.c.shared.in_flight.load(Ordering::Acquire) == 0;
        !self.batch.is_empty()
            && (self.is_batch_full() || (self.c.events.is_empty() && (self.batch.live || nothing_coming())))
    }

    /// Generations go to be copied once all that was read of them is committed.
    fn send_ended(&mut self) {
        if self.batch.is_empty() {
            for ended in self.ended.drain(..) {
                // A keeper that is gone has said so, and the next start makes up for it.
                let _ = self.c.keeper.send(Word::Ended(ended));
            }
        }
    }

    /// Whether so little is unread that samples may come.
    fn has_caught_up(&self) -> bool {
        let lag = self.c.shared.lag_bytes.load(Ordering::Acquire);
        self.source_ended.is_some() || lag <= self.c.shared.tuning().export_lag_max
    }

    fn until_exports(&self) -> Duration {
        let refresh = self.c.shared.tuning().export_refresh;
        self.samples.rest(refresh, self.is_drained(), Instant::now()).min(HEARTBEAT)
    }

    /// Whether a stop was asked for, and exports have had their time since.
    fn is_out_of_time(&self) -> bool {
        self.c.shared.is_stopping() && self.source_ended.is_some_and(|at| at.elapsed() > STOP_PATIENCE)
    }

    /// Additions wait while a backlog drains, and then for the refresh time at most.
    fn send_sample_jobs(&mut self) -> Result<(), PipelineError> {
        let under_way = self.c.desk.is_under_way();
        let ended = self.source_ended.is_some();
        let may = ended || (self.has_caught_up() && (under_way || self.until_exports().is_zero()));
        // While rows come in without a pause a pass takes what was there when it began: else it never came to its end.
        let calm = ended
            || self.c.shared.tuning().export_refresh.is_zero()
            || self.samples.until_pause(self.is_drained(), Instant::now()).is_zero();
        let mut takes_new = calm || !under_way;
        // Rows that are not committed yet must not show in the exports.
        while may
            && self.batch.is_empty()
            && !self.is_out_of_time()
            && self.c.desk.in_flight() < self.c.sample_jobs_max
        {
            let Some(job) = self.c.desk.next_job(&self.c.known, takes_new) else { break };
            takes_new = calm;
            if !under_way {
                self.samples.begin_pass();
            }
            self.c.tasks.send(Task::Samples(job)).map_err(|_| PipelineError::ThreadDied)?;
        }
        Ok(())
    }
}
