//! Every row that became evidence: by its hash, so that duplicates are told, and in [`Links`], so that scores are.
//!
//! A copy is kept in `state/rows` so that a start need not read all evidence ([`RowCache`]). What is wrong or missing in
//! it is read from the evidence again.

use std::path::Path;

use tracing::{info, warn};

use super::outputs::{Committed, RESCORED};
use super::repair::first_damage;
use super::row_cache::{Blocks, RowCache};
use super::row_code::{Entry, Settled};
use super::row_ends::{End, Ends};
use super::row_scan::{rescored_facts, row_facts, sig_hash};
use super::streams::StreamSet;
use crate::domain::link::map::spread;
use crate::domain::link::{Facts, Kin, Links, Moment, NewRow, Place, Places, Row, Touched};
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::store::StoreError;
use crate::store::disk::Disk;

/// All known rows.
#[derive(Debug)]
pub struct KnownRows {
    /// The rows, and what judges what.
    pub links: Links,
    by_hash: Places,
    /// Of each stream: its place in the order of source files.
    ranks: Vec<u16>,
    in_order: InOrder,
    cache: Option<RowCache>,
}

/// A number that tells one list of rows from another, and one order of the same rows from another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct InOrder(u64);

impl InOrder {
    fn add(&mut self, row: &Incoming) {
        let bits = u128::from_le_bytes(row.sig);
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        self.0 = spread(self.0.rotate_left(5) ^ low ^ spread(high ^ u64::from(row.stream)));
    }
}

/// A row to take in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming {
    /// The first 16 bytes of its `sig_hash`.
    pub sig: [u8; 16],
    /// Its stream's number.
    pub stream: u16,
    /// Where its evidence line starts, in bytes.
    pub evidence_at: u64,
    /// Length of its evidence line, in bytes.
    pub evidence_len: u32,
    /// Its first category.
    pub category: Category,
    /// What links and samples need to know of it.
    pub facts: Facts,
}

/// Rows of one block of the cache while the evidence is read, at most.
const CACHE_BLOCK_ROWS: usize = 1 << 16;
/// How often blocks are handed over while the cache is read, before they are taken.
const BLOCKS_AHEAD: usize = 3;

/// The part of a `sig_hash` that rows are known by: nobody finds two rows that share it.
pub fn sig_of(hash: &Sha256Hex) -> [u8; 16] {
    hash.0.first_chunk().copied().unwrap_or_default()
}

impl KnownRows {
    /// No rows yet, and no cache.
    pub(super) fn empty(streams: &StreamSet, rules: &Rules) -> Self {
        let window_ms = i64::try_from(rules.link_window.as_millis()).unwrap_or(i64::MAX);
        Self {
            links: Links::new(window_ms),
            by_hash: Places::default(),
            ranks: ranks(streams),
            in_order: InOrder::default(),
            cache: None,
        }
    }

    /// Loads the rows of everything committed: from the cache in the state folder as far as it holds, from the evidence
    /// beyond. Without a state folder nothing is written.
    pub fn load(
        committed: Committed<'_>,
        streams: &StreamSet,
        rules: &Rules,
        state: Option<&Path>,
    ) -> Result<Self, StoreError> {
        let mut known = Self::empty(streams, rules);
        let mut cache = state.map(|state| RowCache::new(&state.join("rows"), cache_header(streams, rules)));
        let (mut rescored_from, mut ends) = (0, Ends::default());
        if let Some(cache) = &mut cache {
            let read = known.read_cache(cache, committed).filter(|read| read.fits(committed, streams));
            if let Some(read) = read {
                (rescored_from, ends) = (read.rescored_to, read.ends);
            } else {
                warn!("the row cache does not fit the evidence and is made anew");
                known = Self::empty(streams, rules);
                cache.forget();
            }
            cache.start_at(committed.disk, known.len());
        }
        let cached = known.len();
        let has_rows = committed.state.totals.evidence > 0;
        if cached == 0 && has_rows && cache.is_some() {
            // Whatever stands in the evidence and the scores would be believed, and samples made of it.
            if let Some(damage) = first_damage(committed.output)? {
                return Err(damage);
            }
        }
        known.cache = cache;
        known.scan(committed, streams, &ends, rescored_from)?;
        let settled = known.restore_scores(committed, streams, rescored_from)?;
        known.links.note_people();
        if known.len() > cached {
            info!(rows = known.len() - cached, "known rows read from the evidence");
        }
        known.persist(committed.disk, committed.state.output_len(RESCORED), &settled);
        Ok(known)
    }

