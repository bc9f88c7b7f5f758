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

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

const BINARY: &str = env!("CARGO_BIN_EXE_distilld");
const SEED: u64 = 42;
/// Rows of the corpus that tells how long rows are, and of the one that is tailed live.
const SMALL_ROWS: u64 = 5000;

fn main() {
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench throughput");
        return;
    }
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |value| value.parse().expect("a setting is a number"))
    };
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
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.seen_ms, 50), percentile(&live.seen_ms, 99)),
        format!("{} rows, until their receipt stands in the file", live.seen_ms.len()),
    );
    row(
        "append to durable, ms",
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.synced_ms, 50), percentile(&live.synced_ms, 99)),
        format!(
            "until a sync of that file by the bench is over; max {:.1}",
            percentile(&live.synced_ms, 100)
        ),
    );
    row(
        "one append and sync, ms",
        format!("p50 {:.2}, p99 {:.2}", percentile(&live.sync_ms, 50), percentile(&live.sync_ms, 99)),
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
        let small = distilld::corpus::generate(SEED, SMALL_ROWS, &kb).expect("a small corpus");
        let rows = (bytes_wanted * SMALL_ROWS / small.bytes).max(1);
        let made = distilld::corpus::generate(SEED, rows, &kb).expect("the corpus");
        Self { files: stream_files(&kb), kb, bytes: made.bytes }
    }
}

/// All stream files of a corpus, in the order of their names.
fn stream_files(kb: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(kb)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.push(kb.join("../_observer/ops.jsonl"));
    files.sort();
    files
}

fn distilld(scratch: &Path, kb: &Path) -> Command {
    let config = scratch.join("config.toml");
    fs::write(&config, "").expect("the config");
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(config).arg("--kb").arg(kb);
    command.arg("--output").arg(scratch.join("out")).arg("--state").arg(scratch.join("state"));
    command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn clear(scratch: &Path) {
    for folder in ["out", "state"] {
        let _ = fs::remove_dir_all(scratch.join(folder));
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
    let started = Instant::now();
    let mut child = distilld(scratch, &corpus.kb)
        .args(["run", "--once", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let mut peak_rss_kib = 0;
    // Until it is waited for, a process that has ended keeps its times, but not its memory.
    while !is_zombie(child.id()) {
        peak_rss_kib = status_figure(&format!("/proc/{}/status", child.id()), "VmHWM:").max(peak_rss_kib);
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu_ticks(child.id()) as f64 / ticks_per_second();
    let mut answer = String::new();
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_to_string(&mut answer).expect("the summary");
    assert!(child.wait().expect("it has ended").success(), "a replay failed");
    let summary = serde_json::from_str(&answer).expect("the summary is JSON");
    Replay { seconds, cpu_seconds, peak_rss_kib, summary }
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

/// The daemon; killed when it is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tail_live(scratch: &Path, rows: u64, idle: Duration) -> Live {
    clear(scratch);
    let kb = scratch.join("live/kb");
    distilld::corpus::generate(SEED, SMALL_ROWS, &kb).expect("a corpus to tail");
    let others = scratch.join("others/kb");
    distilld::corpus::generate(SEED + 1, SMALL_ROWS, &others).expect("rows to append");
    let mut new_rows = rows_by_turns(&others, &kb);
    new_rows.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    let daemon = distilld(scratch, &kb).arg("run").stderr(Stdio::null()).spawn().expect("the binary");
    let daemon = Daemon(daemon);
    let mut receipts = Receipts::open(&scratch.join("out/receipts/receipts.jsonl"));
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

/// The receipts as they come in.
struct Receipts {
    file: File,
    read_bytes: u64,
    rest: String,
    /// File and end of the ranges that are committed, by their last receipt.
    committed: std::collections::BTreeMap<PathBuf, u64>,
}

impl Receipts {
    fn open(path: &Path) -> Self {
        let started = Instant::now();
        let file = loop {
            match File::open(path) {
                Ok(file) => break file,
                Err(e) => assert!(started.elapsed() < Duration::from_secs(20), "{}: {e}", path.display()),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { file, read_bytes: 0, rest: String::new(), committed: std::collections::BTreeMap::new() }
    }

    fn wait_for(&mut self, path: &Path, end: u64) {
        let started = Instant::now();
        while self.committed.get(path).is_none_or(|committed| *committed < end) {
            assert!(started.elapsed() < Duration::from_mins(1), "no receipt covers {}", path.display());
            if self.file.metadata().expect("a length").len() > self.read_bytes {
                self.read_on();
            } else {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    fn read_on(&mut self) {
        self.file.seek(SeekFrom::Start(self.read_bytes)).expect("a place");
        let read = self.file.read_to_string(&mut self.rest).expect("receipts");
        self.read_bytes += read as u64;
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = self.rest.drain(..whole).collect();
        for line in lines.lines() {
            let receipt: Value = serde_json::from_str(line).expect("a receipt");
            for input in receipt.get("input_files").and_then(Value::as_array).into_iter().flatten() {
                let path = input.get("path").and_then(Value::as_str);
                if let (Some(path), Some(to)) = (path, input.get("to").and_then(Value::as_u64)) {
                    self.committed.insert(PathBuf::from(path), to);
                }
            }
        }
    }
}

/// The fields of /proc/PID/stat behind the name, from the state on.
fn stat_fields(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is not waited for yet");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    fields.split_ascii_whitespace().map(str::to_owned).collect()
}

fn is_zombie(pid: u32) -> bool {
    stat_fields(pid).first().is_some_and(|state| state == "Z")
}

/// User and system time of all threads, those that ended too, in clock ticks.
fn cpu_ticks(pid: u32) -> u64 {
    stat_fields(pid).iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn ticks_per_second() -> f64 {
    let answer = Command::new("getconf").arg("CLK_TCK").output().ok();
    answer.and_then(|answer| String::from_utf8(answer.stdout).ok()?.trim().parse().ok()).unwrap_or(100.0)
}

/// Time on a core of all threads that are there: finer than ticks where the kernel keeps it.
fn cpu_nanos(pid: u32) -> u64 {
    let of_thread = |thread: &PathBuf| -> Option<u64> {
        fs::read_to_string(thread.join("schedstat")).ok()?.split_ascii_whitespace().next()?.parse().ok()
    };
    let nanos: Option<u64> = threads(pid).iter().map(of_thread).sum();
    nanos.unwrap_or_else(|| (cpu_ticks(pid) as f64 / ticks_per_second() * 1e9) as u64)
}

fn wakeups(pid: u32) -> u64 {
    let of_thread =
        |thread: PathBuf| status_figure(&thread.join("status").to_string_lossy(), "voluntary_ctxt_switches:");
    threads(pid).into_iter().map(of_thread).sum()
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon runs");
    tasks.flatten().map(|task| task.path()).collect()
}

/// A figure of a status file; 0 when it is not there.
fn status_figure(path: &str, name: &str) -> u64 {
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(f64::NAN)
}
