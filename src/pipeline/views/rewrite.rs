//! A file made anew from the old one: lines that stay are copied, others come from memory, and nothing is written while
//! both are the same.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use super::ViewError;
use super::direct::Writer;
use super::hashing::Hashing;
use super::read::read_at;
use super::receipted;
use super::state::died;
use crate::domain::schema::receipt::CommittedState;
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::disk::{Disk, RealDisk};
use crate::store::{Prepared, StoreError};

const BLOCK_BYTES: usize = 1 << 20;
/// So much is written between two syncs, which go on beside the writing: at the end little is left to wait for.
const SYNC_BYTES: u64 = 32 << 20;

/// Tells files from those of a refresh whose process is still ending.
static MARK: AtomicU64 = AtomicU64::new(0);

/// A file in the making. What is kept, skipped and put is told in the order of the new file.
#[derive(Debug)]
pub(super) struct Rewrite {
    name: &'static str,
    path: PathBuf,
    old: Old,
    /// Up to here the old file was kept or skipped.
    old_at: u64,
    /// The old file is to be copied from here to `old_at`.
    keep_from: u64,
    /// Whether anything was kept of the old file.
    has_kept: bool,
    /// What the receipts say the old file is, where they tell.
    receipted: Option<Sha256Hex>,
    /// New bytes that are not compared or written yet.
    waiting: Vec<u8>,
    rows: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So far the new file is the first bytes of the old one: so many.
    Same(u64),
    Differs(Box<New>),
}

/// The committed file; no more than a length of zero when there is none.
#[derive(Debug)]
struct Old {
    file: Option<File>,
    len: u64,
    /// Of its first bytes; kept up to the place where reading stands.
    hash: Sha256,
    hashed: u64,
    block: Vec<u8>,
}

#[derive(Debug)]
struct New {
    file: Writer,
    hash: Hashing,
    /// Up to here it is synced, or being synced.
    sync_to: u64,
    sync: Option<JoinHandle<io::Result<()>>>,
    /// Room for bytes that are copied.
    room: Vec<u8>,
    /// Removes the file when it comes to nothing.
    prepared: Prepared,
}

