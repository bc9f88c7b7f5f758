//! How soon a row is durable while rows come in, and what it costs when none do.
//!
//! One writer appends `DISTILLD_SCALE_APPENDS` (500) rows one after the other; then so many rows a second
//! (`DISTILLD_SCALE_RATE`, 5000) go to all 23 files by turns for `DISTILLD_SCALE_LIVE_S` (30). A row is durable when the
//! receipt that covers it can be read and a sync of the receipts' file, made by the bench, is over. Idleness is measured on the shipped fixtures, for
//! `DISTILLD_SCALE_IDLE_S` (30).

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use crate::setting;
use crate::support::{
    Daemon, Receipts, Report, clear, cpu_nanos, percentile, status_figure, stream_files, wakeups,
};

const SEED: u64 = 42;
/// What is there before anything is appended.
const ROWS_BEFORE: u64 = 5000;

pub(super) fn measure(scratch: &Path, report: &mut Report) {
    idle(scratch, report);
    clear(scratch);
    let kb = scratch.join("live/kb");
    distilld::corpus::generate(SEED, ROWS_BEFORE, &kb).expect("a corpus to tail");
    let daemon = Daemon::start(scratch, &kb);
    let mut receipts = Receipts::open(&scratch.join("out"));
    for path in stream_files(&kb) {
        let length = path.metadata().expect("a stream").len();
        receipts.wait_for(&path, length);
    }
    // Its samples and views follow within a second or two.
    std::thread::sleep(Duration::from_secs(4));
    let appends = setting("DISTILLD_SCALE_APPENDS", 500, 30);
    let rate = setting("DISTILLD_SCALE_RATE", 5000, 500);
    let duration = Duration::from_secs(setting("DISTILLD_SCALE_LIVE_S", 30, 2));
    let rows_wanted = appends + rate * duration.as_secs();
    let mut rows = rows_by_turns(scratch, &kb, rows_wanted);
    let slow = rows.drain(..(appends as usize).min(rows.len())).collect();
    let one = one_writer(&mut receipts, slow);
    tell("append to durable, one writer", &one, 2.0, 5.0, report);
    let many = many_rows(receipts, rows, rate, duration);
    let what = format!("append to durable, {rate} rows/s over 23 files for {duration:?}");
    tell(&what, &many, f64::INFINITY, 25.0, report);
    let rss = status_figure(daemon.0.id(), "VmRSS:");
    report.tell("memory after that", format!("{} MiB", rss >> 10));
}

fn tell(what: &str, millis: &[f64], p50_max: f64, p99_max: f64, report: &mut Report) {
    let (p50, p99) = (percentile(millis, 50.0), percentile(millis, 99.0));
    let found = format!("p50 {p50:.2} ms, p99 {p99:.2} ms, most {:.1} ms", percentile(millis, 100.0));
    let p50_aim = if p50_max.is_finite() { format!("p50 ≤ {p50_max} ms, ") } else { String::new() };
    report.hold(what, found, format!("{p50_aim}p99 ≤ {p99_max} ms"), p50 <= p50_max && p99 <= p99_max);
}

/// New rows and the files they go to, one of each stream by turns as long as it has any.
fn rows_by_turns(scratch: &Path, kb: &Path, wanted: u64) -> VecDeque<(PathBuf, Vec<u8>)> {
    let from = scratch.join("others/kb");
    distilld::corpus::generate(SEED + 1, wanted, &from).expect("rows to append");
    let mut streams: Vec<(PathBuf, VecDeque<Vec<u8>>)> = stream_files(&from)
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).expect("a stream");
            let rows = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            (kb.join(path.strip_prefix(&from).expect("it lies there")), rows)
        })
        .collect();
    let mut taken = VecDeque::new();
    loop {
        let before = taken.len();
        for (path, rows) in &mut streams {
            taken.extend(rows.pop_front().map(|row| (path.clone(), row)));
        }
        if taken.len() == before {
            return taken;
        }
    }
}

