//! What the next export commit will take: lines to add, and lines to drop.

use std::collections::BTreeMap;

use super::held::id_of;
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::map::{KeyMap, KeySet};
use crate::pipeline::outputs::Committed;
use crate::store::{Append, Piece, Replace, Store, StoreError};

/// Lines that go into one file, and those that leave it.
#[derive(Debug, Default)]
struct OfFile {
    /// Lines to add; one that was dropped again is empty.
    add: Vec<String>,
    /// Where each of them is, by its id.
    added: KeyMap<usize>,
    bytes: usize,
    /// Samples of the committed file that go.
    drop: KeySet,
}

/// The changes of the next export commit.
#[derive(Debug, Default)]
pub struct Gathered {
    files: BTreeMap<Dataset, OfFile>,
    /// Samples that are newly held back.
    pub withheld: u64,
}

/// What a commit does to the files of samples.
#[derive(Debug, Default)]
pub struct FileChanges {
    /// Files that only grow.
    pub appends: Vec<Append>,
    /// Files that lose lines.
    pub replaces: Vec<Replace>,
    /// Lines that are new.
    pub added: u64,
    /// Lines that are gone.
    pub dropped: u64,
}

impl Gathered {
    pub(super) fn add_line(&mut self, dataset: Dataset, id: SampleId, line: String) {
        let file = self.files.entry(dataset).or_default();
        file.bytes += line.len();
        file.added.insert(id.0, file.add.len());
        file.add.push(line);
    }

    pub(super) fn drop_line(&mut self, dataset: Dataset, id: SampleId) {
        let file = self.files.entry(dataset).or_default();
        match file.added.remove(&id.0).and_then(|at| file.add.get_mut(at)) {
            // It never came into the file.
            Some(line) => {
                file.bytes -= line.len();
                line.clear();
            }
            None => {
                file.drop.insert(id.0);
            }
        }
    }

    /// Bytes of the lines to add.
    pub(super) fn bytes(&self) -> usize {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.withheld == 0
    }

    /// What the commit does: files that lose nothing are appended to, the others are replaced.
    pub fn changes(self, store: &Store) -> Result<FileChanges, StoreError> {
        let mut changes = FileChanges::default();
        for (dataset, file) in self.files {
            let added = file.added.len() as u64;
            let add = file.add.concat().into_bytes();
            changes.added += added;
            changes.dropped += file.drop.len() as u64;
            if !file.drop.is_empty() {
                changes.replaces.push(without(store, dataset, &file.drop, add, added)?);
            } else if added > 0 {
                let piece = Piece { bytes: add, rows: added, sha256: None };
                changes.appends.push(Append { path: dataset.path().to_owned(), pieces: vec![piece] });
            }
        }
        Ok(changes)
    }
}

/// A file of samples without some of its lines, and with others behind the rest.
fn without(
    store: &Store,
    dataset: Dataset,
    drop: &KeySet,
    then: Vec<u8>,
    added: u64,
) -> Result<Replace, StoreError> {
    let path = dataset.path();
    let state = store.state();
    let committed = Committed { disk: store.disk(), output: store.output(), state };
    let (mut keep, mut from, mut at, mut found) = (Vec::new(), 0, 0, 0);
    let mut lines = committed.lines(path, 0);
    while let Some(line) = lines.next()? {
        let to = at + line.len() as u64 + 1;
        if id_of(line.as_bytes(), dataset).is_some_and(|id| drop.contains(&id.0)) {
            if from < at {
                keep.push((from, at));
            }
            from = to;
            found += 1;
        }
        at = to;
    }
    if from < at {
        keep.push((from, at));
    }
    if found < drop.len() as u64 {
        return Err(StoreError::CheckFailed(format!(
            "{found} of {} samples to drop stand in {path}",
            drop.len()
        )));
    }
    let rows = (state.outputs.get(path).map_or(0, |output| output.rows) + added).saturating_sub(found);
    Ok(Replace { path: path.to_owned(), keep, then, rows })
}
