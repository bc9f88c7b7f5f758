//! Reading back what is not kept of a row: its evidence, a line at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::read::{evidence, read_at};
use crate::domain::schema::receipt::CommittedState;
use crate::domain::views::Lines;
use crate::domain::views::facts::{Facts, Row};
use crate::pipeline::outputs::Outputs;
use crate::store::StoreError;

/// What is read at a time while lines come in the order of the file.
const BLOCK_BYTES: usize = 64 << 10;
/// The next line of those that are wanted is near when it is nearer than this.
const NEAR_BYTES: usize = 16 << 10;

/// Evidence of rows, by where it stands.
#[derive(Debug)]
pub struct ReadBack<'f> {
    facts: &'f Facts,
    evidence: Vec<Block>,
    failed: Option<StoreError>,
}

impl<'f> ReadBack<'f> {
    /// Of what is committed, by streams in the order of the facts.
    pub(super) fn new(facts: &'f Facts, output: &Path, names: &[String], committed: &CommittedState) -> Self {
        let block = |path: String| Block::new(output.join(&path), committed.output_len(&path));
        Self { facts, evidence: names.iter().map(|name| block(evidence(name))).collect(), failed: None }
    }

    /// Of outputs whose rows were read by [`super::committed_facts`].
    pub fn of(facts: &'f Facts, outputs: &Outputs) -> Self {
        let names = super::read::Cursors::new(&[], &outputs.state).names;
        Self::new(facts, outputs.folder(), &names, &outputs.state)
    }

    /// Whether everything could be read.
    pub fn check(self) -> Result<(), StoreError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Lines for ReadBack<'_> {
    fn evidence(&mut self, row: &Row) -> Option<&str> {
        let stream = self.facts.stream_of(row.place());
        self.evidence.get_mut(stream)?.line(row.place().evidence_at(), len_of(row), &mut self.failed)
    }
}

/// Of the evidence of a row, with its newline.
fn len_of(row: &Row) -> usize {
    row.evidence_len().saturating_add(1) as usize
}

/// A part of a file.
#[derive(Debug)]
struct Block {
    path: PathBuf,
    file: Option<File>,
    committed: u64,
    from: u64,
    bytes: Vec<u8>,
    filled: usize,
}

impl Block {
    fn new(path: PathBuf, committed: u64) -> Self {
        Self { path, file: None, committed, from: 0, bytes: Vec::new(), filled: 0 }
    }

    /// The line that starts at a byte, without its newline, of about that length; `None` when there is none, or it cannot be
    /// read.
    fn line(&mut self, at: u64, len: usize, failed: &mut Option<StoreError>) -> Option<&str> {
        if failed.is_some() {
            return None;
        }
        let (from, to) = match self.find(at, len) {
            Ok(found) => found?,
            Err(e) => {
                *failed = Some(e);
                return None;
            }
        };
        simdutf8::basic::from_utf8(self.bytes.get(from..to)?).ok()
    }

    /// Where in the block the line lies, read into it where it does not yet.
    fn find(&mut self, at: u64, len: usize) -> Result<Option<(usize, usize)>, StoreError> {
        if let Some(found) = self.in_block(at) {
            return Ok(Some(found));
        }
        let ahead = at.wrapping_sub(self.from);
        let in_order = self.filled > 0 && ahead <= (self.filled + NEAR_BYTES) as u64;
        let mut wanted = if in_order { len.max(BLOCK_BYTES) } else { len };
        loop {
            let left = usize::try_from(self.committed.saturating_sub(at)).unwrap_or(usize::MAX);
            self.read(at, wanted.min(left))?;
            match self.in_block(at) {
                None if self.filled < left => wanted *= 4,
                found => return Ok(found),
            }
        }
    }

    fn in_block(&self, at: u64) -> Option<(usize, usize)> {
        let from = usize::try_from(at.checked_sub(self.from)?).ok()?;
        let rest = self.bytes.get(from..self.filled)?;
        Some((from, from + memchr::memchr(b'\n', rest)?))
    }

    fn read(&mut self, at: u64, len: usize) -> Result<(), StoreError> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path).map_err(|e| StoreError::io("open", &self.path, e))?);
        }
        let Some(file) = &self.file else { return Ok(()) };
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        (self.from, self.filled) = (at, 0);
        self.filled = read_at(file, &self.path, self.bytes.get_mut(..len).unwrap_or_default(), at)?;
        if self.filled < len {
            // Less is there than is committed, which recovery tells.
            self.committed = at + self.filled as u64;
        }
        Ok(())
    }
}