    /// Takes in what a cache holds, if all of it may be. One thread reads, while this one puts the rows one behind the other; what
    /// finds them is made when all of them are there.
    fn read_cache(&mut self, cache: &mut RowCache, committed: Committed<'_>) -> Option<Cached> {
        let (links, ranks) = (&mut self.links, &self.ranks);
        let (mut touched, mut later, mut known) = (Touched::default(), Vec::new(), true);
        let (mut ends, mut in_order, mut rescored_to) = (Ends::default(), InOrder::default(), Some(0));
        let (sender, read) = crossbeam_channel::bounded::<Blocks>(BLOCKS_AHEAD);
        let (back, buffers) = crossbeam_channel::bounded(BLOCKS_AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // Buffers come back, because fresh memory costs more than what is read into it.
                cache.read_blocks(committed.disk, &mut |blocks| {
                    sender.send(blocks).ok()?;
                    buffers.recv().ok()
                });
            });
            for _ in 1..BLOCKS_AHEAD {
                let _ = back.send(Vec::new());
            }
            for blocks in read {
                rescored_to = blocks.each(&mut ends, |what| match what {
                    Entry::Row(row) => {
                        in_order.add(row);
                        links.add(&new_row(row, ranks), &row.facts, &mut touched, &mut later);
                    }
                    Entry::Settled(settled) => known &= restore(links, settled),
                });
                if rescored_to.is_none() {
                    break;
                }
                let _ = back.send(blocks.into_buffer());
            }
            drop(back);
        });
        self.in_order = in_order;
        let rows = &links.rows;
        let hash_at = |place| rows.get(place).map(|row| hash(row.sig));
        let found = std::thread::scope(|scope| {
            let by_hash = scope.spawn(|| (Places::of_all(rows.len(), hash_at), links.find_kin(Kin::Text)));
            let (runs, inputs) = (links.find_kin(Kin::Run), links.find_kin(Kin::Input));
            by_hash.join().ok().map(|(by_hash, texts)| (by_hash, [runs, texts, inputs]))
        });
        let (by_hash, kin) = found?;
        self.by_hash = by_hash;
        links.settle_kin(kin, &later);
        rescored_to.filter(|_| known).map(|rescored_to| Cached { rescored_to, ends })
    }

    /// Takes in the rows that the evidence holds and the cache did not.
    fn scan(
        &mut self,
        committed: Committed<'_>,
        streams: &StreamSet,
        ends: &Ends,
        rescored_from: u64,
    ) -> Result<(), StoreError> {
        let mut touched = Touched::default();
        for (stream, spec) in streams.specs.iter().enumerate() {
            let End { evidence_to: from, rows: skip, .. } = ends.of(stream);
            let (evidence, scored) = (spec.output("evidence"), spec.output("scored-runs"));
            if from >= committed.state.output_len(&evidence) {
                continue;
            }
            let mut scores = committed.lines(&scored, 0);
            for _ in 0..skip {
                scores.next()?;
            }
            let mut lines = committed.lines(&evidence, from);
            let mut at = from;
            while let Some(line) = lines.next()? {
                let evidence_len = line.len() as u32 + 1;
                let Some((hash, category, facts)) = scores.next()?.and_then(|score| row_facts(line, score))
                else {
                    let seq = committed.state.streams.get(&spec.name).map_or(0, |stream| stream.last_seq);
                    let to = at + u64::from(evidence_len);
                    return Err(StoreError::OutputDamaged {
                        path: committed.output.join(evidence),
                        seq,
                        from: at,
                        to,
                    });
                };
                let (sig, stream) = (sig_of(&hash), stream as u16);
                self.insert(
                    &Incoming { sig, stream, evidence_at: at, evidence_len, category, facts },
                    &mut touched,
                );
                at += u64::from(evidence_len);
                if self.len().is_multiple_of(CACHE_BLOCK_ROWS) {
                    self.persist(committed.disk, rescored_from, &[]);
                }
            }
        }
        Ok(())
    }

    /// Takes in the superseding scores from a byte of their file on.
    pub(super) fn restore_scores(
        &mut self,
        committed: Committed<'_>,
        streams: &StreamSet,
        from: u64,
    ) -> Result<Vec<Settled>, StoreError> {
        let mut settled = Vec::new();
        let mut lines = committed.lines(RESCORED, from);
        while let Some(line) = lines.next()? {
            let restored = rescored_facts(line).and_then(|facts| {
                let stream = streams.specs.iter().position(|spec| spec.source_file == facts.source_file)?;
                let place = self.find(stream, sig_of(&facts.sig_hash))?;
                let Settled { current, category, score_seq, .. } = facts.settled;
                Some(Settled { place, current, category, score_seq })
            });
            let Some(restored) = restored else {
                return Err(StoreError::OutputDamaged {
                    path: committed.output.join(RESCORED),
                    seq: 0,
                    from,
                    to: committed.state.output_len(RESCORED),
                });
            };
            restore(&mut self.links, &restored);
            settled.push(restored);
        }
        Ok(settled)
    }

    /// The place of the stream's row of that hash.
    pub fn find(&self, stream: usize, sig: [u8; 16]) -> Option<Place> {
        let rows = &self.links.rows;
        self.by_hash.find(hash(sig), |place| {
            rows.get(place).is_some_and(|row| usize::from(row.stream) == stream && row.sig == sig)
        })
    }

    /// Adds a row; tells what it touched.
    pub fn insert(&mut self, row: &Incoming, touched: &mut Touched) -> Place {
        let place = self.links.insert(&new_row(row, &self.ranks), &row.facts, touched);
        self.in_order.add(row);
        let rows = &self.links.rows;
        self.by_hash.insert(hash(row.sig), place, |place| rows.get(place).map_or(0, |row| hash(row.sig)));
        if let Some(cache) = &mut self.cache {
            cache.note(row);
        }
        place
    }

    /// Adds rows of whom nobody asks yet what they touch.
    pub(super) fn extend(&mut self, rows: impl IntoIterator<Item = Incoming>) {
        let mut touched = Touched::default();
        for row in rows {
            self.insert(&row, &mut touched);
        }
    }

    /// How many rows are known.
    pub fn len(&self) -> usize {
        self.links.rows.len()
    }

    /// Whether no row is known.
    pub fn is_empty(&self) -> bool {
        self.links.rows.is_empty()
    }

    /// A number that other rows, or these in another order, do not have.
    pub(super) fn in_order(&self) -> u64 {
        self.in_order.0
    }

    /// The row at a place.
    pub fn get(&self, place: Place) -> Option<&Row> {
        self.links.rows.get(place)
    }

    /// Appends what is new since the last time to the cache: rows, and scores that were settled. `rescored_to` is the
    /// committed length of the superseding scores, in bytes.
    pub fn persist(&mut self, disk: &dyn Disk, rescored_to: u64, settled: &[Settled]) {
        if let Some(cache) = &mut self.cache
            && let Err(e) = cache.append(disk, rescored_to, settled)
        {
            warn!(error = %e, "the row cache cannot be written and is given up until the next start");
            self.cache = None;
        }
    }
}

