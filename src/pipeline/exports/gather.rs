//! What the next export commit will take: lines to add, and lines to drop.

use std::collections::BTreeMap;

use super::held::id_of;
use super::make::MadeLines;
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::map::{KeyMap, KeySet};
use crate::domain::schema::scalars::Sha256Hex;
use crate::pipeline::row_scan::each_line;
use crate::store::{Append, Piece, Replace, Store, StoreError};

/// Single lines are joined up to this size.
const JOIN_BYTES: usize = 1 << 20;

/// Lines to add.
#[derive(Debug, Default)]
struct Lines {
    blocks: Vec<Block>,
    /// Where each of them is, by its id: the block, from and to.
    by_id: KeyMap<(u32, u32, u32)>,
    bytes: usize,
}

/// Lines one behind the other.
#[derive(Debug)]
struct Block {
    bytes: String,
    /// Of the bytes, where it is known and no line was added or dropped since.
    sha256: Option<Sha256Hex>,
    rows: u64,
    /// Lines that were dropped again.
    dead: Vec<(u32, u32)>,
}

impl Block {
    /// The lines that were not dropped.
    fn living(mut self) -> String {
        if self.dead.is_empty() {
            return self.bytes;
        }
        self.dead.sort_unstable();
        let (mut living, mut from) = (String::with_capacity(self.bytes.len()), 0);
        for (dead_from, dead_to) in self.dead {
            living.push_str(self.bytes.get(from..dead_from as usize).unwrap_or_default());
            from = dead_to as usize;
        }
        living.push_str(self.bytes.get(from..).unwrap_or_default());
        living
    }
}

impl Lines {
    fn add(&mut self, id: SampleId, line: &str) {
        if self.blocks.last().is_none_or(|last| last.sha256.is_some() || last.bytes.len() > JOIN_BYTES) {
            self.blocks.push(Block { bytes: String::new(), sha256: None, rows: 0, dead: Vec::new() });
        }
        let number = self.blocks.len() as u32 - 1;
        let Some(last) = self.blocks.last_mut() else { return };
        let from = last.bytes.len() as u32;
        last.bytes.push_str(line);
        last.rows += 1;
        self.bytes += line.len();
        self.by_id.insert(id.0, (number, from, last.bytes.len() as u32));
    }

    /// Adds all lines that were made together.
    fn add_block(&mut self, made: MadeLines) {
        let number = self.blocks.len() as u32;
        let mut from = 0;
        for sample in &made.samples {
            self.by_id.insert(sample.id.0, (number, from, sample.to));
            from = sample.to;
        }
        self.bytes += made.bytes.len();
        let (sha256, rows) = (Some(made.sha256), made.samples.len() as u64);
        self.blocks.push(Block { bytes: made.bytes, sha256, rows, dead: Vec::new() });
    }

    /// Drops a line again; whether it was there.
    fn drop_line(&mut self, id: SampleId) -> bool {
        let Some((number, from, to)) = self.by_id.remove(&id.0) else { return false };
        if let Some(block) = self.blocks.get_mut(number as usize) {
            block.dead.push((from, to));
            block.sha256 = None;
            block.rows -= 1;
        }
        self.bytes -= (to - from) as usize;
        true
    }

