//! Putting a replayed output in the place of the live one: a journal, and renames that are finished from it after a crash.
//!
//! ```text
//!   <output>/.replay/out       the new output, while it is made
//!   <output>/.replay/state     its caches
//!   <output>/.replay/boot      since which start of the machine it is made
//!   <output>/.replay/swap.json the journal: from here on the new output is the output
//!   <output>/.replay/old       the old output, while and after it is moved away
//! ```
//!
//! Only folders of our own move: the output folder may hold other things, the streams among them. Until the journal is
//! durable nothing of the live output has been touched; once it is, whoever takes the lock next finishes what it says.
//! Exports leave first and come last, so that no sample ever stands beside scores that it was not made from.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::StoreError;
use super::disk::{Disk, RealDisk};
use crate::domain::schema::receipt::ReplacedHead;

/// What moves, in the order in which the old folders leave; the new ones come in the reverse order.
pub const FOLDERS: [&str; 7] =
    ["exports", "evidence", "scored-runs", "quarantine", "scratchpads", "views", "receipts"];

const WORK: &str = ".replay";
const JOURNAL: &str = "swap.json";
const OLD: &str = "old";
const NEW: &str = "out";
const BOOT: &str = "boot";

/// What is to be swapped; written once, and then carried out however often it takes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    /// The last receipt of the old output.
    old: ReplacedHead,
    /// The folders that the old output has, and the new one.
    leaving: Vec<String>,
    coming: Vec<String>,
    /// The name in the output folder that the old output is kept under, if it is to be kept.
    kept: Option<String>,
}

/// The folder in which an output is made anew, held against every other distilld.
#[derive(Debug)]
pub struct WorkFolder {
    output: PathBuf,
    _held: File,
}

impl WorkFolder {
    /// Makes the folder beside the live output, or takes the one that an earlier replay left.
    pub fn claim(output: &Path) -> Result<Self, StoreError> {
        let path = output.join(WORK);
        RealDisk::default().make_dir(&path)?;
        let held = File::open(&path).map_err(|e| StoreError::io("open", &path, e))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path }),
            Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &path, e)),
        }
        // Whoever held it before may have ended by removing it: then this is a folder without a name.
        let there = fs::metadata(&path).ok().map(|there| there.ino());
        let ours = held.metadata().ok().map(|ours| ours.ino());
        if there.is_none() || there != ours {
            return Err(StoreError::Locked { path });
        }
        Ok(Self { output: output.to_owned(), _held: held })
    }

    fn path(&self) -> PathBuf {
        self.output.join(WORK)
    }

    /// Where the new output is made.
    pub fn new_output(&self) -> PathBuf {
        self.path().join(NEW)
    }

    /// The state folder of the new output.
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Removes what an earlier replay left in it.
    pub fn clear(&self) -> Result<(), StoreError> {
        for path in [self.new_output(), self.state(), self.path().join(OLD)] {
            remove_all(&path)?;
        }
        let boot = self.path().join(BOOT);
        fs::write(&boot, boot_id().unwrap_or_default()).map_err(|e| StoreError::io("write", &boot, e))
    }

    /// Whether what lies in it was written since the machine last started: none of it may have been synced.
    pub fn is_of_this_boot(&self) -> bool {
        let written = fs::read(self.path().join(BOOT)).ok();
        written.is_some_and(|written| boot_id().is_some_and(|boot| boot == written))
    }

    /// Removes the folder with everything in it.
    pub fn remove(self) -> Result<(), StoreError> {
        remove_all(&self.path())
    }

    /// Puts the new output in the place of the old one. The caller holds the lock, and has let go of both stores. With
    /// `keep_old` the old output stays under the name that is given back.
    pub fn put_in_place(self, old: ReplacedHead, keep_old: bool) -> Result<Option<PathBuf>, StoreError> {
        check_folders(&self.output)?;
        let disk = RealDisk::default();
        let of = |dir: &Path| {
            FOLDERS.iter().filter(|name| dir.join(name).is_dir()).map(|name| (*name).to_owned()).collect()
        };
        let kept = keep_old.then(|| free_name(&self.output, old.seq));
        let journal =
            Journal { old, leaving: of(&self.output), coming: of(&self.new_output()), kept: kept.clone() };
        let path = self.path();
        let text = serde_json::to_vec(&journal)
            .map_err(|e| StoreError::CheckFailed(format!("a journal cannot be written: {e}")))?;
        let half = path.join("swap.json.half");
        disk.remove(&half)?;
        disk.write(&half, 0, &text)?;
        disk.sync(&half)?;
        disk.sync_dir(&self.output)?;
        disk.rename(&half, &path.join(JOURNAL))?;
        // From here on the new output is the output.
        disk.sync_dir(&path)?;
        roll_forward(&disk, &self.output, &journal)?;
        Ok(kept.map(|name| self.output.join(name)))
    }
}

