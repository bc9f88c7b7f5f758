//! The bytes of one life of a stream's file: the file itself, or its copy in the archive.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use super::packed::Packed;

/// What can be read at any offset.
pub trait ReadAt {
    /// Reads some bytes at an offset; 0 at the end.
    fn read_some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

impl<T: ReadAt> ReadAt for &T {
    fn read_some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        T::read_some_at(self, buffer, at)
    }
}

/// The bytes of one life of a stream's file.
#[derive(Debug)]
pub enum Bytes {
    /// The file; it may grow.
    File(File),
    /// So many bytes of a file; what comes behind them belongs to no row.
    Until(File, u64),
    /// Its copy in the archive.
    Copy(Packed),
    /// A life without a byte.
    Nothing,
}

impl Bytes {
    /// How many there are, and when a file was last written to.
    pub fn look(&self) -> io::Result<(u64, Option<SystemTime>)> {
        match self {
            Self::File(file) => file.metadata().map(|metadata| (metadata.len(), metadata.modified().ok())),
            Self::Until(file, end) => {
                file.metadata().map(|metadata| (metadata.len().min(*end), metadata.modified().ok()))
            }
            // What never changes was written to at the beginning of time.
            Self::Copy(copy) => Ok((copy.len(), Some(SystemTime::UNIX_EPOCH))),
            Self::Nothing => Ok((0, Some(SystemTime::UNIX_EPOCH))),
        }
    }

    /// Whether nothing can come any more.
    pub fn is_finished(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

impl From<File> for Bytes {
    fn from(file: File) -> Self {
        Self::File(file)
    }
}

impl ReadAt for Bytes {
    fn read_some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_some_at(buffer, at),
            Self::Until(file, end) => {
                let room = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
                file.read_some_at(buffer.get_mut(..room).unwrap_or_default(), at)
            }
            Self::Copy(copy) => copy.read_some_at(buffer, at),
            Self::Nothing => Ok(0),
        }
    }
}
