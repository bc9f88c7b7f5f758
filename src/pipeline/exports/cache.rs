//! The copy in `state/samples` of what the desk knows at a clean end, so that a start need not read the files of samples.
//!
//! It holds for one receipt and one list of known rows: then nothing can have changed what the files hold or should hold. After
//! any other end, and when a bit of it is wrong, the files are read.

use std::path::Path;

use super::Desk;
use super::held::{Files, RagHeld, SftHeld};
use super::pairs::Pair;
use crate::domain::exports::SampleId;
use crate::domain::exports::preference::{Sides, Source};
use crate::domain::link::Place;
use crate::domain::link::map::KeySet;
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;
use crate::pipeline::known_rows::KnownRows;
use crate::store::{Store, StoreError};

const MAGIC: &[u8; 8] = b"distsam2";

/// What was read back.
pub(super) struct Read {
    pub(super) files: Files,
    pub(super) withheld: KeySet,
    pub(super) withheld_pairs: Vec<Source>,
}

/// What a copy is good for: the last receipt, and the rows by their places.
fn header(store: &Store, known: &KnownRows) -> Vec<u8> {
    let mut header = [&MAGIC[..], &store.head().0].concat();
    header.extend_from_slice(&(known.len() as u64).to_le_bytes());
    header.extend_from_slice(&known.in_order().to_le_bytes());
    header
}

/// Writes what the desk knows, all of which is committed.
pub(super) fn write(path: &Path, desk: &Desk, store: &Store, known: &KnownRows) -> Result<(), StoreError> {
    let mut out = Out(header(store, known));
    let files = &desk.files;
    out.list(files.rag.len(), files.rag.iter(), |out, held| {
        out.put(&held.owner.to_le_bytes());
        out.put(&held.task.to_le_bytes());
        out.put(&[held.category as u8]);
    });
    out.list(files.sft.len(), files.sft.iter(), |out, held| {
        out.put(&held.owner.to_le_bytes());
        out.put(&held.task.to_le_bytes());
        out.u64(held.signals.bits());
        out.u64(held.id.0);
    });
    out.list(files.corrects.len(), files.corrects.iter(), |out, (id, instruction)| {
        out.u64(*id);
        out.u64(*instruction);
    });
    let (made, in_file) = files.pairs.all();
    out.list(made.len(), made.iter(), |out, (source, pair)| {
        out.source(*source);
        out.pair(*pair);
    });
    out.list(in_file.len(), in_file.iter(), |out, (id, (source, sides, task))| {
        out.source(*source);
        out.pair(Pair { id: SampleId(*id), sides: *sides, task: *task });
    });
    out.list(desk.withheld.len(), desk.withheld.iter(), |out, text| out.u64(*text));
    out.list(desk.withheld_pairs.len(), desk.withheld_pairs.iter(), |out, source| out.source(*source));
    let checksum = crc32fast::hash(&out.0);
    out.put(&checksum.to_le_bytes());
    store.disk().remove(path)?;
    store.disk().write(path, 0, &out.0)
}

/// Reads it back, if it is whole and of this receipt and these rows.
pub(super) fn read(path: &Path, store: &Store, known: &KnownRows) -> Option<Read> {
    let len = store.disk().len(path).ok()??;
    let bytes = store.disk().read(path, 0, len).ok()?;
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    let body = body.strip_prefix(header(store, known).as_slice())?;
    if crc32fast::hash(bytes.get(..bytes.len() - 4)?) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut r = Reader { bytes: body, rows: known.len() };
    let (mut files, links) = (Files::default(), &known.links);
    for _ in 0..r.u64()? {
        let (owner, task, category) = (r.place()?, r.u32()?, r.category()?);
        files.put_rag(links, RagHeld { owner, task, category });
    }
    for _ in 0..r.u64()? {
        let (owner, task) = (r.place()?, r.u32()?);
        let (signals, id) = (SignalSet::from_bits(r.u64()?), SampleId(r.u64()?));
        files.put_sft(links, SftHeld { owner, task, signals, id });
    }
    for _ in 0..r.u64()? {
        files.corrects.insert(r.u64()?, r.u64()?);
    }
    for _ in 0..r.u64()? {
        files.pairs.set_made(r.source()?, Some(r.pair()?));
    }
    for _ in 0..r.u64()? {
        let (source, Pair { id, sides, task }) = (r.source()?, r.pair()?);
        files.pairs.hold(id, source, sides, task);
    }
    let withheld = (0..r.u64()?).map(|_| r.u64()).collect::<Option<_>>()?;
    let withheld_pairs = (0..r.u64()?).map(|_| r.source()).collect::<Option<_>>()?;
    r.bytes.is_empty().then_some(Read { files, withheld, withheld_pairs })
}

struct Out(Vec<u8>);

impl Out {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    fn list<T>(&mut self, len: usize, items: impl Iterator<Item = T>, put: impl Fn(&mut Self, T)) {
        self.u64(len as u64);
        items.for_each(|item| put(self, item));
    }

    fn source(&mut self, source: Source) {
        let (kind, of) = match source {
            Source::Vote(place) => (0, u64::from(place)),
            Source::Correction(place) => (1, u64::from(place)),
            Source::Input(input) => (2, input),
        };
        self.put(&[kind]);
        self.u64(of);
    }

    fn pair(&mut self, pair: Pair) {
        self.u64(pair.id.0);
        for number in [pair.sides.chosen, pair.sides.rejected, pair.task] {
            self.put(&number.to_le_bytes());
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    rows: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*chunk)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn place(&mut self) -> Option<Place> {
        self.u32().filter(|place| (*place as usize) < self.rows)
    }

    fn category(&mut self) -> Option<Category> {
        let [number] = self.take()?;
        Category::ALL.get(usize::from(number)).copied()
    }

    fn source(&mut self) -> Option<Source> {
        let [kind] = self.take()?;
        let of = self.u64()?;
        let place = || Place::try_from(of).ok().filter(|place| (*place as usize) < self.rows);
        match kind {
            0 => place().map(Source::Vote),
            1 => place().map(Source::Correction),
            2 => Some(Source::Input(of)),
            _ => None,
        }
    }

    fn pair(&mut self) -> Option<Pair> {
        let id = SampleId(self.u64()?);
        let sides = Sides { chosen: self.place()?, rejected: self.place()? };
        Some(Pair { id, sides, task: self.u32()? })
    }
}
