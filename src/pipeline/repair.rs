//! Making lost or damaged files of promise 2 anew from the rows they came from.
//!
//! What is made is taken only when every range of it has the hash that its receipt says. So a repair needs no receipt of
//! its own: it puts back bytes that are committed already. The new file is written beside the old one, synced and
//! renamed over it; a crash in between leaves the old one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::archive::check::Checking;
use super::outputs::RESCORED;
use super::streams::{StreamSet, StreamSpec};
use super::verify::derive::{Derived, Trouble, derive};
use super::verify::files::Files;
use super::verify::ledger::{Ledger, Taken, Written};
use super::verify::ranges::RangeCheck;
use super::verify::read::Reader;
use super::verify::rows::{self, SCRATCHPADS, keep};
use super::verify::seen::Seen;
use super::verify::sources::{self, Source};
use super::verify::{Finding, Findings};
use crate::domain::distil::{Distiller, summarise};
use crate::domain::rules::Rules;
use crate::domain::schema::record::EvidenceRecord;
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};
use crate::store::recover::can_be_rebuilt;

/// The files that are made of a stream's rows: evidence, scores, quarantine, scratchpads.
const FOLDERS: [&str; 4] = [rows::FOLDERS[0], rows::FOLDERS[1], rows::FOLDERS[2], SCRATCHPADS];

/// What is to be repaired.
pub struct Request<'r> {
    /// The output folder; the lock on it is held by the caller, unless nothing is written.
    pub output: &'r Path,
    /// The streams.
    pub streams: &'r StreamSet,
    /// What rows mean.
    pub rules: &'r Rules,
    /// Whether only to say what would be done.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug, Default, serde::Serialize)]
pub struct Repaired {
    /// Files that were made anew (or would be), with their bytes.
    pub files: BTreeMap<String, u64>,
    /// Exports and views that were damaged and are removed (or would be), or were missing: `run` makes them anew.
    pub left_to_run: Vec<String>,
}

/// Why nothing was repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The receipts say what is right; they themselves are wrong.
    #[error("the receipts are damaged, so nothing can be repaired by them: {0}; restore them from a copy")]
    Receipts(Box<Finding>),
    /// Rows would become other lines.
    #[error(
        "the receipts follow rules {committed}, the config {configured}: put the config back, or run `distilld replay`"
    )]
    RulesChanged {
        /// The receipts' version.
        committed: String,
        /// The config's.
        configured: String,
    },
    /// Later scores are made of the history of all rows.
    #[error(
        "{path} is damaged ({what}) and is not made of rows alone: restore it from a copy, or run `distilld replay`"
    )]
    NotFromRows {
        /// The file.
        path: String,
        /// How it is damaged.
        what: String,
    },
    /// The rows are needed and not there.
    #[error(
        "{path} cannot be made anew: bytes {from} to {to} of generation {generation} of {stream} are gone or changed; restore the stream's file or the output from a copy"
    )]
    SourceGone {
        /// The file to repair.
        path: String,
        /// The stream.
        stream: String,
        /// The generation.
        generation: u32,
        /// First byte.
        from: u64,
        /// The byte behind the last.
        to: u64,
    },
    /// What was made is not what was committed.
    #[error(
        "{path} was made anew, but bytes {from} to {to} do not have the hash of receipt {seq}; nothing was changed, restore the file from a copy"
    )]
    NotTheSame {
        /// The file.
        path: String,
        /// The receipt.
        seq: u64,
        /// First byte.
        from: u64,
        /// The byte behind the last.
        to: u64,
    },
    /// Something could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds damaged files and makes those anew that are made of rows alone.
pub fn repair(request: &Request<'_>) -> Result<Repaired, RepairError> {
    let output = request.output;
    let failed = |source: io::Error| RepairError::Io { path: output.to_owned(), source };
    let findings = Findings::default();
    let (ledger, _) = Ledger::read(output, None, 1, &findings).map_err(failed)?;
    if let Some(first) = findings.into_sorted().into_iter().next() {
        return Err(RepairError::Receipts(Box::new(first)));
    }
    let damage = damaged(output, &ledger).map_err(failed)?;
    let (mut repaired, mut of_history) = (Repaired::default(), None);
    for (path, what) in &damage {
        if can_be_rebuilt(path) {
            repaired.left_to_run.push(path.clone());
        } else if path == RESCORED
            || !request.streams.specs.iter().any(|spec| folder_of(spec, path).is_some())
        {
            // All others come first: what is advised needs them.
            of_history = Some(RepairError::NotFromRows { path: path.clone(), what: what.clone() });
        }
    }
    for spec in &request.streams.specs {
        let wanted: Vec<usize> = (0..FOLDERS.len())
            .filter(|number| damage.keys().any(|path| folder_of(spec, path) == Some(*number)))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        check_rules(request.rules, &ledger)?;
        for (path, bytes) in remake(request, &ledger, spec, &wanted)? {
            repaired.files.insert(path, bytes);
        }
    }
    if !request.dry_run {
        for path in &repaired.left_to_run {
            RealDisk::default().remove(&output.join(path))?;
        }
    }
    of_history.map_or(Ok(repaired), Err)
}

