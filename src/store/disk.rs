//! The only door to what is durable: a few operations on files named by path, and the real disk behind them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Files that were written to.
    open: Mutex<Handles>,
    /// Files that were only read, where they are kept open.
    read: Mutex<Handles>,
    keeps_open: bool,
}

type Handles = HashMap<PathBuf, Arc<File>>;

/// So many files are kept open for reading, at most.
const READ_HANDLES_MAX: usize = 64;

impl RealDisk {
    /// A disk that keeps files open that it reads. Only for who alone renames and removes what it reads.
    pub fn keeping_open() -> Self {
        Self { keeps_open: true, ..Self::default() }
    }

    fn handles(&self) -> MutexGuard<'_, Handles> {
        locked(&self.open)
    }

    /// A file to read. That must not make it, nor want the right to write to it.
    fn readable(&self, path: &Path) -> Result<Arc<File>, StoreError> {
        let written = self.handles().get(path).map(Arc::clone);
        if let Some(file) = written.or_else(|| locked(&self.read).get(path).map(Arc::clone)) {
            return Ok(file);
        }
        let file = File::open(path).map(Arc::new).map_err(|e| StoreError::io("open", path, e))?;
        if !self.keeps_open {
            return Ok(file);
        }
        let mut read = locked(&self.read);
        if read.len() >= READ_HANDLES_MAX {
            read.clear();
        }
        read.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn file(&self, path: &Path) -> Result<Arc<File>, StoreError> {
        if let Some(file) = self.handles().get(path) {
            return Ok(Arc::clone(file));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = Arc::new(options.open(path).map_err(|e| StoreError::io("open", path, e))?);
        self.handles().insert(path.to_owned(), Arc::clone(&file));
        locked(&self.read).remove(path);
        Ok(file)
    }

    fn forget(&self, path: &Path) {
        // What has that name next is another file.
        self.handles().remove(path);
        locked(&self.read).remove(path);
    }
}

fn locked(handles: &Mutex<Handles>) -> MutexGuard<'_, Handles> {
    // A panic while holding the lock leaves at worst a handle too few behind.
    handles.lock().unwrap_or_else(PoisonError::into_inner)
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
        let file = self.readable(path)?;
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
        let renamed = fs::rename(from, to).map_err(|e| StoreError::io("rename", from, e));
        // A folder may have been renamed, and every path below it names another file now.
        locked(&self.read).clear();
        renamed
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
    fn a_file_kept_open_is_forgotten_when_another_takes_its_name_or_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&path, "old").unwrap();
        fs::write(&other, "new").unwrap();
        let disk = RealDisk::keeping_open();
        assert_eq!(disk.read(&path, 0, 9).unwrap(), b"old");
        disk.rename(&other, &path).unwrap();
        assert_eq!(disk.read(&path, 0, 9).unwrap(), b"new");
        disk.remove(&path).unwrap();
        assert!(disk.read(&path, 0, 9).is_err());
        disk.write(&path, 0, b"again").unwrap();
        assert_eq!(disk.read(&path, 0, 9).unwrap(), b"again");
    }

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
