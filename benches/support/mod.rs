//! What the benches share: distilld as a process, what it takes by /proc, receipts as they come in, and figures of many.

#![allow(dead_code, reason = "every bench uses a part of it")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_distilld");

/// A number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a setting is a number"))
}

/// All stream files of a corpus, in the order of their names.
pub(crate) fn stream_files(kb: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(kb)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.push(kb.join("../_observer/ops.jsonl"));
    files.sort();
    files
}

/// A generated corpus of about so many bytes; its real size.
pub(crate) fn corpus(seed: u64, kb: &Path, bytes_wanted: u64) -> u64 {
    const SMALL_ROWS: u64 = 5000;
    let small = distilld::corpus::generate(seed, SMALL_ROWS, kb).expect("a small corpus");
    let rows = (bytes_wanted * SMALL_ROWS / small.bytes).max(1);
    distilld::corpus::generate(seed, rows, kb).expect("the corpus").bytes
}

/// `distilld` on the folders `out` and `state` below a scratch folder; the command is still to be given.
pub(crate) fn distilld(scratch: &Path, kb: &Path) -> Command {
    let config = scratch.join("config.toml");
    if !config.exists() {
        fs::write(&config, "").expect("the config");
    }
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(config).arg("--kb").arg(kb);
    command.arg("--output").arg(scratch.join("out")).arg("--state").arg(scratch.join("state"));
    command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Removes what distilld made there.
pub(crate) fn clear(scratch: &Path) {
    for folder in ["out", "state"] {
        let _ = fs::remove_dir_all(scratch.join(folder));
    }
}

/// What a command took that came to its end.
#[derive(Debug)]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_kib: u64,
    pub(crate) stdout: String,
}