/// The first file of rows, scores or scratchpads that is not what its receipts say, where nothing else is known of the rows.
pub(super) fn first_damage(output: &Path) -> Result<Option<StoreError>, StoreError> {
    let failed = |source| StoreError::io("read", output, source);
    let findings = Findings::default();
    let (ledger, _) = Ledger::read(output, None, 1, &findings).map_err(failed)?;
    let damage = damaged(output, &ledger).map_err(failed)?;
    let first = damage.into_keys().find(|path| !can_be_rebuilt(path));
    Ok(first.map(|path| {
        let (seq, to) = (ledger.last.map_or(0, |(seq, _)| seq), ledger.state.output_len(&path));
        StoreError::OutputDamaged { path: output.join(path), seq, from: 0, to }
    }))
}

/// The files that are missing, short, or not what their ranges hash to; each with what is wrong.
fn damaged(output: &Path, ledger: &Ledger) -> io::Result<BTreeMap<String, String>> {
    let findings = Findings::default();
    let files = Files::open(output, ledger, |_| true, &findings)?;
    let ranges = RangeCheck::new(ledger, &files, |_| true);
    let mut buffer = Vec::new();
    while ranges.step(&mut buffer, &findings)? {}
    let is_longer = |finding: &Finding| {
        // What is behind the committed bytes is cut by the next start.
        ledger.state.outputs.get(&finding.file).is_some_and(|committed| finding.byte == Some(committed.len))
    };
    let damage = findings.into_sorted().into_iter().filter(|finding| !is_longer(finding));
    Ok(damage.map(|finding| (finding.file, finding.what)).collect())
}

fn folder_of(spec: &StreamSpec, path: &str) -> Option<usize> {
    FOLDERS.iter().position(|folder| spec.output(folder) == path)
}

fn check_rules(rules: &Rules, ledger: &Ledger) -> Result<(), RepairError> {
    let configured = (rules.rules_version(), rules.scorer_version());
    match &ledger.versions {
        Some(committed) if *committed != configured => Err(RepairError::RulesChanged {
            committed: format!("{} and scorer {}", committed.0, committed.1),
            configured: format!("{} and scorer {}", configured.0, configured.1),
        }),
        _ => Ok(()),
    }
}

/// One file being made anew.
struct Remade<'r> {
    path: String,
    /// Where it is written until it is known to be right; nowhere in a dry run.
    beside: Option<PathBuf>,
    at: u64,
    ranges: &'r [Written],
    hash: Sha256,
}

impl Remade<'_> {
    /// Appends bytes, and holds every range that they complete to its hash.
    fn put(&mut self, disk: &RealDisk, mut bytes: &[u8]) -> Result<(), RepairError> {
        if let Some(beside) = self.beside.as_ref().filter(|_| !bytes.is_empty()) {
            disk.write(beside, self.at, bytes)?;
        }
        while let Some(range) = self.ranges.first().filter(|_| !bytes.is_empty()) {
            let left = usize::try_from(range.to - self.at).unwrap_or(usize::MAX);
            let (part, rest) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
            self.hash.update(part);
            self.at += part.len() as u64;
            bytes = rest;
            if self.at == range.to {
                let made = Sha256Hex(self.hash.finalize_reset().into());
                if made != range.sha256 {
                    return Err(self.not_the_same(range));
                }
                self.ranges = self.ranges.get(1..).unwrap_or_default();
            }
        }
        if bytes.is_empty() { Ok(()) } else { Err(self.too_long(bytes.len() as u64)) }
    }

    fn not_the_same(&self, range: &Written) -> RepairError {
        let (path, seq, from, to) = (self.path.clone(), range.seq, range.from, range.to);
        RepairError::NotTheSame { path, seq, from, to }
    }

    fn too_long(&self, more: u64) -> RepairError {
        let (path, from, to) = (self.path.clone(), self.at, self.at + more);
        RepairError::NotTheSame { path, seq: 0, from, to }
    }
}

