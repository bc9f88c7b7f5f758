//! The only door to what is durable: a few operations on files named by path, and the real disk behind them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::StoreError;

/// What distilld asks of a disk. Paths are absolute or relative to the process; offsets and lengths in bytes.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Length of a file; `None` when there is none.
    fn len(&self, path: &Path) -> Result<Option<u64>, StoreError>;
    /// Reads `[from, to)`; shorter at the end of the file.
    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError>;
    /// The same into a buffer, over what is in it: who reads block after block does not pay for fresh memory each time.
    fn read_over(&self, path: &Path, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        *buffer = self.read(path, from, to)?;
        Ok(())
    }
    /// Writes at an offset; the file is made when there is none.
    fn write(&self, path: &Path, at: u64, bytes: &[u8]) -> Result<(), StoreError>;
    /// Cuts a file to a length.
    fn cut(&self, path: &Path, len: u64) -> Result<(), StoreError>;
    /// Makes the data and length of a file durable.
    fn sync(&self, path: &Path) -> Result<(), StoreError>;
    /// Makes the entries of a folder durable.
    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError>;
    /// Makes a folder and those above it, durably.
    fn make_dir(&self, dir: &Path) -> Result<(), StoreError>;
    /// Renames a file over another.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError>;
    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> Result<(), StoreError>;
    /// Removes a file, if it is there.
    fn remove(&self, path: &Path) -> Result<(), StoreError>;
    /// The names of the files in a folder, sorted; empty when there is no folder.
    fn list(&self, dir: &Path) -> Result<Vec<String>, StoreError>;
}

/// The file system.
#[derive(Debug, Default)]
pub struct RealDisk {
    open: Mutex<HashMap<PathBuf, Arc<File>>>,
}

impl RealDisk {
    fn handles(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<File>>> {
        // A panic while holding the lock leaves at worst a handle too few behind.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, path: &Path) -> Result<Arc<File>, StoreError> {
        if let Some(file) = self.handles().get(path) {
            return Ok(Arc::clone(file));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = Arc::new(options.open(path).map_err(|e| StoreError::io("open", path, e))?);
        self.handles().insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn forget(&self, path: &Path) {
        self.handles().remove(path);
    }
}

impl Disk for RealDisk {
    fn len(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("look at", path, e)),
        }
    }

    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        self.read_over(path, from, to, &mut bytes)?;
        Ok(bytes)
    }

    fn read_over(&self, path: &Path, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        let known = self.handles().get(path).map(Arc::clone);
        // Reading must not make a file, nor want the right to write to it.
        let open = || File::open(path).map(Arc::new).map_err(|e| StoreError::io("open", path, e));
        let file = known.map_or_else(open, Ok)?;
        let len = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        if buffer.capacity() < len {
            // Fresh memory comes zeroed.
            *buffer = vec![0; len];
        }
        buffer.resize(len, 0);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, from + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StoreError::io("read", path, e)),
            }
        }
        buffer.truncate(filled);
        Ok(())
    }

    fn write(&self, path: &Path, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.file(path)?;
        file.write_all_at(bytes, at).map_err(|e| StoreError::io("write", path, e))
    }

    fn cut(&self, path: &Path, len: u64) -> Result<(), StoreError> {
        let file = self.file(path)?;
        file.set_len(len).map_err(|e| StoreError::io("cut", path, e))
    }

    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        // No retry: after a failed sync the kernel calls the lost pages clean, and a second sync would say "done".
        self.file(path)?.sync_data().map_err(|source| StoreError::Sync { path: path.to_owned(), source })
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        let handle = File::open(dir).map_err(|e| StoreError::io("open", dir, e))?;
        handle.sync_all().map_err(|source| StoreError::Sync { path: dir.to_owned(), source })
    }

    fn make_dir(&self, dir: &Path) -> Result<(), StoreError> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.make_dir(parent)?;
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::io("make", dir, e)),
            _ => self.sync_dir(parent),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.forget(from);
        self.forget(to);
        fs::rename(from, to).map_err(|e| StoreError::io("rename", from, e))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        fs::hard_link(from, to).map_err(|e| StoreError::io("link", from, e))
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.forget(path);
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, e)),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::io("list", dir, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| StoreError::io("list", dir, e))?;
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_over_a_buffer_is_all_that_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        let (disk, mut buffer) = (RealDisk::default(), b"something longer than the file".to_vec());
        for (from, to, expected) in [(0, 4, "0123"), (2, 9, "2345678"), (8, 20, "89"), (12, 20, "")] {
            disk.read_over(&path, from, to, &mut buffer).unwrap();
            assert_eq!(buffer, expected.as_bytes());
            assert_eq!(disk.read(&path, from, to).unwrap(), expected.as_bytes());
        }
    }
}
