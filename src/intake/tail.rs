//! One stream's file, followed through its generations: rotation, replacement, truncation.
//!
//! A tail knows its position and finds the file that it belongs to by identity, never by name. At the end of a file it
//! looks whether the name has gone over to another one; the old file is then read to its end before the next begins.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::IntakeError;
use super::bytes::Bytes;
use super::chunk::{Chunk, Finished, GapFound, Position, Source, Step};
use super::earlier::Earlier;
use super::identity::Identity;
use super::later::{Known, later};
use super::lines::{Found, LineReader, ReadLimits};
use super::siblings::{self, Sibling};

mod current;
mod left;
mod queued;

use current::{Current, resumed};
use left::Left;
use queued::Queued;

/// One stream's file.
#[derive(Debug)]
pub struct Tail {
    main: PathBuf,
    position: Option<Position>,
    next_generation: u32,
    current: Option<Current>,
    /// Rotated files to read before the main one, oldest first.
    queue: VecDeque<Queued>,
    /// What is read before all others, where it is known beforehand.
    earlier: VecDeque<Earlier>,
    first_siblings_queued: bool,
    /// The files that were begun, or told as gaps, since the start.
    begun: Vec<Identity>,
    /// The generation before the current one.
    left: Option<Left>,
    gaps: VecDeque<GapFound>,
    rotated_wait: Duration,
    caught_up: bool,
    absent: bool,
}

impl Tail {
    /// Follows `main` from where it was committed to. A rotated file is given `rotated_wait` for late writes before
    /// the next one is begun.
    pub fn new(main: PathBuf, position: Option<Position>, rotated_wait: Duration) -> Self {
        let next_generation = position.as_ref().map_or(0, |position| position.generation + 1);
        Self {
            main,
            position,
            next_generation,
            current: None,
            queue: VecDeque::new(),
            earlier: VecDeque::new(),
            first_siblings_queued: false,
            begun: Vec::new(),
            left: None,
            gaps: VecDeque::new(),
            rotated_wait,
            caught_up: false,
            absent: false,
        }
    }

    /// Reads these generations first, the whole list from 0 on, instead of what lies beside the stream's file.
    #[must_use]
    pub fn after(mut self, earlier: Vec<Earlier>) -> Self {
        let had = self.position.as_ref().map_or(0, |position| position.generation as usize);
        self.first_siblings_queued |= !earlier.is_empty();
        self.earlier = earlier.into_iter().skip(had).collect();
        self
    }

    /// The file's own name.
    pub fn main(&self) -> &Path {
        &self.main
    }

