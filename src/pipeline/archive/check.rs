//! Every copy held to the receipts, and those that hold lent out as sources.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::copies::{self, Named, Wanted};
use super::{Held, Range, hold};
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::packed::{Packed, is_damage};
use crate::pipeline::streams::{StreamSet, StreamSpec};
use crate::pipeline::verify::ledger::{Ledger, Taken};
use crate::pipeline::verify::{Finding, Findings};

/// Copies that hold, by the generation that they hold.
pub(in crate::pipeline) type Copies = BTreeMap<u32, Packed>;

/// What copies are held to.
pub(in crate::pipeline) struct Checking<'c> {
    /// The output folder.
    pub(in crate::pipeline) output: &'c Path,
    /// What the receipts say.
    pub(in crate::pipeline) ledger: &'c Ledger,
    /// Whether only later receipts were read, so that not every generation is known.
    pub(in crate::pipeline) is_partial: bool,
    /// Whether a daemon may have gone on since the receipts were read.
    pub(in crate::pipeline) may_go_on: bool,
}

impl Checking<'_> {
    /// Holds the copies of all streams, on several threads; those that hold, in the order of the streams.
    pub(in crate::pipeline) fn all(
        &self,
        streams: &StreamSet,
        threads: usize,
        findings: &Findings,
    ) -> io::Result<Vec<Copies>> {
        let mut held: Vec<Copies> = streams.specs.iter().map(|_| Copies::new()).collect();
        let queue = Mutex::new(streams.specs.iter().zip(&mut held).collect::<Vec<_>>());
        let work = || loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((spec, held)) = next else { return Ok(()) };
            *held = self.stream(spec, findings)?;
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            let died = |_| Err(io::Error::other("a thread of the check panicked"));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(died))
        })?;
        drop(queue);
        Ok(held)
    }

    /// Holds the copies of one stream.
    pub(in crate::pipeline) fn stream(&self, spec: &StreamSpec, findings: &Findings) -> io::Result<Copies> {
        let ranges = Ranges::of(self.ledger, &spec.name);
        let mut held = Copies::new();
        let mut wrong: Vec<(u32, Finding)> = Vec::new();
        for named in copies::list(spec)? {
            let opened = Packed::open(&named.path);
            let (generation, outcome) = match opened.and_then(|copy| ranges.judge(&named, copy)) {
                Ok(Some((generation, Judged::Holds(copy)))) => {
                    held.insert(generation, copy);
                    continue;
                }
                Ok(Some((generation, Judged::Wrong(held)))) => (generation, held),
                Ok(None) if self.is_partial => continue,
                Ok(None) => (named.generation, Held::Wrong("no receipt names such a generation".to_owned())),
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) if is_damage(&e) => (named.generation, Held::Wrong(e.to_string())),
                Err(e) => return Err(e),
            };
            // Rows may still come to the last one, before its copy and after.
            let is_last = ranges.last.is_none_or(|last| generation >= last);
            let what = match outcome {
                Held::Wrong(_) if is_last && self.may_go_on => continue,
                Held::Begun if is_last => continue,
                Held::Wrong(what) => what,
                Held::Whole | Held::Begun => "it is not all of its generation".to_owned(),
            };
            let path = named.path.strip_prefix(self.output).unwrap_or(&named.path);
            let what = format!("a copy that is not generation {generation} of {}: {what}", spec.name);
            wrong.push((generation, Finding::of_file(path.display().to_string(), what)));
        }
        // What a longer copy has taken the place of is only in the way, and gone soon.
        for (_, finding) in wrong.into_iter().filter(|(generation, _)| !held.contains_key(generation)) {
            findings.add(finding);
        }
        Ok(held)
    }
}

enum Judged {
    Holds(Packed),
    Wrong(Held),
}

/// The ranges of one stream by generation.
struct Ranges<'l> {
    taken: BTreeMap<u32, Vec<&'l Taken>>,
    last: Option<u32>,
}

impl<'l> Ranges<'l> {
    fn of(ledger: &'l Ledger, stream: &str) -> Self {
        let mut taken: BTreeMap<u32, Vec<&Taken>> = BTreeMap::new();
        for range in ledger.taken.get(stream).into_iter().flatten() {
            taken.entry(range.generation).or_default().push(range);
        }
        Self { taken, last: ledger.state.streams.get(stream).map(|stream| stream.generation) }
    }

    fn wanted(&self, generation: u32) -> Option<Wanted> {
        let last = self.taken.get(&generation)?.last()?;
        Some(Wanted { generation, to: last.to, anchor: last.anchor })
    }

    /// Which generation a copy holds, and whether it does; `None` when the receipts that were read know of none.
    fn judge(&self, named: &Named, copy: Packed) -> io::Result<Option<(u32, Judged)>> {
        let fits = |generation: u32| self.wanted(generation).map_or(Ok(false), |wanted| wanted.fits(&copy));
        let mut generation = named.generation;
        if !fits(generation)? {
            for other in self.taken.keys() {
                if fits(*other)? {
                    generation = *other;
                    break;
                }
            }
        }
        let Some(ranges) = self.taken.get(&generation) else {
            // A life of the file without a row needs no receipt.
            let is_empty = copy.len() == 0 && self.last.is_some_and(|last| generation <= last);
            return Ok(is_empty.then_some((generation, Judged::Holds(copy))));
        };
        let held = hold(&copy, ranges.iter().map(|range| Range::of_taken(range)))?;
        Ok(Some((generation, if held == Held::Whole { Judged::Holds(copy) } else { Judged::Wrong(held) })))
    }
}

/// The hash that the name of a copy begins with.
pub(super) fn hash_of(copy: &Packed) -> io::Result<Sha256Hex> {
    let hash = crate::pipeline::verify::read::hash_range(copy, 0, copy.len(), &mut Vec::new())?;
    Ok(hash.map_or_else(|| Sha256Hex::of(b""), |(hash, _)| hash))
}
