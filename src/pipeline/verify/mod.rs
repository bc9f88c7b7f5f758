//! Whether an output folder is what it says it is: the chain of receipts, every range and count, every line made again
//! from its row, and every sample against the row that it was made from. Reads and never writes, beside a daemon too.
//!
//! ```text
//!   chain → fold → ledger ──▶ files (lengths, strangers)
//!                        ├──▶ ranges (hashes)         ─┐  content: on every core, a stream in its order,
//!                        └──▶ sources → derive → rows ─┘  and hashes wherever a core has nothing else to do
//!                                                    └──▶ links → wanted → samples (exports, later scores, retractions)
//! ```

pub(super) mod chain;
mod content;
pub(super) mod derive;
pub(super) mod files;
mod finding;
mod fold;
pub(super) mod ledger;
mod lines;
mod links;
pub(super) mod ranges;
pub(super) mod read;
mod remade;
pub(super) mod rows;
mod samples;
pub(super) mod seen;
pub(super) mod sources;
mod wanted;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

pub use finding::{Finding, Findings};

use self::files::{Files, find_strangers, is_writer_at_work};
use self::ledger::Ledger;
use self::links::{Later, Relinked};
use self::remade::Said;
use self::samples::Held;
use self::wanted::{About, Want, gather};
use super::known_rows::KnownRows;
use super::outputs::{Outputs, RESCORED};
use super::streams::StreamSet;
use crate::domain::link::Place;
use crate::domain::rules::Rules;
use crate::domain::schema::receipt::CommittedState;
use crate::store::StoreError;

/// What is to be verified.
pub struct Request<'r> {
    /// The output folder.
    pub output: &'r Path,
    /// The streams.
    pub streams: &'r StreamSet,
    /// What rows mean.
    pub rules: &'r Rules,
    /// Only what came after this receipt.
    pub since: Option<u64>,
    /// Whether to go on after the first broken thing.
    pub all: bool,
    /// Only the exports.
    pub exports_only: bool,
    /// How many threads work.
    pub threads: usize,
}

/// Sources that are not there any more, so that what was made of them cannot be made again.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct SourcesGone {
    /// Ranges of receipts.
    pub ranges: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
}

/// How much was checked.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Checked {
    /// Receipts read.
    pub receipts: u64,
    /// The number of the last of them.
    pub last_seq: Option<u64>,
    /// Bytes of output hashed.
    pub output_bytes: u64,
    /// Bytes of input read again.
    pub input_bytes: u64,
    /// Rows of input distilled again.
    pub rows: u64,
    /// Copies in the archive that hold their generation.
    pub copies: u64,
    /// Pieces of evidence held against what names them.
    pub evidence: u64,
    /// Samples held against their rows.
    pub samples: u64,
    /// Later scores and retractions likewise.
    pub later_lines: u64,
    /// What could not be read again.
    pub sources_gone: SourcesGone,
    /// Whether current scores were worked out anew from the links between rows.
    pub scores_recomputed: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What is broken, the first thing first.
    pub findings: Vec<Finding>,
    /// What was checked.
    pub checked: Checked,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
}

/// What kept `verify` from looking.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Committed rows could not be read back.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lines about rows, and rows, that a thread takes at a time.
const LOT_WANTS: usize = 1024;
const LOT_ROWS: u32 = 4096;

/// Files that may be replaced while they are looked at: how often to look again before a finding counts.
const LOOKS_MAX: usize = 5;

/// Verifies an output folder as of the receipts that are there now.
pub fn verify(request: &Request<'_>) -> Result<Report, VerifyError> {
    let mut looks = 1;
    loop {
        let report =
            Verification { request, findings: Findings::default(), report: Report::default() }.run()?;
        let may_be_replaced =
            report.findings.iter().any(Finding::is_of_export) && is_writer_at_work(request.output);
        if !may_be_replaced || looks == LOOKS_MAX {
            return Ok(report);
        }
        looks += 1;
    }
}

struct Verification<'r> {
    request: &'r Request<'r>,
    findings: Findings,
    report: Report,
}

