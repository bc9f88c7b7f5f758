//! A sample of a file's rows, evenly over its length: first and last row always, memory bounded whatever is in it.
//!
//! A file of no more rows than are asked for is read from end to end. Of a longer one only the rows at evenly spaced
//! bytes are read. What follows the last newline is no row yet, and what is appended meanwhile is not looked at.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::IntakeError;
use super::lines::{Found, LineReader, OversizeLine, ReadLimits, read_exact_or_less};

const BLOCK_BYTES: u64 = 64 << 10;
/// How much is read at first for one row, in bytes: most rows are shorter.
const ROW_BYTES: u64 = 8 << 10;

/// One row of a sample.
#[derive(Debug)]
pub enum SampledRow<'b> {
    /// The row, without its newline.
    Whole(&'b [u8]),
    /// A row that is too long to be kept.
    Oversize(OversizeLine),
}

/// How much of a file was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampled {
    /// Rows taken.
    pub rows: u64,
    /// Bytes of the rows taken, with their newlines.
    pub bytes: u64,
    /// Whether the file has no other rows.
    pub every_row: bool,
}

/// An open file, as long as it was when it was opened.
#[derive(Debug)]
pub struct Sampler {
    path: PathBuf,
    file: File,
    /// The file's length, in bytes.
    pub size_bytes: u64,
    /// The byte behind the last newline.
    end: u64,
}

impl Sampler {
    /// Opens a file; `None` when there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, IntakeError> {
        let fail = |e| IntakeError::new("sample", path, e);
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        if !metadata.is_file() {
            // A pipe would be waited for.
            return Err(fail(io::Error::other("it is no file")));
        }
        let file = File::open(path).map_err(fail)?;
        let size_bytes = file.metadata().map_err(fail)?.len();
        let end = behind_last_newline(&file, size_bytes).map_err(fail)?;
        Ok(Some(Self { path: path.to_owned(), file, size_bytes, end }))
    }

    /// Hands out up to `rows_max` rows in their order, each with the byte at which it starts.
    pub fn each_row(
        &self,
        rows_max: u64,
        line_bytes_max: u64,
        mut take: impl FnMut(u64, SampledRow<'_>),
    ) -> Result<Sampled, IntakeError> {
        let mut reading =
            Reading { sampler: self, line_bytes_max, buffer: Vec::new(), done: Sampled::default() };
        reading.run(rows_max, &mut take).map_err(|e| IntakeError::new("sample", &self.path, e))?;
        Ok(reading.done)
    }

    /// How many lines stand before each of these bytes, which ascend. Reads the file up to the last of them.
    pub fn lines_before(&self, bytes: &[u64]) -> Result<Vec<u64>, IntakeError> {
        let (mut at, mut lines, mut block) = (0, 0, Vec::new());
        let mut counted = Vec::new();
        for byte in bytes {
            while at < *byte {
                let wanted = (BLOCK_BYTES * 16).min(byte - at);
                read_exact_or_less(&self.file, at, wanted, &mut block)
                    .map_err(|e| IntakeError::new("sample", &self.path, e))?;
                if block.is_empty() {
                    break;
                }
                lines += newlines(&block);
                at += block.len() as u64;
            }
            counted.push(lines);
        }
        Ok(counted)
    }

    /// Whether the file has no more than `rows_max` rows.
    fn is_short(&self, rows_max: u64) -> io::Result<bool> {
        let (mut at, mut lines, mut block) = (0, 0, Vec::new());
        while at < self.end && lines <= rows_max {
            read_exact_or_less(&self.file, at, (BLOCK_BYTES * 16).min(self.end - at), &mut block)?;
            if block.is_empty() {
                break;
            }
            lines += newlines(&block);
            at += block.len() as u64;
        }
        Ok(lines <= rows_max)
    }

    /// Where the first line starts that starts at `byte` or later.
    fn line_from(&self, byte: u64) -> io::Result<u64> {
        if byte == 0 {
            return Ok(0);
        }
        let (mut at, mut block) = (byte - 1, Vec::new());
        while at < self.end {
            read_exact_or_less(&self.file, at, BLOCK_BYTES.min(self.end - at), &mut block)?;
            if let Some(newline) = memchr::memchr(b'\n', &block) {
                return Ok(at + newline as u64 + 1);
            }
            if block.is_empty() {
                break;
            }
            at += block.len() as u64;
        }
        Ok(self.end)
    }
}

fn newlines(block: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', block).count() as u64
}

/// The byte behind the last newline before `to`; 0 when there is none.
fn behind_last_newline(file: &File, to: u64) -> io::Result<u64> {
    let (mut to, mut block) = (to, Vec::new());
    while to > 0 {
        let from = to.saturating_sub(BLOCK_BYTES);
        read_exact_or_less(file, from, to - from, &mut block)?;
        if let Some(newline) = memchr::memrchr(b'\n', &block) {
            return Ok(from + newline as u64 + 1);
        }
        to = from;
    }
    Ok(0)
}

struct Reading<'s> {
    sampler: &'s Sampler,
    line_bytes_max: u64,
    buffer: Vec<u8>,
    done: Sampled,
}