/// Makes the wanted files of one stream anew; gives their paths and lengths.
fn remake(
    request: &Request<'_>,
    ledger: &Ledger,
    spec: &StreamSpec,
    wanted: &[usize],
) -> Result<Vec<(String, u64)>, RepairError> {
    let disk = RealDisk::default();
    let mut files = begin(request, ledger, spec, wanted, &disk)?;
    let made = fill(request, ledger, spec, wanted, &mut files, &disk);
    let whole = made.and_then(|()| {
        let short = files.iter().find_map(|file| Some(file.not_the_same(file.ranges.first()?)));
        short.map_or(Ok(()), Err)
    });
    if let Err(error) = whole {
        for beside in files.iter().filter_map(|file| file.beside.as_ref()) {
            disk.remove(beside)?;
        }
        return Err(error);
    }
    for file in &files {
        let Some(beside) = &file.beside else { continue };
        let path = request.output.join(&file.path);
        disk.sync(beside)?;
        disk.rename(beside, &path)?;
        if let Some(dir) = path.parent() {
            disk.sync_dir(dir)?;
        }
    }
    Ok(files.into_iter().map(|file| (file.path, file.at)).collect())
}

fn begin<'l>(
    request: &Request<'_>,
    ledger: &'l Ledger,
    spec: &StreamSpec,
    wanted: &[usize],
    disk: &RealDisk,
) -> Result<Vec<Remade<'l>>, RepairError> {
    let mut files = Vec::new();
    for folder in wanted.iter().filter_map(|number| FOLDERS.get(*number)) {
        let path = spec.output(folder);
        let full = request.output.join(&path);
        let mut beside = full.clone().into_os_string();
        // The name of a file that is about to replace another: the next start removes it, should this end early.
        beside.push(format!(".new.{}", ledger.last.map_or(0, |(seq, _)| seq)));
        let beside = (!request.dry_run).then(|| PathBuf::from(beside));
        if let Some(beside) = &beside {
            if let Some(dir) = full.parent() {
                disk.make_dir(dir)?;
            }
            disk.remove(beside)?;
            disk.write(beside, 0, b"")?;
        }
        let ranges = ledger.written.get(&path).map_or(&[][..], Vec::as_slice);
        files.push(Remade { path, beside, at: 0, ranges, hash: Sha256::new() });
    }
    Ok(files)
}