/// Finishes a swap that was cut short, if there is one. Done by whoever takes the lock of an output.
pub fn finish(output: &Path) -> Result<(), StoreError> {
    let work = output.join(WORK);
    // A replay that was killed before its journal has a new output, which the next one goes on with.
    let is_young = work.join(NEW).exists() && !work.join(OLD).exists() && !work.join(JOURNAL).exists();
    if is_young || !work.is_dir() {
        return Ok(());
    }
    let _held = WorkFolder::claim(output)?;
    if let Some(journal) = read_journal(&work.join(JOURNAL))? {
        return roll_forward(&RealDisk::default(), output, &journal);
    }
    // All was in place; what is left is only in the way.
    remove_old(&work);
    Ok(())
}

/// Whether a swap has begun and not ended, so that the folders are of two outputs.
pub fn is_unfinished(disk: &dyn Disk, output: &Path) -> Result<bool, StoreError> {
    Ok(disk.len(&output.join(WORK).join(JOURNAL))?.is_some())
}

/// Refuses folders that no rename can move.
pub fn check_folders(output: &Path) -> Result<(), StoreError> {
    let device = fs::metadata(output).map_err(|e| StoreError::io("look at", output, e))?.dev();
    for path in FOLDERS.map(|name| output.join(name)) {
        let movable = match fs::symlink_metadata(&path) {
            Ok(found) => found.is_dir() && found.dev() == device,
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        };
        if !movable {
            return Err(StoreError::NotMovable { path });
        }
    }
    Ok(())
}

fn read_journal(path: &Path) -> Result<Option<Journal>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| StoreError::ReceiptsDamaged {
            path: path.to_owned(),
            offset: 0,
            what: "a journal that cannot be read",
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", path, e)),
    }
}

/// Does what the journal says, from wherever it was left.
fn roll_forward(disk: &RealDisk, output: &Path, journal: &Journal) -> Result<(), StoreError> {
    let work = output.join(WORK);
    let (old, new) = (work.join(OLD), work.join(NEW));
    let kept = journal.kept.as_ref().map(|name| output.join(name));
    let there = |path: &Path| disk.len(path).map(|found| found.is_some());
    // The name was free when the journal was written: once it is taken, everything has moved.
    if !kept.as_deref().map_or(Ok(false), there)? {
        disk.make_dir(&old)?;
        for name in FOLDERS.iter().filter(|name| journal.leaving.iter().any(|folder| folder == *name)) {
            if !there(&old.join(name))? {
                disk.rename(&output.join(name), &old.join(name))?;
            }
        }
        disk.sync_dir(&old)?;
        disk.sync_dir(output)?;
        for name in FOLDERS.iter().rev().filter(|name| journal.coming.iter().any(|folder| folder == *name)) {
            if there(&new.join(name))? {
                // An empty folder that somebody made meanwhile gives way.
                disk.rename(&new.join(name), &output.join(name))?;
            }
        }
        disk.sync_dir(output)?;
        disk.sync_dir(&new)?;
        if let Some(kept) = &kept {
            disk.rename(&old, kept)?;
            disk.sync_dir(output)?;
        }
    }
    disk.remove(&work.join(JOURNAL))?;
    disk.sync_dir(&work)?;
    remove_old(&work);
    Ok(())
}

/// Removes what is only in the way. What cannot be removed now can the next time.
fn remove_old(work: &Path) {
    // The new one's place goes first: without it, whoever comes next knows that the rest is only in the way.
    let removed = remove_all(&work.join(NEW)).and_then(|()| {
        // Letting go of the pages of large files takes a while: a thread a folder.
        let folders = FOLDERS.map(|name| work.join(OLD).join(name));
        std::thread::scope(|scope| {
            // What is still there is removed below, and what is wrong with it is told then.
            for folder in &folders {
                scope.spawn(|| remove_all(folder));
            }
        });
        remove_all(work)
    });
    if let Err(e) = removed {
        warn!(path = %work.display(), error = %e, "the replaced output cannot be removed for now");
    }
}

/// What the kernel calls the time since it was started.
fn boot_id() -> Option<Vec<u8>> {
    fs::read("/proc/sys/kernel/random/boot_id").ok()
}

/// A name for the old output that nobody has.
fn free_name(output: &Path, seq: u64) -> String {
    let mut name = format!(".replaced-{seq}");
    for more in 2_u32.. {
        if fs::symlink_metadata(output.join(&name)).is_err() {
            break;
        }
        name = format!(".replaced-{seq}-{more}");
    }
    name
}

fn remove_all(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, e)),
        _ => Ok(()),
    }
}
