//! Samples from committed evidence: which rows wait to be exported, and the lines for them.
//!
//! Exports follow the evidence, never lead it: a sample is made from a line that a receipt covers, with the category that
//! counts now. So they may be late, and are never wrong.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::known_rows::{KnownRow, KnownRows};
use super::row_scan::{each_line, sample_id};
use super::streams::StreamSet;
use crate::domain::canonical::Parser;
use crate::domain::exports::{CurrentScore, EXPORTS, EvidenceView};
use crate::domain::schema::record::Kind;
use crate::domain::score::{Category, Judgement, reasons, score};
use crate::domain::signal::Code;
use crate::store::{Append, Piece, Store, StoreError};

/// Evidence bytes that one export commit goes over.
const PASS_BYTES: u64 = 32 << 20;
/// Evidence lines closer together than this are read in one go.
const READ_GAP_BYTES: u64 = 64 << 10;
const READ_MAX_BYTES: u64 = 4 << 20;

/// The rows that wait, and the samples that are there.
#[derive(Debug)]
pub struct Exporter {
    /// Places in the known rows, in commit order.
    waiting: std::collections::VecDeque<u32>,
    /// How many known rows have been looked at.
    seen_rows: usize,
    /// Sample ids per export. Never iterated.
    present: Vec<HashSet<u64>>,
    scorer_version: String,
    threads: usize,
}

/// What one pass adds.
#[derive(Debug)]
pub struct Pass {
    /// The lines.
    pub appends: Vec<Append>,
    /// How many samples.
    pub samples: u64,
    /// Evidence bytes taken into account, by stream, once the commit is made.
    pub cursors: BTreeMap<String, u64>,
}

/// Samples of one export made by one thread.
#[derive(Debug, Default)]
struct Made {
    lines: String,
    /// Id, length and the row it was made from, in line order.
    samples: Vec<(u64, u32, u32)>,
}

impl Exporter {
    /// Finds out what waits and what is there.
    pub fn load(
        store: &Store,
        streams: &StreamSet,
        known: &KnownRows,
        scorer_version: String,
        threads: usize,
    ) -> Result<Self, StoreError> {
        let mut present = Vec::new();
        for export in EXPORTS {
            let mut ids = HashSet::default();
            let path = store.output().join(export.path());
            let read = |from, to| store.disk().read(&path, from, to);
            each_line(read, 0, store.state().output_len(export.path()), |_, line| {
                ids.extend(sample_id(line, export.prefix()));
            })?;
            present.push(ids);
        }
        let cursors = &store.state().export_cursors;
        let done: Vec<u64> =
            streams.specs.iter().map(|spec| cursors.get(&spec.name).copied().unwrap_or(0)).collect();
        let waits = |row: &KnownRow| {
            is_candidate(row)
                && done.get(usize::from(row.stream)).is_some_and(|done| row.evidence_at >= *done)
        };
        let places = known.rows().iter().enumerate().filter(|(_, row)| waits(row));
        Ok(Self {
            waiting: places.map(|(place, _)| place as u32).collect(),
            seen_rows: known.rows().len(),
            present,
            scorer_version,
            threads: threads.max(1),
        })
    }

    /// Looks at the rows that have been committed since the last time.
    pub fn note_new_rows(&mut self, known: &KnownRows) {
        let new = known.rows().get(self.seen_rows..).unwrap_or_default();
        let places = new.iter().zip(self.seen_rows..).filter(|(row, _)| is_candidate(row));
        self.waiting.extend(places.map(|(_, place)| place as u32));
        self.seen_rows = known.rows().len();
    }

