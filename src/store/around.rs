//! A disk in front of another one: what it does not do itself, the other one does.

use std::path::Path;

use super::StoreError;
use super::disk::Disk;

/// A [`Disk`] that says only what it does otherwise than the one beneath it.
#[expect(missing_docs, reason = "each is the operation of `Disk` that has its name")]
pub trait Around: Send + Sync + std::fmt::Debug {
    /// The other disk.
    fn beneath(&self) -> &dyn Disk;

    fn len(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        self.beneath().len(path)
    }
    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.beneath().read(path, from, to)
    }
    /// Who looks at what is read sees this too, unless it is said otherwise.
    fn read_over(&self, path: &Path, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        *buffer = self.read(path, from, to)?;
        Ok(())
    }
    fn write(&self, path: &Path, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.beneath().write(path, at, bytes)
    }
    fn cut(&self, path: &Path, len: u64) -> Result<(), StoreError> {
        self.beneath().cut(path, len)
    }
    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        self.beneath().sync(path)
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.beneath().sync_dir(dir)
    }
    fn make_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.beneath().make_dir(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.beneath().rename(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.beneath().link(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.beneath().remove(path)
    }
    fn list(&self, dir: &Path) -> Result<Vec<String>, StoreError> {
        self.beneath().list(dir)
    }
}

impl<D: Around> Disk for D {
    fn len(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        Around::len(self, path)
    }
    fn read(&self, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        Around::read(self, path, from, to)
    }
    fn read_over(&self, path: &Path, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        Around::read_over(self, path, from, to, buffer)
    }
    fn write(&self, path: &Path, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        Around::write(self, path, at, bytes)
    }
    fn cut(&self, path: &Path, len: u64) -> Result<(), StoreError> {
        Around::cut(self, path, len)
    }
    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        Around::sync(self, path)
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        Around::sync_dir(self, dir)
    }
    fn make_dir(&self, dir: &Path) -> Result<(), StoreError> {
        Around::make_dir(self, dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        Around::rename(self, from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        Around::link(self, from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        Around::remove(self, path)
    }
    fn list(&self, dir: &Path) -> Result<Vec<String>, StoreError> {
        Around::list(self, dir)
    }
}
