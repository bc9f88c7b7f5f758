//! Files that stand written beside those they are to take the place of, so that no commit holds them in memory.
//!
//! They are named as all new files of a commit are (`<file>.new.<something>`): whatever end a process comes to, recovery
//! removes them.

use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::{Commit, Store, StoreError};
use crate::domain::schema::receipt::{OutputRange, Receipt};
use crate::domain::schema::scalars::Sha256Hex;

/// A whole new content for one output, written and synced; removed when it is dropped without a commit.
#[derive(Debug)]
pub struct Prepared {
    /// The output, relative to the output folder.
    pub path: String,
    /// Where the new content stands: in the folder of the output, by the name that [`Prepared::name`] gives.
    pub file: PathBuf,
    /// Its length in bytes.
    pub len: u64,
    /// Its lines.
    pub rows: u64,
    /// Its SHA-256.
    pub sha256: Sha256Hex,
    /// SHA-256 of what it takes the place of.
    pub replaces: Sha256Hex,
}

impl Prepared {
    /// The name for new content of an output, told from others by a mark.
    pub fn name(output: &Path, mark: &str) -> PathBuf {
        let mut name = output.as_os_str().to_owned();
        name.push(format!(".new.{mark}"));
        name.into()
    }

    /// The range of the receipt.
    pub(super) fn range(&self) -> OutputRange {
        OutputRange {
            path: self.path.clone(),
            from: 0,
            to: self.len,
            rows: self.rows,
            sha256: self.sha256,
            replaces: Some(self.replaces),
        }
    }

    /// Checks that the content is still there.
    pub(super) fn check(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        if disk.len(&self.file)? == Some(self.len) {
            return Ok(());
        }
        Err(StoreError::CheckFailed(format!("{} is not there as it was prepared", self.file.display())))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // What cannot be removed now is removed by recovery.
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Store {
    /// Makes one commit of files that stand ready, as [`Store::commit`] makes one of bytes.
    pub fn commit_prepared(&mut self, files: &[Prepared], receipt: Receipt) -> Result<(), StoreError> {
        let commit = Commit { appends: Vec::new(), replaces: Vec::new(), receipt };
        self.commit_with(&commit, files)
    }
}