/// Distils the stream from its first row on, and puts what it gives into the files.
fn fill(
    request: &Request<'_>,
    ledger: &Ledger,
    spec: &StreamSpec,
    wanted: &[usize],
    files: &mut [Remade<'_>],
    disk: &RealDisk,
) -> Result<(), RepairError> {
    let failed = |source: io::Error| RepairError::Io { path: spec.path.clone(), source };
    let taken = ledger.taken.get(&spec.name).map_or(&[][..], Vec::as_slice);
    let generations = ledger.generations.get(&spec.name).map_or(&[][..], Vec::as_slice);
    let mut sources: BTreeMap<u32, Source> = sources::find(&spec.path, generations, taken);
    let checking = Checking { output: request.output, ledger, is_partial: false, may_go_on: false };
    for (generation, copy) in checking.stream(spec, &Findings::default()).map_err(failed)? {
        sources.entry(generation).or_insert_with(|| Source::of_copy(copy));
    }
    let old: Vec<Option<File>> =
        FOLDERS.iter().map(|folder| File::open(request.output.join(spec.output(folder))).ok()).collect();
    let mut readers: Vec<Reader<'_>> = FOLDERS
        .iter()
        .zip(&old)
        .map(|(folder, file)| Reader::new(file.as_ref(), 0, 0, ledger.state.output_len(&spec.output(folder))))
        .collect();
    let mut distiller = Distiller::new(request.rules);
    let mut seen = Seen::default();
    let mut gone = None;
    for range in taken {
        let source = sources.get(&range.generation);
        let made = derive(&mut distiller, spec, source, range, request.rules.line_bytes_max);
        let parts: [Vec<u8>; 4] = match made {
            Ok(derived) => parts(derived, &mut seen),
            Err(Trouble::Io(e)) => return Err(failed(e)),
            // The lines of rows that are gone may still stand in the old files.
            Err(Trouble::Gone | Trouble::Differs(..) | Trouble::Bad(_)) => {
                let counts = [range.evidence, range.evidence, range.quarantined];
                let mut parts = [const { Vec::new() }; 4];
                for (number, (part, (reader, count))) in
                    parts.iter_mut().zip(readers.iter_mut().zip(counts)).enumerate()
                {
                    // Whether a row was had before is seen by the evidence, and a scratchpad is made of it.
                    let is_needed =
                        wanted.contains(&number) || (number == 0 && wanted.iter().any(|wanted| *wanted != 2));
                    if is_needed && !take_lines(reader, count, part).map_err(failed)? {
                        let Some(path) = FOLDERS.get(number).map(|folder| spec.output(folder)) else {
                            continue;
                        };
                        return Err(source_gone(path, spec, range));
                    }
                }
                gone = Some(*range);
                let [evidence, _, _, scratchpads] = &mut parts;
                for line in evidence.split(|byte| *byte == b'\n') {
                    if let Some(sig_hash) = super::row_scan::sig_hash(line) {
                        seen.insert(&sig_hash);
                    }
                }
                *scratchpads = scratchpads_of(&spec.name, evidence);
                parts
            }
        };
        for (number, (part, reader)) in parts.iter().zip(&mut readers).enumerate() {
            // Both files are alike, or the old one is of no use: so it is read where the new one is.
            let lines = memchr::memchr_iter(b'\n', part).count() as u64;
            let (at, line) = (reader.at, reader.line);
            reader.seek(at + part.len() as u64, line + lines);
            let place = wanted.iter().position(|wanted| *wanted == number);
            if let Some(file) = place.and_then(|place| files.get_mut(place)) {
                file.put(disk, part).map_err(|error| match (error, &gone) {
                    // What was taken from the old file for want of the rows may be what is wrong.
                    (RepairError::NotTheSame { path, .. }, Some(range)) => source_gone(path, spec, range),
                    (error, _) => error,
                })?;
            }
        }
    }
    Ok(())
}

fn source_gone(path: String, spec: &StreamSpec, range: &Taken) -> RepairError {
    let (stream, generation, from, to) = (spec.name.clone(), range.generation, range.from, range.to);
    RepairError::SourceGone { path, stream, generation, from, to }
}

/// The lines of a distilled range for each of the files, without those of rows that the stream has had.
fn parts(derived: Derived, seen: &mut Seen) -> [Vec<u8>; 4] {
    let new: Vec<bool> = derived.rows.iter().map(|row| seen.insert(&row.distilled.sig_hash)).collect();
    let lengths = |of: fn(&super::verify::derive::Row) -> u32| {
        derived.rows.iter().map(of).zip(new.iter().copied()).collect::<Vec<_>>()
    };
    [
        keep(&derived.lines.evidence, &lengths(|row| row.evidence_len)).into_bytes(),
        keep(&derived.lines.scored, &lengths(|row| row.scored_len)).into_bytes(),
        derived.lines.quarantine.into_bytes(),
        keep(&derived.lines.scratchpads, &lengths(|row| row.scratchpad_len)).into_bytes(),
    ]
}

/// The scratchpads of rows that are known by their evidence alone.
fn scratchpads_of(stream: &str, evidence: &[u8]) -> Vec<u8> {
    let mut scratchpads = String::new();
    for line in evidence.split(|byte| *byte == b'\n') {
        // A line that is no record gives none, and the hash of the range tells.
        if let Ok(record) = serde_json::from_slice::<EvidenceRecord<'_>>(line) {
            summarise(stream, &record, &record.provenance.render(), &mut scratchpads);
        }
    }
    scratchpads.into_bytes()
}

/// Takes the next `count` lines of an old file; `false` when there are not so many. Leaves the reader where it is.
fn take_lines(reader: &mut Reader<'_>, count: u64, lines: &mut Vec<u8>) -> io::Result<bool> {
    let (at, line) = (reader.at, reader.line);
    let mut whole = true;
    for _ in 0..count {
        let Some(text) = reader.peek_line()?.filter(|text| text.ends_with(b"\n")) else {
            whole = false;
            break;
        };
        let length = text.len() as u64;
        lines.extend_from_slice(text);
        reader.advance(length, 1);
    }
    reader.seek(at, line);
    Ok(whole)
}
