//! One stream's rows held against its three files, range by range in the order of the stream.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::derive::{Derived, Trouble};
use super::finding::{Finding, Findings};
use super::ledger::{Ledger, Taken};
use super::lines::{first_wrong_line, judge_lines};
use super::read::Reader;
use super::seen::Seen;
use super::sources::Source;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::pipeline::known_rows::{Incoming, KnownRows, sig_of};
use crate::pipeline::row_scan::{row_facts, sig_hash};
use crate::pipeline::streams::StreamSpec;

/// The three files that are made of a stream's rows.
pub(in crate::pipeline) const FOLDERS: [&str; 3] = ["evidence", "scored-runs", "quarantine"];

/// The fourth, which has no line for most rows.
pub(in crate::pipeline) const SCRATCHPADS: &str = "scratchpads";

/// What was checked of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::pipeline) struct Done {
    /// Input rows distilled again.
    pub(in crate::pipeline) rows: u64,
    /// Input bytes read again.
    pub(in crate::pipeline) bytes: u64,
    /// Ranges whose source is gone.
    pub(in crate::pipeline) gone_ranges: u64,
    /// Bytes in them.
    pub(in crate::pipeline) gone_bytes: u64,
    /// Rows in them.
    pub(in crate::pipeline) gone_rows: u64,
}

/// One stream being checked.
pub(in crate::pipeline) struct StreamCheck<'v> {
    number: u16,
    pub(in crate::pipeline) spec: &'v StreamSpec,
    ledger: &'v Ledger,
    pub(in crate::pipeline) taken: &'v [Taken],
    pub(in crate::pipeline) sources: &'v BTreeMap<u32, Source>,
    /// The files, each where the first range to be checked starts in it.
    pub(in crate::pipeline) readers: [Reader<'v>; 3],
    /// The scratchpads likewise, until one of them is wrong: from there on which line is whose is a guess.
    scratchpads: Option<Reader<'v>>,
    /// Where every row that is evidence goes: what links them is worked out from them all.
    known: &'v Mutex<KnownRows>,
    seen: Seen,
    is_begun: bool,
    next_job: usize,
    next_due: usize,
    early: BTreeMap<usize, Result<Derived, Trouble>>,
    /// Whether nothing more is to be checked: one finding is enough.
    stopped: bool,
    all: bool,
    pub(in crate::pipeline) done: Done,
}

/// Rows before the first range that are taken in at a time.
const EARLIER_ROWS: usize = 4096;

/// Ranges of a stream that may be under way at a time.
const WINDOW: usize = 8;

