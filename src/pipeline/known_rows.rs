//! Every row that became evidence: one dense array and one table of places in it, by which duplicates are told.
//!
//! A copy is kept in `state/rows` so that a start need not read all evidence. It is a cache: blocks with a checksum each,
//! appended after the receipt and never synced. What is wrong or missing in it is read from the evidence again.

use std::path::{Path, PathBuf};

use hashbrown::HashTable;
use tracing::{info, warn};

use super::row_scan::{each_line, evidence_facts, score_facts};
use super::streams::StreamSet;
use crate::domain::schema::receipt::CommittedState;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;
use crate::store::disk::Disk;
use crate::store::{Store, StoreError};

/// One known row.
#[derive(Debug, Clone, Copy)]
pub struct KnownRow {
    /// The row's `sig_hash`.
    pub sig_hash: Sha256Hex,
    /// Signals about its own work.
    pub signals: SignalSet,
    /// Where its evidence line starts.
    pub evidence_at: u64,
    /// Length of its evidence line, in bytes.
    pub evidence_len: u32,
    /// Its stream's number.
    pub stream: u16,
    /// Its category.
    pub category: Category,
    /// Whether an export may take it up.
    pub exportable: bool,
}

/// All known rows, in the order they were committed.
#[derive(Debug)]
pub struct KnownRows {
    /// Segments of [`SEGMENT_ROWS`] rows: growing never copies, and never holds the rows twice.
    segments: Vec<Vec<KnownRow>>,
    by_hash: HashTable<u32>,
    cache: Option<Cache>,
}

#[derive(Debug)]
struct Cache {
    path: PathBuf,
    len: u64,
    rows: usize,
}

const ROW_BYTES: usize = 56;
const SEGMENT_ROWS: usize = 1 << 14;
const MAGIC: &[u8; 8] = b"distrow1";

impl KnownRows {
    /// Loads the rows of everything committed: from the cache as far as it holds, from the evidence beyond.
    pub fn load(store: &Store, streams: &StreamSet, state: &Path) -> Result<Self, StoreError> {
        let path = state.join("rows");
        let header = header(streams);
        let disk = store.disk();
        let mut known = Self { segments: Vec::new(), by_hash: HashTable::new(), cache: None };
        let mut len = read_cache(disk, &path, &header, |row| known.insert(row)).unwrap_or(0);
        if !known.fits(store, streams) {
            if !known.is_empty() {
                warn!(path = %path.display(), "the row cache does not fit the evidence and is made anew");
            }
            known = Self { segments: Vec::new(), by_hash: HashTable::new(), cache: None };
            len = 0;
        }
        let cached = known.len();
        if len == 0 {
            len = match disk.remove(&path).and_then(|()| disk.write(&path, 0, &header)) {
                Ok(()) => header.len() as u64,
                Err(e) => {
                    warn!(error = %e, "there is no row cache");
                    known.scan(store, streams)?;
                    return Ok(known);
                }
            };
        } else if disk.len(&path)?.is_some_and(|there| there > len) {
            disk.cut(&path, len)?;
        }
        known.cache = Some(Cache { path, len, rows: cached });
        known.scan(store, streams)?;
        known.persist(disk);
        Ok(known)
    }

    /// Whether the rows are the committed evidence from its start: contiguous in every stream, not beyond what is
    /// committed, and each stream's last one with the hash that stands there.
    fn fits(&self, store: &Store, streams: &StreamSet) -> bool {
        let mut ends = vec![(0_u64, None); streams.specs.len()];
        for row in self.segments.iter().flatten() {
            let Some((end, last)) = ends.get_mut(usize::from(row.stream)) else { return false };
            if row.evidence_at != *end {
                return false;
            }
            *end += u64::from(row.evidence_len);
            *last = Some(row);
        }
        let state: &CommittedState = store.state();
        streams.specs.iter().zip(ends).all(|(spec, (end, last))| {
            let path = spec.output("evidence");
            let Some(last) = last else { return true };
            let line = || store.disk().read(&store.output().join(&path), last.evidence_at, end).ok();
            end <= state.output_len(&path)
                && line()
                    .and_then(|line| evidence_facts(&line))
                    .is_some_and(|(hash, _)| hash == last.sig_hash)
        })
    }

