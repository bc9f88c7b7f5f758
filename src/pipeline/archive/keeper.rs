//! The thread that makes the copies: whatever it does, rows do not wait for it.
//!
//! A copy is written under another name, read back and held to the receipts, synced, renamed, and its folder synced. A
//! crash leaves none, or a whole one; the next start looks which finished generations have none, and makes them while
//! their files are still there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::{info, warn};

use super::copies;
use super::lost::{self, Lost};
use super::making::{Making, Trouble};
use crate::intake::bytes::Bytes;
use crate::pipeline::Shared;
use crate::pipeline::streams::StreamSet;
use crate::pipeline::verify::Findings;
use crate::pipeline::verify::chain::ReceiptsFiles;
use crate::pipeline::verify::ledger::Ledger;
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};
use crate::store::receipts::Receipts;

/// How long after a failure it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// While files are being renamed, one may be seen under no name: before a generation is given up it is looked for again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A generation that came to its end; all that was read of it is committed.
#[derive(Debug)]
pub struct Ended {
    /// The stream's number.
    pub stream: usize,
    /// Which life of its file.
    pub generation: u32,
    /// Its file, where it was still open at the end.
    pub file: Option<Bytes>,
}

/// What the keeper is told.
#[derive(Debug)]
pub enum Word {
    /// A generation ended.
    Ended(Ended),
    /// The settings may be others now.
    Look,
}

/// The thread.
pub(in crate::pipeline) struct Keeper<'r> {
    /// The output folder.
    pub(in crate::pipeline) output: PathBuf,
    /// The streams.
    pub(in crate::pipeline) streams: &'r StreamSet,
    /// What it is told; when nobody can tell it anything any more it finishes what there is to do.
    pub(in crate::pipeline) words: Receiver<Word>,
    /// What the threads share.
    pub(in crate::pipeline) shared: Arc<Shared>,
    /// Whether to leave everything as it is and end.
    pub(in crate::pipeline) abandon: &'r AtomicBool,
    /// What was said to have failed: trouble that lasts is said once.
    pub(in crate::pipeline) said: RefCell<BTreeSet<String>>,
}

