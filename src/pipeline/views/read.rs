//! Reading what was committed since the last time: evidence beside its first score, then superseding scores.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::domain::schema::receipt::CommittedState;
use crate::domain::views::facts::Facts;
use crate::domain::views::outline::Outlines;
use crate::pipeline::outputs::{Outputs, RESCORED};
use crate::store::StoreError;

const BLOCK_BYTES: usize = 1 << 20;

/// What the views take of rows that were just committed: of one stream, one after the other.
#[derive(Debug)]
pub struct Fresh {
    /// The stream's number.
    pub stream: usize,
    /// Where the evidence of the first row starts, in bytes.
    pub evidence_from: u64,
    /// The rows.
    pub outlines: Outlines,
}

/// The streams of an output folder, and how far their lines were read.
#[derive(Debug)]
pub(super) struct Cursors {
    /// The streams; their place here is their number.
    pub(super) names: Vec<String>,
    read_to: Vec<(u64, u64)>,
    rescored_to: u64,
}

impl Cursors {
    /// At the start of these streams, and of those that have evidence beside them.
    pub(super) fn new(streams: &[&str], committed: &CommittedState) -> Self {
        let mut names: Vec<String> = streams.iter().map(|name| (*name).to_owned()).collect();
        names.extend(with_evidence(committed).filter(|name| !streams.contains(name)).map(str::to_owned));
        let read_to = vec![(0, 0); names.len()];
        Self { names, read_to, rescored_to: 0 }
    }

    /// No rows of these streams.
    pub(super) fn facts(&self) -> Facts {
        Facts::new(&self.names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Whether what was read is the beginning of what is committed.
    pub(super) fn fit(&self, committed: &CommittedState) -> bool {
        let is_within = |(name, read_to): (&String, &(u64, u64))| {
            read_to.0 <= committed.output_len(&evidence(name))
                && read_to.1 <= committed.output_len(&scores(name))
        };
        let known = |name: &str| self.names.iter().any(|known| known == name);
        self.names.iter().zip(&self.read_to).all(is_within)
            && self.rescored_to <= committed.output_len(RESCORED)
            && with_evidence(committed).all(known)
    }

    /// Takes what is fresh, as far as it follows on what was read, and reads what else is new.
    pub(super) fn read(
        &mut self,
        fresh: Vec<Fresh>,
        output: &Path,
        committed: &CommittedState,
        facts: &mut Facts,
    ) -> Result<(), StoreError> {
        for Fresh { stream, evidence_from, outlines } in fresh {
            if let Some(read_to) = self.read_to.get_mut(stream).filter(|read_to| read_to.0 == evidence_from) {
                facts.take(stream, evidence_from, &outlines);
                let (evidence, scored) = outlines.lens();
                *read_to = (read_to.0 + evidence, read_to.1 + scored);
            }
        }
        for (stream, (name, read_to)) in self.names.iter().zip(&mut self.read_to).enumerate() {
            let (evidence, scores) = (evidence(name), scores(name));
            let (evidence_to, scores_to) = (committed.output_len(&evidence), committed.output_len(&scores));
            if read_to.0 == evidence_to {
                continue;
            }
            let mut evidence = LineReader::open(output.join(evidence), read_to.0, evidence_to)?;
            let mut scores = LineReader::open(output.join(scores), read_to.1, scores_to)?;
            while let Some((evidence_at, line)) = evidence.next()? {
                if let Some((_, score)) = scores.next()? {
                    facts.read(stream, evidence_at, line, score);
                }
            }
            *read_to = (evidence_to, scores_to);
        }
        let rescored_to = committed.output_len(RESCORED);
        if self.rescored_to < rescored_to {
            let mut rescored = LineReader::open(output.join(RESCORED), self.rescored_to, rescored_to)?;
            while let Some((_, line)) = rescored.next()? {
                facts.read_rescored(line);
            }
            self.rescored_to = rescored_to;
        }
        Ok(())
    }
}

fn with_evidence(committed: &CommittedState) -> impl Iterator<Item = &str> {
    committed.outputs.keys().filter_map(|path| path.strip_prefix("evidence/")?.strip_suffix(".jsonl"))
}

pub(super) fn evidence(stream: &str) -> String {
    format!("evidence/{stream}.jsonl")
}

pub(super) fn scores(stream: &str) -> String {
    format!("scored-runs/{stream}.jsonl")
}

/// What is kept of every committed row, for views that are made once.
pub fn committed_facts(outputs: &Outputs) -> Result<Facts, StoreError> {
    let mut cursors = Cursors::new(&[], &outputs.state);
    let mut facts = cursors.facts();
    cursors.read(Vec::new(), outputs.folder(), &outputs.state, &mut facts)?;
    let waiting = facts.waiting();
    facts.settle(waiting);
    Ok(facts)
}

/// Reads at a place until the buffer is full or the file at its end; gives how much.
pub(super) fn read_at(file: &File, path: &Path, buffer: &mut [u8], at: u64) -> Result<usize, StoreError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(StoreError::io("read", path, e)),
        }
    }
    Ok(filled)
}

/// The lines of a range of a file, in one buffer.
#[derive(Debug)]
struct LineReader {
    file: File,
    path: PathBuf,
    /// Where the buffer starts in the file, and where the range ends.
    block_at: u64,
    to: u64,
    block: Vec<u8>,
    filled: usize,
    used: usize,
}

impl LineReader {
    fn open(path: PathBuf, from: u64, to: u64) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(|e| StoreError::io("open", &path, e))?;
        let size = BLOCK_BYTES.min(usize::try_from(to - from).unwrap_or(BLOCK_BYTES));
        Ok(Self { file, path, block_at: from, to, block: vec![0; size], filled: 0, used: 0 })
    }

    /// The next line without its newline, and where it starts. A line that is not UTF-8 was changed by somebody, which
    /// `verify` tells: it comes out empty.
    fn next(&mut self) -> Result<Option<(u64, &str)>, StoreError> {
        let mut searched = self.used;
        let end = loop {
            let rest = self.block.get(searched..self.filled).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                break searched + end;
            }
            if !self.fill()? {
                return Ok(None);
            }
            searched = self.used;
        };
        let (from, line) = (self.used, self.block.get(self.used..end).unwrap_or_default());
        self.used = end + 1;
        Ok(Some((self.block_at + from as u64, simdutf8::basic::from_utf8(line).unwrap_or_default())))
    }

    /// Reads on, what is not used yet moved to the front; whether there was more.
    fn fill(&mut self) -> Result<bool, StoreError> {
        self.block.copy_within(self.used..self.filled, 0);
        self.block_at += self.used as u64;
        self.filled -= self.used;
        self.used = 0;
        if self.filled == self.block.len() {
            // A line longer than the buffer.
            self.block.resize(self.filled * 2, 0);
        }
        let at = self.block_at + self.filled as u64;
        let room = self.block.get_mut(self.filled..).unwrap_or_default();
        let wanted = room.len().min(usize::try_from(self.to.saturating_sub(at)).unwrap_or(usize::MAX));
        let read = read_at(&self.file, &self.path, room.get_mut(..wanted).unwrap_or_default(), at)?;
        self.filled += read;
        Ok(read > 0)
    }
}
