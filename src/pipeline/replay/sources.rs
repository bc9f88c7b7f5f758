//! Which generations of the streams the receipts name, and whether each of them is still there to be read.
//!
//! A generation is there when a file of its stream holds, before the last byte that was committed of it, the bytes that
//! its receipt hashed. The file may have been renamed, or come back from a copy; it is not asked who it is but what it holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::ReplayError;
use crate::domain::schema::receipt::{InputRange, Receipt, StreamState};
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::earlier::{Earlier, Place};
use crate::intake::identity::Identity;
use crate::intake::lines::read_anchor;
use crate::intake::siblings;
use crate::pipeline::archive::copies::{self, Wanted};
use crate::pipeline::archive::{Held, Range, hold};
use crate::pipeline::row_scan::each_line;
use crate::pipeline::streams::{StreamSet, StreamSpec};
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};
use crate::store::receipts::Receipts;

/// One life of a stream's file, as far as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The stream.
    pub stream: String,
    /// Which life.
    pub generation: u32,
    /// The file, as it was last named.
    pub path: String,
    identity: Option<Identity>,
    /// Bytes committed of it.
    pub to: u64,
    anchor: Sha256Hex,
    /// Whether another one was begun: what came behind `to` later was never read.
    is_left: bool,
}

/// All generations that the receipts of an output name and that had rows or may get some, in order. The caller holds the lock.
pub fn receipted(output: &Path) -> Result<Vec<Generation>, StoreError> {
    let mut found = BTreeMap::new();
    each_receipt(output, |receipt| {
        for (name, stream) in receipt.state.iter().flat_map(|state| &state.streams) {
            note(&mut found, of_state(name, stream));
        }
        for input in &receipt.input_files {
            note(
                &mut found,
                Generation {
                    stream: input.stream.clone(),
                    generation: input.generation,
                    path: input.path.clone(),
                    identity: Identity::parse(&input.identity),
                    to: input.to,
                    anchor: input.anchor,
                    is_left: false,
                },
            );
        }
    })?;
    let mut found: Vec<Generation> = found.into_values().collect();
    let mut later: Option<String> = None;
    for generation in found.iter_mut().rev() {
        generation.is_left = later.as_ref() == Some(&generation.stream);
        later = Some(generation.stream.clone());
    }
    found.retain(|generation| generation.to > 0 || !generation.is_left);
    Ok(found)
}

fn note(found: &mut BTreeMap<(String, u32), Generation>, generation: Generation) {
    found.insert((generation.stream.clone(), generation.generation), generation);
}

fn of_state(name: &str, stream: &StreamState) -> Generation {
    Generation {
        stream: name.to_owned(),
        generation: stream.generation,
        path: stream.path.clone(),
        identity: Identity::parse(&stream.identity),
        to: stream.offset,
        anchor: stream.anchor,
        is_left: false,
    }
}

/// Goes over all receipts of an output, the sealed ones first.
fn each_receipt(output: &Path, mut take: impl FnMut(&Receipt)) -> Result<(), StoreError> {
    let disk = RealDisk::default();
    Receipts::finish_sealing(&disk, output)?;
    let active = Receipts::read(&disk, output)?;
    let dir = output.join("receipts");
    let mut files: Vec<(u64, PathBuf, u64)> = Vec::new();
    for name in disk.list(&dir)? {
        let sealed = name.strip_prefix("receipts-").and_then(|rest| rest.strip_suffix(".jsonl"));
        if let Some(seq) = sealed.and_then(|seq| seq.parse().ok()) {
            let path = dir.join(&name);
            let len = disk.len(&path)?.unwrap_or(0);
            files.push((seq, path, len));
        }
    }
    files.push((u64::MAX, Receipts::active_path(output), active.len));
    files.sort_unstable();
    for (_, path, len) in files {
        let mut damaged = None;
        each_line(
            |from, to, block| disk.read_over(&path, from, to, block),
            0,
            len,
            |at, line| {
                let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
                match text.and_then(Receipt::from_line) {
                    Some(receipt) => take(&receipt),
                    None => damaged = damaged.or(Some(at)),
                }
            },
        )?;
        if let Some(offset) = damaged {
            return Err(StoreError::ReceiptsDamaged {
                path,
                offset,
                what: "a line that is not a whole receipt",
            });
        }
    }
    Ok(())
}