    /// Takes in the rows that the evidence holds and the cache did not.
    fn scan(&mut self, store: &Store, streams: &StreamSet) -> Result<(), StoreError> {
        let mut counted = vec![(0_u64, 0_u64); streams.specs.len()];
        for row in self.segments.iter().flatten() {
            if let Some((bytes, rows)) = counted.get_mut(usize::from(row.stream)) {
                *bytes += u64::from(row.evidence_len);
                *rows += 1;
            }
        }
        let before = self.len();
        for (stream, (spec, (from, skip))) in streams.specs.iter().zip(counted).enumerate() {
            let (evidence, scored) = (spec.output("evidence"), spec.output("scored-runs"));
            let to = store.state().output_len(&evidence);
            if from >= to {
                continue;
            }
            let mut scores = Vec::new();
            let mut line = 0;
            each_line(reader(store, &scored), 0, store.state().output_len(&scored), |_, text| {
                if line >= skip {
                    scores.push(score_facts(text));
                }
                line += 1;
            })?;
            let mut scores = scores.into_iter();
            let mut damaged = None;
            each_line(reader(store, &evidence), from, to, |at, text| {
                let (Some((sig_hash, exportable)), Some((category, signals))) =
                    (evidence_facts(text), scores.next().flatten())
                else {
                    damaged.get_or_insert((at, at + text.len() as u64));
                    return;
                };
                let (evidence_len, stream) = (text.len() as u32, stream as u16);
                self.insert(KnownRow {
                    sig_hash,
                    signals,
                    evidence_at: at,
                    evidence_len,
                    stream,
                    category,
                    exportable,
                });
            })?;
            if let Some((from, to)) = damaged {
                let seq = store.state().streams.get(&spec.name).map_or(0, |stream| stream.last_seq);
                return Err(StoreError::OutputDamaged { path: store.output().join(evidence), seq, from, to });
            }
        }
        if self.len() > before {
            info!(rows = self.len() - before, "known rows read from the evidence");
        }
        Ok(())
    }

    /// Whether the stream has a row of that hash.
    pub fn contains(&self, stream: usize, sig_hash: &Sha256Hex) -> bool {
        let same = |place: &u32| {
            self.get(*place as usize)
                .is_some_and(|row| usize::from(row.stream) == stream && row.sig_hash == *sig_hash)
        };
        self.by_hash.find(hash(sig_hash), same).is_some()
    }

    /// Adds a row.
    pub fn insert(&mut self, row: KnownRow) {
        let place = self.len() as u32;
        if let Some(segment) = self.segments.last_mut().filter(|segment| segment.len() < SEGMENT_ROWS) {
            segment.push(row);
        } else {
            let mut segment = Vec::with_capacity(SEGMENT_ROWS);
            segment.push(row);
            self.segments.push(segment);
        }
        let segments = &self.segments;
        self.by_hash.insert_unique(hash(&row.sig_hash), place, |other| {
            get(segments, *other as usize).map_or(0, |row| hash(&row.sig_hash))
        });
    }

    /// How many rows are known.
    pub fn len(&self) -> usize {
        let full = self.segments.len().saturating_sub(1) * SEGMENT_ROWS;
        full + self.segments.last().map_or(0, Vec::len)
    }

    /// Whether no row is known.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The row at a place in the order in which rows were committed.
    pub fn get(&self, place: usize) -> Option<&KnownRow> {
        get(&self.segments, place)
    }

