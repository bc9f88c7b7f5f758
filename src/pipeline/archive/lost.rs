//! Generations that could not be kept, each named once: `<archive>/lost.jsonl`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};

/// A generation without a copy, and why there will be none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The stream.
    pub stream: String,
    /// Which life of its file.
    pub generation: u32,
    /// What kept it from being copied.
    pub reason: String,
}

fn path(archive: &Path) -> PathBuf {
    archive.join("lost.jsonl")
}

/// All that were named so far. A line that is none is passed over: at worst a generation is named again.
pub fn read(archive: &Path) -> Result<Vec<Lost>, StoreError> {
    let path = path(archive);
    let disk = RealDisk::default();
    let Some(len) = disk.len(&path)? else { return Ok(Vec::new()) };
    let bytes = disk.read(&path, 0, len)?;
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// Names these, and no others any more.
pub(super) fn write(archive: &Path, lost: &[Lost]) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for lost in lost {
        let line = serde_json::to_vec(lost)
            .map_err(|e| StoreError::CheckFailed(format!("a lost generation cannot be written: {e}")))?;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
    }
    let (disk, path) = (RealDisk::default(), path(archive));
    let beside = archive.join(".new.lost");
    disk.make_dir(archive)?;
    disk.remove(&beside)?;
    disk.write(&beside, 0, &bytes)?;
    disk.sync(&beside)?;
    disk.rename(&beside, &path)?;
    disk.sync_dir(archive)
}

/// Forgets all of them: a replay has just read every generation that there is.
pub fn forget(archive: &Path) -> Result<(), StoreError> {
    RealDisk::default().remove(&path(archive))
}