/// Where the generations of the streams are.
#[derive(Debug, Default)]
pub struct Located {
    /// Those that are not there any more.
    pub gone: Vec<Generation>,
    /// Those that are read from their copies.
    pub copied: Vec<Generation>,
    /// By stream: what is read of it first, from generation 0 on.
    pub earlier: BTreeMap<String, Vec<Earlier>>,
}

/// Finds the generations of these streams: their files, else their copies in the archive, each held to all its receipts.
pub fn locate(
    output: &Path,
    generations: &[Generation],
    streams: &StreamSet,
) -> Result<Located, ReplayError> {
    let mut located = Located::default();
    for spec in &streams.specs {
        let wanted: Vec<_> = generations.iter().filter(|wanted| wanted.stream == spec.name).collect();
        let mut files = files_of(spec)?;
        // Of two lives of one file only the later one can be there. A file is the one it was, else one that holds the same.
        for wanted in wanted.iter().rev() {
            claim(&mut files, wanted, true);
        }
        let mut without_file = Vec::new();
        for wanted in wanted.iter().rev() {
            let is_there = files.iter().any(|file| file.claimed_by == Some(wanted.generation));
            // Of one that was only begun nothing is missing.
            if !is_there && !claim(&mut files, wanted, false) && wanted.to > 0 {
                without_file.push(*wanted);
            }
        }
        let mut copies = copies_of(output, spec, &without_file)?;
        let is_copied = |wanted: &&Generation| copies.contains_key(&wanted.generation);
        let (copied, gone): (Vec<&Generation>, Vec<&Generation>) =
            without_file.into_iter().partition(is_copied);
        // A stream that has but the one file is read as it was at first, with what lies compressed beside it.
        let is_plain =
            files.len() == 1 && copied.is_empty() && wanted.first().is_none_or(|first| first.generation == 0);
        if !is_plain {
            located.earlier.insert(spec.name.clone(), earlier(&wanted, &files, &mut copies));
        }
        located.copied.extend(copied.into_iter().cloned());
        located.gone.extend(gone.into_iter().cloned());
    }
    for list in [&mut located.gone, &mut located.copied] {
        list.sort_by(|a, b| (&a.stream, a.generation).cmp(&(&b.stream, b.generation)));
    }
    Ok(located)
}

/// The copies of generations of one stream, by number. One that is not what the receipts say is refused.
fn copies_of(
    output: &Path,
    spec: &StreamSpec,
    wanted: &[&Generation],
) -> Result<BTreeMap<u32, PathBuf>, ReplayError> {
    let unreadable = |e| StoreError::io("read", spec.archive.as_deref().unwrap_or(&spec.path), e);
    let named = copies::list(spec).map_err(unreadable)?;
    let (mut found, mut suspects) = (BTreeMap::new(), BTreeMap::new());
    for wanted in wanted {
        let generation = wanted.generation;
        let fitting = Wanted { generation, to: wanted.to, anchor: wanted.anchor };
        if let Some(copy) = copies::find(&named, &fitting).map_err(unreadable)? {
            found.insert(generation, copy);
        } else if let Some(named) = named.iter().find(|named| named.generation == generation) {
            suspects.insert(generation, named.path.clone());
        }
    }
    if !found.is_empty() {
        let mut ranges: BTreeMap<u32, Vec<Range>> = BTreeMap::new();
        each_receipt(output, |receipt| {
            let own =
                |input: &&InputRange| input.stream == spec.name && found.contains_key(&input.generation);
            for input in receipt.input_files.iter().filter(own) {
                ranges.entry(input.generation).or_default().push(Range::of_input(receipt.seq, input));
            }
        })?;
        for (generation, copy) in &found {
            let ranges = ranges.remove(generation).unwrap_or_default();
            match hold(copy, ranges).map_err(unreadable)? {
                Held::Whole => {}
                Held::Begun => return Err(damaged(spec, *generation, copy.path(), "it is not whole")),
                Held::Wrong(what) => return Err(damaged(spec, *generation, copy.path(), &what)),
            }
        }
    }
    // A file that has the number in its name and cannot be read is told from a generation that was never copied.
    if let Some((generation, path)) = suspects.into_iter().next() {
        return Err(damaged(spec, generation, &path, "it does not hold what the receipts say"));
    }
    Ok(found.into_iter().map(|(generation, copy)| (generation, copy.path().to_owned())).collect())
}

