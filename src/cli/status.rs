//! `distilld status`: what the receipts say of every stream, beside a running daemon too. Reads, never writes.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Config;
use super::setup::{self, Paths};
use super::table::{print, print_json, table, thousands};
use super::{Exit, Failure};
use crate::domain::probe::stale::{Stale, stale};
use crate::domain::schema::receipt::{ReceiptKind, RecordCounts};
use crate::domain::schema::scalars::EventTime;
use crate::intake::unread::unread;
use crate::pipeline::archive::copies;
use crate::pipeline::archive::lost::{self, Lost};
use crate::pipeline::streams::{StreamSet, position};
use crate::store::StoreError;
use crate::store::disk::RealDisk;
use crate::store::receipts::Receipts;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Status {
    streams: BTreeMap<String, StreamStatus>,
    totals: RecordCounts,
    lag_bytes: u64,
    last_receipt: Option<LastReceipt>,
    /// `.jsonl` files among the streams that are none.
    unknown_files: Vec<String>,
    archive: Archive,
    /// Distilled streams that are left behind, as far as rows are committed.
    stale: Vec<Stale>,
}

#[derive(serde::Serialize)]
struct StreamStatus {
    /// The file, where it is.
    path: String,
    present: bool,
    generation: u32,
    /// Byte offset up to which rows are committed.
    cursor: u64,
    lag_bytes: u64,
    counts: RecordCounts,
    /// Number of the receipt that last touched the stream.
    last_seq: Option<u64>,
}

#[derive(serde::Serialize)]
struct Archive {
    /// Whether finished generations are copied.
    rotated: bool,
    folder: String,
    /// Finished generations that have a copy.
    archived: u64,
    /// Bytes of all copies.
    bytes: u64,
    /// Finished generations that have none yet.
    waiting: u64,
    /// Those that will have none, and why.
    lost: Vec<Lost>,
}

#[derive(serde::Serialize)]
struct LastReceipt {
    seq: u64,
    kind: ReceiptKind,
    ended_at: EventTime,
    validation_pass: bool,
    sha256: String,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let receipts = Receipts::read(&RealDisk::default(), &config.output)?;
    let set = setup::streams(&config);
    let mut streams = BTreeMap::new();
    for spec in &set.specs {
        let committed = receipts.state.streams.get(&spec.name);
        let cursor = committed.map_or(0, |stream| stream.offset);
        let position = committed.and_then(position);
        // A folder that cannot be listed hides what lies in it; the stream's own file may be there all the same.
        let lag_bytes = unread(&spec.path, position.as_ref()).unwrap_or(0);
        let status = StreamStatus {
            path: spec.path.display().to_string(),
            present: spec.path.exists(),
            generation: committed.map_or(0, |stream| stream.generation),
            cursor,
            lag_bytes,
            counts: committed.map_or_else(RecordCounts::default, |stream| stream.counts),
            last_seq: committed.map(|stream| stream.last_seq),
        };
        streams.insert(spec.name.clone(), status);
    }
    let archive = archive(&config, &set, &receipts)?;
    let newest =
        receipts.state.streams.iter().filter_map(|(name, stream)| Some((&**name, stream.last_timestamp?)));
    let status = Status {
        lag_bytes: streams.values().map(|stream| stream.lag_bytes).sum(),
        streams,
        totals: receipts.state.totals,
        last_receipt: receipts.last.as_ref().map(|last| LastReceipt {
            seq: last.seq,
            kind: last.kind,
            ended_at: last.ended_at,
            validation_pass: last.validation_pass,
            sha256: receipts.head.to_string(),
        }),
        unknown_files: set.unknown_files(&config.kb),
        archive,
        stale: stale(newest, config.stale_after),
    };
    if args.json {
        print_json(&status);
    } else {
        status.print();
    }
    Ok(Exit::Fine)
}

/// What is in the archive, by the names of the copies: `verify` looks into them.
fn archive(config: &Config, set: &StreamSet, receipts: &Receipts) -> Result<Archive, Failure> {
    let folder = config.archive();
    let lost = lost::read(&folder)?;
    let (mut archived, mut bytes, mut waiting) = (0, 0, 0);
    for spec in &set.specs {
        let copies = copies::list(spec).map_err(|e| StoreError::io("list", &folder, e))?;
        bytes += copies.iter().map(|copy| copy.bytes).sum::<u64>();
        let kept: BTreeSet<u32> = copies.into_iter().map(|copy| copy.generation).collect();
        archived += kept.len() as u64;
        let finished = receipts.state.streams.get(&spec.name).map_or(0, |stream| stream.generation);
        let is_lost = |number: u32| lost.iter().any(|l| l.stream == spec.name && l.generation == number);
        waiting += (0..finished).filter(|number| !kept.contains(number) && !is_lost(*number)).count() as u64;
    }
    let (rotated, folder) = (config.tuning.archive_rotated, folder.display().to_string());
    Ok(Archive { rotated, folder, archived, bytes, waiting, lost })
}

impl Archive {
    fn print(&self) {
        if self.rotated || self.archived > 0 {
            let waiting = if self.rotated { "to come" } else { "without one" };
            print(format_args!(
                "archive: {} finished generations ({}), {} {waiting}",
                thousands(self.archived),
                bytesize::ByteSize(self.bytes),
                thousands(self.waiting)
            ));
        }
        for Lost { stream, generation, reason } in &self.lost {
            print(format_args!("archive: without generation {generation} of {stream}: {reason}"));
        }
    }
}

impl Status {
    fn print(&self) {
        let mut table = table(&[
            "stream",
            "gen",
            "cursor",
            "lag",
            "rows in",
            "evidence",
            "quarantined",
            "duplicate",
            "blank",
            "receipt",
        ]);
        for (name, stream) in &self.streams {
            let name = if stream.present { name.clone() } else { format!("{name} (no file)") };
            let counts = &stream.counts;
            table.add_row([
                name,
                stream.generation.to_string(),
                thousands(stream.cursor),
                thousands(stream.lag_bytes),
                thousands(counts.rows_in),
                thousands(counts.evidence),
                thousands(counts.quarantined),
                thousands(counts.duplicate),
                thousands(counts.blank),
                stream.last_seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string()),
            ]);
        }
        print(table);
        let totals = &self.totals;
        print(format_args!(
            "{} rows in = {} evidence + {} quarantined + {} duplicate + {} blank; {} samples; lag {}",
            thousands(totals.rows_in),
            thousands(totals.evidence),
            thousands(totals.quarantined),
            thousands(totals.duplicate),
            thousands(totals.blank),
            thousands(totals.exported.saturating_sub(totals.retracted)),
            bytesize::ByteSize(self.lag_bytes)
        ));
        match &self.last_receipt {
            Some(last) => {
                print(format_args!("last receipt {} of {}, head {}", last.seq, last.ended_at, last.sha256));
            }
            None => print("no receipt yet: `distilld run --once` makes the first"),
        }
        self.archive.print();
        for file in &self.unknown_files {
            print(format_args!("no stream: {file} ([[stream]] in the config can make it one)"));
        }
        for stale in &self.stale {
            print(format_args!("stale: {stale}"));
        }
    }
}