impl Verification<'_> {
    fn run(mut self) -> Result<Report, VerifyError> {
        let request = self.request;
        let (output, threads) = (request.output, request.threads.max(1));
        let io = |source: io::Error| VerifyError::Io { path: output.to_owned(), source };
        let (ledger, whole) = Ledger::read(output, request.since, threads, &self.findings).map_err(io)?;
        self.report.checked.receipts = ledger.receipts;
        self.report.checked.last_seq = ledger.last.map(|(seq, _)| seq).filter(|_| ledger.receipts > 0);
        if let Some(torn) = ledger.torn.clone()
            && !is_writer_at_work(output)
        {
            self.findings.add(torn);
        }
        // All else is held against the receipts: where they are wrong it says nothing.
        if !whole || (!self.findings.is_empty() && !request.all) {
            return Ok(self.end());
        }
        let wanted = |path: &str| !request.exports_only || path.starts_with("exports/");
        let is_needed = |path: &str| wanted(path) || path == RESCORED || path.starts_with("evidence/");
        let files = Files::open(output, &ledger, is_needed, &self.findings).map_err(io)?;
        find_strangers(output, &ledger, wanted, &self.findings).map_err(io)?;
        let known = Mutex::new(KnownRows::empty(request.streams, request.rules));
        let done = self.hold_content(&ledger, &files, wanted, &known).map_err(io)?;
        self.report.checked.rows = done.rows;
        self.report.checked.input_bytes = done.bytes;
        let (ranges, bytes, rows) = (done.gone_ranges, done.gone_bytes, done.gone_rows);
        self.report.checked.sources_gone = SourcesGone { ranges, bytes, rows };
        // Where rows and their lines hold, what is wrong with an export is named by its line.
        if self.findings.all(Finding::is_of_export) || request.all {
            self.hold_samples(&ledger, &files, known.into_inner().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(self.end())
    }

    fn end(self) -> Report {
        Report { findings: self.findings.into_sorted(), ..self.report }
    }

    /// Holds exports, later scores and retractions against the rows.
    fn hold_samples(&mut self, ledger: &Ledger, files: &Files, known: KnownRows) -> Result<(), VerifyError> {
        let request = self.request;
        let mut outputs = Outputs::open(request.output)?;
        // As of the receipts that were read, whatever was committed since.
        outputs.state.clone_from(&ledger.state);
        // Rows that were distilled again stand where they should; where lines are wrong, others may stand there.
        let rows = if known.is_empty() || !self.findings.all(Finding::is_of_export) {
            Relinked::load(&outputs, request.streams, request.rules)
        } else {
            Ok(Relinked::of_rows(known, &outputs, request.streams))
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(e) => {
                self.report.unchecked.push(format!("samples were not held against their rows: {e}"));
                return Ok(());
            }
        };
        self.report.checked.scores_recomputed = rows.judges;
        self.report.checked.evidence = rows.len() as u64;
        let io = |source: io::Error| VerifyError::Io { path: request.output.to_owned(), source };
        let (wants, later, said) = self.gather(ledger, files, &rows).map_err(io)?;
        let held = Held {
            rows: &rows,
            streams: request.streams,
            files,
            said: &said,
            scorer_version: &request.rules.scorer_version(),
            findings: &self.findings,
        };
        let (next_wants, next_rows) = (Mutex::new(lots(&wants).into_iter()), AtomicU32::new(0));
        let last = rows.len() as Place;
        let work = || -> io::Result<()> {
            loop {
                let lot = next_wants.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(lot) = lot else { break };
                held.hold_lines(lot)?;
            }
            loop {
                let from = next_rows.fetch_add(LOT_ROWS, Ordering::Relaxed);
                if from >= last {
                    return Ok(());
                }
                held.hold_scores(from..last.min(from + LOT_ROWS), &later)?;
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..request.threads.max(1)).map(|_| scope.spawn(work)).collect();
            let died = |_| Err(io::Error::other("a thread of the check panicked"));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(died))
        })
        .map_err(io)
    }

    /// What all lines about rows ask of them, in the order of the evidence, and the latest superseding scores.
    fn gather(
        &mut self,
        ledger: &Ledger,
        files: &Files,
        rows: &Relinked,
    ) -> io::Result<(Vec<Want>, HashMap<Place, Later>, Said)> {
        // A later score may take back what an older sample stands on: then every sample is looked at.
        let rescored = |state: &CommittedState| state.output_len(RESCORED);
        let all_samples = self.request.since.is_none() || rescored(&ledger.base) != rescored(&ledger.state);
        let findings = &self.findings;
        let part = |about: About| {
            let path = about.path();
            let to = ledger.state.output_len(path);
            let kept = ledger.written.get(path).and_then(|ranges| ranges.first());
            let (from, line) = match kept {
                // The scores of a row must follow each other from the first.
                _ if all_samples || about == About::Rescored => (0, 0),
                Some(first) => (first.from, first.line),
                None => (to, 0),
            };
            gather(about, files.get(path), (from, line, to), rows, findings)
        };
        let gathered = std::thread::scope(|scope| {
            let threads: Vec<_> = About::ALL.map(|about| (about, scope.spawn(move || part(about)))).into();
            let died = |_| Err(io::Error::other("a reading thread panicked"));
            let join = |(about, thread): (About, std::thread::ScopedJoinHandle<'_, _>)| {
                thread.join().unwrap_or_else(died).map(|wanted| (about, wanted))
            };
            threads.into_iter().map(join).collect::<io::Result<Vec<_>>>()
        })?;
        let (mut wants, mut later, mut said) = (Vec::new(), HashMap::new(), Said::new());
        for (about, mut wanted) in gathered {
            self.report.checked.samples += wanted.samples;
            if matches!(about, About::Rescored | About::Retractions) {
                self.report.checked.later_lines += wanted.lines;
            }
            wants.append(&mut wanted.wants);
            later.extend(wanted.later);
            said.extend(wanted.said);
        }
        wants.sort_unstable_by_key(|want| (want.evidence, want.about, want.side, want.line));
        Ok((wants, later, said))
    }
}

/// Cuts what is wanted into lots for several threads, between rows.
fn lots(wants: &[Want]) -> Vec<&[Want]> {
    let (mut lots, mut rest) = (Vec::new(), wants);
    while !rest.is_empty() {
        let cut = rest.get(LOT_WANTS..).unwrap_or_default();
        let last = rest.get(LOT_WANTS - 1).map(|want| want.place);
        let of_last = cut.iter().take_while(|want| Some(want.place) == last).count();
        let (lot, behind) = rest.split_at(rest.len().min(LOT_WANTS + of_last));
        lots.push(lot);
        rest = behind;
    }
    lots
}
