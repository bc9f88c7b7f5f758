//! Writing a long new file past the page cache.
//!
//! A first build of the runs is as long as half of the input and nobody reads it soon. Through the page cache it took a tenth of
//! a run: pages that are new to the machine, and copying into them while the rows' files are written too.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What is written at a time, and a multiple of every device's block.
const BLOCK_BYTES: usize = 1 << 20;
/// Where memory that goes to a device has to begin.
const ALIGN_BYTES: usize = 4096;

/// A file in the making, written from its start to its end.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    path: PathBuf,
    way: Way,
    /// How much is written, in bytes.
    at: u64,
}

#[derive(Debug)]
enum Way {
    /// Through the page cache, as it comes.
    Cached,
    /// Past it, block by block; the file is opened for that with the first whole block.
    Direct { file: Option<File>, block: Block },
}

/// A block in the making, where a device can take it.
#[derive(Debug)]
struct Block {
    memory: Vec<u8>,
    start: usize,
    filled: usize,
}

impl Writer {
    /// Makes a file; past the page cache if it is to be `long`, where the file system does that.
    pub(super) fn create(path: &Path, long: bool) -> io::Result<Self> {
        let file = File::create(path)?;
        let way = if long { Way::Direct { file: None, block: Block::new() } } else { Way::Cached };
        Ok(Self { file, path: path.to_owned(), way, at: 0 })
    }

    /// Writes bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Way::Direct { file, block } = &mut self.way {
            bytes = block.take(bytes);
            if bytes.is_empty() && !block.is_full() {
                return Ok(());
            }
            if file.is_none() {
                let mut options = OpenOptions::new();
                *file = options.write(true).custom_flags(libc::O_DIRECT).open(&self.path).ok();
            }
            let written = file.as_ref().map(|file| file.write_all_at(block.bytes(), self.at));
            match written {
                Some(Ok(())) => {
                    self.at += block.bytes().len() as u64;
                    block.filled = 0;
                }
                Some(Err(e)) if e.kind() != io::ErrorKind::InvalidInput => return Err(e),
                // Not on this file system.
                None | Some(Err(_)) => self.go_cached()?,
            }
        }
        self.put(bytes)
    }

    /// Writes what is left of the last block. Nothing is written after that.
    pub(super) fn finish(&mut self) -> io::Result<&File> {
        self.go_cached()?;
        Ok(&self.file)
    }

    /// The file, to be synced.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    fn go_cached(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.way, Way::Cached) {
            Way::Cached => Ok(()),
            Way::Direct { block, .. } => self.put(block.bytes()),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Block {
    fn new() -> Self {
        let memory = vec![0; BLOCK_BYTES + ALIGN_BYTES];
        let start = memory.as_ptr().align_offset(ALIGN_BYTES).min(ALIGN_BYTES);
        Self { memory, start, filled: 0 }
    }

    /// Takes what there is room for; gives what is left.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
        let from = self.start + self.filled;
        if let Some(room) = self.memory.get_mut(from..from + now.len()) {
            room.copy_from_slice(now);
            self.filled += now.len();
        }
        later
    }

    fn is_full(&self) -> bool {
        self.filled == BLOCK_BYTES
    }

    fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.start + self.filled).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_was_written_whichever_way_and_in_whatever_pieces() {
        // Where tests run there may be a file system in memory; some of these refuse to be written past the cache.
        for dir in [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")] {
            let Ok(dir) = dir else { continue };
            for (long, len) in
                [(false, 3_000_001), (true, 0), (true, 17), (true, BLOCK_BYTES), (true, 3_000_001)]
            {
                let bytes: Vec<u8> = (0..len).map(|number| (number * 7 / 3) as u8).collect();
                for piece in [len.max(1), 999_983, BLOCK_BYTES, 2 * BLOCK_BYTES + 1] {
                    let path = dir.path().join("file");
                    let mut writer = Writer::create(&path, long).unwrap();
                    bytes.chunks(piece).for_each(|piece| writer.write(piece).unwrap());
                    writer.finish().unwrap().sync_data().unwrap();
                    assert!(std::fs::read(&path).unwrap() == bytes, "{long} {len} {piece}");
                }
            }
        }
    }

    #[test]
    fn memory_for_a_device_begins_where_it_can_take_it() {
        for _ in 0..20 {
            let mut block = Block::new();
            assert!(block.take(&vec![1; BLOCK_BYTES + 5]).len() == 5 && block.is_full());
            assert_eq!(block.bytes().as_ptr().align_offset(ALIGN_BYTES), 0);
        }
    }
}
