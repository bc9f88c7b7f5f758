//! One distilld at a time: a lock on the state folder's lock file, and one on the folder of the receipts.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::StoreError;
use super::swap;

/// Held as long as this distilld may write; the kernel lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _state: File,
    _receipts: File,
}

impl Lock {
    /// Takes both locks, or says who stands in the way. A swap of outputs that was cut short is finished on the way.
    pub fn take(state: &Path, receipts: &Path) -> Result<Self, StoreError> {
        let path = state.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let state = options.open(&path).map_err(|e| StoreError::io("open", &path, e))?;
        lock(&state, &path)?;
        if let Some(output) = receipts.parent() {
            swap::finish(output)?;
        }
        // Two daemons with a state folder each must not share an output either.
        let receipts_dir = File::open(receipts).map_err(|e| StoreError::io("open", receipts, e))?;
        lock(&receipts_dir, receipts)?;
        Ok(Self { _state: state, _receipts: receipts_dir })
    }
}

fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", path, e)),
    }
}
