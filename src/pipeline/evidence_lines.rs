//! Evidence lines by row: committed ones from the disk, those of the batch in the making from memory.

use std::collections::BTreeMap;

use super::streams::StreamSet;
use crate::domain::link::Row;
use crate::domain::schema::scalars::Escaped;
use crate::domain::skim;
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

/// What a score repeats of its evidence.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// The run.
    pub(super) run_id: Escaped<'static>,
    /// The provenance, as JSON.
    pub(super) provenance: String,
}

/// The head of a line nearly always lies within its first bytes.
const HEAD_BYTES: u64 = 2048;

impl EvidenceLines<'_> {
    /// Run and provenance of a row.
    pub(super) fn head(&self, row: &Row) -> Result<Head, StoreError> {
        let len = u64::from(row.evidence_len);
        let short = self.bytes(row, len.min(HEAD_BYTES))?;
        let head = head_of(&short);
        let head = if head.is_none() && len > HEAD_BYTES { head_of(&self.bytes(row, len)?) } else { head };
        head.ok_or_else(|| self.damaged(row))
    }

    /// The whole line of a row, without its newline.
    pub(super) fn line(&self, row: &Row) -> Result<String, StoreError> {
        let mut bytes = self.bytes(row, u64::from(row.evidence_len))?;
        bytes.pop();
        String::from_utf8(bytes).map_err(|_| self.damaged(row))
    }

    /// A range of a stream's committed evidence.
    pub(super) fn block(&self, stream: u16, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let path = self.streams.specs.get(usize::from(stream)).map(|spec| spec.output("evidence"));
        self.store.disk().read(&self.store.output().join(path.unwrap_or_default()), from, to)
    }

    /// The name of a stream.
    pub(super) fn stream_name(&self, stream: u16) -> &str {
        self.streams.specs.get(usize::from(stream)).map_or("", |spec| &spec.name)
    }

    fn bytes(&self, row: &Row, len: u64) -> Result<Vec<u8>, StoreError> {
        let Some(spec) = self.streams.specs.get(usize::from(row.stream)) else {
            return Err(self.damaged(row));
        };
        let path = spec.output("evidence");
        let (from, committed) = (row.evidence_at(), self.store.state().output_len(&path));
        if from < committed {
            return self.store.disk().read(&self.store.output().join(&path), from, from + len);
        }
        let mut at = committed;
        for piece in self.pending.get(&path).into_iter().flatten() {
            let start = from.saturating_sub(at) as usize;
            if let Some(bytes) = piece.bytes.get(start..).filter(|bytes| from >= at && !bytes.is_empty()) {
                return Ok(bytes.get(..len as usize).unwrap_or(bytes).to_vec());
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
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(bytes.get(..e.valid_up_to())?).ok()?,
    };
    let mut run_id = None;
    for (key, value) in skim::members(text) {
        match key {
            "run_id" => run_id = skim::text(value),
            "provenance" => {
                let run_id = Escaped::from_escaped(run_id?.escaped().to_owned());
                return Some(Head { run_id, provenance: value.to_owned() });
            }
            _ => {}
        }
    }
    None
}
