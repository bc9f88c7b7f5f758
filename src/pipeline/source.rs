//! The reading thread: all tails, live ones first, chunks to the workers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{info, warn};

use super::Shared;
use super::event::{Event, Ticket};
use super::worker::{Job, Task};
use crate::intake::chunk::{Content, Step};
use crate::intake::lines::ReadLimits;
use crate::intake::tail::Tail;
use crate::intake::watch::Watch;

/// A chunk is at most this long (unless one row is longer): small enough to spread over the cores, large enough that
/// its overhead does not show.
pub const CHUNK_BYTES: u64 = 1 << 20;

/// Everything the reading thread works with.
#[derive(Debug)]
pub struct Source {
    /// One tail a stream, in the order of the streams.
    pub tails: Vec<Tail>,
    /// Chunks of streams that are tailed live.
    pub live: Sender<Task>,
    /// Chunks of streams that are caught up with.
    pub bulk: Sender<Task>,
    /// Gaps, and word of its own end.
    pub events: Sender<Event>,
    /// Empty buffers; their number bounds how much is under way.
    pub buffers: Receiver<Vec<u8>>,
    /// A buffer that was taken and not needed.
    pub spare: Option<Vec<u8>>,
    /// When files that were not there were looked for last.
    pub looked_for_files: Option<Instant>,
    /// What the threads share.
    pub shared: Arc<Shared>,
    /// The longest row that is kept whole, in bytes.
    pub line_bytes_max: u64,
    /// Whether to end when all there is has been read.
    pub once: bool,
}

impl Source {
    /// Reads until asked to stop, or with `once` until all has been read.
    pub fn run(mut self, watch: &mut Watch) {
        let mut places = vec![0; self.tails.len()];
        let mut patience = self.shared.tuning().poll_min;
        while !self.shared.is_stopping() {
            for dir in self.folders() {
                watch.add(&dir);
            }
            let progress = self.round(&mut places);
            self.report_lag();
            if progress {
                patience = self.shared.tuning().poll_min;
                continue;
            }
            // A rotated file is still given its time for late writes, and what follows it is there to be read.
            let waiting = self.tails.iter().any(Tail::is_waiting);
            if self.once && !waiting {
                break;
            }
            let tuning = self.shared.tuning();
            let longest = if waiting { tuning.poll_min } else { patience };
            if watch.wait(longest) {
                patience = tuning.poll_min;
            } else {
                patience = (patience * 2).min(tuning.poll_max);
            }
        }
        let _ = self.events.send(Event::SourceEnded);
    }

    /// Gives every tail a turn; after each chunk of a backlog the live ones again. Whether anything was read.
    fn round(&mut self, places: &mut [u64]) -> bool {
        let mut progress = false;
        let (mut absent, mut backlog, mut live) = (Vec::new(), Vec::new(), Vec::new());
        for (stream, tail) in self.tails.iter().enumerate() {
            if tail.is_absent() {
                absent.push(stream);
            } else if !tail.has_caught_up() || tail.lag_bytes() > CHUNK_BYTES {
                backlog.push(stream);
            } else {
                live.push(stream);
            }
        }
        for stream in &live {
            progress |= self.turn(*stream, true, places);
        }
        for stream in &backlog {
            progress |= self.turn(*stream, false, places);
            for live in &live {
                progress |= self.turn(*live, true, places);
            }
        }
        // Not after every chunk of a backlog: with one stream of 23 that was a fiftieth of a run.
        let poll_min = self.shared.tuning().poll_min;
        if !progress || self.looked_for_files.is_none_or(|last| last.elapsed() >= poll_min) {
            self.looked_for_files = Some(Instant::now());
            for stream in absent {
                progress |= self.turn(stream, false, places);
            }
        }
        progress
    }

    /// One step of one tail. Whether it came to anything.
    fn turn(&mut self, stream: usize, live: bool, places: &mut [u64]) -> bool {
        let Some(mut buffer) = self.empty_buffer() else { return false };
        let tuning = self.shared.tuning();
        let limits = ReadLimits {
            chunk_bytes: CHUNK_BYTES.min(tuning.batch_bytes_max).max(1),
            chunk_rows: tuning.batch_rows_max.max(1),
            line_bytes_max: self.line_bytes_max,
        };
        let (Some(tail), Some(place)) = (self.tails.get_mut(stream), places.get_mut(stream)) else {
            return false;
        };
        let step = tail.step(limits, &mut buffer);
        let ticket = Ticket { stream, place: *place };
        match step {
            Ok(Step::Idle) => {}
            Ok(Step::Working) => {
                self.spare = Some(buffer);
                return true;
            }
            Ok(Step::Gap(gap)) => {
                self.spare = Some(buffer);
                *place += 1;
                self.shared.in_flight.fetch_add(1, Ordering::AcqRel);
                return self.events.send(Event::Gap(ticket, gap)).is_ok();
            }
            Ok(Step::Finished(finished)) => {
                self.spare = Some(buffer);
                *place += 1;
                self.shared.in_flight.fetch_add(1, Ordering::AcqRel);
                return self.events.send(Event::Finished(ticket, finished)).is_ok();
            }
            Ok(Step::Chunk(chunk)) => {
                *place += 1;
                self.shared.in_flight.fetch_add(1, Ordering::AcqRel);
                if !matches!(chunk.content, Content::Lines) {
                    buffer.clear();
                }
                let queue = if live { &self.live } else { &self.bulk };
                return queue.send(Task::Rows(Box::new(Job { ticket, chunk, buffer, live }))).is_ok();
            }
            Err(e) => {
                let cause = std::error::Error::source(&e).map_or_else(String::new, ToString::to_string);
                // It is tried again at every look, and said once.
                if self.shared.note_unread(stream, Some(format!("{e}: {cause}"))) {
                    warn!(error = %e, cause, "cannot read a stream for now");
                }
                self.spare = Some(buffer);
                return false;
            }
        }
        if self.shared.note_unread(stream, None) {
            info!(stream, "a stream can be read again");
        }
        self.spare = Some(buffer);
        false
    }

    fn empty_buffer(&mut self) -> Option<Vec<u8>> {
        if let Some(buffer) = self.spare.take() {
            return Some(buffer);
        }
        loop {
            match self.buffers.recv_timeout(Duration::from_millis(100)) {
                Ok(buffer) => return Some(buffer),
                Err(RecvTimeoutError::Timeout) if self.shared.is_stopping() => return None,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn report_lag(&self) {
        let lag = self.tails.iter().map(Tail::lag_bytes).sum();
        self.shared.lag_bytes.store(lag, Ordering::Release);
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<_> =
            self.tails.iter().filter_map(|tail| tail.main().parent()).map(PathBuf::from).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }
}
