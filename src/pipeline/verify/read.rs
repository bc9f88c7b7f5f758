//! Reading committed files in order, through one buffer, never beyond what is committed.

use std::fs::File;
use std::io;

use sha2::{Digest, Sha256};

use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::bytes::ReadAt;
use crate::intake::lines::read_exact_or_less;

const BLOCK_BYTES: usize = 256 << 10;

/// Reads up to `length` bytes at `from` into `buffer`; fewer where the file ends.
pub(in crate::pipeline) fn read_at(
    file: &impl ReadAt,
    from: u64,
    length: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    read_exact_or_less(file, from, length as u64, buffer)
}

/// SHA-256 of `[from, to)` and the lines in it; `None` when the file ends before.
pub(in crate::pipeline) fn hash_range(
    file: &impl ReadAt,
    from: u64,
    to: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Sha256Hex, u64)>> {
    let mut hash = Sha256::new();
    let (mut at, mut lines) = (from, 0);
    while at < to {
        let length = usize::try_from(to - at).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        read_at(file, at, length, buffer)?;
        if buffer.is_empty() {
            return Ok(None);
        }
        hash.update(&buffer);
        lines += memchr::memchr_iter(b'\n', buffer).count() as u64;
        at += buffer.len() as u64;
    }
    Ok(Some((Sha256Hex(hash.finalize().into()), lines)))
}

/// A committed file, read from front to back.
#[derive(Debug)]
pub(in crate::pipeline) struct Reader<'f> {
    file: Option<&'f File>,
    /// The next byte.
    pub(in crate::pipeline) at: u64,
    /// The next line, from 0.
    pub(in crate::pipeline) line: u64,
    /// The byte behind the last that is committed.
    to: u64,
    buffer: Vec<u8>,
    /// Where in the file the buffer starts.
    buffer_at: u64,
}

impl<'f> Reader<'f> {
    /// Reads `[at, to)`, whose first line is number `line`. A file that is not there reads as empty.
    pub(in crate::pipeline) fn new(file: Option<&'f File>, at: u64, line: u64, to: u64) -> Self {
        Self { file, at, line, to, buffer: Vec::new(), buffer_at: at }
    }

    /// The next `length` bytes, or as many as there are.
    pub(in crate::pipeline) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        let offset = usize::try_from(self.at - self.buffer_at).unwrap_or(usize::MAX);
        let there = self.buffer.len().saturating_sub(offset);
        if there < length
            && let Some(file) = self.file
        {
            let left = usize::try_from(self.to.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let wanted = length.max(BLOCK_BYTES).min(left);
            if wanted > there {
                read_at(file, self.at, wanted, &mut self.buffer)?;
                self.buffer_at = self.at;
            }
        }
        let offset = usize::try_from(self.at - self.buffer_at).unwrap_or(usize::MAX);
        let rest = self.buffer.get(offset..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest))
    }

    /// Moves on.
    pub(in crate::pipeline) fn advance(&mut self, bytes: u64, lines: u64) {
        self.at += bytes;
        self.line += lines;
    }

    /// Goes back (or on) to a byte and its line.
    pub(in crate::pipeline) fn seek(&mut self, at: u64, line: u64) {
        (self.at, self.line) = (at, line);
        if at < self.buffer_at {
            self.buffer.clear();
            self.buffer_at = at;
        }
    }

    /// The next line with its newline; the rest when it has none; `None` behind the last. Does not move on.
    pub(in crate::pipeline) fn peek_line(&mut self) -> io::Result<Option<&[u8]>> {
        let mut length = 4096;
        loop {
            let there = self.peek(length)?;
            let (end, found) = (memchr::memchr(b'\n', there).map(|at| at + 1), there.len());
            if found == 0 {
                return Ok(None);
            }
            if end.is_some() || found < length {
                return self.peek(end.unwrap_or(found)).map(Some);
            }
            length *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_are_read_up_to_what_is_committed() {
        let mut file = tempfile::tempfile().unwrap();
        let long = "x".repeat(700_000);
        write!(file, "a\n{long}\nbc\nuncommitted\n").unwrap();
        let mut reader = Reader::new(Some(&file), 0, 0, 2 + 700_001 + 3);
        let mut lengths = Vec::new();
        while let Some(line) = reader.peek_line().unwrap() {
            let length = line.len() as u64;
            lengths.push(length);
            reader.advance(length, 1);
        }
        assert_eq!((lengths, reader.line), (vec![2, 700_001, 3], 3));
        reader.seek(0, 0);
        assert_eq!(reader.peek(3).unwrap(), b"a\nx");
    }
}