impl Keeper<'_> {
    /// Works until there is nobody to tell it anything.
    pub(in crate::pipeline) fn run(&self) {
        let Some(archive) = self.streams.archive.as_deref() else { return };
        let mut waiting: Vec<Ended> = Vec::new();
        let mut has_looked = false;
        let mut is_last_round = false;
        loop {
            if self.shared.tuning().archive_rotated {
                if !has_looked {
                    match self.unkept(archive) {
                        Ok(unkept) => waiting.extend(unkept),
                        Err(e) => self.say_failed(archive, &describe(&e)),
                    }
                    has_looked = true;
                }
                self.keep_all(archive, &mut waiting);
            } else {
                (has_looked, waiting) = (false, Vec::new());
            }
            if is_last_round || self.is_abandoned() {
                return;
            }
            let patience = if waiting.is_empty() { Duration::MAX } else { TRY_AGAIN_AFTER };
            match self.words.recv_timeout(patience.min(Duration::from_hours(24))) {
                Ok(word) => waiting.extend(ended(word)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => is_last_round = true,
            }
            waiting.extend(self.words.try_iter().filter_map(ended));
        }
    }

    fn is_abandoned(&self) -> bool {
        self.abandon.load(Ordering::Acquire) || self.shared.interrupted.load(Ordering::Relaxed)
    }

    fn say_failed(&self, archive: &Path, why: &str) {
        if self.said.borrow_mut().insert(why.to_owned()) {
            warn!(archive = %archive.display(), why, "a finished generation is not in the archive yet; it is tried again");
        }
    }

    /// The finished generations that have no copy and were not given up. What was left half made is removed.
    fn unkept(&self, archive: &Path) -> Result<Vec<Ended>, StoreError> {
        let disk = RealDisk::default();
        let state = Receipts::read(&disk, &self.output)?.state;
        let lost: BTreeSet<(String, u32)> =
            lost::read(archive)?.into_iter().map(|lost| (lost.stream, lost.generation)).collect();
        let mut unkept = Vec::new();
        for (stream, spec) in self.streams.specs.iter().enumerate() {
            let Some(folder) = &spec.archive else { continue };
            for name in disk.list(folder)?.iter().filter(|name| name.starts_with(copies::IN_THE_MAKING)) {
                disk.remove(&folder.join(name))?;
            }
            let Some(committed) = state.streams.get(&spec.name) else { continue };
            let kept = copies::list(spec).map_err(|e| StoreError::io("list", folder, e))?;
            let kept: BTreeSet<u32> = kept.into_iter().map(|copy| copy.generation).collect();
            let is_missing =
                |number: &u32| !kept.contains(number) && !lost.contains(&(spec.name.clone(), *number));
            let missing = (0..committed.generation).filter(is_missing);
            unkept.extend(missing.map(|generation| Ended { stream, generation, file: None }));
        }
        Ok(unkept)
    }

    /// Makes the copies that are waited for; those that cannot be made now stay.
    fn keep_all(&self, archive: &Path, waiting: &mut Vec<Ended>) {
        if waiting.is_empty() || self.is_abandoned() {
            return;
        }
        let ledger = match self.ledger(waiting) {
            Ok(ledger) => ledger,
            Err(why) => return self.say_failed(archive, &why),
        };
        waiting.sort_by_key(|ended| (ended.stream, ended.generation));
        let mut rest = Vec::new();
        let mut lost = self.round(&ledger, std::mem::take(waiting), &mut rest);
        if !lost.is_empty() {
            std::thread::sleep(LOOK_AGAIN_AFTER);
            lost = self.round(&ledger, lost.into_iter().map(|(ended, _)| ended).collect(), &mut rest);
        }
        *waiting = rest;
        let name = |ended: &Ended| self.streams.specs.get(ended.stream).map(|spec| spec.name.clone());
        let given_up = lost.into_iter().filter_map(|(ended, reason)| {
            Some(Lost { stream: name(&ended)?, generation: ended.generation, reason })
        });
        if let Err(e) = Self::give_up(archive, given_up.collect()) {
            self.say_failed(archive, &describe(&e));
        }
    }

    /// Makes copies; gives those that cannot be made, and why. Those that cannot be made for now go to the rest.
    fn round(&self, ledger: &Ledger, wanted: Vec<Ended>, rest: &mut Vec<Ended>) -> Vec<(Ended, String)> {
        let mut lost = Vec::new();
        for ended in wanted {
            let Some(spec) = self.streams.specs.get(ended.stream) else { continue };
            let Some(folder) = &spec.archive else { continue };
            let goes_on = || !self.is_abandoned();
            let making = Making { spec, folder, ledger, ended: &ended, goes_on: &goes_on };
            match making.keep() {
                Ok(Some(path)) => {
                    let copy = path.display();
                    info!(stream = spec.name, generation = ended.generation, %copy, "a finished generation is in the archive");
                }
                Ok(None) => {}
                Err(Trouble::Lost(reason)) => lost.push((ended, reason)),
                Err(Trouble::Failed(why)) => {
                    self.say_failed(folder, &why);
                    rest.push(ended);
                }
                Err(Trouble::Stopped) => rest.push(ended),
            }
        }
        lost
    }

    /// Names generations that will have no copy, once.
    fn give_up(archive: &Path, given_up: Vec<Lost>) -> Result<(), StoreError> {
        if given_up.is_empty() {
            return Ok(());
        }
        let mut all = lost::read(archive)?;
        for lost in given_up {
            let (stream, generation, reason) = (&lost.stream, lost.generation, &lost.reason);
            warn!(stream, generation, reason, "a finished generation could not be kept in the archive");
            all.retain(|other| (&other.stream, other.generation) != (stream, generation));
            all.push(lost);
        }
        all.sort_by(|a, b| (&a.stream, a.generation).cmp(&(&b.stream, b.generation)));
        lost::write(archive, &all)
    }

    /// The receipts of these generations: from the last file back, as far as one of them reaches.
    fn ledger(&self, wanted: &[Ended]) -> Result<Ledger, String> {
        let files = ReceiptsFiles::find(&self.output).map_err(|e| e.to_string())?;
        let sealed = files.first_seqs();
        let mut back = 1;
        loop {
            let first = sealed.len().checked_sub(back).and_then(|place| sealed.get(place));
            let since = first.filter(|seq| **seq > 0).map(|seq| seq - 1);
            let findings = Findings::default();
            let read = Ledger::read(&self.output, since, 1, &findings).map_err(|e| e.to_string())?;
            if let (_, false) = read {
                let first = findings.into_sorted().into_iter().next().map(|first| first.to_string());
                return Err(format!("the receipts cannot be read: {}", first.unwrap_or_default()));
            }
            let begins_later = |ended: &Ended| {
                let name = self.streams.specs.get(ended.stream).map(|spec| spec.name.as_str());
                let before = name.and_then(|name| read.0.base.streams.get(name));
                before.is_none_or(|before| before.generation < ended.generation)
            };
            if since.is_none() || wanted.iter().all(begins_later) {
                return Ok(read.0);
            }
            back *= 2;
        }
    }
}

fn ended(word: Word) -> Option<Ended> {
    match word {
        Word::Ended(ended) => Some(ended),
        Word::Look => None,
    }
}

fn describe(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!("{error}{cause}")
}
