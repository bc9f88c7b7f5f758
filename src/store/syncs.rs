//! Many syncs at a time. A sync waits for the device, which takes many at once: 50 files take 11 ms on 8 threads and 6 ms on
//! 32. The threads are kept, because a commit of one row has two files to sync and is over in a millisecond.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::StoreError;
use super::disk::Disk;

/// How many files are synced at a time, at most.
const THREADS_MAX: usize = 32;

/// Threads that sync; there are as many as were ever of use at once.
#[derive(Debug)]
pub(super) struct Syncs {
    disk: Arc<dyn Disk>,
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    threads: AtomicUsize,
}

/// A file or a folder to sync.
#[derive(Debug)]
struct Job {
    path: PathBuf,
    is_dir: bool,
    done: Sender<Result<(), StoreError>>,
}

impl Job {
    fn run(self, disk: &dyn Disk) {
        let synced = if self.is_dir { disk.sync_dir(&self.path) } else { disk.sync(&self.path) };
        // Whoever waits is there until all are done.
        let _ = self.done.send(synced);
    }
}

/// Syncs that are waited for together.
#[derive(Debug)]
pub(super) struct Pending<'s> {
    syncs: &'s Syncs,
    done: Sender<Result<(), StoreError>>,
    results: Receiver<Result<(), StoreError>>,
    asked: usize,
}

impl Syncs {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        let (jobs, queue) = unbounded();
        Self { disk, jobs, queue, threads: AtomicUsize::new(0) }
    }

    /// Begins some syncs, about so many.
    pub(super) fn begin(&self, count: usize) -> Pending<'_> {
        // Whoever waits syncs too.
        let wanted = count.saturating_sub(1).min(THREADS_MAX);
        while self.threads.load(Ordering::Relaxed) < wanted && self.spawn() {}
        let (done, results) = unbounded();
        Pending { syncs: self, done, results, asked: 0 }
    }

    fn spawn(&self) -> bool {
        let (disk, queue) = (Arc::clone(&self.disk), self.queue.clone());
        // It ends when the store goes, and the last sender with it.
        let work = move || queue.iter().for_each(|job: Job| job.run(disk.as_ref()));
        let spawned = std::thread::Builder::new().name("sync".to_owned()).spawn(work).is_ok();
        self.threads.fetch_add(usize::from(spawned), Ordering::Relaxed);
        spawned
    }
}

impl Pending<'_> {
    /// Begins to sync a file.
    pub(super) fn file(&mut self, path: PathBuf) {
        self.ask(path, false);
    }

    /// Begins to sync a folder.
    pub(super) fn dir(&mut self, path: &Path) {
        self.ask(path.to_owned(), true);
    }

    fn ask(&mut self, path: PathBuf, is_dir: bool) {
        self.asked += 1;
        // The queue is open: this end of it is held.
        let _ = self.syncs.jobs.send(Job { path, is_dir, done: self.done.clone() });
    }

    /// Waits for all of them; the first trouble, if there is any.
    pub(super) fn wait(self) -> Result<(), StoreError> {
        let Self { syncs, done, results, asked } = self;
        while let Ok(job) = syncs.queue.try_recv() {
            job.run(syncs.disk.as_ref());
        }
        drop(done);
        let results: Vec<_> = results.iter().collect();
        if results.len() < asked {
            return Err(StoreError::CheckFailed("a syncing thread panicked".to_owned()));
        }
        results.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::RealDisk;

    #[test]
    fn every_sync_is_waited_for_and_trouble_with_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::default());
        let syncs = Syncs::new(Arc::clone(&disk));
        for count in [0, 1, 2, 100] {
            let mut pending = syncs.begin(count);
            for number in 0..count {
                let path = dir.path().join(number.to_string());
                disk.write(&path, 0, b"a row").unwrap();
                pending.file(path);
            }
            pending.dir(dir.path());
            pending.wait().unwrap();
        }
        assert_eq!(syncs.threads.load(Ordering::Relaxed), THREADS_MAX);
        let mut pending = syncs.begin(2);
        pending.file(dir.path().join("0"));
        pending.file(dir.path().join("not/there"));
        assert!(pending.wait().is_err());
    }
}
