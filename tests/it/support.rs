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
pub(crate) struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("in/kb")).unwrap();
        Self { dir }
    }

    /// One with a generated corpus in it.
    pub(crate) fn generated(seed: u64, rows: u64) -> Self {
        let lab = Self::new();
        distilld::corpus::generate(seed, rows, &lab.kb()).unwrap();
        lab
    }

    /// The scratch folder itself.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The folder with the streams.
    pub(crate) fn kb(&self) -> PathBuf {
        self.dir.path().join("in/kb")
    }

    /// The output folder.
    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The file of a stream.
    pub(crate) fn stream(&self, name: &str) -> PathBuf {
        if name == "observer_ops" {
            self.kb().join("../_observer/ops.jsonl")
        } else {
            self.kb().join(format!("{name}.jsonl"))
        }
    }

    /// Appends bytes to the file of a stream.
    pub(crate) fn append(&self, stream: &str, bytes: impl AsRef<[u8]>) {
        let path = self.stream(stream);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// Writes the config of this lab (without `[paths]`).
    pub(crate) fn config(&self, toml: &str) {
        fs::write(self.dir.path().join("config.toml"), toml).unwrap();
    }

    /// `distilld` with the folders of this lab; the command is still to be given.
    pub(crate) fn distilld(&self) -> Command {
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
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.distilld().args(arguments).output().unwrap()
    }

    /// `run --once`, which must end well; gives the summary.
    #[track_caller]
    pub(crate) fn run_once(&self) -> Value {
        let output = self.run(&["run", "--once", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `status --json`.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The lines of a JSONL file below the output folder; none when there is no file.
    pub(crate) fn lines(&self, path: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.out().join(path)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All receipts, sealed ones first.
    pub(crate) fn receipts(&self) -> Vec<Value> {
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
    pub(crate) fn promise2(&self) -> BTreeMap<String, Vec<u8>> {
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
pub(crate) fn assert_same_files(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in a {
        if bytes != &b[name] {
            let at = bytes.iter().zip(&b[name]).position(|(x, y)| x != y);
            panic!("{name} differs: {} and {} bytes, first at {at:?}", bytes.len(), b[name].len());
        }
    }
}

/// Waits until something holds, or fails after 20 s.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A row that `scrum_reviews` accepts, with a review that tells it from others.
pub(crate) fn review_row(number: u64) -> String {
    format!(
        "{{\"file\":\"src/f{}.rs\",\"reviewed_at\":\"2026-04-26T14:{:02}:{:02}.000Z\",\"accepted_model\":\"qwen3-coder:480b\",\"review\":\"finding {number}\"}}\n",
        number % 7,
        (number / 60) % 60,
        number % 60
    )
}
