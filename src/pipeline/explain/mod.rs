//! The life of a row: source, evidence, signals and their links, scores, samples, receipts. Reads and never writes, so it
//! serves beside a running daemon; what it reads is in proportion to what is asked, but for one pass over the row cache.

mod find;
mod receipts;
mod rows;
mod scan;
mod source;
mod story;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub use find::{CANDIDATES_MAX, HASH_DIGITS_MIN};
pub use receipts::Covered;
pub use story::{Explanation, Sample, Scored, Signal, SourceRow, Story, WITHHELD};

use find::{Named, find};
use receipts::ReceiptLog;
use rows::{AllRows, Chosen};
use scan::{Hashes, needles};
use source::Source;
use story::{mask, may_show};

use super::known_rows::{Incoming, KnownRows};
use super::outputs::{Outputs, RESCORED};
use super::streams::{StreamSet, StreamSpec};
use crate::domain::exports::{Dataset, RETRACTIONS};
use crate::domain::link::{Judges, Near, Place, Touched};
use crate::domain::rules::Rules;
use crate::domain::schema::record::EvidenceRecord;
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::StoreError;

/// What came of looking for an id.
#[derive(Debug)]
pub enum Answer {
    /// It names this.
    Found(Box<Explanation>),
    /// Several things begin so: at most [`CANDIDATES_MAX`] of them, and how many there are at least.
    Several(Vec<String>, usize),
    /// Nothing is called so.
    Nothing,
}

/// Explains what an id names; of its rows at most `rows_max`.
pub fn explain(
    outputs: &Outputs,
    streams: &StreamSet,
    rules: &Rules,
    state: &Path,
    id: &str,
    rows_max: usize,
) -> Result<Answer, StoreError> {
    let mut all = AllRows { outputs, streams, rules, state: Some(state) };
    let (what, mut item, mut rows) = match find(&mut all, id)? {
        None => return Ok(Answer::Nothing),
        Some(Named::Several(names)) => {
            let count = names.len();
            let shown = names.into_iter().take(CANDIDATES_MAX).map(|name| {
                let mut name = Value::String(name);
                mask(&mut name, false);
                name.as_str().unwrap_or_default().to_owned()
            });
            return Ok(Answer::Several(shown.collect(), count));
        }
        Some(Named::Rows { what, item, rows }) => (what, item, rows),
    };
    let total = rows.len();
    rows.sort_by_key(|chosen| {
        let spec = streams.specs.get(usize::from(chosen.row.stream));
        (spec.map(|spec| &spec.source_file), chosen.row.evidence_at)
    });
    rows.truncate(rows_max);
    if let Some(item) = &mut item {
        mask(item, false);
    }
    let (near, lines) = std::thread::scope(|scope| {
        let lines = scope.spawn(|| Lines::of(outputs, streams, &rows));
        (Neighbourhood::of(&mut all, &rows), lines.join())
    });
    let died = |_| StoreError::CheckFailed("the thread that looks for lines panicked".to_owned());
    let (near, lines) = (near?, lines.map_err(died)??);
    let log = ReceiptLog::open(outputs.folder())?;
    let teller = Teller { outputs, streams, log, lines, near };
    let stories: Result<Vec<Story>, StoreError> = rows.iter().map(|chosen| teller.story(chosen)).collect();
    Ok(Answer::Found(Box::new(Explanation { id: id.to_owned(), what, item, total, rows: stories? })))
}

/// The rows that may reach the chosen ones, as links.
struct Neighbourhood {
    known: KnownRows,
    judges: Judges,
    rows: Vec<Incoming>,
}

impl Neighbourhood {
    fn of(all: &mut AllRows<'_>, rows: &[Chosen]) -> Result<Self, StoreError> {
        let window_ms = i64::try_from(all.rules.link_window.as_millis()).unwrap_or(i64::MAX);
        let mut near = Near::default();
        for chosen in rows {
            near.add(&chosen.row.facts, window_ms);
        }
        let mut texts: Vec<String> = Vec::new();
        for chosen in rows {
            let line = line_of(all.outputs, all.streams, &chosen.row)?;
            if let Ok(record) = serde_json::from_str::<EvidenceRecord<'_>>(&line) {
                texts.push(record.run_id.escaped().to_owned());
                texts.extend(record.source_files.first().map(|file| format!("\"{}\"", file.escaped())));
                texts.extend(record.pr_number.map(|pull| format!("\"pr_number\":{pull}")));
                let commits = record.head_sha.iter().chain(&record.commit);
                texts.extend(commits.map(|commit| commit.escaped().to_ascii_lowercase()));
            }
        }
        // A commit may be written in either case, and an escalation names nothing but a signature.
        let always = ["auto_apply", "observer_escalations"];
        let needles = needles(texts);
        let maybe = |stream: &str, line: &str| {
            always.contains(&stream) || needles.as_ref().is_some_and(|needles| needles.is_match(line))
        };
        let near = all.select(&maybe, &mut |row| near.holds(&row.facts))?;
        let mut known = KnownRows::empty(all.streams, all.rules);
        let (mut judges, mut touched) = (Judges::default(), Touched::default());
        let rows: Vec<Incoming> = near.into_iter().map(|chosen| chosen.row).collect();
        for row in &rows {
            let place = known.insert(row, &mut touched);
            judges.note(&known.links, place, &row.facts);
        }
        Ok(Self { known, judges, rows })
    }

    fn row(&self, place: Place) -> Option<&Incoming> {
        self.rows.get(place as usize)
    }
}

