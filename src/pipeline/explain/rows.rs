//! Rows as links see them, from the row cache where it fits and from the evidence beyond; never writes.

use std::path::Path;

use crate::domain::rules::Rules;
use crate::pipeline::known_rows::{Incoming, cache_header, sig_of};
use crate::pipeline::outputs::{Outputs, RESCORED};
use crate::pipeline::row_cache::RowCache;
use crate::pipeline::row_code::Entry;
use crate::pipeline::row_scan::{row_facts, sig_hash};
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;
use crate::store::disk::RealDisk;

/// A row that was chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub(super) row: Incoming,
    /// Up to which byte of the superseding scores none is about it.
    pub(super) rescored_from: u64,
}

/// All committed rows.
pub(super) struct AllRows<'a> {
    pub(super) outputs: &'a Outputs,
    pub(super) streams: &'a StreamSet,
    pub(super) rules: &'a Rules,
    /// The state folder; nothing when its cache does not fit.
    pub(super) state: Option<&'a Path>,
}

/// Of one stream: evidence bytes and rows that the cache holds, and the last one's hash and start.
#[derive(Debug, Clone, Copy, Default)]
struct Cached {
    to: u64,
    rows: u64,
    last: Option<([u8; 16], u64)>,
}

impl AllRows<'_> {
    /// The rows that `wanted` chooses. Rows that are not in the cache are looked at only where `maybe` says so of stream and
    /// evidence line.
    pub(super) fn select(
        &mut self,
        maybe: &dyn Fn(&str, &str) -> bool,
        wanted: &mut dyn FnMut(&Incoming) -> bool,
    ) -> Result<Vec<Chosen>, StoreError> {
        let found = self.state.and_then(|state| self.select_cached(state, wanted));
        // A cache that did not fit once is not asked again: all comes from the evidence.
        self.state = self.state.filter(|_| found.is_some());
        let nothing = || (Vec::new(), vec![Cached::default(); self.streams.specs.len()]);
        let (mut chosen, cached) = found.unwrap_or_else(nothing);
        for (number, (spec, cached)) in self.streams.specs.iter().zip(cached).enumerate() {
            let evidence = spec.output("evidence");
            if cached.to >= self.outputs.state.output_len(&evidence) {
                continue;
            }
            let mut scores = self.outputs.committed().lines(&spec.output("scored-runs"), 0);
            for _ in 0..cached.rows {
                scores.next()?;
            }
            let mut lines = self.outputs.committed().lines(&evidence, cached.to);
            let mut at = cached.to;
            while let Some(line) = lines.next()? {
                let score = scores.next()?.unwrap_or_default();
                let evidence_len = line.len() as u32 + 1;
                if maybe(&spec.name, line)
                    && let Some((hash, category, facts)) = row_facts(line, score)
                {
                    let (sig, stream) = (sig_of(&hash), number as u16);
                    let row = Incoming { sig, stream, evidence_at: at, evidence_len, category, facts };
                    if wanted(&row) {
                        chosen.push(Chosen { row, rescored_from: 0 });
                    }
                }
                at += u64::from(evidence_len);
            }
        }
        Ok(chosen)
    }

    /// The same of the rows in the cache, and how far it goes; nothing when it is not of this evidence.
    fn select_cached(
        &self,
        state: &Path,
        wanted: &mut dyn FnMut(&Incoming) -> bool,
    ) -> Option<(Vec<Chosen>, Vec<Cached>)> {
        let disk = RealDisk::default();
        let mut cache = RowCache::new(&state.join("rows"), cache_header(self.streams, self.rules));
        let lens: Vec<u64> = self
            .streams
            .specs
            .iter()
            .map(|spec| self.outputs.state.output_len(&spec.output("evidence")))
            .collect();
        let mut cached = vec![Cached::default(); lens.len()];
        let (mut chosen, mut places, mut place, mut sound) = (Vec::new(), Vec::new(), 0_u32, true);
        let mut settled = std::collections::BTreeSet::new();
        let rescored_to = cache.read(&disk, &mut |what| match what {
            Entry::Row(row) => {
                place += 1;
                let stream = usize::from(row.stream);
                let (Some(stream), Some(len)) = (cached.get_mut(stream), lens.get(stream)) else {
                    sound = false;
                    return;
                };
                let to = row.evidence_at + u64::from(row.evidence_len);
                // A daemon may have committed more since the receipts were read.
                if to > *len {
                    return;
                }
                sound &= row.evidence_at == stream.to;
                *stream = Cached { to, rows: stream.rows + 1, last: Some((row.sig, row.evidence_at)) };
                if wanted(row) {
                    places.push(place - 1);
                    chosen.push(Chosen { row: *row, rescored_from: 0 });
                }
            }
            Entry::Settled(score) => {
                settled.insert(score.place);
            }
        });
        sound &= place > 0 && self.ends_are_there(&cached);
        for (chosen, place) in chosen.iter_mut().zip(places) {
            if !settled.contains(&place) {
                chosen.rescored_from = rescored_to.min(self.outputs.state.output_len(RESCORED));
            }
        }
        sound.then_some((chosen, cached))
    }

    /// Whether each stream's last row in the cache is the one that stands in the evidence there.
    fn ends_are_there(&self, cached: &[Cached]) -> bool {
        self.streams.specs.iter().zip(cached).all(|(spec, cached)| {
            let Some((sig, at)) = cached.last else { return true };
            let line = self.outputs.read(&spec.output("evidence"), at, cached.to).ok();
            line.and_then(|line| sig_hash(&line)).is_some_and(|hash| sig_of(&hash) == sig)
        })
    }
}