impl<'v> StreamCheck<'v> {
    /// A stream of which nothing is checked yet; with `all` it goes on after a finding.
    pub(in crate::pipeline) fn new(
        (number, spec): (u16, &'v StreamSpec),
        ledger: &'v Ledger,
        sources: &'v BTreeMap<u32, Source>,
        (readers, scratchpads): ([Reader<'v>; 3], Reader<'v>),
        known: &'v Mutex<KnownRows>,
        all: bool,
    ) -> Self {
        Self {
            number,
            spec,
            ledger,
            taken: ledger.taken.get(&spec.name).map_or(&[][..], Vec::as_slice),
            sources,
            readers,
            scratchpads: Some(scratchpads),
            known,
            seen: Seen::default(),
            is_begun: false,
            next_job: 0,
            next_due: 0,
            early: BTreeMap::new(),
            stopped: false,
            all,
            done: Done::default(),
        }
    }

    /// Notes the rows before the first range, from what is written of them; once.
    pub(in crate::pipeline) fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let [evidence, scored, _] = &mut self.readers;
        let ends = [(evidence.at, evidence.line), (scored.at, scored.line)];
        evidence.seek(0, 0);
        scored.seek(0, 0);
        let mut rows = Vec::new();
        while evidence.at < ends[0].0 {
            let at = evidence.at;
            let (Some(line), Some(score)) = (evidence.peek_line()?, scored.peek_line()?) else { break };
            let (evidence_len, scored_len) = (line.len(), score.len());
            if let Some((sig_hash, category, facts)) = row_facts(text(line), text(score)) {
                self.seen.insert(&sig_hash);
                let (stream, evidence_len) = (self.number, evidence_len as u32);
                let sig = sig_of(&sig_hash);
                rows.push(Incoming { sig, stream, evidence_at: at, evidence_len, category, facts });
            } else if let Some(sig_hash) = sig_hash(line) {
                self.seen.insert(&sig_hash);
            }
            evidence.advance(evidence_len as u64, 1);
            scored.advance(scored_len as u64, 1);
            if rows.len() == EARLIER_ROWS {
                self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(rows.drain(..));
            }
        }
        evidence.seek(ends[0].0, ends[0].1);
        scored.seek(ends[1].0, ends[1].1);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
        Ok(())
    }

    /// The next range to distil, if another may be begun now.
    pub(in crate::pipeline) fn next_job(&mut self) -> Option<usize> {
        let may = !self.stopped && self.next_job < self.taken.len() && self.next_job - self.next_due < WINDOW;
        may.then(|| {
            self.next_job += 1;
            self.next_job - 1
        })
    }

    /// Whether every range was begun.
    pub(in crate::pipeline) fn is_begun(&self) -> bool {
        self.stopped || self.next_job == self.taken.len()
    }

    /// Takes a distilled range, and those that waited behind it.
    pub(in crate::pipeline) fn arrive(
        &mut self,
        job: usize,
        derived: Result<Derived, Trouble>,
        findings: &Findings,
    ) -> io::Result<()> {
        self.early.insert(job, derived);
        while let Some(due) = self.early.remove(&self.next_due) {
            let Some(range) = self.taken.get(self.next_due).copied() else { break };
            self.next_due += 1;
            if !self.stopped {
                self.hold(&range, due, findings)?;
            }
        }
        Ok(())
    }

    fn say(&mut self, findings: &Findings, finding: Finding) {
        findings.add(finding);
        self.stopped |= !self.all;
    }

    fn hold(
        &mut self,
        range: &Taken,
        derived: Result<Derived, Trouble>,
        findings: &Findings,
    ) -> io::Result<()> {
        let path = self.sources.get(&range.generation).map(|source| source.path.display().to_string());
        let path = path.unwrap_or_else(|| self.spec.path.display().to_string());
        let here =
            |what: &str| Finding::of_range(path.clone(), range.line, range.from, what).receipt(range.seq);
        match derived {
            Ok(derived) => {
                self.done.rows += derived.all;
                self.done.bytes += range.to - range.from;
                return self.hold_derived(range, derived, findings);
            }
            Err(Trouble::Gone) => {
                self.done.gone_ranges += 1;
                self.done.gone_bytes += range.to - range.from;
                self.done.gone_rows += range.rows;
            }
            Err(Trouble::Differs(what, expected, found)) => {
                let what = format!("{what}, bytes {} to {}", range.from, range.to);
                self.say(findings, here(&what).but(expected, found));
            }
            Err(Trouble::Bad(bad)) => {
                let what =
                    format!("{bad}: {} breaks the rule that it {}", bad.invalid.field, bad.invalid.rule);
                self.say(findings, here(&what));
            }
            Err(Trouble::Io(error)) => return Err(error),
        }
        if self.stopped { Ok(()) } else { self.hold_underived(range, findings) }
    }

    /// Drops what the stream has had, and compares the rest with what is in the files.
    fn hold_derived(&mut self, range: &Taken, derived: Derived, findings: &Findings) -> io::Result<()> {
        let Derived { lines, rows, quarantined, blank, all, time_after } = derived;
        let kept: Vec<bool> = rows.iter().map(|row| self.seen.insert(&row.distilled.sig_hash)).collect();
        let evidence = kept.iter().filter(|new| **new).count() as u64;
        let duplicate = kept.len() as u64 - evidence;
        self.note_rows(rows.iter().zip(&kept).filter(|(_, new)| **new).map(|(row, _)| row));
        for (what, expected, found) in [
            ("rows", range.rows, all),
            ("evidence", range.evidence, evidence),
            ("quarantined", range.quarantined, quarantined),
            ("duplicate", range.duplicate, duplicate),
            ("blank", range.blank, blank),
        ] {
            if expected != found {
                let what = format!(
                    "{what} of {} bytes {} to {} of generation {} is not what its rows give",
                    self.spec.name, range.from, range.to, range.generation
                );
                let finding = self.ledger.finding(range.seq, what);
                self.say(findings, finding.but(found, expected));
            }
        }
        if time_after != range.time_after {
            let time = |at: Option<EventTime>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            let what = format!("last_timestamp of {} is not what its rows give", self.spec.name);
            let finding = self.ledger.finding(range.seq, what);
            self.say(findings, finding.but(time(time_after), time(range.time_after)));
        }
        let (kept_evidence, kept_scored, kept_scratchpads) = if duplicate == 0 {
            (lines.evidence, lines.scored, lines.scratchpads)
        } else {
            let of = |length: fn(&super::derive::Row) -> u32| {
                rows.iter().map(length).zip(kept.iter().copied()).collect::<Vec<_>>()
            };
            (
                keep(&lines.evidence, &of(|row| row.evidence_len)),
                keep(&lines.scored, &of(|row| row.scored_len)),
                keep(&lines.scratchpads, &of(|row| row.scratchpad_len)),
            )
        };
        let expected = [
            (kept_evidence, evidence, range.evidence),
            (kept_scored, evidence, range.evidence),
            (lines.quarantine, quarantined, range.quarantined),
        ];
        for (number, (text, lines, receipted)) in expected.iter().enumerate() {
            self.hold_file(number, text, *lines, *receipted, range.seq, findings)?;
        }
        self.hold_scratchpads(&kept_scratchpads, range.seq, findings)
    }

    /// Notes rows whose evidence comes next in its file.
    fn note_rows<'d>(&self, rows: impl Iterator<Item = &'d super::derive::Row>) {
        let (stream, mut evidence_at) = (self.number, self.readers[0].at);
        let incoming = rows.map(|row| {
            let (sig, evidence_len) = (sig_of(&row.distilled.sig_hash), row.evidence_len);
            let (category, facts) = (row.distilled.category, row.distilled.facts);
            let row = Incoming { sig, stream, evidence_at, evidence_len, category, facts };
            evidence_at += u64::from(evidence_len);
            row
        });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(incoming);
    }

