//! What is committed, read back: every row's evidence beside the score that counts now. Reads and never writes, so it
//! serves beside a running daemon too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::row_scan::each_line;
use crate::domain::schema::receipt::{CommittedState, Receipt};
use crate::domain::skim;
use crate::store::disk::{Disk, RealDisk};
use crate::store::receipts::Receipts;
use crate::store::recover::can_be_rebuilt;
use crate::store::{Store, StoreError};

/// The superseding scores, below the output folder.
pub const RESCORED: &str = "scored-runs/rescored.jsonl";

/// The committed outputs of one folder, as of when they were opened.
#[derive(Debug)]
pub struct Outputs {
    disk: RealDisk,
    output: PathBuf,
    /// Lengths and totals, by the last whole receipt.
    pub state: CommittedState,
    /// The last whole receipt, if there is one.
    pub last: Option<Receipt>,
}

/// One piece of evidence and its current score, each as its line of JSON without the newline.
#[derive(Debug, Clone, Copy)]
pub struct CommittedRow<'a> {
    /// The EvidenceRecord.
    pub evidence: &'a str,
    /// The ScoredRun with the highest `score_seq`.
    pub score: &'a str,
    /// Where the evidence line starts in its file, in bytes.
    pub evidence_at: u64,
}

/// The superseding scores of all streams: for each row the line of the latest.
#[derive(Debug, Default)]
pub struct Rescored {
    /// By source file, generation and line: `score_seq`, and where the line lies.
    latest: HashMap<PlaceKey, (u64, u64, u32)>,
}

/// What tells a row from all others: source file, generation and line.
pub type PlaceKey = (String, u32, u64);

impl Outputs {
    /// Reads the receipts of an output folder.
    pub fn open(output: &Path) -> Result<Self, StoreError> {
        let disk = RealDisk::default();
        let receipts = Receipts::read(&disk, output)?;
        Ok(Self { disk, output: output.to_owned(), state: receipts.state, last: receipts.last })
    }

    /// The same, and refuses files of rows, scores or scratchpads that are missing or short: answers made of the rest would be wrong.
    pub fn open_whole(output: &Path) -> Result<Self, StoreError> {
        let outputs = Self::open(output)?;
        outputs.check_lens(|path| !can_be_rebuilt(path))?;
        Ok(outputs)
    }

    /// Refuses files of samples that are missing. One that is shorter may just have been written anew.
    pub fn check_samples(&self) -> Result<(), StoreError> {
        self.check_lens(|path| {
            path.starts_with("exports/") && matches!(self.disk.len(&self.output.join(path)), Ok(None))
        })
    }

    fn check_lens(&self, is_looked_at: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        for (path, committed) in self.state.outputs.iter().filter(|(path, _)| is_looked_at(path)) {
            let (path, expected) = (self.output.join(path), committed.len);
            let found = self.disk.len(&path)?.unwrap_or(0);
            if found < expected {
                return Err(StoreError::OutputChanged { path, expected, found });
            }
        }
        Ok(())
    }

    /// What is committed.
    pub fn committed(&self) -> Committed<'_> {
        Committed { disk: &self.disk, output: &self.output, state: &self.state }
    }

    /// The output folder.
    pub fn folder(&self) -> &Path {
        &self.output
    }

    /// Reads committed bytes `[from, to)` of an output; shorter where less is committed.
    pub fn read(&self, path: &str, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.disk.read(&self.output.join(path), from, to.min(self.state.output_len(path)))
    }

    /// The same into a buffer, over what is in it.
    pub fn read_over(&self, path: &str, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        self.disk.read_over(&self.output.join(path), from, to.min(self.state.output_len(path)), buffer)
    }

    /// Goes over the committed lines of an output: offset, and the line without its newline.
    pub fn each_line(&self, path: &str, mut take: impl FnMut(u64, &str)) -> Result<(), StoreError> {
        let full = self.output.join(path);
        let read = |from, to, block: &mut Vec<u8>| self.disk.read_over(&full, from, to, block);
        each_line(read, 0, self.state.output_len(path), |at, line| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // Committed lines are UTF-8; one that is not was changed by somebody, which `verify` tells.
            take(at, simdutf8::basic::from_utf8(line).unwrap_or_default());
        })
    }

    /// Finds the latest superseding score of every row that has one.
    pub fn rescored(&self) -> Result<Rescored, StoreError> {
        let mut rescored = Rescored::default();
        self.each_line(RESCORED, |at, line| {
            let Some((seq, key)) = score_key(line) else { return };
            let entry = rescored.latest.entry(key).or_insert((seq, at, line.len() as u32));
            if seq >= entry.0 {
                *entry = (seq, at, line.len() as u32);
            }
        })?;
        Ok(rescored)
    }

    /// Goes over the evidence of one stream in row order, each row with the score that counts now.
    pub fn each_row(
        &self,
        stream: &str,
        rescored: &Rescored,
        mut take: impl FnMut(CommittedRow<'_>),
    ) -> Result<(), StoreError> {
        let scored = format!("scored-runs/{stream}.jsonl");
        let evidence = format!("evidence/{stream}.jsonl");
        let mut scores = self.committed().lines(&scored, 0);
        let mut failed = None;
        self.each_line(&evidence, |evidence_at, line| {
            if failed.is_some() {
                return;
            }
            let first = match scores.next() {
                Ok(first) => first.unwrap_or_default(),
                Err(e) => {
                    failed = Some(e);
                    return;
                }
            };
            let later = match provenance_key(line).and_then(|place| rescored.latest.get(&place)) {
                Some((_, at, len)) => match self.read(RESCORED, *at, at + u64::from(*len)) {
                    Ok(bytes) => Some(String::from_utf8(bytes).unwrap_or_default()),
                    Err(e) => {
                        failed = Some(e);
                        return;
                    }
                },
                None => None,
            };
            take(CommittedRow { evidence: line, score: later.as_deref().unwrap_or(first), evidence_at });
        })?;
        failed.map_or(Ok(()), Err)
    }
}

