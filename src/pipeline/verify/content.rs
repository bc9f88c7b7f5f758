//! Everything that is made of rows alone, and every range of every file: on several threads, each taking rows of whatever
//! stream has some to distil, and hashes when none has.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::derive::derive;
use super::files::{Files, is_writer_at_work};
use super::finding::Findings;
use super::ledger::{Generation, Ledger};
use super::ranges::RangeCheck;
use super::read::Reader;
use super::rows::{Done, FOLDERS, SCRATCHPADS, StreamCheck};
use super::sources::{self, Source};
use super::{Request, Verification};
use crate::domain::distil::Distiller;
use crate::pipeline::archive::check::{Checking, Copies};
use crate::pipeline::known_rows::KnownRows;

impl Verification<'_> {
    /// Whether rows can be distilled again to what they gave.
    fn can_derive(&mut self, ledger: &Ledger) -> bool {
        let rules = self.request.rules;
        let configured = (rules.rules_version(), rules.scorer_version());
        let same = ledger.versions.as_ref().is_none_or(|committed| *committed == configured);
        if !same && let Some((committed, scorer)) = &ledger.versions {
            self.report.unchecked.push(format!(
                "rows were not distilled again: the receipts follow rules {committed} and scorer {scorer}, the config {} and {}",
                configured.0, configured.1
            ));
        }
        same
    }

    /// Holds every copy in the archive; those that hold can stand in for files that are gone.
    fn hold_copies(&mut self, ledger: &Ledger) -> io::Result<Vec<Copies>> {
        let request = self.request;
        if request.exports_only {
            return Ok(request.streams.specs.iter().map(|_| Copies::new()).collect());
        }
        let checking = Checking {
            output: request.output,
            ledger,
            is_partial: request.since.is_some(),
            may_go_on: is_writer_at_work(request.output),
        };
        let copies = checking.all(request.streams, request.threads, &self.findings)?;
        self.report.checked.copies = copies.iter().map(|held| held.len() as u64).sum();
        Ok(copies)
    }

    /// Hashes every range and distils every row again.
    pub(super) fn hold_content(
        &mut self,
        ledger: &Ledger,
        files: &Files,
        wanted: impl Fn(&str) -> bool,
        known: &Mutex<KnownRows>,
    ) -> io::Result<Done> {
        let request = self.request;
        let derive = !request.exports_only && self.can_derive(ledger);
        let of_spec = |name: &str| ledger.taken.get(name).map_or(&[][..], Vec::as_slice);
        let copies = self.hold_copies(ledger)?;
        let sources: Vec<BTreeMap<u32, Source>> = request
            .streams
            .specs
            .iter()
            .zip(copies)
            .map(|(spec, copies)| {
                let generations = ledger.generations.get(&spec.name).filter(|_| derive);
                let find = |of: &Vec<Generation>| sources::find(&spec.path, of, of_spec(&spec.name));
                let mut found = generations.map(find).unwrap_or_default();
                for (generation, copy) in copies {
                    found.entry(generation).or_insert_with(|| Source::of_copy(copy));
                }
                found
            })
            .collect();
        for name in ledger.taken.keys().filter(|_| derive) {
            if !request.streams.specs.iter().any(|spec| spec.name == *name) {
                let what = format!("{name} is a stream of the receipts and not of the config");
                self.report.unchecked.push(what);
            }
        }
        let mut checks = Vec::new();
        for (number, (spec, sources)) in
            request.streams.specs.iter().zip(&sources).enumerate().filter(|_| derive)
        {
            let reader = |folder: &str| {
                let path = spec.output(folder);
                let base = ledger.base.outputs.get(&path).copied().unwrap_or_default();
                Reader::new(files.get(&path), base.len, base.rows, ledger.state.output_len(&path))
            };
            let readers = (FOLDERS.map(reader), reader(SCRATCHPADS));
            let spec = (number as u16, spec);
            let check = StreamCheck::new(spec, ledger, sources, readers, known, request.all);
            checks.push(Mutex::new(check));
        }
        let ranges = RangeCheck::new(ledger, files, wanted);
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let ended = &ended;
            let (checks, ranges, findings) = (&checks, &ranges, &self.findings);
            let work = move || {
                let _alarm = Alarm(ended);
                let done = work(request, checks, ranges, findings, ended);
                // What this thread had begun will never arrive: the others must not wait for it.
                done.inspect_err(|_| ended.store(true, Ordering::Release))
            };
            let threads: Vec<_> = (0..request.threads.max(1)).map(|_| scope.spawn(work)).collect();
            let died = |_| Err(io::Error::other("a thread of the check panicked"));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(died))
        })?;
        self.report.checked.output_bytes = ranges.bytes.into_inner();
        let mut total = Done::default();
        for check in checks {
            let mut check = check.into_inner().unwrap_or_else(PoisonError::into_inner);
            check.hold_end(&self.findings);
            let done = check.done;
            total.rows += done.rows;
            total.bytes += done.bytes;
            total.gone_ranges += done.gone_ranges;
            total.gone_bytes += done.gone_bytes;
            total.gone_rows += done.gone_rows;
        }
        Ok(total)
    }
}

/// Ends the others when a thread panics.
struct Alarm<'e>(&'e AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// What each thread does: rows of whatever stream has a range to distil, hashes when none has.
fn work(
    request: &Request<'_>,
    checks: &[Mutex<StreamCheck<'_>>],
    ranges: &RangeCheck<'_>,
    findings: &Findings,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut distiller = Distiller::new(request.rules);
    let mut buffer = Vec::new();
    loop {
        let mut all_begun = true;
        let mut worked = false;
        for check in checks {
            let mut held = match check.try_lock() {
                Ok(held) => held,
                Err(TryLockError::Poisoned(held)) => held.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    // Somebody else is at this stream: there are others.
                    all_begun = false;
                    continue;
                }
            };
            held.begin()?;
            let Some(job) = held.next_job() else {
                all_begun &= held.is_begun();
                continue;
            };
            all_begun = false;
            let (spec, taken, sources) = (held.spec, held.taken, held.sources);
            drop(held);
            let Some(range) = taken.get(job) else { continue };
            let source = sources.get(&range.generation);
            let line_bytes_max = request.rules.line_bytes_max;
            let derived = derive(&mut distiller, spec, source, range, line_bytes_max);
            let mut held = check.lock().unwrap_or_else(PoisonError::into_inner);
            held.arrive(job, derived, findings)?;
            worked = true;
        }
        if !worked && !ranges.step(&mut buffer, findings)? {
            if all_begun || ended.load(Ordering::Acquire) {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }
}
