//! Views of few lines: those of the old file are known by key and length, and what changed is put in their place.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::ViewError;
use super::rewrite::Rewrite;
use crate::domain::schema::published::{Published, Refusal};
use crate::domain::schema::receipt::CommittedState;
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::Prepared;

/// The files of the views, below the output folder.
pub const VIEW_PATHS: [&str; 4] = [RUNS, PLAYBOOKS, MODEL_LEDGER, DRIFT];
pub(super) const RUNS: &str = "views/runs.jsonl";
pub(super) const PLAYBOOKS: &str = "views/playbooks.jsonl";
pub(super) const MODEL_LEDGER: &str = "views/model_ledger.jsonl";
pub(super) const DRIFT: &str = "views/drift.jsonl";

/// Task type, and pattern or model: the order of the lines.
pub(super) type Key = (Box<str>, Box<str>);

/// Lines by key, in the order of the file, and how long each is.
#[derive(Debug)]
pub(super) struct Listed {
    path: &'static str,
    lens: BTreeMap<Key, u64>,
    /// Of the committed file, once it is known.
    sha256: Option<Sha256Hex>,
}

impl Listed {
    pub(super) fn new(path: &'static str) -> Self {
        Self { path, lens: BTreeMap::new(), sha256: None }
    }

    /// Puts items in the place of the lines with their keys; a key without an item has no line any more.
    pub(super) fn update<T: Published + Serialize>(
        &mut self,
        output: &Path,
        committed: &CommittedState,
        changed: BTreeMap<Key, Option<T>>,
    ) -> Result<Option<Prepared>, ViewError> {
        let mut rewrite = Rewrite::open(output, self.path, committed)?;
        let mut changed = changed.into_iter().peekable();
        let mut lens = BTreeMap::new();
        for (key, len) in std::mem::take(&mut self.lens) {
            while let Some((new, item)) = changed.next_if(|(new, _)| *new < key) {
                put(self.path, &mut rewrite, &mut lens, new, item)?;
            }
            if let Some((key, item)) = changed.next_if(|(new, _)| *new == key) {
                rewrite.skip(len)?;
                put(self.path, &mut rewrite, &mut lens, key, item)?;
            } else {
                rewrite.keep(len)?;
                lens.insert(key, len);
            }
        }
        for (key, item) in changed {
            put(self.path, &mut rewrite, &mut lens, key, item)?;
        }
        self.lens = lens;
        let prepared = rewrite.finish(self.sha256)?;
        self.sha256 = prepared.as_ref().map(|prepared| prepared.sha256).or(self.sha256);
        Ok(prepared)
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.lens.keys().map(|(task_type, other)| task_type.len() + other.len() + 64).sum()
    }
}

fn put<T: Published + Serialize>(
    path: &'static str,
    rewrite: &mut Rewrite,
    lens: &mut BTreeMap<Key, u64>,
    key: Key,
    item: Option<T>,
) -> Result<(), ViewError> {
    let Some(item) = item else { return Ok(()) };
    let line = item.to_line().map_err(|refusal: Refusal| ViewError::refused(path, refusal))?;
    rewrite.put(line.as_bytes())?;
    lens.insert(key, line.len() as u64);
    Ok(())
}

/// A file that is made as a whole.
pub(super) fn whole<T: Published + Serialize>(
    output: &Path,
    path: &'static str,
    committed: &CommittedState,
    items: &[T],
) -> Result<Option<Prepared>, ViewError> {
    let mut rewrite = Rewrite::open(output, path, committed)?;
    for item in items {
        let line = item.to_line().map_err(|refusal| ViewError::refused(path, refusal))?;
        rewrite.put(line.as_bytes())?;
    }
    rewrite.finish(None)
}