/// What is committed in an output folder, to be read.
#[derive(Debug, Clone, Copy)]
pub struct Committed<'s> {
    /// The disk.
    pub disk: &'s dyn Disk,
    /// The output folder.
    pub output: &'s Path,
    /// Lengths and totals.
    pub state: &'s CommittedState,
}

impl<'s> Committed<'s> {
    /// What is committed in a store.
    pub fn of(store: &'s Store) -> Self {
        Self { disk: store.disk(), output: store.output(), state: store.state() }
    }

    /// Reads committed bytes `[from, to)` of an output; shorter where less is committed.
    pub fn read(self, path: &str, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.disk.read(&self.output.join(path), from, to.min(self.state.output_len(path)))
    }

    /// The committed lines of an output from a byte on.
    pub fn lines(self, path: &str, from: u64) -> Lines<'s> {
        let to = self.state.output_len(path);
        Lines { disk: self.disk, path: self.output.join(path), at: from, to, block: Vec::new(), used: 0 }
    }
}

/// Lines of one output, one after the other.
#[derive(Debug)]
pub struct Lines<'s> {
    disk: &'s dyn Disk,
    path: PathBuf,
    at: u64,
    to: u64,
    block: Vec<u8>,
    used: usize,
}

impl Lines<'_> {
    const BLOCK_BYTES: u64 = 4 << 20;

    /// The next line without its newline; `None` behind the last. A line that is not UTF-8 comes out empty.
    #[expect(clippy::should_implement_trait, reason = "lines are lent, which no iterator can do")]
    pub fn next(&mut self) -> Result<Option<&str>, StoreError> {
        let mut searched = self.used;
        let end = loop {
            if let Some(end) = memchr::memchr(b'\n', self.block.get(searched..).unwrap_or_default()) {
                break searched + end;
            }
            if self.at >= self.to {
                return Ok(None);
            }
            let more = self.disk.read(&self.path, self.at, (self.at + Self::BLOCK_BYTES).min(self.to))?;
            self.at = if more.is_empty() { self.to } else { self.at + more.len() as u64 };
            self.block.drain(..self.used);
            self.used = 0;
            searched = self.block.len();
            self.block.extend_from_slice(&more);
        };
        let line = self.block.get(self.used..end).unwrap_or_default();
        self.used = end + 1;
        // Committed lines are UTF-8; one that is not was changed by somebody, which `verify` tells.
        Ok(Some(simdutf8::basic::from_utf8(line).unwrap_or_default()))
    }
}

/// The source file, generation and line that a line of ours names.
pub fn provenance_key(line: &str) -> Option<PlaceKey> {
    let provenance = skim::members(line).find(|(key, _)| *key == "provenance")?.1;
    place_of(provenance)
}

/// The same of a provenance.
fn place_of(provenance: &str) -> Option<PlaceKey> {
    let (mut file, mut generation, mut line) = (None, None, None);
    for (key, value) in skim::members(provenance) {
        match key {
            "source_file" => file = skim::text(value).map(|text| text.plain().into_owned()),
            "generation" => generation = value.parse().ok(),
            "line_offset" => line = value.parse().ok(),
            _ => {}
        }
    }
    Some((file?, generation?, line?))
}

fn score_key(line: &str) -> Option<(u64, PlaceKey)> {
    let seq = skim::members(line).find(|(key, _)| *key == "score_seq")?.1.parse().ok()?;
    Some((seq, provenance_key(line)?))
}
