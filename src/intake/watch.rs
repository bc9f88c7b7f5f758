//! "Something may have changed": a hint from the kernel, taken as no more than that.
//!
//! Folders are watched, not files, because a watch on a file dies with it. Events may be lost, late or missing altogether
//! (network file systems), so the caller polls as well and every event means only: look.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::{RecursiveMode, Watcher as _};
use tracing::warn;

/// Watches the folders that hold the streams.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<notify::RecommendedWatcher>,
    watched: Vec<PathBuf>,
    hints: Receiver<()>,
}

/// Wakes whoever waits on a [`Watch`].
#[derive(Debug, Clone)]
pub struct Waker(Sender<()>);

impl Waker {
    /// Makes the next wait return at once.
    pub fn wake(&self) {
        // A full channel means that a wake-up is due already.
        let _ = self.0.try_send(());
    }
}

impl Watch {
    /// Watches nothing yet.
    pub fn new() -> (Self, Waker) {
        let (sender, hints) = bounded(1);
        let waker = Waker(sender);
        let on_event = {
            let waker = waker.clone();
            move |event: notify::Result<notify::Event>| {
                // Opening and reading a file is an event too, and it is mostly our own.
                if !event.is_ok_and(|event| event.kind.is_access()) {
                    waker.wake();
                }
            }
        };
        let watcher = notify::recommended_watcher(on_event)
            .inspect_err(|e| warn!(error = %e, "cannot watch folders; files are polled"))
            .ok();
        (Self { watcher, watched: Vec::new(), hints }, waker)
    }

    /// Watches a folder, if it is there and not watched yet.
    pub fn add(&mut self, dir: &Path) {
        if self.watched.iter().any(|watched| watched == dir) || !dir.is_dir() {
            return;
        }
        if let Some(watcher) = &mut self.watcher
            && let Err(e) = watcher.watch(dir, RecursiveMode::NonRecursive)
        {
            warn!(path = %dir.display(), error = %e, "cannot watch the folder; its files are polled");
        }
        self.watched.push(dir.to_owned());
    }

    /// Waits for a hint, at most `patience`; whether one came.
    pub fn wait(&self, patience: Duration) -> bool {
        self.hints.recv_timeout(patience).is_ok()
    }
}