    /// Appends the rows that are new since the last time to the cache. Trouble ends the cache, not distilld.
    pub fn persist(&mut self, disk: &dyn Disk) {
        let len = self.len();
        let Some(cache) = &mut self.cache else { return };
        let new = cache.rows..len;
        if new.is_empty() {
            return;
        }
        let mut block = Vec::with_capacity(new.len() * ROW_BYTES + 8);
        block.extend_from_slice(&(new.len() as u32).to_le_bytes());
        new.filter_map(|place| get(&self.segments, place)).for_each(|row| encode(row, &mut block));
        let checksum = crc32fast::hash(&block);
        block.extend_from_slice(&checksum.to_le_bytes());
        match disk.write(&cache.path, cache.len, &block) {
            Ok(()) => {
                cache.len += block.len() as u64;
                cache.rows = len;
            }
            Err(e) => {
                warn!(error = %e, "the row cache cannot be written and is given up until the next start");
                self.cache = None;
            }
        }
    }
}

fn get(segments: &[Vec<KnownRow>], place: usize) -> Option<&KnownRow> {
    segments.get(place / SEGMENT_ROWS)?.get(place % SEGMENT_ROWS)
}

fn hash(sig_hash: &Sha256Hex) -> u64 {
    sig_hash.0.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn reader<'s>(store: &'s Store, path: &str) -> impl Fn(u64, u64) -> Result<Vec<u8>, StoreError> + 's {
    let full = store.output().join(path);
    move |from, to| store.disk().read(&full, from, to)
}

/// The start of a cache: it is good for one list of streams.
fn header(streams: &StreamSet) -> Vec<u8> {
    let names = streams.names().join("\n");
    [&MAGIC[..], &Sha256Hex::of(names.as_bytes()).0].concat()
}

fn encode(row: &KnownRow, out: &mut Vec<u8>) {
    out.extend_from_slice(&row.sig_hash.0);
    out.extend_from_slice(&row.signals.bits().to_le_bytes());
    out.extend_from_slice(&row.evidence_at.to_le_bytes());
    out.extend_from_slice(&row.evidence_len.to_le_bytes());
    out.extend_from_slice(&row.stream.to_le_bytes());
    out.push(row.category as u8);
    out.push(u8::from(row.exportable));
}

fn decode(bytes: &[u8]) -> Option<KnownRow> {
    let (sig_hash, rest) = bytes.split_first_chunk::<32>()?;
    let (signals, rest) = rest.split_first_chunk::<8>()?;
    let (evidence_at, rest) = rest.split_first_chunk::<8>()?;
    let (evidence_len, rest) = rest.split_first_chunk::<4>()?;
    let (stream, rest) = rest.split_first_chunk::<2>()?;
    let [category, exportable] = rest else { return None };
    Some(KnownRow {
        sig_hash: Sha256Hex(*sig_hash),
        signals: SignalSet::from_bits(u64::from_le_bytes(*signals)),
        evidence_at: u64::from_le_bytes(*evidence_at),
        evidence_len: u32::from_le_bytes(*evidence_len),
        stream: u16::from_le_bytes(*stream),
        category: Category::ALL.get(usize::from(*category)).copied()?,
        exportable: *exportable != 0,
    })
}

/// Hands over the rows of all good blocks from the start; gives where they end, or `None` without a good header.
fn read_cache(disk: &dyn Disk, path: &Path, header: &[u8], mut take: impl FnMut(KnownRow)) -> Option<u64> {
    let len = disk.len(path).ok()??;
    let bytes = disk.read(path, 0, len).ok()?;
    let mut rest = bytes.strip_prefix(header)?;
    let mut good = header.len() as u64;
    while let Some((count, _)) = rest.split_first_chunk::<4>() {
        let body_len = 4 + (u32::from_le_bytes(*count) as usize).saturating_mul(ROW_BYTES);
        let Some((block, behind)) = rest.split_at_checked(body_len) else { break };
        let Some((checksum, behind)) = behind.split_first_chunk::<4>() else { break };
        if crc32fast::hash(block) != u32::from_le_bytes(*checksum) {
            break;
        }
        let rows: Option<Vec<_>> = block.get(4..)?.chunks_exact(ROW_BYTES).map(decode).collect();
        let Some(rows) = rows else { break };
        rows.into_iter().for_each(&mut take);
        good += block.len() as u64 + 4;
        rest = behind;
    }
    Some(good)
}
