//! How fast, how lean and how soon: one table, from the release binary on a made-up corpus of all streams.
//!
//! `cargo bench --bench throughput`. `DISTILLD_BENCH_MIB` sets the size of the corpus (1024), `DISTILLD_BENCH_RUNS` the
//! replays that count (3, after one that does not: the first touch of the page cache is slow), `DISTILLD_BENCH_ROWS`
//! the rows appended live (300), `DISTILLD_BENCH_IDLE_S` the seconds of idleness (20, at least 10).
//!
//! CPU time and memory are read from /proc, where the figures of a process stay until it is waited for.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot measure has nothing better to do than to say so"
)]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use support::{
    Daemon, Receipts, clear, corpus, cpu_nanos, distilld, median, percentile, setting, stream_files, timed,
    wakeups,
};

const SEED: u64 = 42;
/// Rows of the corpus that is tailed live.
const SMALL_ROWS: u64 = 5000;

fn main() {
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench throughput");
        return;
    }
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("throughput");
    let _ = fs::remove_dir_all(&scratch);
    let corpus = Corpus::make(&scratch, setting("DISTILLD_BENCH_MIB", 1024) << 20);
    let runs = setting("DISTILLD_BENCH_RUNS", 3).max(1);
    let replays: Vec<Replay> = (0..=runs).map(|_| replay(&scratch, &corpus)).skip(1).collect();
    let floors: Vec<f64> = (0..=runs).map(|_| floor(&scratch, &corpus)).skip(1).collect();
    let live = tail_live(
        &scratch,
        setting("DISTILLD_BENCH_ROWS", 300),
        Duration::from_secs(setting("DISTILLD_BENCH_IDLE_S", 20).max(10)),
    );
    print_table(&corpus, &replays, &floors, &live);
    let _ = fs::remove_dir_all(&scratch);
}

fn print_table(corpus: &Corpus, replays: &[Replay], floors: &[f64], live: &Live) {
    let bytes = corpus.bytes as f64;
    let of = |figure: fn(&Replay) -> f64| median(&replays.iter().map(figure).collect::<Vec<_>>());
    let (seconds, cpu, floor) = (of(|r| r.seconds), of(|r| r.cpu_seconds), median(floors));
    let summary = replays.first().map_or(&Value::Null, |replay| &replay.summary);
    let total = |name: &str| summary.pointer(&format!("/totals/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let shares = total("exported") as f64 / total("in").max(1) as f64 * 100.0;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut table = comfy_table::Table::new();
    table.load_preset("     ──            ");
    table.set_header(["figure", "median", "of"]);
    let mut row = |figure: &str, value: String, of: String| {
        table.add_row([figure.to_owned(), value, of]);
    };
    let spread = |figure: fn(&Replay) -> f64| {
        let values: Vec<f64> = replays.iter().map(figure).collect();
        let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        format!("{} runs, {least:.1} to {most:.1} s; {cores} cores", values.len())
    };
    row("replay, MB/s of input", format!("{:.1}", bytes / 1e6 / seconds), spread(|r| r.seconds));
    row("CPU, s per GB of input", format!("{:.2}", cpu / (bytes / 1e9)), spread(|r| r.cpu_seconds));
    let rows = total("in");
    let of_rows = format!("{rows} rows, {:.0} bytes a row", bytes / rows.max(1) as f64);
    row("peak RSS, MiB", format!("{:.0}", of(|r| r.peak_rss_kib as f64) / 1024.0), of_rows);
    row(
        "append to receipt, ms",
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.seen_ms, 50.0), percentile(&live.seen_ms, 99.0)),
        format!("{} rows, until their receipt stands in the file", live.seen_ms.len()),
    );
    row(
        "append to durable, ms",
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.synced_ms, 50.0), percentile(&live.synced_ms, 99.0)),
        format!(
            "until a sync of that file by the bench is over; max {:.1}",
            percentile(&live.synced_ms, 100.0)
        ),
    );
    row(
        "one append and sync, ms",
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.sync_ms, 50.0), percentile(&live.sync_ms, 99.0)),
        "the floor: by the bench itself, in between; a commit takes two, one after the other".to_owned(),
    );
    row(
        "durable / two such, p50",
        format!("{:.2}", median(&live.synced_ms) / (2.0 * median(&live.sync_ms))),
        String::new(),
    );
    row("idle, CPU %", format!("{:.3}", live.idle_cpu_percent), format!("23 files, {:?}", live.idle));
    let wakeups = live.idle_wakeups as f64 / live.idle.as_secs_f64();
    row("idle, wake-ups a second", format!("{wakeups:.1}"), "voluntary switches of all threads".to_owned());
    row("rows exported, %", format!("{shares:.0}"), format!("{} samples", total("exported")));
    row(
        "receipts",
        summary.get("last_seq").map_or_else(String::new, Value::to_string),
        "of one replay".to_owned(),
    );
    row(
        "the floor, MB/s of input",
        format!("{:.1}", bytes / 1e6 / floor),
        "one loop: read, split, hash once, write once".to_owned(),
    );
    row(
        "replay / floor, time",
        format!("{:.2}", seconds / floor),
        "distilld syncs what it writes".to_owned(),
    );
    println!("{table}");
    println!(
        "{:.0} MiB of input. These machines are noisy: compare medians of one session, and ratios before figures.",
        bytes / f64::from(1 << 20)
    );
}

