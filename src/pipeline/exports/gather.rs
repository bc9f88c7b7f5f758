//! What the next export commit will take: lines to add, and lines to drop.

use std::collections::BTreeMap;

use super::held::id_of;
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::map::{KeyMap, KeySet};
use crate::pipeline::outputs::Committed;
use crate::store::{Append, Piece, Replace, Store, StoreError};

/// Lines to add.
#[derive(Debug, Default)]
struct Lines {
    /// One that was dropped again is empty.
    all: Vec<String>,
    /// Where each of them is, by its id.
    by_id: KeyMap<usize>,
    bytes: usize,
}

impl Lines {
    fn add(&mut self, id: SampleId, line: String) {
        self.bytes += line.len();
        self.by_id.insert(id.0, self.all.len());
        self.all.push(line);
    }

    /// Drops a line again; whether it was there.
    fn drop_line(&mut self, id: SampleId) -> bool {
        let line = self.by_id.remove(&id.0).and_then(|at| self.all.get_mut(at));
        line.map(|line| self.bytes -= std::mem::take(line).len()).is_some()
    }
}

/// Lines that go into one file, and those that leave it.
#[derive(Debug, Default)]
struct OfFile {
    /// Lines that are new.
    add: Lines,
    /// Lines that take the place of one with the same id.
    instead: Lines,
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
        let lines = if file.drop.contains(&id.0) { &mut file.instead } else { &mut file.add };
        lines.add(id, line);
    }

    pub(super) fn drop_line(&mut self, dataset: Dataset, id: SampleId) {
        let file = self.files.entry(dataset).or_default();
        // What never came into the file need not go.
        if !file.add.drop_line(id) && !file.instead.drop_line(id) {
            file.drop.insert(id.0);
        }
    }

    /// Whether the lines that can be appended come to so many bytes.
    pub(super) fn has_appends(&self, bytes: usize) -> bool {
        self.files.values().map(|file| file.add.bytes).sum::<usize>() >= bytes
    }

    /// Whether the lines that take the place of others come to so many bytes.
    pub(super) fn has_replacements(&self, bytes: usize) -> bool {
        self.files.values().map(|file| file.instead.bytes).sum::<usize>() >= bytes
    }

    /// Hands over what can be appended alone: where a line goes, the whole file is written anew.
    pub(super) fn take_appends(&mut self) -> Self {
        let appends = |(dataset, file): (&Dataset, &mut OfFile)| {
            (*dataset, OfFile { add: std::mem::take(&mut file.add), ..OfFile::default() })
        };
        let files = self.files.iter_mut().map(appends).collect();
        self.files.retain(|_, file| !file.drop.is_empty());
        Self { files, withheld: std::mem::take(&mut self.withheld) }
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.withheld == 0
    }

    /// What the commit does: files that lose nothing are appended to, the others are replaced.
    pub fn changes(self, store: &Store) -> Result<FileChanges, StoreError> {
        let mut changes = FileChanges::default();
        for (dataset, file) in self.files {
            let added = (file.add.by_id.len() + file.instead.by_id.len()) as u64;
            let add = [file.add.all.concat(), file.instead.all.concat()].concat().into_bytes();
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