    /// Holds the next scratchpads against those that the rows give.
    fn hold_scratchpads(&mut self, text: &str, seq: u64, findings: &Findings) -> io::Result<()> {
        let Some(reader) = &mut self.scratchpads else { return Ok(()) };
        let path = self.spec.output(SCRATCHPADS);
        let mut wrong = Vec::new();
        for expected in text.split_inclusive('\n').map(str::as_bytes) {
            let (line, at) = (reader.line, reader.at);
            let there = reader.peek_line()?;
            if there != Some(expected) {
                wrong.push(first_wrong_line(&path, line, at, Some(expected), there));
                break;
            }
            reader.advance(expected.len() as u64, 1);
        }
        if !wrong.is_empty() {
            // From here on which line is whose is a guess.
            self.scratchpads = None;
        }
        for finding in wrong {
            self.say(findings, finding.receipt(seq));
        }
        Ok(())
    }

    /// Holds the next lines of one file against the text that should stand there.
    fn hold_file(
        &mut self,
        number: usize,
        text: &str,
        lines: u64,
        receipted: u64,
        seq: u64,
        findings: &Findings,
    ) -> io::Result<()> {
        let (Some(reader), Some(folder)) = (self.readers.get_mut(number), FOLDERS.get(number)) else {
            return Ok(());
        };
        if lines == receipted && reader.peek(text.len())? == text.as_bytes() {
            reader.advance(text.len() as u64, lines);
            return Ok(());
        }
        // Something is wrong: line by line, as many as the receipt says, so that the next range is found again.
        let path = self.spec.output(folder);
        let mut wrong = Vec::new();
        let mut should = text.split_inclusive('\n');
        for _ in 0..receipted.max(lines) {
            let expected = should.next();
            let (line, at) = (reader.line, reader.at);
            let there = reader.peek_line()?;
            let (expected, length) = (expected.map(str::as_bytes), there.map_or(0, <[u8]>::len) as u64);
            if expected != there {
                wrong.push(first_wrong_line(&path, line, at, expected, there));
                if !self.all {
                    break;
                }
            }
            reader.advance(length, u64::from(length > 0));
        }
        for finding in wrong {
            self.say(findings, finding.receipt(seq));
        }
        Ok(())
    }

    /// Lines whose rows cannot be read again are held to their shape, their place and each other.
    fn hold_underived(&mut self, range: &Taken, findings: &Findings) -> io::Result<()> {
        let (spec, stream, seen) = (self.spec, self.number, &mut self.seen);
        let is_new = |sig_hash: &Sha256Hex| seen.insert(sig_hash);
        let (wrong, mut underived) = judge_lines(spec, range, &mut self.readers, is_new)?;
        for row in &mut underived.rows {
            row.stream = stream;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(underived.rows);
        for finding in wrong {
            self.say(findings, finding.receipt(range.seq));
        }
        self.hold_scratchpads(&underived.scratchpads, range.seq, findings)
    }

    /// Behind the last range there must be nothing more.
    pub(in crate::pipeline) fn hold_end(&mut self, findings: &Findings) {
        if self.stopped {
            return;
        }
        let mut more = Vec::new();
        let readers = self.readers.iter_mut().zip(FOLDERS);
        for (reader, folder) in readers.chain(self.scratchpads.iter_mut().map(|reader| (reader, SCRATCHPADS)))
        {
            let (line, at) = (reader.line, reader.at);
            if let Ok(Some(text)) = reader.peek_line() {
                let what = "a line that no row of the stream gives";
                let finding = Finding::of_line(self.spec.output(folder), line, at, what);
                more.push(finding.but("the end", String::from_utf8_lossy(text)));
            }
        }
        for finding in more {
            self.say(findings, finding);
        }
    }
}

/// A line without its newline; what is not text is nothing, which others tell.
pub(super) fn text(line: &[u8]) -> &str {
    std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)).unwrap_or_default()
}

/// The lines that are kept, of lines with these lengths.
pub(in crate::pipeline) fn keep(lines: &str, lengths: &[(u32, bool)]) -> String {
    let (mut kept, mut at) = (String::with_capacity(lines.len()), 0);
    for (length, keep) in lengths {
        let end = at + *length as usize;
        if *keep {
            kept.push_str(lines.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    kept
}
