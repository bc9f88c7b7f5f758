//! What the receipts add up to: the committed state, and every range that is to be checked.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::chain::{ReceiptLine, ReceiptsFiles};
use super::finding::{Finding, Findings};
use super::fold::Fold;
use crate::domain::schema::receipt::CommittedState;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};

/// A range of an output as it is now: the replacement it began with, or an append since.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct Written {
    pub(in crate::pipeline) seq: u64,
    pub(in crate::pipeline) from: u64,
    pub(in crate::pipeline) to: u64,
    pub(in crate::pipeline) rows: u64,
    /// Lines before it.
    pub(in crate::pipeline) line: u64,
    pub(in crate::pipeline) sha256: Sha256Hex,
}

/// A range of a stream.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct Taken {
    pub(in crate::pipeline) seq: u64,
    pub(in crate::pipeline) generation: u32,
    pub(in crate::pipeline) from: u64,
    pub(in crate::pipeline) to: u64,
    /// Lines of the generation before it.
    pub(in crate::pipeline) line: u64,
    pub(in crate::pipeline) rows: u64,
    pub(in crate::pipeline) evidence: u64,
    pub(in crate::pipeline) quarantined: u64,
    pub(in crate::pipeline) duplicate: u64,
    pub(in crate::pipeline) blank: u64,
    pub(in crate::pipeline) sha256: Sha256Hex,
    pub(in crate::pipeline) anchor: Sha256Hex,
    /// What a row without a time was given at its start.
    pub(in crate::pipeline) time_before: Option<EventTime>,
    pub(in crate::pipeline) time_after: Option<EventTime>,
}

/// One life of a stream's file.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Generation {
    pub(in crate::pipeline) number: u32,
    pub(in crate::pipeline) path: String,
    pub(in crate::pipeline) identity: String,
}

/// Everything the receipts say.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Ledger {
    /// After the last receipt.
    pub(in crate::pipeline) state: CommittedState,
    /// Before the first receipt that is to be checked.
    pub(in crate::pipeline) base: CommittedState,
    /// The last receipt.
    pub(in crate::pipeline) last: Option<(u64, Sha256Hex)>,
    /// Receipts that were read.
    pub(in crate::pipeline) receipts: u64,
    /// Rules and scorer version of the last receipt.
    pub(in crate::pipeline) versions: Option<(String, String)>,
    /// Of each output, the ranges that it is made of now and that are to be checked.
    pub(in crate::pipeline) written: BTreeMap<String, Vec<Written>>,
    /// Of each stream, the ranges that are to be checked.
    pub(in crate::pipeline) taken: BTreeMap<String, Vec<Taken>>,
    /// Of each stream, the lives of its file that the receipts name.
    pub(in crate::pipeline) generations: BTreeMap<String, Vec<Generation>>,
    /// The files that were read, each with the number of its first receipt.
    pub(in crate::pipeline) files: Vec<(u64, String)>,
    /// Bytes behind the last whole receipt, and where they start.
    pub(in crate::pipeline) torn: Option<Finding>,
}

impl Ledger {
    /// A finding about a receipt, wherever its line lies.
    pub(in crate::pipeline) fn finding(&self, seq: u64, what: String) -> Finding {
        let holder = self.files.iter().rev().find(|(first, _)| *first <= seq);
        let (first, file) = holder.map_or((0, "receipts/receipts.jsonl"), |(first, file)| (*first, file));
        Finding::of_file(file, what).line(seq - first).receipt(seq)
    }

    /// Reads the whole chain, or with `since` from the file that holds that receipt on; ranges of receipts up to it are
    /// not kept. `false` beside it when the chain could not be read to its end.
    pub(in crate::pipeline) fn read(
        output: &Path,
        since: Option<u64>,
        threads: usize,
        findings: &Findings,
    ) -> io::Result<(Self, bool)> {
        let mut files = ReceiptsFiles::find(output)?;
        for name in &files.strangers {
            findings.add(Finding::of_file(name, "a file that is none of distilld's"));
        }
        let mut fold =
            Fold { ledger: Self::default(), since, findings, whole: BTreeMap::new(), has_base: false };
        let skipped = since.map(|since| files.skip_to(since)).transpose()?.flatten();
        let mut is_oldest = skipped.is_none();
        fold.ledger.last = skipped.map(|hash| (u64::MAX, hash));
        // A wave of files at a time: parsed receipts are large, and are let go once they are folded.
        for wave in files.files.chunks(threads.max(1)) {
            let parsed: Vec<io::Result<Vec<ReceiptLine>>> = std::thread::scope(|scope| {
                let parsing: Vec<_> = wave.iter().map(|file| scope.spawn(|| file.lines())).collect();
                let died = |_| Err(io::Error::other("a reading thread panicked"));
                parsing.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
            });
            for (file, lines) in wave.iter().zip(parsed) {
                let is_last = files.files.last().is_some_and(|last| last.name == file.name);
                if !fold.take_file(file, lines?, is_oldest, is_last) {
                    return Ok((fold.ledger, false));
                }
                is_oldest = false;
            }
        }
        if !fold.has_base {
            fold.ledger.base.clone_from(&fold.ledger.state);
        }
        Ok((fold.ledger, true))
    }
}