fn one_writer(receipts: &mut Receipts, rows: VecDeque<(PathBuf, Vec<u8>)>) -> Vec<f64> {
    let mut millis = Vec::new();
    for (number, (path, row)) in rows.into_iter().enumerate() {
        let mut file = OpenOptions::new().append(true).open(&path).expect("a stream");
        let end = file.metadata().expect("a length").len() + row.len() as u64;
        let started = Instant::now();
        file.write_all(&row).expect("space");
        receipts.wait_for(&path, end);
        // The daemon's own sync may still be under way; when ours is over, so is what the receipt promises.
        receipts.file.sync_data().expect("a sync");
        millis.push(started.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(5 + number as u64 * 7 % 16));
    }
    millis
}

/// A row that was appended: its file, where it ends there, and when.
type Appended = (PathBuf, u64, Instant);

fn many_rows(
    receipts: Receipts,
    rows: VecDeque<(PathBuf, Vec<u8>)>,
    rate: u64,
    duration: Duration,
) -> Vec<f64> {
    let (sender, appended) = mpsc::channel::<Appended>();
    let watcher = std::thread::spawn(move || watch(receipts, &appended));
    let mut files: BTreeMap<PathBuf, (File, u64)> = BTreeMap::new();
    let (started, mut rows, mut sent) = (Instant::now(), rows.into_iter(), 0);
    while started.elapsed() < duration {
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        for (path, row) in rows.by_ref().take((due - sent) as usize) {
            let (file, length) = files.entry(path.clone()).or_insert_with(|| {
                let file = OpenOptions::new().append(true).open(&path).expect("a stream");
                let length = file.metadata().expect("a length").len();
                (file, length)
            });
            let at = Instant::now();
            file.write_all(&row).expect("space");
            *length += row.len() as u64;
            sender.send((path, *length, at)).expect("somebody watches");
        }
        sent = due;
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(sender);
    watcher.join().expect("somebody watched")
}

/// Waits for the receipts of all rows; how long each took, in milliseconds.
fn watch(mut receipts: Receipts, appended: &Receiver<Appended>) -> Vec<f64> {
    let mut open: BTreeMap<PathBuf, VecDeque<(u64, Instant)>> = BTreeMap::new();
    let (mut millis, mut ended, mut last) = (Vec::new(), false, Instant::now());
    while !ended || open.values().any(|rows| !rows.is_empty()) {
        assert!(last.elapsed() < Duration::from_mins(1), "rows wait for a receipt in vain");
        let news = receipts.read_on();
        if news {
            // One sync for all that was read: it waits for the daemon's own, if that is not over yet.
            receipts.file.sync_data().expect("a sync");
        }
        let now = Instant::now();
        loop {
            match appended.try_recv() {
                Ok((path, end, at)) => open.entry(path).or_default().push_back((end, at)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    ended = true;
                    break;
                }
            }
        }
        for (path, rows) in &mut open {
            let committed = receipts.committed.get(path).copied().unwrap_or(0);
            while let Some((_, at)) = rows.pop_front_if(|(end, _)| *end <= committed) {
                millis.push((now - at).as_secs_f64() * 1e3);
                last = now;
            }
        }
        if !news {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    millis
}

fn idle(scratch: &Path, report: &mut Report) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let kb = scratch.join("fixtures/kb");
    for path in stream_files(&fixtures.join("kb")) {
        let to = kb.join(path.strip_prefix(fixtures.join("kb")).expect("it lies there"));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(&path, &to).expect("a copy");
    }
    let daemon = Daemon::start(scratch, &kb);
    std::thread::sleep(Duration::from_secs(12));
    let pid = daemon.0.id();
    let before = (cpu_nanos(pid), wakeups(pid), Instant::now());
    std::thread::sleep(Duration::from_secs(setting("DISTILLD_SCALE_IDLE_S", 30, 2)));
    let elapsed = before.2.elapsed();
    let percent = (cpu_nanos(pid) - before.0) as f64 / elapsed.as_nanos() as f64 * 100.0;
    let woken = (wakeups(pid) - before.1) as f64 / elapsed.as_secs_f64();
    let found = format!("{percent:.3} % of a core, {woken:.1} wake-ups a second");
    report.hold("idle with the fixtures, CPU", found, "≤ 0.1 %", percent <= 0.1);
    let rss = status_figure(pid, "VmRSS:") as f64 / 1024.0;
    report.hold("idle with the fixtures, memory", format!("{rss:.1} MiB"), "≤ 40 MiB", rss <= 40.0);
}
