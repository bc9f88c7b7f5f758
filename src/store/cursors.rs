//! The cursor store: byte offsets of all streams in sled, as a cache of the receipts.
//!
//! sled 0.34 may lose, roll back or refuse what it was given (docs/durability.md), so it is never the truth: one batch
//! holds the cursors of a commit with its number and hash, and a start compares them with what the receipts say.
//! What cannot be opened is moved aside and made anew. Being *ahead* of the receipts is the one thing it can prove:
//! receipts were lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::warn;

use super::StoreError;
use crate::domain::schema::receipt::{CommittedState, Receipt, StreamState};
use crate::domain::schema::scalars::Sha256Hex;

const HEAD: &[u8] = b"head";
const CACHE_BYTES: u64 = 8 << 20;
/// sled that takes longer than this to open is taken for broken.
const OPEN_PATIENCE: Duration = Duration::from_secs(20);

/// The sled store below `state/`, or nothing when it cannot be had.
#[derive(Debug)]
pub struct CursorCache {
    db: Option<sled::Db>,
}

impl CursorCache {
    /// Opens the store; one that is broken is moved aside and made anew.
    pub fn open(state: &Path) -> Self {
        let dir = state.join("cursors");
        remove_half_snapshots(&dir);
        let db = try_open(&dir).or_else(|why| {
            warn!(path = %dir.display(), why, "the cursor store is broken and made anew from the receipts");
            move_aside(&dir);
            try_open(&dir)
        });
        if let Err(why) = &db {
            warn!(path = %dir.display(), why, "there is no cursor store; the receipts alone are used");
        }
        Self { db: db.ok() }
    }

    /// Throws the store away; the next start makes it anew from the receipts.
    pub fn forget(state: &Path) -> Result<(), StoreError> {
        let dir = state.join("cursors");
        match std::fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("remove", &dir, e)),
            _ => Ok(()),
        }
    }

    /// Number and hash of the commit whose cursors are stored.
    pub fn head(&self) -> Option<(u64, Sha256Hex)> {
        let value = self.db.as_ref()?.get(HEAD).ok()??;
        let (seq, hash) = value.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*seq), Sha256Hex(hash.try_into().ok()?)))
    }

    /// Stores the cursors of the streams a commit touched, in one batch with its number and hash.
    pub fn put(&self, seq: u64, hash: Sha256Hex, state: &CommittedState, receipt: &Receipt) {
        let mut touched: Vec<_> = receipt.input_files.iter().map(|input| input.stream.as_str()).collect();
        touched.dedup();
        let streams = touched.into_iter().filter_map(|name| Some((name, state.streams.get(name)?)));
        self.write(seq, hash, streams);
    }

    /// Makes the store say exactly what the receipts say.
    pub fn level(&self, seq: u64, hash: Sha256Hex, state: &CommittedState) {
        if self.head() == Some((seq, hash)) && self.agrees(state) {
            return;
        }
        if let Some(db) = &self.db
            && let Err(e) = db.clear()
        {
            warn!(error = %e, "cannot clear the cursor store");
        }
        self.write(seq, hash, state.streams.iter().map(|(name, stream)| (name.as_str(), stream)));
    }

    fn agrees(&self, state: &CommittedState) -> bool {
        let Some(db) = &self.db else { return true };
        state.streams.iter().all(|(name, stream)| {
            let stored = db.get(key(name)).ok().flatten();
            stored.and_then(|value| serde_json::from_slice::<StreamState>(&value).ok()).as_ref()
                == Some(stream)
        })
    }

    fn write<'a>(
        &self,
        seq: u64,
        hash: Sha256Hex,
        streams: impl Iterator<Item = (&'a str, &'a StreamState)>,
    ) {
        let Some(db) = &self.db else { return };
        let mut batch = sled::Batch::default();
        for (name, stream) in streams {
            if let Ok(value) = serde_json::to_vec(stream) {
                batch.insert(key(name), value);
            }
        }
        batch.insert(HEAD, [&seq.to_be_bytes()[..], &hash.0].concat());
        // Unsynced on purpose: the receipt is the commit, and a stale cache is seen by its hash.
        if let Err(e) = db.apply_batch(batch) {
            warn!(error = %e, "cannot store cursors; the receipts hold them");
        }
    }

    /// Writes out what sled still holds in memory; for a clean end.
    pub fn flush(&self) {
        if let Some(db) = &self.db
            && let Err(e) = db.flush()
        {
            warn!(error = %e, "cannot flush the cursor store; the receipts hold the cursors");
        }
    }
}

fn key(stream: &str) -> Vec<u8> {
    [b"stream/", stream.as_bytes()].concat()
}

fn try_open(dir: &Path) -> Result<sled::Db, String> {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let dir = dir.to_owned();
    let open = move || {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        // A panic of sled's must not become ours; the receiver sees a closed channel then.
        let opened = config.open().and_then(|db| db.get(HEAD).map(|_| db)).map_err(|e| e.to_string());
        let _ = sender.send(opened);
    };
    std::thread::Builder::new().name("sled-open".to_owned()).spawn(open).map_err(|e| e.to_string())?;
    receiver
        .recv_timeout(OPEN_PATIENCE)
        .unwrap_or_else(|_| Err("opening it panicked or took too long".to_owned()))
}

/// A process killed while sled writes a snapshot leaves `snap.*.generating`, which sled then takes for the snapshot.
fn remove_half_snapshots(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn move_aside(dir: &Path) {
    let aside: PathBuf = dir.with_extension("broken");
    let _ = std::fs::remove_dir_all(&aside);
    if std::fs::rename(dir, &aside).is_err() {
        let _ = std::fs::remove_dir_all(dir);
        let _ = std::fs::remove_file(dir);
    }
}
