//! One copy being made.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::check::hash_of;
use super::copies::{self, IN_THE_MAKING, Wanted, name_of};
use super::keeper::Ended;
use super::{Held, Range, hold};
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::bytes::{Bytes, ReadAt};
use crate::intake::packed::{Packed, pack};
use crate::pipeline::streams::StreamSpec;
use crate::pipeline::verify::ledger::{Ledger, Taken};
use crate::pipeline::verify::sources;
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};

/// A copy is synced in steps of this size: more at once would make commits beside it wait for the disk.
const SYNC_BYTES: usize = 1 << 20;

/// Why there is no copy.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Its bytes are not there any more.
    Lost(String),
    /// It could not be read or written for now.
    Failed(String),
    /// Somebody asked for an end.
    Stopped,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        Self::Failed(format!("{error}{cause}"))
    }
}

pub(super) struct Making<'m> {
    pub(super) spec: &'m StreamSpec,
    /// Where the copies of the stream are.
    pub(super) folder: &'m Path,
    pub(super) ledger: &'m Ledger,
    pub(super) ended: &'m Ended,
    pub(super) goes_on: &'m dyn Fn() -> bool,
}

impl Making<'_> {
    /// Makes the copy, unless there is one; where it is.
    pub(super) fn keep(&self) -> Result<Option<PathBuf>, Trouble> {
        let all = self.ledger.taken.get(&self.spec.name).map_or(&[][..], Vec::as_slice);
        let generation = self.ended.generation;
        let taken: Vec<Taken> = all.iter().filter(|range| range.generation == generation).copied().collect();
        let wanted = Wanted {
            generation,
            to: taken.last().map_or(0, |last| last.to),
            anchor: taken.last().map_or_else(|| Sha256Hex::of(b""), |last| last.anchor),
        };
        if self.is_kept(&wanted)? {
            return Ok(None);
        }
        if wanted.to == 0 {
            return self.make(&Bytes::Nothing, &taken, &wanted).map(Some);
        }
        let mut reason = "its file is gone".to_owned();
        if let Some(file) = &self.ended.file {
            match self.make(file, &taken, &wanted) {
                Err(Trouble::Lost(why)) => reason = why,
                other => return other.map(Some),
            }
        }
        let generations = self.ledger.generations.get(&self.spec.name).map_or(&[][..], Vec::as_slice);
        let mut found = sources::find(&self.spec.path, generations, all);
        if let Some(source) = found.remove(&generation) {
            match self.make(&source.file, &taken, &wanted) {
                Err(Trouble::Lost(why)) => reason = why,
                other => return other.map(Some),
            }
        }
        Err(Trouble::Lost(reason))
    }

    /// Whether there is a copy. One under another number, as a replay without some generations leaves it, is renamed.
    fn is_kept(&self, wanted: &Wanted) -> Result<bool, Trouble> {
        let listed = |e| StoreError::io("list", self.folder, e);
        let named = copies::list(self.spec).map_err(listed)?;
        // Every empty one is like all others.
        let named: Vec<_> =
            named.into_iter().filter(|copy| wanted.to > 0 || copy.generation == wanted.generation).collect();
        let Some(copy) = copies::find(&named, wanted).map_err(listed)? else { return Ok(false) };
        let is_own =
            named.iter().any(|other| other.path == copy.path() && other.generation == wanted.generation);
        if !is_own {
            let hash = hash_of(&copy).map_err(listed)?;
            let path = self.folder.join(name_of(&self.spec.name, wanted.generation, &hash));
            let disk = RealDisk::default();
            disk.rename(copy.path(), &path)?;
            disk.sync_dir(self.folder)?;
        }
        Ok(true)
    }

    /// Writes, reads back, syncs and names the copy.
    fn make(&self, source: &impl ReadAt, taken: &[Taken], wanted: &Wanted) -> Result<PathBuf, Trouble> {
        let disk = RealDisk::default();
        let beside = self.folder.join(format!("{IN_THE_MAKING}{}", wanted.generation));
        disk.make_dir(self.folder)?;
        let made = self.write(&beside, source, taken, wanted);
        match made {
            Ok(hash) => {
                let path = self.folder.join(name_of(&self.spec.name, wanted.generation, &hash));
                disk.rename(&beside, &path)?;
                disk.sync_dir(self.folder)?;
                self.remove_begun(&path, taken)?;
                Ok(path)
            }
            Err(trouble) => {
                disk.remove(&beside)?;
                Err(trouble)
            }
        }
    }

    fn write(
        &self,
        beside: &Path,
        source: &impl ReadAt,
        taken: &[Taken],
        wanted: &Wanted,
    ) -> Result<Sha256Hex, Trouble> {
        let failed = |action| move |e| Trouble::from(StoreError::io(action, beside, e));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(beside);
        let mut steady = Steady { file: file.map_err(failed("open"))?, unsynced: 0 };
        match pack(source, wanted.to, &mut steady, || (self.goes_on)()) {
            Ok(true) => {}
            Ok(false) => return Err(Trouble::Stopped),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                let what = format!("its file has less than the {} bytes that were read", wanted.to);
                return Err(Trouble::Lost(what));
            }
            Err(e) => return Err(failed("write")(e)),
        }
        let copy = Packed::open(beside).map_err(failed("read"))?;
        // What was read back counts, and not what was meant to be written.
        match hold(&copy, taken.iter().map(Range::of_taken)).map_err(failed("read"))? {
            Held::Whole => {}
            Held::Begun => return Err(Trouble::Lost("its file holds less than was read".to_owned())),
            Held::Wrong(what) => {
                return Err(Trouble::Lost(format!("its file holds other bytes than were read: {what}")));
            }
        }
        let hash = hash_of(&copy).map_err(failed("read"))?;
        steady.file.sync_all().map_err(failed("sync"))?;
        Ok(hash)
    }

    /// Removes copies from before the last rows came to this generation.
    fn remove_begun(&self, path: &Path, taken: &[Taken]) -> Result<(), Trouble> {
        let listed = |e| StoreError::io("list", self.folder, e);
        let own = |copy: &copies::Named| copy.generation == self.ended.generation && copy.path != path;
        for other in copies::list(self.spec).map_err(listed)?.into_iter().filter(own) {
            let held =
                Packed::open(&other.path).and_then(|copy| hold(&copy, taken.iter().map(Range::of_taken)));
            if matches!(held, Ok(Held::Begun)) {
                RealDisk::default().remove(&other.path)?;
            }
        }
        Ok(())
    }
}

/// A file that is synced every so often.
struct Steady {
    file: File,
    unsynced: usize,
}

impl Write for Steady {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= SYNC_BYTES {
            self.flush()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_data()
    }
}