/// Lines of shared outputs that name a chosen row: where each stands, and the line, by the row's hash.
#[derive(Default)]
struct Lines {
    rescored: BTreeMap<String, Vec<(u64, Value)>>,
    samples: BTreeMap<String, Vec<(Dataset, u64, Value)>>,
    retractions: BTreeMap<String, Vec<(u64, Value)>>,
}

impl Lines {
    fn of(outputs: &Outputs, streams: &StreamSet, rows: &[Chosen]) -> Result<Self, StoreError> {
        let mut hashes = Vec::new();
        for chosen in rows {
            let line = line_of(outputs, streams, &chosen.row)?;
            hashes.extend(super::row_scan::sig_hash(line.as_bytes()));
        }
        if hashes.is_empty() {
            return Ok(Self::default());
        }
        let hashes = Hashes::new(&hashes);
        let rescored_from = rows.iter().map(|chosen| chosen.rescored_from).min().unwrap_or(0);
        // Only texts become samples.
        let has_text =
            rows.iter().any(|chosen| chosen.row.facts.text.is_some() || chosen.row.facts.makes_pair);
        let paths: Vec<(Option<Dataset>, &str, u64)> = Dataset::ALL
            .into_iter()
            .map(|dataset| (Some(dataset), dataset.path(), 0))
            .chain([(None, RETRACTIONS, 0)])
            .filter(|_| has_text)
            .chain([(None, RESCORED, rescored_from)])
            .collect();
        let read = |(_, path, from): &(Option<Dataset>, &str, u64)| hashes.lines(outputs, path, *from);
        let read: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = paths.iter().map(|path| scope.spawn(|| read(path))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Ok(Vec::new()))).collect()
        });
        let mut lines = Self::default();
        for ((dataset, path, _), found) in paths.into_iter().zip(read) {
            for (at, line) in found? {
                let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
                for place in places_of(&value) {
                    match dataset {
                        Some(dataset) => {
                            lines.samples.entry(place).or_default().push((dataset, at, value.clone()));
                        }
                        None if path == RESCORED => {
                            lines.rescored.entry(place).or_default().push((at, value.clone()));
                        }
                        None => lines.retractions.entry(place).or_default().push((at, value.clone())),
                    }
                }
            }
        }
        Ok(lines)
    }
}

/// The rows that a line is about, each once.
fn places_of(line: &Value) -> Vec<String> {
    let provenance = line.get("provenance");
    let one = provenance.into_iter().filter(|provenance| provenance.is_object());
    let mut places: Vec<String> =
        one.chain(provenance.and_then(Value::as_array).into_iter().flatten()).map(place_key).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// What tells a row from all others.
fn place_key(provenance: &Value) -> String {
    let text = |name: &str| provenance.get(name).map(ToString::to_string).unwrap_or_default();
    format!("{} {}", text("source_file"), text("sig_hash"))
}

/// The evidence line of a row.
fn line_of(outputs: &Outputs, streams: &StreamSet, row: &Incoming) -> Result<String, StoreError> {
    let path = spec_of(streams, row).map(|spec| spec.output("evidence")).unwrap_or_default();
    let mut line = outputs.read(&path, row.evidence_at, row.evidence_at + u64::from(row.evidence_len))?;
    line.pop();
    String::from_utf8(line).map_err(|_| StoreError::OutputDamaged {
        path: outputs.folder().join(&path),
        seq: 0,
        from: row.evidence_at,
        to: row.evidence_at + u64::from(row.evidence_len),
    })
}

fn spec_of<'s>(streams: &'s StreamSet, row: &Incoming) -> Option<&'s StreamSpec> {
    streams.specs.get(usize::from(row.stream))
}

/// Who tells the lives of rows.
struct Teller<'a> {
    outputs: &'a Outputs,
    streams: &'a StreamSet,
    log: ReceiptLog,
    lines: Lines,
    near: Neighbourhood,
}