    fn pieces(self) -> impl Iterator<Item = Piece> {
        self.blocks.into_iter().filter(|block| block.rows > 0).map(|block| {
            let (rows, sha256) = (block.rows, block.sha256);
            Piece { bytes: block.living().into_bytes(), rows, sha256 }
        })
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
    pub(super) fn add_line(&mut self, dataset: Dataset, id: SampleId, line: &str) {
        let file = self.files.entry(dataset).or_default();
        let lines = if file.drop.contains(&id.0) { &mut file.instead } else { &mut file.add };
        lines.add(id, line);
    }

    /// Adds lines that were made together: all of them, or those that are `wanted`.
    pub(super) fn add_lines(&mut self, made: MadeLines, wanted: &[bool]) {
        let file = self.files.entry(made.dataset).or_default();
        let whole = wanted.iter().all(|wanted| *wanted)
            && (file.drop.is_empty() || !made.samples.iter().any(|sample| file.drop.contains(&sample.id.0)));
        if whole {
            return file.add.add_block(made);
        }
        let mut from = 0;
        for (sample, wanted) in made.samples.iter().zip(wanted) {
            if let Some(line) = made.bytes.get(from..sample.to as usize).filter(|_| *wanted) {
                self.add_line(made.dataset, sample.id, line);
            }
            from = sample.to as usize;
        }
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
            changes.added += added;
            changes.dropped += file.drop.len() as u64;
            let mut pieces: Vec<Piece> = file.add.pieces().chain(file.instead.pieces()).collect();
            if !file.drop.is_empty() {
                let then = match pieces.as_mut_slice() {
                    [one] => std::mem::take(&mut one.bytes),
                    several => several.iter().flat_map(|piece| &piece.bytes).copied().collect(),
                };
                changes.replaces.push(without(store, dataset, &file.drop, then, added)?);
            } else if added > 0 {
                changes.appends.push(Append { path: dataset.path().to_owned(), pieces });
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
    let (full, len) = (store.output().join(path), state.output_len(path));
    let (mut keep, mut from, mut found) = (Vec::new(), 0, 0);
    let read = |from, to, block: &mut Vec<u8>| store.disk().read_over(&full, from, to, block);
    each_line(read, 0, len, |at, line| {
        if id_of(line, dataset).is_some_and(|id| drop.contains(&id.0)) {
            if from < at {
                keep.push((from, at));
            }
            from = at + line.len() as u64;
            found += 1;
        }
    })?;
    if from < len {
        keep.push((from, len));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::Category;
    use crate::domain::signal::SignalSet;
    use crate::pipeline::exports::Stamp;
    use crate::pipeline::exports::make::MadeSample;

    /// Lines that were made together, with the ids from a number on.
    fn made(from: u64, lines: &[&str]) -> MadeLines {
        let stamp = Stamp { category: Category::Accepted, signals: SignalSet::EMPTY, task: 0 };
        let mut bytes = String::new();
        let sample = |(id, line): (u64, &&str)| {
            bytes.push_str(line);
            MadeSample { id: SampleId(id), place: 0, asked: 0, stamp, to: bytes.len() as u32 }
        };
        let samples = (from..).zip(lines).map(sample).collect();
        let sha256 = Sha256Hex::of(bytes.as_bytes());
        MadeLines { dataset: Dataset::Rag, bytes, sha256, samples }
    }

    fn pieces(gathered: &mut Gathered) -> Vec<(String, u64, bool)> {
        let file = gathered.files.remove(&Dataset::Rag).unwrap();
        let text = |piece: Piece| {
            let fits = piece.sha256.is_none_or(|sha256| sha256 == Sha256Hex::of(&piece.bytes));
            assert!(fits, "a hash of other bytes");
            (String::from_utf8(piece.bytes).unwrap(), piece.rows, piece.sha256.is_some())
        };
        file.add.pieces().chain(file.instead.pieces()).map(text).collect()
    }

    #[test]
    fn lines_keep_their_hash_until_one_is_dropped_again() {
        let mut gathered = Gathered::default();
        gathered.add_lines(made(1, &["a\n", "bb\n", "ccc\n"]), &[true, true, true]);
        gathered.add_lines(made(4, &["d\n", "ee\n"]), &[true, true]);
        gathered.drop_line(Dataset::Rag, SampleId(2));
        gathered.add_line(Dataset::Rag, SampleId(2), "again\n");
        assert_eq!(
            pieces(&mut gathered),
            [
                ("a\nccc\n".to_owned(), 2, false),
                ("d\nee\n".to_owned(), 2, true),
                ("again\n".to_owned(), 1, false)
            ]
        );
    }

    #[test]
    fn lines_that_are_not_wanted_or_take_the_place_of_others_come_apart() {
        let mut gathered = Gathered::default();
        gathered.drop_line(Dataset::Rag, SampleId(3));
        gathered.add_lines(made(1, &["a\n", "bb\n", "ccc\n"]), &[true, false, true]);
        assert!(gathered.has_appends(2) && !gathered.has_appends(3) && gathered.has_replacements(4));
        assert_eq!(pieces(&mut gathered), [("a\n".to_owned(), 1, false), ("ccc\n".to_owned(), 1, false)]);
    }
}