impl Rewrite {
    /// Of a committed file.
    pub(super) fn open(
        output: &Path,
        name: &'static str,
        committed: &CommittedState,
    ) -> Result<Self, ViewError> {
        let (path, len) = (output.join(name), committed.output_len(name));
        let file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(StoreError::io("open", &path, e).into()),
        };
        // A file of nothing has to come to be, too.
        let is_there = file.is_some() && committed.outputs.contains_key(name);
        let len = if is_there { len } else { 0 };
        let old = Old { file, len, hash: Sha256::new(), hashed: 0, block: Vec::new() };
        let mut rewrite = Self {
            name,
            path,
            old,
            old_at: 0,
            keep_from: 0,
            has_kept: false,
            receipted: None,
            waiting: Vec::new(),
            rows: 0,
            state: State::Same(0),
        };
        if committed.outputs.contains_key(name) {
            rewrite.receipted = receipted::hash_of(output, name, committed.output_len(name));
        }
        if !is_there {
            rewrite.part_ways()?;
        }
        Ok(rewrite)
    }

    /// Keeps a line of the old file.
    pub(super) fn keep(&mut self, len: u64) -> Result<(), ViewError> {
        self.flush()?;
        if let State::Same(at) = &mut self.state {
            if *at == self.old_at {
                *at += len;
            } else {
                self.part_ways()?;
            }
        }
        if self.old_at + len > self.old.len {
            return Err(self.changed());
        }
        self.old_at += len;
        self.rows += 1;
        self.has_kept |= len > 0;
        Ok(())
    }

    /// Leaves lines of the old file out.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), ViewError> {
        self.copy_kept()?;
        self.old_at += len;
        self.keep_from = self.old_at;
        Ok(())
    }

    /// Puts a line.
    pub(super) fn put(&mut self, line: &[u8]) -> Result<(), ViewError> {
        self.put_lines(line.into(), 1)
    }

    /// Puts lines, one after the other. Those that are given away are not copied.
    pub(super) fn put_lines(&mut self, lines: Cow<'_, [u8]>, rows: u64) -> Result<(), ViewError> {
        self.copy_kept()?;
        self.rows += rows;
        match lines {
            Cow::Borrowed(lines) => {
                self.waiting.extend_from_slice(lines);
                if self.waiting.len() < BLOCK_BYTES {
                    return Ok(());
                }
            }
            Cow::Owned(lines) => {
                self.flush()?;
                self.waiting = lines;
            }
        }
        self.flush()
    }

    /// Copies what is kept, if the files have parted.
    fn copy_kept(&mut self) -> Result<(), ViewError> {
        if self.keep_from < self.old_at {
            if let State::Differs(new) = &mut self.state {
                self.old.copy(&self.path, self.keep_from, self.old_at, new)?;
            }
            self.keep_from = self.old_at;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        if let State::Same(at) = &mut self.state {
            let to = *at + waiting.len() as u64;
            if self.old.read(&self.path, *at, to)? == waiting.as_slice() {
                *at = to;
            } else {
                self.part_ways()?;
            }
        }
        self.waiting = match &mut self.state {
            State::Differs(new) => new.write(waiting)?,
            State::Same(_) => waiting,
        };
        self.waiting.clear();
        Ok(())
    }

    /// From here on the new file is another.
    fn part_ways(&mut self) -> Result<(), ViewError> {
        let State::Same(same_to) = self.state else { return Ok(()) };
        if let Some(folder) = self.path.parent() {
            RealDisk::default().make_dir(folder)?;
        }
        // What is copied of an old file is read again the next time.
        let mut new = New::create(&self.path, self.old.len == 0)?;
        self.old.copy(&self.path, 0, same_to, &mut new)?;
        // What was kept is in there.
        self.keep_from = self.old_at;
        self.state = State::Differs(Box::new(new));
        Ok(())
    }

    fn changed(&self) -> ViewError {
        ViewError::Changed(self.path.display().to_string())
    }

    /// The new file, written and synced; `None` when the old one says the same. `known` is the hash of the old one, where
    /// it is known: what was kept must not be what somebody else wrote. Of a file that somebody else wrote nothing is kept, and
    /// what the new one takes the place of is what was committed: no receipt speaks for bytes that are not ours.
    pub(super) fn finish(mut self, known: Option<Sha256Hex>) -> Result<Option<Prepared>, ViewError> {
        self.flush()?;
        let known = known.or(self.receipted);
        if matches!(self.state, State::Same(at) if at == self.old.len) {
            // All of it was read and hashed on the way.
            let found = Sha256Hex(self.old.hash.clone().finalize().into());
            if self.has_kept || known.is_none_or(|known| known == found) {
                return Ok(None);
            }
        }
        match self.state {
            State::Same(_) => self.part_ways()?,
            State::Differs(_) => self.copy_kept()?,
        }
        let mut replaces = self.old.finish(&self.path)?;
        if let Some(known) = known.filter(|known| *known != replaces) {
            if self.has_kept {
                return Err(self.changed());
            }
            replaces = known;
        }
        let State::Differs(new) = self.state else { return Ok(None) };
        let mut new = *new;
        new.end_sync()?;
        let New { mut file, hash, mut prepared, .. } = new;
        let file = file.finish().map_err(|e| StoreError::io("write", &prepared.file, e))?;
        file.sync_data().map_err(|source| StoreError::Sync { path: prepared.file.clone(), source })?;
        self.name.clone_into(&mut prepared.path);
        prepared.rows = self.rows;
        prepared.sha256 = hash.finish()?;
        prepared.replaces = replaces;
        Ok(Some(prepared))
    }
}