impl Reading<'_> {
    fn run(&mut self, rows_max: u64, take: &mut impl FnMut(u64, SampledRow<'_>)) -> io::Result<()> {
        let end = self.sampler.end;
        let mut at = 0;
        if self.sampler.is_short(rows_max)? {
            while at < end {
                at = self.row(at, take)?;
            }
            self.done.every_row = true;
            return Ok(());
        }
        let last = behind_last_newline(&self.sampler.file, end - 1)?;
        let steps = rows_max.saturating_sub(1).max(1);
        for step in 0..steps {
            let target = u128::from(last) * u128::from(step) / u128::from(steps);
            let target = u64::try_from(target).unwrap_or(last);
            let from = if target > at { self.sampler.line_from(target)? } else { at };
            if from >= last {
                break;
            }
            at = self.row(from, take)?;
        }
        if rows_max > 1 {
            self.row(last, take)?;
        }
        Ok(())
    }

    /// Reads the row at `from`; gives where the next one starts.
    fn row(&mut self, from: u64, take: &mut impl FnMut(u64, SampledRow<'_>)) -> io::Result<u64> {
        let limits =
            ReadLimits { chunk_bytes: ROW_BYTES, chunk_rows: 1, line_bytes_max: self.line_bytes_max };
        let end = self.sampler.end;
        let mut reader = LineReader::new(self.sampler.file.try_clone()?, from, Vec::new());
        loop {
            match reader.read(end, limits, &mut self.buffer)? {
                Found::More => continue,
                // The file was cut meanwhile: there is nothing more to see.
                Found::Nothing => return Ok(end),
                Found::Lines { .. } => {
                    let row = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
                    take(from, SampledRow::Whole(row));
                }
                Found::Oversize(line) => take(from, SampledRow::Oversize(line)),
            }
            self.done.rows += 1;
            self.done.bytes += reader.offset - from;
            return Ok(reader.offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    /// The rows of a sample as text, oversize ones as their length, each found where it is said to start.
    fn rows(text: &str, rows_max: u64) -> (Vec<String>, Sampled) {
        let file = file(text);
        let sampler = Sampler::open(file.path()).unwrap().unwrap();
        let mut rows = Vec::new();
        let sampled = sampler.each_row(rows_max, 100, |byte, row| {
            let start = byte as usize;
            assert!(start == 0 || text.as_bytes()[start - 1] == b'\n');
            let line = text[start..].split('\n').next().unwrap();
            match row {
                SampledRow::Whole(row) => assert_eq!(row, line.as_bytes()),
                SampledRow::Oversize(row) => assert_eq!(row.length, line.len() as u64),
            }
            assert_eq!(sampler.lines_before(&[byte]).unwrap(), [text[..start].matches('\n').count() as u64]);
            rows.push(if line.len() > 100 { format!("{} bytes", line.len()) } else { line.to_owned() });
        });
        let sampled = sampled.unwrap();
        assert_eq!(sampled.rows, rows.len() as u64);
        (rows, sampled)
    }

    #[test]
    fn a_short_file_is_read_whole_but_for_its_unfinished_line() {
        let text = format!("one\n\n{}\nfour\nfi", "x".repeat(300_000));
        let (found, sampled) = rows(&text, 4);
        assert_eq!(found, ["one", "", "300000 bytes", "four"]);
        assert_eq!(sampled, Sampled { rows: 4, bytes: text.len() as u64 - 2, every_row: true });
        assert_eq!(rows("half", 4).0, Vec::<String>::new());
        assert_eq!(rows("", 4).0, Vec::<String>::new());
    }

    #[test]
    fn a_sample_is_spread_evenly_and_holds_both_ends() {
        let lines: Vec<_> = (0..5000).map(|n| format!("{n:04}{}\n", "x".repeat(n % 50))).collect();
        let text = lines.concat();
        for rows_max in [1, 2, 3, 10, 100, 1000, 4999] {
            let (found, sampled) = rows(&(text.clone() + "unfinished"), rows_max);
            assert!(!sampled.every_row);
            assert!(sampled.rows <= rows_max && sampled.rows >= rows_max * 95 / 100, "{sampled:?}");
            let numbers: Vec<usize> = found.iter().map(|row| row[..4].parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "a row was taken twice");
            assert_eq!(numbers.first(), Some(&0));
            assert!(rows_max == 1 || numbers.last() == Some(&4999));
            let step = 5000 / (rows_max as usize - 1).max(1);
            assert!(numbers.windows(2).all(|pair| pair[1] - pair[0] <= step + 50), "{numbers:?}");
        }
    }

    #[test]
    fn a_row_that_starts_just_where_it_is_looked_for_is_not_skipped() {
        assert_eq!(rows("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", 4).0, ["0", "3", "6", "9"]);
    }

    #[test]
    fn a_long_row_in_the_middle_is_passed_over_and_those_behind_it_are_seen() {
        let text = ["a\n".repeat(500), "y".repeat(2_000_000) + "\n", "b\n".repeat(500)].concat();
        let (found, sampled) = rows(&text, 50);
        assert!(sampled.rows <= 50 && !sampled.every_row);
        assert_eq!((found[0].as_str(), found[found.len() - 1].as_str()), ("a", "b"));
        assert!(found.iter().filter(|row| *row == "b").count() > 40, "{found:?}");
    }

    #[test]
    fn what_is_no_file_is_told_from_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Sampler::open(&dir.path().join("none.jsonl")).unwrap().is_none());
        assert_eq!(
            Sampler::open(dir.path()).unwrap_err().to_string(),
            format!("cannot sample {}", dir.path().display())
        );
    }
}
