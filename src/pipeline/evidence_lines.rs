//! Evidence lines by row: committed ones from the disk, those of the batch in the making from memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::streams::StreamSet;
use crate::domain::link::Row;
use crate::domain::schema::scalars::Escaped;
use crate::domain::skim;
use crate::store::disk::Disk;
use crate::store::{Piece, Store, StoreError};

/// Where evidence lines are found.
pub(super) struct EvidenceLines<'s> {
    /// What is committed.
    pub(super) store: &'s Store,
    /// The streams.
    pub(super) streams: &'s StreamSet,
    /// What is about to be appended, by path.
    pub(super) pending: &'s BTreeMap<String, Vec<Piece>>,
}

/// Committed evidence, read from whatever thread.
#[derive(Debug)]
pub(super) struct EvidenceReader {
    disk: Arc<dyn Disk>,
    /// The evidence of each stream.
    paths: Vec<PathBuf>,
}

/// Where the evidence line of a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineAt {
    /// The stream's number.
    pub(super) stream: u16,
    /// Where it starts, in bytes.
    pub(super) at: u64,
    /// Its length with the newline, in bytes.
    pub(super) len: u32,
}

impl LineAt {
    /// Of a row.
    pub(super) fn of(row: &Row) -> Self {
        Self { stream: row.stream, at: row.evidence_at(), len: row.evidence_len }
    }

    /// Where the next line starts, in bytes.
    pub(super) fn end(self) -> u64 {
        self.at + u64::from(self.len)
    }
}

impl EvidenceReader {
    /// Of the outputs in a store.
    pub(super) fn new(store: &Store, streams: &StreamSet) -> Self {
        let path = |spec: &super::streams::StreamSpec| store.output().join(spec.output("evidence"));
        Self { disk: store.shared_disk(), paths: streams.specs.iter().map(path).collect() }
    }

    /// A range of a stream's committed evidence.
    pub(super) fn block(&self, stream: u16, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let path = self.paths.get(usize::from(stream)).map_or(Path::new(""), PathBuf::as_path);
        self.disk.read(path, from, to)
    }

    /// One line.
    pub(super) fn line(&self, line: LineAt) -> Result<String, StoreError> {
        let bytes = self.block(line.stream, line.at, line.end())?;
        String::from_utf8(bytes).map_err(|_| StoreError::OutputDamaged {
            path: self.paths.get(usize::from(line.stream)).cloned().unwrap_or_default(),
            seq: 0,
            from: line.at,
            to: line.end(),
        })
    }
}

/// What a score repeats of its evidence.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// The run.
    pub(super) run_id: Escaped<'static>,
    /// The provenance, as JSON.
    pub(super) provenance: String,
}

/// The head of a line nearly always lies within its first bytes.
const HEAD_BYTES: u64 = 1024;

impl EvidenceLines<'_> {
    /// Run and provenance of a row.
    pub(super) fn head(&self, row: &Row) -> Result<Head, StoreError> {
        let len = u64::from(row.evidence_len);
        let short = self.bytes(row, len.min(HEAD_BYTES))?;
        let head = head_of(&short);
        let head = if head.is_none() && len > HEAD_BYTES { head_of(&self.bytes(row, len)?) } else { head };
        head.ok_or_else(|| self.damaged(row))
    }

    fn bytes(&self, row: &Row, len: u64) -> Result<Cow<'_, [u8]>, StoreError> {
        let Some(spec) = self.streams.specs.get(usize::from(row.stream)) else {
            return Err(self.damaged(row));
        };
        let path = spec.output("evidence");
        let (from, committed) = (row.evidence_at(), self.store.state().output_len(&path));
        if from < committed {
            let read = self.store.disk().read(&self.store.output().join(&path), from, from + len);
            return read.map(Cow::Owned);
        }
        let mut at = committed;
        for piece in self.pending.get(&path).into_iter().flatten() {
            let start = from.saturating_sub(at) as usize;
            if let Some(bytes) = piece.bytes.get(start..).filter(|bytes| from >= at && !bytes.is_empty()) {
                return Ok(Cow::Borrowed(bytes.get(..len as usize).unwrap_or(bytes)));
            }
            at += piece.bytes.len() as u64;
        }
        Err(self.damaged(row))
    }

    fn damaged(&self, row: &Row) -> StoreError {
        let path = self.streams.specs.get(usize::from(row.stream)).map(|spec| spec.output("evidence"));
        let (from, to) = (row.evidence_at(), row.evidence_at() + u64::from(row.evidence_len));
        StoreError::OutputDamaged {
            path: self.store.output().join(path.unwrap_or_default()),
            seq: 0,
            from,
            to,
        }
    }
}

fn head_of(bytes: &[u8]) -> Option<Head> {
    // The cut may fall within a character; what stands before it is whole.
    let text = simdutf8::basic::from_utf8(bytes).ok().or_else(|| {
        let whole = std::str::from_utf8(bytes).err()?.valid_up_to();
        std::str::from_utf8(bytes.get(..whole)?).ok()
    })?;
    let mut members = skim::members(text).skip_while(|(key, _)| *key != "run_id");
    let run_id = Escaped::from_escaped(skim::text(members.next()?.1)?.escaped().to_owned());
    // What stands before it holds no objects, so that it is the first of its name.
    let provenance = skim::first(text, "\"provenance\":")?.to_owned();
    Some(Head { run_id, provenance })
}