impl Teller<'_> {
    fn story(&self, chosen: &Chosen) -> Result<Story, StoreError> {
        let row = &chosen.row;
        let mut evidence = self.evidence(row)?;
        let spec = spec_of(self.streams, row);
        let stream = spec.map(|spec| spec.name.clone()).unwrap_or_default();
        let withheld = row.facts.secret || row.facts.secret_in_pair;
        let provenance = evidence.get("provenance").cloned().unwrap_or_default();
        let key = place_key(&provenance);
        let source = self.source(spec, &provenance, withheld)?;
        let written = self.log.output(&format!("evidence/{stream}.jsonl"), row.evidence_at)?;
        let committed = written.as_ref().map(|(covered, _)| covered.clone());
        let mut history = Vec::new();
        if let Some((covered, receipt)) = &written {
            let path = format!("scored-runs/{stream}.jsonl");
            let hash = provenance.get("sig_hash").map(ToString::to_string).unwrap_or_default();
            for range in receipt.output_files.iter().filter(|range| range.path == path) {
                let bytes = self.outputs.read(&path, range.from, range.to)?;
                let text = String::from_utf8_lossy(&bytes);
                let first = text.lines().find(|line| line.contains(&hash));
                history.extend(
                    first
                        .and_then(|line| serde_json::from_str(line).ok())
                        .map(|score| Scored { score, receipt: Some(covered.clone()) }),
                );
            }
        }
        for (at, score) in self.lines.rescored.get(&key).into_iter().flatten() {
            let receipt = self.log.output(RESCORED, *at)?.map(|(covered, _)| covered);
            history.push(Scored { score: score.clone(), receipt });
        }
        let score = history.last().map(|scored| scored.score.clone()).unwrap_or_default();
        mask(&mut evidence, withheld);
        Ok(Story {
            signals: self.signals(row)?,
            samples: self.samples(&key)?,
            retractions: self.retractions(&key)?,
            stream,
            withheld,
            source,
            evidence,
            committed,
            score,
            history,
        })
    }

    fn evidence(&self, row: &Incoming) -> Result<Value, StoreError> {
        let line = line_of(self.outputs, self.streams, row)?;
        Ok(serde_json::from_str(&line).unwrap_or_default())
    }

    fn source(
        &self,
        spec: Option<&StreamSpec>,
        provenance: &Value,
        withheld: bool,
    ) -> Result<SourceRow, StoreError> {
        let number = |name: &str| provenance.get(name).and_then(Value::as_u64).unwrap_or(0);
        let hash = provenance.get("sig_hash").and_then(Value::as_str).and_then(Sha256Hex::parse);
        let unknown = SourceRow { state: "unknown", path: None, row: None, receipt: None };
        let (Some(spec), Some(hash)) = (spec, hash) else { return Ok(unknown) };
        let byte = number("byte_offset");
        let Some((covered, range)) = self.log.input(&spec.name, number("generation") as u32, byte)? else {
            return Ok(unknown);
        };
        let shown = |row: String| if may_show(&row, withheld) { row } else { WITHHELD.to_owned() };
        let (state, path, row) = match source::look(spec, &range, byte, &hash) {
            Source::There(path, row) => ("there", Some(path), Some(shown(row))),
            Source::Archived(path, row) => ("archived", Some(path), Some(shown(row))),
            Source::Changed(path) => ("changed", Some(path), None),
            Source::Gone => ("gone", None, None),
        };
        let path = path.map(|path| path.display().to_string());
        Ok(SourceRow { state, path, row, receipt: Some(covered) })
    }

    /// Every signal that counts, with the row that says it.
    fn signals(&self, row: &Incoming) -> Result<Vec<Signal>, StoreError> {
        let links = &self.near.known.links;
        let place = self.near.known.find(usize::from(row.stream), row.sig);
        let Some(place) = place.filter(|_| row.facts.work) else { return Ok(Vec::new()) };
        let mut signals = Vec::new();
        for reason in links.why(place, &self.near.judges) {
            let Some(from) = self.near.row(reason.from) else { continue };
            let mut said = self.evidence(from)?;
            mask(&mut said, false);
            signals.push(Signal {
                code: reason.code.name(),
                link: reason.link.name(),
                stream: spec_of(self.streams, from).map(|spec| spec.name.clone()).unwrap_or_default(),
                run_id: said.get("run_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
                provenance: said.get("provenance").cloned().unwrap_or_default(),
            });
        }
        Ok(signals)
    }

    fn samples(&self, key: &str) -> Result<Vec<Sample>, StoreError> {
        let samples = self.lines.samples.get(key).into_iter().flatten();
        let tell = |(dataset, at, line): &(Dataset, u64, Value)| {
            let mut line = line.clone();
            mask(&mut line, false);
            let receipt = self.log.replaced(dataset.path(), *at)?.map(|(covered, _)| covered);
            Ok(Sample { dataset: dataset.name().to_owned(), line, receipt })
        };
        samples.map(tell).collect()
    }

    fn retractions(&self, key: &str) -> Result<Vec<Sample>, StoreError> {
        let retractions = self.lines.retractions.get(key).into_iter().flatten();
        let tell = |(at, line): &(u64, Value)| {
            let dataset = line.get("dataset").and_then(Value::as_str).unwrap_or_default().to_owned();
            let receipt = self.log.output(RETRACTIONS, *at)?.map(|(covered, _)| covered);
            Ok(Sample { dataset, line: line.clone(), receipt })
        };
        retractions.map(tell).collect()
    }
}
