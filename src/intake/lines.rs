//! Whole lines out of one growing file, with bounded memory whatever the length of a line.

use std::io;

use sha2::{Digest, Sha256};

use super::bytes::{Bytes, ReadAt};

/// How much before a cursor is hashed as its anchor, in bytes.
pub const ANCHOR_BYTES: usize = 4096;
/// How much of an oversize line is kept, in bytes.
const KEPT_BYTES: usize = 256;
const BLOCK_BYTES: u64 = 1 << 20;
/// How much of an oversize line one read goes through, in bytes: others wait for their turn meanwhile.
const OVERSIZE_STEP_BYTES: u64 = 32 << 20;

/// How much one read may take.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Bytes of a chunk, unless one line is longer.
    pub chunk_bytes: u64,
    /// Lines of a chunk.
    pub chunk_rows: u64,
    /// The longest line that is kept whole, in bytes.
    pub line_bytes_max: u64,
}

/// A line too long to be kept: its start, its length without newline, and its hashes.
#[derive(Debug, Clone)]
pub struct OversizeLine {
    /// The first bytes.
    pub start: Vec<u8>,
    /// Length in bytes, without the newline.
    pub length: u64,
    /// SHA-256 without the newline.
    pub sha256: [u8; 32],
    /// SHA-256 with the newline, if it has one.
    pub range_sha256: [u8; 32],
}

/// What a read found at the cursor.
#[derive(Debug)]
pub enum Found {
    /// No whole line yet.
    Nothing,
    /// No whole line yet, but more bytes to look through: ask again.
    More,
    /// Whole lines, in the buffer.
    Lines {
        /// How many.
        lines: u64,
    },
    /// One line that is too long.
    Oversize(OversizeLine),
}

/// An open file and the cursor in it.
#[derive(Debug)]
pub struct LineReader {
    file: Bytes,
    /// Bytes before this have been handed out.
    pub offset: u64,
    /// The up to 4 KiB before `offset`.
    anchor: Vec<u8>,
    /// `[offset, scanned)` has no newline.
    scanned: u64,
    oversize: Option<Oversize>,
}

#[derive(Debug)]
struct Oversize {
    hash: Sha256,
    start: Vec<u8>,
    /// Bytes hashed so far, from `offset`.
    length: u64,
    tail: Vec<u8>,
}

impl LineReader {
    /// A reader at `offset`, where `anchor` (the bytes before it) was found to stand.
    pub fn new(file: impl Into<Bytes>, offset: u64, anchor: Vec<u8>) -> Self {
        Self { file: file.into(), offset, anchor, scanned: offset, oversize: None }
    }

    /// The file.
    pub fn file(&self) -> &Bytes {
        &self.file
    }

    /// The same, when nothing more is to be read.
    pub fn into_file(self) -> Bytes {
        self.file
    }

    /// The up to 4 KiB before the cursor.
    pub fn anchor(&self) -> &[u8] {
        &self.anchor
    }

    /// Whether the bytes before the cursor are still the ones that were read.
    pub fn anchor_holds(&self) -> io::Result<bool> {
        Ok(read_anchor(&self.file, self.offset)? == self.anchor)
    }

    /// Starts over at the beginning of the file.
    pub fn rewind(&mut self) {
        self.offset = 0;
        self.anchor.clear();
        self.scanned = 0;
        self.oversize = None;
    }

    /// Reads whole lines at the cursor, up to `size`, the file's length, into `buffer`; moves the cursor behind them.
    pub fn read(&mut self, size: u64, limits: ReadLimits, buffer: &mut Vec<u8>) -> io::Result<Found> {
        loop {
            if self.oversize.is_some() {
                return self.read_oversize(size, false);
            }
            let line_end = if self.scanned > self.offset { self.find_newline(size, limits)? } else { None };
            if self.scanned > self.offset && line_end.is_none() {
                if self.scanned - self.offset > limits.line_bytes_max {
                    self.start_oversize();
                    continue;
                }
                return Ok(Found::Nothing);
            }
            let least = line_end.map_or(0, |end| end - self.offset);
            let wanted = limits.chunk_bytes.max(least).min(size.saturating_sub(self.offset));
            read_exact_or_less(&self.file, self.offset, wanted, buffer)?;
            if buffer.is_empty() {
                // The file has shrunk since its length was taken; the next look finds out.
                return Ok(Found::Nothing);
            }
            let (cut, lines) = cut_lines(buffer, limits.chunk_rows);
            if cut == 0 {
                // Less than one line: the next round looks on from here, so that a growing half line is read once.
                self.scanned = self.offset + buffer.len() as u64;
                if self.scanned >= size && self.scanned - self.offset <= limits.line_bytes_max {
                    return Ok(Found::Nothing);
                }
                continue;
            }
            buffer.truncate(cut);
            self.advance(buffer);
            return Ok(Found::Lines { lines });
        }
    }