/// What was read from a cache, beside its rows.
struct Cached {
    /// How far the superseding scores are in it, in bytes.
    rescored_to: u64,
    ends: Ends,
}

impl Cached {
    /// Whether the rows are those of the committed evidence from its start: not beyond what is committed, and each stream's
    /// last one with the hash that stands there.
    fn fits(&self, committed: Committed<'_>, streams: &StreamSet) -> bool {
        self.rescored_to <= committed.state.output_len(RESCORED)
            && self.ends.streams() <= streams.specs.len()
            && streams.specs.iter().enumerate().all(|(stream, spec)| {
                let (end, path) = (self.ends.of(stream), spec.output("evidence"));
                let line = || committed.read(&path, end.evidence_at, end.evidence_to).ok();
                let is_there =
                    || line().and_then(|line| sig_hash(&line)).is_some_and(|hash| sig_of(&hash) == end.sig);
                end.rows == 0 || end.evidence_to <= committed.state.output_len(&path) && is_there()
            })
    }
}

/// What links keep of a row.
fn new_row(row: &Incoming, ranks: &[u16]) -> NewRow {
    let rank = ranks.get(usize::from(row.stream)).copied().unwrap_or(0);
    NewRow {
        sig: row.sig,
        moment: Moment::new(row.facts.time, rank, row.evidence_at),
        evidence_len: row.evidence_len,
        stream: row.stream,
        category: row.category,
    }
}

/// Puts a settled score back; whether its row is known.
fn restore(links: &mut Links, settled: &Settled) -> bool {
    links.restore(settled.place, settled.current, settled.category, settled.score_seq)
}

/// The hash of what a row is known by.
pub(super) fn hash(sig: [u8; 16]) -> u64 {
    spread(sig.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
}

/// Of each stream: its place in the order of source files.
fn ranks(streams: &StreamSet) -> Vec<u16> {
    let mut order: Vec<usize> = (0..streams.specs.len()).collect();
    order.sort_by_key(|stream| streams.specs.get(*stream).map(|spec| &spec.source_file));
    let mut ranks = vec![0; order.len()];
    for (rank, stream) in order.into_iter().enumerate() {
        if let Some(place) = ranks.get_mut(stream) {
            *place = rank as u16;
        }
    }
    ranks
}

/// What a cache is good for: one list of streams under one reading of them.
pub(super) fn cache_header(streams: &StreamSet, rules: &Rules) -> Sha256Hex {
    Sha256Hex::of(format!("{}\n{}", streams.names().join("\n"), rules.rules_version()).as_bytes())
}