    /// Whether any row waits.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Makes the samples of the rows that have waited longest. The rows still wait until [`Exporter::committed`].
    pub fn pass(
        &self,
        store: &Store,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Result<(Pass, usize), StoreError> {
        let mut bytes = 0;
        let mut rows: Vec<(u32, &KnownRow)> = Vec::new();
        for place in &self.waiting {
            let Some(row) = known.rows().get(*place as usize) else { continue };
            if bytes >= PASS_BYTES {
                break;
            }
            bytes += u64::from(row.evidence_len);
            rows.push((*place, row));
        }
        let taken = rows.len();
        rows.sort_unstable_by_key(|(_, row)| (row.stream, row.evidence_at));
        let share = rows.len().div_ceil(self.threads).max(1);
        let made: Vec<Vec<Made>> = std::thread::scope(|scope| {
            let threads: Vec<_> = rows
                .chunks(share)
                .map(|part| scope.spawn(|| make_samples(store, streams, part, &self.scorer_version)))
                .collect();
            let died = || StoreError::CheckFailed("an export thread panicked".to_owned());
            threads.into_iter().map(|thread| thread.join().map_err(|_| died())?).collect::<Result<_, _>>()
        })?;
        let mut appends = Vec::new();
        let mut samples = 0;
        for (number, export) in EXPORTS.iter().enumerate() {
            let Some(present) = self.present.get(number) else { continue };
            let parts: Vec<&Made> = made.iter().filter_map(|thread| thread.get(number)).collect();
            let (lines, count) = without_repeats(present, &parts);
            for (_, _, place) in parts.iter().flat_map(|part| &part.samples) {
                prove_no_leak(export.path(), known, *place)?;
            }
            if count > 0 {
                samples += count;
                let pieces = vec![Piece::new(lines.into_bytes(), count)];
                appends.push(Append { path: export.path().to_owned(), pieces });
            }
        }
        let cursors = self.cursors_after(taken, store, streams, known);
        Ok((Pass { appends, samples, cursors }, taken))
    }

    /// The rows of a pass are exported, durably.
    pub fn committed(&mut self, pass: &Pass, taken: usize) {
        for append in &pass.appends {
            let export = EXPORTS.iter().position(|export| export.path() == append.path);
            let Some((present, prefix)) =
                export.and_then(|n| Some((self.present.get_mut(n)?, EXPORTS.get(n)?.prefix())))
            else {
                continue;
            };
            for piece in &append.pieces {
                present.extend(piece.bytes.split(|b| *b == b'\n').filter_map(|line| sample_id(line, prefix)));
            }
        }
        self.waiting.drain(..taken.min(self.waiting.len()));
    }

    /// How far the exports will have come in each stream once `taken` rows wait no more; streams that move only.
    fn cursors_after(
        &self,
        taken: usize,
        store: &Store,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> BTreeMap<String, u64> {
        let state = store.state();
        let mut first_waiting: BTreeMap<u16, u64> = BTreeMap::new();
        let mut streams_left: BTreeSet<u16> = (0..streams.specs.len() as u16).collect();
        for row in self.waiting.iter().skip(taken).filter_map(|place| known.rows().get(*place as usize)) {
            if streams_left.remove(&row.stream) {
                first_waiting.insert(row.stream, row.evidence_at);
            }
            if streams_left.is_empty() {
                break;
            }
        }
        let mut cursors = BTreeMap::new();
        for (number, spec) in streams.specs.iter().enumerate() {
            let all = state.output_len(&spec.output("evidence"));
            let to = first_waiting.get(&(number as u16)).copied().unwrap_or(all);
            if to > state.export_cursors.get(&spec.name).copied().unwrap_or(0) {
                cursors.insert(spec.name.clone(), to);
            }
        }
        cursors
    }
}

fn is_candidate(row: &KnownRow) -> bool {
    row.exportable && matches!(row.category, Category::Accepted | Category::PartiallyAccepted)
}

/// The proof that a commit makes of every sample it adds, from the known rows and not from the code that made it.
fn prove_no_leak(path: &str, known: &KnownRows, place: u32) -> Result<(), StoreError> {
    let category = known.rows().get(place as usize).map(|row| row.category);
    let allowed = match category {
        Some(Category::Accepted) => true,
        Some(Category::PartiallyAccepted) => path.starts_with("exports/rag/"),
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(StoreError::CheckFailed(format!("a sample of {path} would come from a row that is {category:?}")))
}

/// All lines but those whose content is there already, or stands twice among them.
fn without_repeats(present: &HashSet<u64>, parts: &[&Made]) -> (String, u64) {
    let mut new = HashSet::new();
    let mut kept = String::with_capacity(parts.iter().map(|part| part.lines.len()).sum());
    for part in parts {
        let mut at = 0;
        for (id, length, _) in &part.samples {
            let end = at + *length as usize;
            if !present.contains(id) && new.insert(*id) {
                kept.push_str(part.lines.get(at..end).unwrap_or_default());
            }
            at = end;
        }
    }
    (kept, new.len() as u64)
}

fn make_samples(
    store: &Store,
    streams: &StreamSet,
    rows: &[(u32, &KnownRow)],
    scorer_version: &str,
) -> Result<Vec<Made>, StoreError> {
    let mut made: Vec<Made> = EXPORTS.iter().map(|_| Made::default()).collect();
    let mut parser = Parser::default();
    let mut rest = rows;
    while let Some((_, first)) = rest.first() {
        let near = |row: &KnownRow, end: u64| {
            row.stream == first.stream
                && row.evidence_at < end + READ_GAP_BYTES
                && row.evidence_at + u64::from(row.evidence_len) - first.evidence_at <= READ_MAX_BYTES
        };
        let mut end = first.evidence_at + u64::from(first.evidence_len);
        let mut count = 1;
        for (_, row) in rest.iter().skip(1) {
            if !near(row, end) {
                break;
            }
            end = row.evidence_at + u64::from(row.evidence_len);
            count += 1;
        }
        let Some(spec) = streams.specs.get(usize::from(first.stream)) else { break };
        let path = store.output().join(spec.output("evidence"));
        let block = store.disk().read(&path, first.evidence_at, end)?;
        let (part, behind) = rest.split_at(count);
        for (place, row) in part {
            let from = usize::try_from(row.evidence_at - first.evidence_at).unwrap_or(usize::MAX);
            let line = block.get(from..from + row.evidence_len as usize).unwrap_or_default();
            make_sample(&mut parser, *place, row, line, scorer_version, &mut made);
        }
        rest = behind;
    }
    Ok(made)
}

fn make_sample(
    parser: &mut Parser,
    place: u32,
    row: &KnownRow,
    line: &[u8],
    scorer_version: &str,
    made: &mut [Made],
) {
    let Ok(doc) = parser.parse(line) else { return };
    let Some(evidence) = EvidenceView::read(doc) else { return };
    let human = row.signals.contains(Code::HumanAccept).then_some(crate::domain::score::HumanAction::Accept);
    let judgement = Judgement { kind: Kind::Work, signals: row.signals, human, failed_since_human: false };
    let reasons = reasons(judgement, score(judgement));
    let current = CurrentScore { category: row.category, reasons: &reasons, scorer_version };
    for (export, made) in EXPORTS.iter().zip(made) {
        let from = made.lines.len();
        if let Some(id) = export.sample(&evidence, current, &mut made.lines) {
            made.samples.push((id.0, (made.lines.len() - from) as u32, place));
        }
    }
}