    /// Takes what is left before `size` as one last line without newline; the file is finished.
    pub fn read_rest(&mut self, size: u64, limits: ReadLimits, buffer: &mut Vec<u8>) -> io::Result<Found> {
        let left = size.saturating_sub(self.offset);
        if left == 0 {
            return Ok(Found::Nothing);
        }
        if self.oversize.is_some() || left > limits.line_bytes_max {
            if self.oversize.is_none() {
                self.start_oversize();
            }
            return self.read_oversize(size, true);
        }
        read_exact_or_less(&self.file, self.offset, left, buffer)?;
        if buffer.iter().all(|byte| *byte == 0) {
            // What a crashed producer's file system left behind is no row.
            return Ok(Found::Nothing);
        }
        self.advance(buffer);
        Ok(Found::Lines { lines: 1 })
    }

    fn advance(&mut self, taken: &[u8]) {
        self.offset += taken.len() as u64;
        self.scanned = self.offset;
        keep_tail(&mut self.anchor, taken);
    }

    /// Looks for the end of the line at the cursor in `[scanned, size)`; gives the offset behind its newline.
    fn find_newline(&mut self, size: u64, limits: ReadLimits) -> io::Result<Option<u64>> {
        let mut block = Vec::new();
        while self.scanned < size && self.scanned - self.offset <= limits.line_bytes_max {
            let wanted = BLOCK_BYTES.min(size - self.scanned);
            read_exact_or_less(&self.file, self.scanned, wanted, &mut block)?;
            if block.is_empty() {
                break;
            }
            if let Some(at) = memchr::memchr(b'\n', &block) {
                return Ok(Some(self.scanned + at as u64 + 1));
            }
            self.scanned += block.len() as u64;
        }
        Ok(None)
    }

    fn start_oversize(&mut self) {
        self.oversize =
            Some(Oversize { hash: Sha256::new(), start: Vec::new(), length: 0, tail: self.anchor.clone() });
    }

    fn read_oversize(&mut self, size: u64, finished: bool) -> io::Result<Found> {
        let mut block = Vec::new();
        let Some(line) = &mut self.oversize else { return Ok(Found::Nothing) };
        let until = line.length + OVERSIZE_STEP_BYTES;
        loop {
            if line.length >= until {
                return Ok(Found::More);
            }
            let at = self.offset + line.length;
            read_exact_or_less(&self.file, at, BLOCK_BYTES.min(size.saturating_sub(at)), &mut block)?;
            let end = memchr::memchr(b'\n', &block);
            let part = end.and_then(|end| block.get(..end)).unwrap_or(&block);
            line.hash.update(part);
            let room = KEPT_BYTES - line.start.len();
            line.start.extend(part.iter().take(room));
            line.length += part.len() as u64;
            keep_tail(&mut line.tail, part);
            if end.is_none() && (!block.is_empty() || !finished) {
                if block.is_empty() {
                    return Ok(Found::Nothing);
                }
                continue;
            }
            let sha256 = line.hash.clone().finalize().into();
            let newline: &[u8] = if end.is_some() { b"\n" } else { b"" };
            line.hash.update(newline);
            keep_tail(&mut line.tail, newline);
            let found = OversizeLine {
                start: std::mem::take(&mut line.start),
                length: line.length,
                sha256,
                range_sha256: line.hash.clone().finalize().into(),
            };
            self.offset += line.length + newline.len() as u64;
            self.scanned = self.offset;
            self.anchor = std::mem::take(&mut line.tail);
            self.oversize = None;
            return Ok(Found::Oversize(found));
        }
    }
}

/// The up to 4 KiB before `offset`.
pub fn read_anchor(file: &impl ReadAt, offset: u64) -> io::Result<Vec<u8>> {
    let length = offset.min(ANCHOR_BYTES as u64);
    let mut anchor = Vec::new();
    read_exact_or_less(file, offset - length, length, &mut anchor)?;
    Ok(anchor)
}

/// Keeps the last 4 KiB of `tail` and `more` together.
fn keep_tail(tail: &mut Vec<u8>, more: &[u8]) {
    let from_more = more.len().saturating_sub(ANCHOR_BYTES);
    let more = more.get(from_more..).unwrap_or_default();
    let surplus = (tail.len() + more.len()).saturating_sub(ANCHOR_BYTES);
    tail.drain(..surplus.min(tail.len()));
    tail.extend_from_slice(more);
}