fn damaged(spec: &StreamSpec, generation: u32, path: &Path, what: &str) -> ReplayError {
    let (stream, path, what) = (spec.name.clone(), path.to_owned(), what.to_owned());
    ReplayError::DamagedCopy { stream, generation, path, what }
}

/// What is read of a stream first: in the order of the receipts, so that every generation keeps its number, and as far as it
/// was read when the next one was begun. The last one is read as long as rows come to it.
fn earlier(wanted: &[&Generation], files: &[Found], copies: &mut BTreeMap<u32, PathBuf>) -> Vec<Earlier> {
    let mut earlier = Vec::new();
    let mut next = 0;
    for wanted in wanted {
        let file = files.iter().find(|file| file.claimed_by == Some(wanted.generation));
        let (name, identity, place) = match (file, copies.remove(&wanted.generation)) {
            (Some(file), _) => {
                let end = wanted.is_left.then_some(wanted.to);
                (file.path.display().to_string(), file.identity, Place::File(file.path.clone(), end))
            }
            // Receipts go on naming the file that it was.
            (None, Some(copy)) => {
                let Some(identity) = wanted.identity else { continue };
                (wanted.path.clone(), identity, Place::Copy(copy))
            }
            (None, None) => {
                next = wanted.generation + 1;
                continue;
            }
        };
        // Numbers that no receipt with rows has were lives of the file without a row.
        for _ in next..wanted.generation {
            earlier.push(Earlier { name: name.as_str().into(), identity, place: Place::Nowhere });
        }
        earlier.push(Earlier { name: name.into(), identity, place });
        next = wanted.generation + 1;
    }
    earlier
}

/// A file of a stream as it is now.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    file: File,
    identity: Identity,
    len: u64,
    claimed_by: Option<u32>,
}

fn claim(files: &mut [Found], wanted: &Generation, by_identity: bool) -> bool {
    let is_it = |file: &&mut Found| {
        let same = || wanted.identity.is_some_and(|identity| identity.is_same(&file.identity));
        // Every file begins with nothing.
        let by_content = !by_identity && wanted.to > 0;
        file.claimed_by.is_none() && (by_content || same()) && file.holds(wanted)
    };
    let found = files.iter_mut().find(is_it);
    found.map(|file| file.claimed_by = Some(wanted.generation)).is_some()
}

impl Found {
    fn holds(&self, wanted: &Generation) -> bool {
        let anchor = || read_anchor(&self.file, wanted.to);
        self.len >= wanted.to && anchor().is_ok_and(|anchor| Sha256Hex::of(&anchor) == wanted.anchor)
    }
}

/// The files that a replay of a stream reads.
fn files_of(spec: &StreamSpec) -> Result<Vec<Found>, ReplayError> {
    let rotated = siblings::find(&spec.path)?.into_iter().filter(|sibling| !sibling.compressed);
    let paths = rotated.map(|sibling| sibling.path).chain([spec.path.clone()]);
    let open = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let file = File::open(&path).ok()?;
        let (identity, len) = (Identity::of(&metadata), metadata.len());
        Some(Found { path, file, identity, len, claimed_by: None })
    };
    Ok(paths.filter_map(open).collect())
}