impl Old {
    /// Reads a range; shorter at the end of what is committed.
    fn read(&mut self, path: &Path, from: u64, to: u64) -> Result<&[u8], ViewError> {
        let len = usize::try_from(to.min(self.len).saturating_sub(from)).unwrap_or(usize::MAX);
        if self.block.len() < len {
            self.block.resize(len, 0);
        }
        let Some(file) = &self.file else { return Ok(&[]) };
        let read = read_at(file, path, self.block.get_mut(..len).unwrap_or_default(), from)?;
        let bytes = self.block.get(..read).unwrap_or_default();
        let new_from = usize::try_from(self.hashed.saturating_sub(from)).unwrap_or(usize::MAX);
        if self.hashed >= from
            && let Some(new) = bytes.get(new_from..)
        {
            self.hash.update(new);
            self.hashed += new.len() as u64;
        }
        Ok(bytes)
    }

    /// Reads on to a place for the hash alone.
    fn hash_to(&mut self, path: &Path, to: u64) -> Result<(), ViewError> {
        while self.hashed < to {
            let from = self.hashed;
            let read = self.read(path, from, to.min(from + BLOCK_BYTES as u64))?.len();
            if read == 0 {
                return Err(ViewError::Changed(path.display().to_string()));
            }
        }
        Ok(())
    }

    fn copy(&mut self, path: &Path, from: u64, to: u64, new: &mut New) -> Result<(), ViewError> {
        self.hash_to(path, from)?;
        for at in (from..to).step_by(BLOCK_BYTES) {
            let end = to.min(at + BLOCK_BYTES as u64);
            let bytes = self.read(path, at, end)?;
            if bytes.len() as u64 != end - at {
                return Err(ViewError::Changed(path.display().to_string()));
            }
            let mut room = std::mem::take(&mut new.room);
            room.extend_from_slice(bytes);
            new.room = new.write(room)?;
        }
        Ok(())
    }

    fn finish(&mut self, path: &Path) -> Result<Sha256Hex, ViewError> {
        self.hash_to(path, self.len)?;
        Ok(Sha256Hex(std::mem::take(&mut self.hash).finalize().into()))
    }
}

impl New {
    fn create(output: &Path, is_first: bool) -> Result<Self, ViewError> {
        let mark = format!("{}-{}", std::process::id(), MARK.fetch_add(1, Ordering::Relaxed));
        let path = Prepared::name(output, &mark);
        let file = Writer::create(&path, is_first).map_err(|e| StoreError::io("make", &path, e))?;
        let nothing = Sha256Hex([0; 32]);
        let prepared =
            Prepared { path: String::new(), file: path, len: 0, rows: 0, sha256: nothing, replaces: nothing };
        Ok(Self { file, hash: Hashing::new(), sync_to: 0, sync: None, room: Vec::new(), prepared })
    }

    /// Writes bytes, and gives room for others.
    fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ViewError> {
        self.file.write(&bytes).map_err(|e| StoreError::io("write", &self.prepared.file, e))?;
        self.prepared.len += bytes.len() as u64;
        if self.prepared.len >= self.sync_to + SYNC_BYTES {
            self.begin_sync()?;
        }
        self.hash.take(bytes)
    }

    fn begin_sync(&mut self) -> Result<(), ViewError> {
        self.end_sync()?;
        self.sync_to = self.prepared.len;
        if let Ok(file) = self.file.file().try_clone() {
            // Without a thread there is more to sync at the end.
            self.sync = thread::Builder::new().name("views sync".into()).spawn(move || file.sync_data()).ok();
        }
        Ok(())
    }

    /// Waits for the sync under way. What it could not write no later one would say.
    fn end_sync(&mut self) -> Result<(), ViewError> {
        let Some(sync) = self.sync.take() else { return Ok(()) };
        let synced = sync.join().map_err(died)?;
        Ok(synced.map_err(|source| StoreError::Sync { path: self.prepared.file.clone(), source })?)
    }
}
