//! A disk whose syncs come behind, on a thread of their own: for an output that counts for nothing until all of it is synced.
//!
//! A replay is such an output: a process that is killed leaves its files to the kernel, and after anything worse the replay starts
//! over. [`Behind::settle`] says when all that was asked for is durable.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::StoreError;
use super::around::Around;
use super::disk::Disk;

/// A disk behind which one thread syncs.
#[derive(Debug)]
pub struct Behind {
    syncs: Arc<Syncs>,
    thread: Option<JoinHandle<()>>,
}

/// What the disk is to those who write to it.
#[derive(Debug)]
struct Front(Arc<Syncs>);

#[derive(Debug)]
struct Syncs {
    disk: Box<dyn Disk>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeSet<PathBuf>,
    dirs: BTreeSet<PathBuf>,
    /// Whether one is being synced now.
    is_busy: bool,
    has_ended: bool,
    failed: Option<StoreError>,
}

impl Behind {
    /// Syncs behind a disk.
    pub fn new(disk: Box<dyn Disk>) -> Result<Self, StoreError> {
        let syncs = Arc::new(Syncs { disk, state: Mutex::default(), changed: Condvar::new() });
        let working = Arc::clone(&syncs);
        let thread = std::thread::Builder::new().name("syncs".to_owned()).spawn(move || working.work());
        let thread = thread.map_err(|e| StoreError::io("start a thread for", Path::new("syncs"), e))?;
        Ok(Self { syncs, thread: Some(thread) })
    }

    /// The disk to write to.
    pub fn front(&self) -> Box<dyn Disk> {
        Box::new(Front(Arc::clone(&self.syncs)))
    }

    /// Waits until everything that was asked for is durable.
    pub fn settle(&self) -> Result<(), StoreError> {
        let is_waiting =
            |state: &mut State| !(state.files.is_empty() && state.dirs.is_empty() && !state.is_busy);
        let state = self.syncs.lock();
        let state = self.syncs.changed.wait_while(state, is_waiting).unwrap_or_else(PoisonError::into_inner);
        fail(state)
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.syncs.lock().has_ended = true;
        self.syncs.changed.notify_all();
        // It ends by itself, whatever became of it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The failure of a sync, told once; it ends whatever is being done.
fn fail(mut state: MutexGuard<'_, State>) -> Result<(), StoreError> {
    state.failed.take().map_or(Ok(()), Err)
}

impl Syncs {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step; a panic leaves none half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is being synced while this is held: a sync would make a file anew that has just lost its name.
    fn still(&self) -> MutexGuard<'_, State> {
        let state = self.lock();
        self.changed.wait_while(state, |state| state.is_busy).unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            // Files go first: a name is worth nothing before what it names.
            let file = state.files.pop_first();
            let Some((path, is_file)) =
                file.map(|path| (path, true)).or_else(|| Some((state.dirs.pop_first()?, false)))
            else {
                if state.has_ended {
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.is_busy = true;
            drop(state);
            let synced = if is_file { self.disk.sync(&path) } else { self.disk.sync_dir(&path) };
            state = self.lock();
            state.is_busy = false;
            if let Err(error) = synced {
                state.failed.get_or_insert(error);
            }
            self.changed.notify_all();
        }
    }

    fn ask(&self, wanted: impl FnOnce(&mut State)) -> Result<(), StoreError> {
        let mut state = self.lock();
        wanted(&mut state);
        self.changed.notify_all();
        fail(state)
    }
}

impl Around for Front {
    fn beneath(&self) -> &dyn Disk {
        &*self.0.disk
    }

    fn read_over(&self, path: &Path, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        self.0.disk.read_over(path, from, to, buffer)
    }

    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        self.0.ask(|state| {
            state.files.insert(path.to_owned());
        })
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.0.ask(|state| {
            state.dirs.insert(dir.to_owned());
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let mut state = self.0.still();
        state.files.remove(to);
        if state.files.remove(from) {
            state.files.insert(to.to_owned());
        }
        self.0.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let mut state = self.0.still();
        state.files.remove(path);
        self.0.disk.remove(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::disk::RealDisk;
    use super::*;

    /// A real disk that remembers what was synced, and fails to sync one file.
    #[derive(Debug, Default)]
    struct Watched {
        disk: RealDisk,
        synced: Arc<Mutex<Vec<PathBuf>>>,
        fails: Option<PathBuf>,
    }

    impl Around for Watched {
        fn beneath(&self) -> &dyn Disk {
            &self.disk
        }

        fn sync(&self, path: &Path) -> Result<(), StoreError> {
            if self.fails.as_deref() == Some(path) {
                let source = std::io::Error::other("the device is gone");
                return Err(StoreError::Sync { path: path.to_owned(), source });
            }
            self.disk.sync(path)?;
            self.synced.lock().unwrap().push(path.to_owned());
            Ok(())
        }

        fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
            self.disk.sync_dir(dir)?;
            self.synced.lock().unwrap().push(dir.to_owned());
            Ok(())
        }
    }

    #[test]
    fn what_is_settled_was_synced_under_the_name_that_it_has_by_then() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let watched = Watched::default();
        let synced = Arc::clone(&watched.synced);
        let behind = Behind::new(Box::new(watched)).unwrap();
        let disk = behind.front();
        for round in 0..200 {
            for name in ["kept", "new", "gone"] {
                disk.write(&path(name), 0, format!("{name} {round}").as_bytes()).unwrap();
                disk.sync(&path(name)).unwrap();
            }
            disk.rename(&path("new"), &path("renamed")).unwrap();
            disk.remove(&path("gone")).unwrap();
            disk.sync_dir(dir.path()).unwrap();
        }
        behind.settle().unwrap();
        let synced = synced.lock().unwrap();
        let last = |wanted: &Path| synced.iter().rposition(|path| path == wanted);
        assert!(last(&path("kept")).is_some() && last(dir.path()).is_some());
        // What was renamed was synced before or after, under either name.
        assert!(last(&path("new")).max(last(&path("renamed"))).is_some());
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "a sync made a file anew that had lost its name: {names:?}");
        assert_eq!(fs::read_to_string(path("renamed")).unwrap(), "new 199");
    }

    #[test]
    fn a_sync_that_fails_behind_is_told_at_the_latest_when_all_is_to_be_settled() {
        let dir = tempfile::tempdir().unwrap();
        let bad = dir.path().join("bad");
        let behind =
            Behind::new(Box::new(Watched { fails: Some(bad.clone()), ..Watched::default() })).unwrap();
        let disk = behind.front();
        disk.write(&bad, 0, b"x").unwrap();
        let told = disk.sync(&bad).and_then(|()| behind.settle()).unwrap_err();
        assert!(matches!(&told, StoreError::Sync { path, .. } if *path == bad), "{told}");
    }
}