/// The streams that are replayed.
struct Corpus {
    kb: PathBuf,
    files: Vec<PathBuf>,
    bytes: u64,
}

impl Corpus {
    fn make(scratch: &Path, bytes_wanted: u64) -> Self {
        let kb = scratch.join("in/kb");
        let bytes = corpus(SEED, &kb, bytes_wanted);
        Self { files: stream_files(&kb), kb, bytes }
    }
}

/// One replay from nothing.
struct Replay {
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_kib: u64,
    summary: Value,
}

fn replay(scratch: &Path, corpus: &Corpus) -> Replay {
    clear(scratch);
    let took = timed(distilld(scratch, &corpus.kb).args(["run", "--once", "--json"]).stderr(Stdio::null()));
    let summary = serde_json::from_str(&took.stdout).expect("the summary is JSON");
    Replay { seconds: took.seconds, cpu_seconds: took.cpu_seconds, peak_rss_kib: took.peak_rss_kib, summary }
}

/// Seconds of the least that anybody must do: read every file, find its lines, hash it and write it, on one core.
fn floor(scratch: &Path, corpus: &Corpus) -> f64 {
    clear(scratch);
    fs::create_dir_all(scratch.join("out")).expect("a folder");
    let started = Instant::now();
    let mut block = vec![0; 1 << 20];
    let mut lines = 0;
    for (number, path) in corpus.files.iter().enumerate() {
        let mut input = File::open(path).expect("an input");
        let mut output = File::create(scratch.join(format!("out/{number}"))).expect("an output");
        let mut hash = Sha256::new();
        loop {
            let length = input.read(&mut block).expect("bytes");
            let Some(bytes) = block.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
            lines += memchr::memchr_iter(b'\n', bytes).count();
            hash.update(bytes);
            output.write_all(bytes).expect("space");
        }
        std::hint::black_box(hash.finalize());
    }
    std::hint::black_box(lines);
    started.elapsed().as_secs_f64()
}

/// What was seen of a daemon that tails.
struct Live {
    /// From before the write until the receipt that covers the row can be read.
    seen_ms: Vec<f64>,
    /// And until the receipts are surely on the disk.
    synced_ms: Vec<f64>,
    /// The least that one append that is durable can take, at that moment.
    sync_ms: Vec<f64>,
    idle: Duration,
    idle_cpu_percent: f64,
    idle_wakeups: u64,
}

fn tail_live(scratch: &Path, rows: u64, idle: Duration) -> Live {
    clear(scratch);
    let kb = scratch.join("live/kb");
    distilld::corpus::generate(SEED, SMALL_ROWS, &kb).expect("a corpus to tail");
    let others = scratch.join("others/kb");
    distilld::corpus::generate(SEED + 1, SMALL_ROWS, &others).expect("rows to append");
    let mut new_rows = rows_by_turns(&others, &kb);
    new_rows.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    let daemon = Daemon::start(scratch, &kb);
    let mut receipts = Receipts::open(&scratch.join("out"));
    for path in stream_files(&kb) {
        let length = path.metadata().expect("a stream").len();
        receipts.wait_for(&path, length);
    }
    // Its samples follow within a second.
    std::thread::sleep(Duration::from_secs(3));
    let (mut seen_ms, mut synced_ms, mut sync_ms) = (Vec::new(), Vec::new(), Vec::new());
    let mut plain = File::create(scratch.join("plain")).expect("a file");
    for (number, (path, row)) in new_rows.iter().enumerate() {
        let mut file = OpenOptions::new().append(true).open(path).expect("a stream");
        let end = file.metadata().expect("a length").len() + row.len() as u64;
        let started = Instant::now();
        file.write_all(row).expect("space");
        receipts.wait_for(path, end);
        seen_ms.push(started.elapsed().as_secs_f64() * 1e3);
        // The daemon's own sync may still be under way; when ours is over, so is what the receipt promises.
        receipts.file.sync_data().expect("a sync");
        synced_ms.push(started.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(5 + number as u64 * 7 % 16));
        let started = Instant::now();
        plain.write_all(row).expect("space");
        plain.sync_data().expect("a sync");
        sync_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    std::thread::sleep(Duration::from_secs(8));
    let pid = daemon.0.id();
    let before = (cpu_nanos(pid), wakeups(pid), Instant::now());
    std::thread::sleep(idle);
    let elapsed = before.2.elapsed();
    let idle_cpu_percent = (cpu_nanos(pid) - before.0) as f64 / elapsed.as_nanos() as f64 * 100.0;
    let idle_wakeups = wakeups(pid) - before.1;
    Live { seen_ms, synced_ms, sync_ms, idle, idle_cpu_percent, idle_wakeups }
}

/// The rows of a corpus and the files of another that they go to, one of each stream by turns.
fn rows_by_turns(from: &Path, to: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut streams: Vec<(PathBuf, Vec<Vec<u8>>)> = stream_files(from)
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).expect("a stream");
            let rows = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).rev().collect();
            (to.join(path.strip_prefix(from).expect("it lies there")), rows)
        })
        .collect();
    let mut taken = Vec::new();
    loop {
        let before = taken.len();
        for (path, rows) in &mut streams {
            taken.extend(rows.pop().map(|row| (path.clone(), row)));
        }
        if taken.len() == before {
            return taken;
        }
    }
}