    /// Whether a rotated file is waiting for late writes; the tail wants to be looked at again soon.
    pub fn is_waiting(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.left_since.is_some())
    }

    /// Whether everything there was has been read at least once since the start: from then on it is tailed live.
    pub fn has_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether there was no file to read at the last look. To look again is to list a folder.
    pub fn is_absent(&self) -> bool {
        self.absent
    }

    /// Bytes that are there and not read yet, as far as this tail has seen.
    pub fn lag_bytes(&self) -> u64 {
        match &self.current {
            Some(current) => {
                let size = current.reader.file().look().map_or(current.seen_size, |(size, _)| size);
                let len = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
                let queued = || self.queue.iter().map(|queued| &queued.path);
                let after = if current.found_rotated || current.left_since.is_some() {
                    queued().chain([&self.main]).map(len).sum()
                } else {
                    0
                };
                size.saturating_sub(current.reader.offset) + after
            }
            None => fs::metadata(&self.main).map_or(0, |metadata| metadata.len()),
        }
    }

    /// Reads on. `buffer` holds the lines of the chunk afterwards.
    pub fn step(&mut self, limits: ReadLimits, buffer: &mut Vec<u8>) -> Result<Step, IntakeError> {
        loop {
            self.absent = self.current.is_none() && !self.open_next()?;
            if self.absent {
                return Ok(self.gaps.pop_front().map_or(Step::Idle, Step::Gap));
            }
            if let Some(gap) = self.gaps.pop_front() {
                return Ok(Step::Gap(gap));
            }
            let Some(current) = &mut self.current else { return Ok(Step::Idle) };
            let path = Arc::clone(&current.source.path);
            let error = |e| IntakeError::new("read", Path::new(&*path), e);
            let (size, modified) = current.reader.file().look().map_err(error)?;
            if let Some(reason) = current.changed_under_us(size, modified).map_err(error)? {
                let gap = self.restart_current(size, reason);
                return Ok(Step::Gap(gap));
            }
            current.seen_size = current.seen_size.max(size);
            if size > current.reader.offset {
                let from = current.reader.offset;
                let found = current.reader.read(size, limits, buffer).map_err(error)?;
                if matches!(found, Found::More) {
                    return Ok(Step::Working);
                }
                if let Some(chunk) = current.chunk(found, from, false) {
                    return Ok(Step::Chunk(chunk));
                }
            }
            match self.finish_if_left(size, limits, buffer)? {
                Finish::Stay => {
                    self.caught_up = true;
                    let late = self.left.as_mut().and_then(Left::late_rows);
                    return Ok(late.map_or(Step::Idle, Step::Gap));
                }
                Finish::Chunk(chunk) => return Ok(Step::Chunk(chunk)),
                Finish::Finished(finished) => return Ok(Step::Finished(finished)),
                Finish::GoOn => {}
            }
        }
    }

    /// Opens the file that comes next; `false` when there is none yet. Trouble changes nothing: it is tried again.
    fn open_next(&mut self) -> Result<bool, IntakeError> {
        if let Some(position) = self.position.clone() {
            if let Some(resumed) = self.resume(&position)? {
                self.position = None;
                self.current = Some(resumed);
                return Ok(true);
            }
            let Position { identity, offset, anchor, .. } = position;
            let since = self.siblings_since(&Known { identity, modified: None, offset, anchor })?;
            // Nothing there at all: wait, the file may come back.
            if since.is_empty() && !self.main.exists() {
                return Ok(false);
            }
            self.position = None;
            self.queue_up(since);
            self.gaps.push_back(GapFound {
                generation: Some(position.generation),
                from: position.offset,
                to: position.offset,
                reason: format!(
                    "generation {} is gone; what was not read of it is unknown",
                    position.generation
                ),
                next: None,
            });
        } else if self.next_generation == 0 && !self.first_siblings_queued {
            self.queue_first_siblings()?;
        }
        self.begin_next()
    }

    /// Before the very first generation: every rotated file is an earlier one, oldest first.
    fn queue_first_siblings(&mut self) -> Result<(), IntakeError> {
        let siblings = siblings::find(&self.main)?;
        if self.main.exists() || siblings.iter().any(|sibling| !sibling.compressed) {
            self.queue_up(siblings);
            self.first_siblings_queued = true;
        }
        Ok(())
    }

    /// Queues rotated files; one that is compressed is a gap.
    fn queue_up(&mut self, siblings: Vec<Sibling>) {
        for sibling in siblings {
            if sibling.compressed {
                self.gaps.push_back(compressed_gap(&sibling));
                self.begun.push(sibling.identity);
            } else {
                self.queue.push_back(Queued::of(sibling, self.queue.len()));
            }
        }
    }

    /// Rotated files that come after the generation that is known, oldest first.
    fn siblings_since(&self, known: &Known) -> Result<Vec<Sibling>, IntakeError> {
        let main = fs::metadata(&self.main).ok().map(|metadata| Identity::of(&metadata));
        Ok(later(known, main, &self.begun, siblings::find(&self.main)?))
    }

    /// Finds the file of a committed position, under its own name or a rotated one.
    fn resume(&mut self, position: &Position) -> Result<Option<Current>, IntakeError> {
        if let Some(first) = self.earlier.front() {
            let (path, file) = (Arc::clone(&first.name), first.open()?);
            let is_rotated = Path::new(&*path) != self.main;
            let resumed = resumed(position, path, file, first.identity, is_rotated)?;
            self.earlier.pop_front();
            return Ok(Some(resumed));
        }
        let mut places = vec![self.main.clone()];
        places.extend(siblings::find(&self.main)?.into_iter().filter(|s| !s.compressed).map(|s| s.path));
        for path in places {
            let Some((file, identity)) = open(&path)? else { continue };
            if !identity.is_same(&position.identity) {
                continue;
            }
            let is_rotated = path != self.main;
            return resumed(position, name_of(&path), file.into(), identity, is_rotated).map(Some);
        }
        Ok(None)
    }

    /// Begins the next generation: the oldest rotated file that waits, else the main one.
    fn begin_next(&mut self) -> Result<bool, IntakeError> {
        if let Some(first) = self.earlier.front() {
            let (name, file, identity) = (Arc::clone(&first.name), first.open()?, first.identity);
            self.earlier.pop_front();
            let is_rotated = Path::new(&*name) != self.main;
            self.begin(name, file, identity, is_rotated);
            if let Some(current) = self.current.as_mut().filter(|_| is_rotated) {
                // It has its number from the receipts, rows or not.
                current.is_numbered = true;
            }
            return Ok(true);
        }
        while let Some(queued) = self.queue.front_mut() {
            let opened = queued.open(&self.main)?;
            let Some(Queued { path, identity, .. }) = self.queue.pop_front() else { break };
            if let Some(file) = opened {
                self.begin(name_of(&path), file.into(), identity, path != self.main);
                return Ok(true);
            }
            self.gaps.push_back(GapFound {
                generation: None,
                from: 0,
                to: 0,
                reason: format!("{} was gone before it was read", path.display()),
                next: None,
            });
        }
        let Some((file, identity)) = open(&self.main)? else { return Ok(false) };
        self.begin(name_of(&self.main), file.into(), identity, false);
        Ok(true)
    }

    fn begin(&mut self, path: Arc<str>, file: Bytes, identity: Identity, found_rotated: bool) {
        let generation = self.next_generation;
        self.next_generation += 1;
        self.begun.push(identity);
        let source = Source { path, generation, identity };
        let is_numbered = !self.gaps.is_empty();
        // A gap before it is committed together with its start, so that the next start does not find the gap again.
        for gap in &mut self.gaps {
            gap.next.get_or_insert_with(|| source.clone());
        }
        self.current = Some(Current {
            source,
            reader: LineReader::new(file, 0, Vec::new()),
            line: 0,
            is_numbered,
            seen_size: 0,
            left_since: None,
            found_rotated,
            checked: None,
        });
    }

    /// The same file starts over: a new generation from its first byte.
    fn restart_current(&mut self, size: u64, reason: &'static str) -> GapFound {
        let generation = self.next_generation;
        let mut gap = GapFound { generation: None, from: 0, to: 0, reason: reason.to_owned(), next: None };
        if let Some(current) = &mut self.current {
            self.next_generation += 1;
            gap.generation = Some(current.source.generation);
            gap.from = current.reader.offset;
            gap.to = current.seen_size.max(current.reader.offset);
            current.reader.rewind();
            current.line = 0;
            current.is_numbered = true;
            current.seen_size = size;
            current.source.generation = generation;
            gap.next = Some(current.source.clone());
        }
        gap
    }

    /// At the end of the current file: has its name gone over to another?
    /// Everything before `size` has been read.
    fn finish_if_left(
        &mut self,
        size: u64,
        limits: ReadLimits,
        buffer: &mut Vec<u8>,
    ) -> Result<Finish, IntakeError> {
        let Some(current) = &mut self.current else { return Ok(Finish::GoOn) };
        let main = match fs::metadata(&self.main) {
            Ok(metadata) => Some(Identity::of(&metadata)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(IntakeError::new("look at", &self.main, e)),
        };
        // No file under the name: it is being rotated, and the next one is not there yet.
        let is_other = main.is_some_and(|main| !main.is_same(&current.source.identity));
        if main.is_none() && self.queue.is_empty() && self.earlier.is_empty() {
            // Producers that make their file with the next row may have been rotated twice since.
            let known = current.known().map_err(|e| IntakeError::new("read", &self.main, e))?;
            let mut since = later(&known, None, &self.begun, siblings::find(&self.main)?);
            since.retain(|sibling| !sibling.compressed);
            for sibling in since {
                self.queue.push_back(Queued::of(sibling, self.queue.len()));
            }
        }
        let more = !self.queue.is_empty() || !self.earlier.is_empty();
        let left = is_other || more || current.reader.file().is_finished();
        if !left {
            current.left_since = None;
            return Ok(Finish::Stay);
        }
        let path = Arc::clone(&current.source.path);
        let error = |e| IntakeError::new("read", Path::new(&*path), e);
        let (size_now, modified) = current.reader.file().look().map_err(error)?;
        let since = *current.left_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.rotated_wait && !current.is_long_quiet(modified, self.rotated_wait) {
            return Ok(Finish::Stay);
        }
        // Lines that were written since the last read are lines, and not the rest of one.
        if size_now != size {
            return Ok(Finish::GoOn);
        }
        let from = current.reader.offset;
        let found = current.reader.read_rest(size, limits, buffer).map_err(error)?;
        if matches!(found, Found::More) {
            return Ok(Finish::GoOn);
        }
        if let Some(chunk) = current.chunk(found, from, true) {
            return Ok(Finish::Chunk(chunk));
        }
        let generation = current.source.generation;
        if self.queue.is_empty() && self.earlier.is_empty() {
            let known = Known { modified, ..current.known().map_err(error)? };
            let since = self.siblings_since(&known)?;
            self.queue_up(since);
        }
        match self.current.take() {
            Some(current) if current.is_numbered => {
                self.gaps.extend(left::behind(&current));
                self.left = Left::of(&current, size);
                Ok(Finish::Finished(Finished { generation, file: current.reader.into_file() }))
            }
            // A file without a row leaves no trace, so its number goes to the next.
            _ => {
                self.next_generation = generation;
                Ok(Finish::GoOn)
            }
        }
    }
}

enum Finish {
    Stay,
    Chunk(Chunk),
    Finished(Finished),
    /// There may be more to read, here or in the next file.
    GoOn,
}

fn compressed_gap(sibling: &Sibling) -> GapFound {
    GapFound {
        generation: None,
        from: 0,
        to: 0,
        reason: format!("{} is compressed, so its rows were not read", sibling.path.display()),
        next: None,
    }
}

fn name_of(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

pub(super) fn open(path: &Path) -> Result<Option<(File, Identity)>, IntakeError> {
    // Opening a pipe would wait for its writer, for ever perhaps: look before.
    let file = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a regular file")),
        Ok(_) => File::open(path),
        Err(e) => Err(e),
    };
    let file = match file {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(IntakeError::new("open", path, e)),
    };
    let metadata = file.metadata().map_err(|e| IntakeError::new("look at", path, e))?;
    Ok(Some((file, Identity::of(&metadata))))
}

#[cfg(test)]
#[path = "tail_desk.rs"]
pub(super) mod desk;
#[cfg(test)]
#[path = "later_tests.rs"]
mod later_tests;
#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