/// Runs a command that must end well.
pub(crate) fn timed(command: &mut Command) -> Took {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary");
    let mut stdout = child.stdout.take().expect("it is piped");
    // Read beside it: what does not fit into the pipe would stop it.
    let reader = std::thread::spawn(move || {
        let mut answer = String::new();
        stdout.read_to_string(&mut answer).expect("its answer");
        answer
    });
    let mut peak_rss_kib = 0;
    // Until it is waited for, a process that has ended keeps its times, but not its memory.
    while !is_zombie(child.id()) {
        peak_rss_kib = status_figure(child.id(), "VmHWM:").max(peak_rss_kib);
        std::thread::sleep(Duration::from_millis(2));
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu_ticks(child.id()) as f64 / ticks_per_second();
    assert!(child.wait().expect("it has ended").success(), "{command:?} failed");
    Took { seconds, cpu_seconds, peak_rss_kib, stdout: reader.join().expect("its answer") }
}

/// A daemon; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Daemon(pub(crate) Child);

impl Daemon {
    /// Starts `run`.
    pub(crate) fn start(scratch: &Path, kb: &Path) -> Self {
        Self(distilld(scratch, kb).arg("run").stderr(Stdio::null()).spawn().expect("the binary"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The receipts as they come in.
#[derive(Debug)]
pub(crate) struct Receipts {
    pub(crate) file: File,
    path: PathBuf,
    read_bytes: u64,
    rest: String,
    /// File and end of the ranges that are committed, by their last receipt.
    pub(crate) committed: BTreeMap<PathBuf, u64>,
}

impl Receipts {
    /// Waits until there are any.
    pub(crate) fn open(output: &Path) -> Self {
        let path = output.join("receipts/receipts.jsonl");
        let started = Instant::now();
        let file = loop {
            match File::open(&path) {
                Ok(file) => break file,
                Err(e) => assert!(started.elapsed() < Duration::from_secs(20), "{}: {e}", path.display()),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { file, path, read_bytes: 0, rest: String::new(), committed: BTreeMap::new() }
    }

    /// Waits until a receipt covers a file up to a byte.
    pub(crate) fn wait_for(&mut self, path: &Path, end: u64) {
        let started = Instant::now();
        while self.committed.get(path).is_none_or(|committed| *committed < end) {
            assert!(started.elapsed() < Duration::from_mins(1), "no receipt covers {}", path.display());
            if !self.read_on() {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    fn is_read(&self) -> bool {
        self.file.metadata().expect("a length").len() <= self.read_bytes
    }

    fn next_file(&self) -> Option<File> {
        // For a moment of a sealing there is none.
        let next = File::open(&self.path).ok()?;
        let number = |file: &File| file.metadata().map(|metadata| metadata.ino()).ok();
        (number(&next) != number(&self.file)).then_some(next)
    }

    /// Takes what is new; whether anything is.
    pub(crate) fn read_on(&mut self) -> bool {
        if self.is_read() {
            // A file that was sealed has another name now, and what comes next is in the one that has its old name.
            let Some(next) = self.next_file().filter(|_| self.is_read()) else { return false };
            (self.file, self.read_bytes) = (next, 0);
        }
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
        true
    }
}

/// The fields of /proc/PID/stat behind the name, from the state on.
fn stat_fields(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is not waited for yet");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    fields.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Whether a process has ended.
pub(crate) fn is_zombie(pid: u32) -> bool {
    stat_fields(pid).first().is_some_and(|state| state == "Z")
}

/// User and system time of all threads, those that ended too, in clock ticks.
pub(crate) fn cpu_ticks(pid: u32) -> u64 {
    stat_fields(pid).iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Clock ticks of a second.
pub(crate) fn ticks_per_second() -> f64 {
    let answer = Command::new("getconf").arg("CLK_TCK").output().ok();
    answer.and_then(|answer| String::from_utf8(answer.stdout).ok()?.trim().parse().ok()).unwrap_or(100.0)
}

/// Time on a core of all threads that are there: finer than ticks where the kernel keeps it.
pub(crate) fn cpu_nanos(pid: u32) -> u64 {
    let of_thread = |thread: &PathBuf| -> Option<u64> {
        fs::read_to_string(thread.join("schedstat")).ok()?.split_ascii_whitespace().next()?.parse().ok()
    };
    let nanos: Option<u64> = threads(pid).iter().map(of_thread).sum();
    nanos.unwrap_or_else(|| (cpu_ticks(pid) as f64 / ticks_per_second() * 1e9) as u64)
}

/// Voluntary switches of all threads.
pub(crate) fn wakeups(pid: u32) -> u64 {
    threads(pid).iter().map(|thread| figure(&thread.join("status"), "voluntary_ctxt_switches:")).sum()
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon runs");
    tasks.flatten().map(|task| task.path()).collect()
}

/// A figure of the status of a process, such as `VmRSS:` in KiB; 0 when it is not there.
pub(crate) fn status_figure(pid: u32, name: &str) -> u64 {
    figure(Path::new(&format!("/proc/{pid}/status")), name)
}

fn figure(path: &Path, name: &str) -> u64 {
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// The one that so many per cent are not above.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * percent / 100.0).ceil() as usize).copied().unwrap_or(f64::NAN)
}

/// A table that a page of documentation takes: figure, value, aim, and whether it holds.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<[String; 4]>);

impl Report {
    /// A figure that nothing is asked of.
    pub(crate) fn tell(&mut self, figure: impl Into<String>, value: impl Into<String>) {
        self.0.push([figure.into(), value.into(), String::new(), String::new()]);
    }

    /// A figure with an aim.
    pub(crate) fn hold(
        &mut self,
        figure: impl Into<String>,
        value: impl Into<String>,
        aim: impl Into<String>,
        holds: bool,
    ) {
        let verdict = if holds { "holds" } else { "does not hold" };
        self.0.push([figure.into(), value.into(), aim.into(), verdict.to_owned()]);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "| figure | found | aim | |\n|---|---|---|---|")?;
        self.0.iter().try_for_each(|[figure, value, aim, holds]| {
            writeln!(f, "| {figure} | {value} | {aim} | {holds} |")
        })
    }
}
