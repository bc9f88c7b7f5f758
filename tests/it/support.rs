//! What the tests share: a laboratory with folders of its own, and ways to look at what distilld left in them.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Folders of one test: streams, output, state, config. Gone when it is dropped.
pub struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// An empty one.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("in/kb")).unwrap();
        Self { dir }
    }

    /// One with a generated corpus in it.
    pub fn generated(seed: u64, rows: u64) -> Self {
        let lab = Self::new();
        distilld::corpus::generate(seed, rows, &lab.kb()).unwrap();
        lab
    }

    /// The scratch folder itself.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The folder with the streams.
    pub fn kb(&self) -> PathBuf {
        self.dir.path().join("in/kb")
    }

    /// The output folder.
    pub fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The file of a stream.
    pub fn stream(&self, name: &str) -> PathBuf {
        if name == "observer_ops" {
            self.kb().join("../_observer/ops.jsonl")
        } else {
            self.kb().join(format!("{name}.jsonl"))
        }
    }

    /// Appends bytes to the file of a stream.
    pub fn append(&self, stream: &str, bytes: impl AsRef<[u8]>) {
        let path = self.stream(stream);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// Writes the config of this lab (without `[paths]`).
    pub fn config(&self, toml: &str) {
        fs::write(self.dir.path().join("config.toml"), toml).unwrap();
    }

    /// `distilld` with the folders of this lab; the command is still to be given.
    pub fn distilld(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distilld"));
        let config = self.dir.path().join("config.toml");
        if !config.exists() {
            fs::write(&config, "").unwrap();
        }
        command.arg("--config").arg(config);
        command.arg("--kb").arg(self.kb()).arg("--output").arg(self.out()).arg("--state").arg(self.state());
        command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `distilld` with these arguments to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.distilld().args(arguments).output().unwrap()
    }

    /// `run --once`, which must end well; gives the summary.
    #[track_caller]
    pub fn run_once(&self) -> Value {
        let output = self.run(&["run", "--once", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `status --json`.
    #[track_caller]
    pub fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The lines of a JSONL file below the output folder; none when there is no file.
    pub fn lines(&self, path: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.out().join(path)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All receipts, sealed ones first.
    pub fn receipts(&self) -> Vec<Value> {
        let dir = self.out().join("receipts");
        let mut lines: Vec<Value> = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap();
            lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
        }
        lines.sort_by_key(|receipt: &Value| receipt["seq"].as_u64());
        lines
    }

    /// Every file of promise 2 with its bytes, by path.
    pub fn promise2(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in ["evidence", "scored-runs", "quarantine", "scratchpads"] {
            for entry in fs::read_dir(self.out().join(folder)).into_iter().flatten().flatten() {
                let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
                if name != "scored-runs/rescored.jsonl" {
                    files.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
        files
    }
}

/// Fails unless both hold the same files with the same bytes; names the first that differs.
#[track_caller]
pub fn assert_same_files(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in a {
        if bytes != &b[name] {
            let at = bytes.iter().zip(&b[name]).position(|(x, y)| x != y);
            panic!("{name} differs: {} and {} bytes, first at {at:?}", bytes.len(), b[name].len());
        }
    }
}

/// Everything receipts can be held to from outside: the chain, the numbers, the counts, contiguous ranges, and the
/// SHA-256 of every range of the outputs, and of the inputs that are still there. Gives the totals of the counts.
#[track_caller]
pub fn assert_receipts_hold(lab: &Lab) -> BTreeMap<String, u64> {
    let mut prev = "0".repeat(64);
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    let mut outputs: BTreeMap<String, Vec<(u64, u64, String)>> = BTreeMap::new();
    let mut inputs: BTreeMap<(String, u64), Vec<Value>> = BTreeMap::new();
    for (seq, line) in receipt_lines(&lab.out()).iter().enumerate() {
        let receipt: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(receipt["seq"], seq, "a receipt is missing or doubled");
        assert_eq!(receipt["prev_sha256"], prev, "receipt {seq} does not follow the one before");
        assert_eq!(receipt["validation_pass"], true);
        prev = sha256_hex(line);
        let counts = receipt["record_counts"].as_object().unwrap();
        assert_conserved(counts, seq);
        for (name, count) in counts {
            *totals.entry(name.clone()).or_default() += count.as_u64().unwrap();
        }
        for output in receipt["output_files"].as_array().unwrap() {
            let ranges = outputs.entry(output["path"].as_str().unwrap().to_owned()).or_default();
            if output.get("replaces").is_some() {
                ranges.clear();
            }
            let (from, to) = (output["from"].as_u64().unwrap(), output["to"].as_u64().unwrap());
            assert_eq!(ranges.last().map_or(0, |last| last.1), from, "a range is missing before {output}");
            ranges.push((from, to, output["sha256"].as_str().unwrap().to_owned()));
        }
        for input in receipt["input_files"].as_array().unwrap() {
            let generation = input["generation"].as_u64().unwrap();
            let ranges =
                inputs.entry((input["stream"].as_str().unwrap().to_owned(), generation)).or_default();
            let before = ranges.last().map_or(0, |last| last["to"].as_u64().unwrap());
            assert_eq!(input["from"], before, "rows were left out or taken twice at {input}");
            ranges.push(input.clone());
        }
    }
    for (path, ranges) in outputs {
        let bytes = fs::read(lab.out().join(&path)).unwrap();
        assert_eq!(bytes.len() as u64, ranges.last().unwrap().1, "{path} is not as long as its receipts say");
        for (from, to, sha256) in ranges {
            let found = sha256_hex(&bytes[from as usize..to as usize]);
            assert_eq!(found, sha256, "{path} [{from}, {to}) is not what its receipt says");
        }
    }
    for ranges in inputs.values() {
        let Ok(bytes) = fs::read(ranges[0]["path"].as_str().unwrap()) else { continue };
        for range in ranges.iter().filter(|range| range["to"].as_u64().unwrap() <= bytes.len() as u64) {
            let (from, to) = (range["from"].as_u64().unwrap(), range["to"].as_u64().unwrap());
            // A name that another file has taken since says nothing.
            if inputs.keys().filter(|(stream, _)| *stream == range["stream"]).count() == 1 {
                assert_eq!(sha256_hex(&bytes[from as usize..to as usize]), range["sha256"], "{range}");
            }
        }
    }
    totals
}

#[track_caller]
fn assert_conserved(counts: &serde_json::Map<String, Value>, seq: usize) {
    let count = |name: &str| counts[name].as_u64().unwrap();
    let out = count("evidence") + count("quarantined");
    assert_eq!(count("in"), out + count("duplicate") + count("blank"), "receipt {seq} loses rows");
    assert_eq!(count("out"), out, "receipt {seq}");
}

/// The lines of all receipts with their newlines, the sealed files first, in the order of their names' numbers.
pub fn receipt_lines(output: &Path) -> Vec<Vec<u8>> {
    let number = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let sealed = name.strip_prefix("receipts-").and_then(|rest| rest.strip_suffix(".jsonl"));
        sealed.map_or(u64::MAX, |seq| seq.parse().unwrap())
    };
    let mut files: Vec<_> =
        fs::read_dir(output.join("receipts")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort_by_key(|path| number(path));
    let bytes: Vec<u8> = files.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    faster_hex::hex_string(&sha2::Sha256::digest(bytes))
}

/// Waits until something holds, or fails after 20 s.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A row that `scrum_reviews` accepts, with a review that tells it from others.
pub fn review_row(number: u64) -> String {
    format!(
        "{{\"file\":\"src/f{}.rs\",\"reviewed_at\":\"2026-04-26T14:{:02}:{:02}.000Z\",\"accepted_model\":\"qwen3-coder:480b\",\"review\":\"finding {number}\"}}\n",
        number % 7,
        (number / 60) % 60,
        number % 60
    )
}