/// Where the last whole line ends, and how many lines there are up to it; no more than `rows`.
fn cut_lines(bytes: &[u8], rows: u64) -> (usize, u64) {
    let Some(last) = memchr::memrchr(b'\n', bytes) else { return (0, 0) };
    let mut ends = memchr::memchr_iter(b'\n', bytes);
    let lines = memchr::memchr_iter(b'\n', bytes).count() as u64;
    if lines <= rows {
        return (last + 1, lines);
    }
    let nth = usize::try_from(rows.saturating_sub(1)).unwrap_or(usize::MAX);
    ends.nth(nth).map_or((last + 1, lines), |end| (end + 1, rows))
}

/// Reads `length` bytes from `from` on into `buffer`; fewer where the file ends.
pub(crate) fn read_exact_or_less(
    file: &impl ReadAt,
    from: u64,
    length: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    buffer.resize(length, 0);
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_some_at(rest, from + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    const LIMITS: ReadLimits = ReadLimits { chunk_bytes: 64, chunk_rows: 1000, line_bytes_max: 100 };

    /// Reads everything in the file, a chunk at a time, as text; oversize lines as their length.
    fn read_all(reader: &mut LineReader, limits: ReadLimits) -> Vec<String> {
        let mut buffer = Vec::new();
        let mut seen = Vec::new();
        loop {
            let size = reader.file().look().unwrap().0;
            match reader.read(size, limits, &mut buffer).unwrap() {
                Found::Nothing => return seen,
                Found::More => {}
                Found::Lines { lines } => {
                    assert_eq!(memchr::memchr_iter(b'\n', &buffer).count() as u64, lines);
                    seen.extend(String::from_utf8_lossy(&buffer).lines().map(str::to_owned));
                }
                Found::Oversize(line) => {
                    assert_eq!(line.start.len(), 256.min(line.length as usize));
                    seen.push(format!("oversize {}", line.length));
                }
            }
            assert_eq!(reader.anchor(), read_anchor(reader.file(), reader.offset).unwrap());
        }
    }

    #[test]
    fn a_half_written_line_waits_for_its_newline() {
        let mut file = tempfile::tempfile().unwrap();
        let mut reader = LineReader::new(file.try_clone().unwrap(), 0, Vec::new());
        file.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(read_all(&mut reader, LIMITS), ["one", "two"]);
        file.write_all(b"e").unwrap();
        assert!(read_all(&mut reader, LIMITS).is_empty());
        file.write_all(b"e\n\nfive\n").unwrap();
        assert_eq!(read_all(&mut reader, LIMITS), ["three", "", "five"]);
    }

    #[test]
    fn lines_come_out_alike_whatever_the_chunks() {
        let mut file = tempfile::tempfile().unwrap();
        let mut lines: Vec<_> = (0..200).map(|n| format!("{n}:{}", "x".repeat(n % 97))).collect();
        lines.push("y".repeat(100));
        for line in &lines {
            writeln!(file, "{line}").unwrap();
        }
        for chunk_bytes in [1, 7, 64, 100_000] {
            for chunk_rows in [1, 3, 1000] {
                let mut reader = LineReader::new(file.try_clone().unwrap(), 0, Vec::new());
                assert_eq!(read_all(&mut reader, ReadLimits { chunk_bytes, chunk_rows, ..LIMITS }), lines);
            }
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_measured_and_passed_over() {
        let mut file = tempfile::tempfile().unwrap();
        let long = "z".repeat(3_000_000);
        write!(file, "a\n{long}\nb\n{long}").unwrap();
        let mut reader = LineReader::new(file.try_clone().unwrap(), 0, Vec::new());
        assert_eq!(read_all(&mut reader, LIMITS), ["a", "oversize 3000000", "b"]);
        write!(file, "zz\nc\n").unwrap();
        assert_eq!(read_all(&mut reader, LIMITS), ["oversize 3000002", "c"]);
    }

    #[test]
    fn the_rest_of_a_finished_file_is_a_line_unless_it_is_nothing_but_nuls() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\nhalf").unwrap();
        let mut reader = LineReader::new(file.try_clone().unwrap(), 4, b"one\n".to_vec());
        let mut buffer = Vec::new();
        assert!(matches!(reader.read_rest(8, LIMITS, &mut buffer).unwrap(), Found::Lines { lines: 1 }));
        assert_eq!(buffer, b"half");
        file.write_all(&[0; 300]).unwrap();
        let mut long = LIMITS;
        long.line_bytes_max = 1000;
        assert!(matches!(reader.read_rest(308, long, &mut buffer).unwrap(), Found::Nothing));
    }

    #[test]
    fn an_anchor_tells_a_rewritten_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mut reader = LineReader::new(file.try_clone().unwrap(), 0, Vec::new());
        read_all(&mut reader, LIMITS);
        assert!(reader.anchor_holds().unwrap());
        file.set_len(0).unwrap();
        file.write_at(b"ONE\nTWO\nTHREE\n", 0).unwrap();
        assert!(!reader.anchor_holds().unwrap());
    }
}
