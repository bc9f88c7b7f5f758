//! Promises 1 and 3 under crashes: killed at random moments and at chosen system calls, in a run and in recovery, with
//! disks that refuse, and while receipts are sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distilld::domain::rules::Rules;
use distilld::domain::schema::receipt::{InputRange, Receipt, ReceiptKind, RecordCounts};
use distilld::domain::schema::scalars::Sha256Hex;
use distilld::store::around::Around;
use distilld::store::disk::{Disk, RealDisk};
use distilld::store::{Append, Commit, Piece, Prepared, Replace, Store, StoreError};
use serde_json::Value;

use crate::support::{Lab, assert_receipts_hold, assert_same_files, receipt_lines, wait_until};

const SFT: &str = "exports/sft/instruction_response.jsonl";

/// The receipts that count: whole lines; a torn one behind them is no commit.
pub fn whole_receipts(lab: &Lab) -> Vec<Value> {
    if !lab.out().join("receipts").exists() {
        return Vec::new();
    }
    let lines = receipt_lines(&lab.out());
    lines
        .iter()
        .map_while(|line| line.ends_with(b"\n").then(|| serde_json::from_slice(line).unwrap()))
        .collect()
}

/// Committed length of every output.
fn committed_lengths(lab: &Lab) -> BTreeMap<String, u64> {
    let mut lengths = BTreeMap::new();
    for receipt in whole_receipts(lab) {
        for output in receipt["output_files"].as_array().unwrap() {
            lengths.insert(output["path"].as_str().unwrap().to_owned(), output["to"].as_u64().unwrap());
        }
    }
    lengths
}

/// Promise 3, as a trainer would see it that reads the file right now: every whole row of the SFT export comes from a
/// row whose committed category is `accepted`. Gives how many rows there are.
#[track_caller]
pub fn assert_no_leak(lab: &Lab) -> usize {
    let place = |provenance: &Value| {
        let number = |name: &str| provenance[name].as_u64().unwrap();
        (provenance["source_file"].as_str().unwrap().to_owned(), number("generation"), number("line_offset"))
    };
    let mut latest: BTreeMap<_, (u64, bool)> = BTreeMap::new();
    for (path, len) in committed_lengths(lab).iter().filter(|(path, _)| path.starts_with("scored-runs/")) {
        let bytes = fs::read(lab.out().join(path)).unwrap();
        for line in bytes[..*len as usize].split_inclusive(|byte| *byte == b'\n') {
            let score: Value = serde_json::from_slice(line).unwrap();
            let seq = score["score_seq"].as_u64().unwrap();
            let counts = latest.entry(place(&score["provenance"])).or_default();
            if seq >= counts.0 {
                *counts = (seq, score["category"] == "accepted");
            }
        }
    }
    let sft = fs::read(lab.out().join(SFT)).unwrap_or_default();
    let rows = sft.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    rows.map(|line| {
        let row: Value = serde_json::from_slice(line).unwrap();
        assert!(
            latest.get(&place(&row["provenance"])).is_some_and(|(_, accepted)| *accepted),
            "leaked: {row}"
        );
    })
    .count()
}

/// The ids in the exports: which samples there are, in whatever order.
pub fn samples(lab: &Lab) -> BTreeSet<String> {
    let files = [SFT, "exports/rag/samples.jsonl", "exports/preference/chosen_rejected.jsonl"];
    let rows = files.into_iter().flat_map(|path| lab.lines(path));
    let ids: Vec<String> = rows.map(|row| row["sample_id"].as_str().unwrap().to_owned()).collect();
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "a sample stands twice in an export");
    set
}

/// What an undisturbed run leaves, and the corpus it was made from.
struct Reference {
    lab: Lab,
    files: BTreeMap<String, Vec<u8>>,
    samples: BTreeSet<String>,
}

impl Reference {
    fn new(rows: u64, config: &str) -> Self {
        let lab = Lab::generated(21, rows);
        lab.config(config);
        lab.run_once();
        let (files, samples) = (lab.promise2(), samples(&lab));
        assert!(!samples.is_empty());
        assert!(lab.run(&["verify", "--strict"]).status.success());
        Self { lab, files, samples }
    }

    /// Throws the outputs and the state away.
    fn start_over(&self) {
        let _ = fs::remove_dir_all(self.lab.out());
        let _ = fs::remove_dir_all(self.lab.state());
    }

    /// Restarts, lets it come to its end, and holds it to the undisturbed run.
    #[track_caller]
    fn restart_and_compare(&self) {
        assert_no_leak(&self.lab);
        self.lab.run_once();
        assert_same_files(&self.lab.promise2(), &self.files);
        assert_receipts_hold(&self.lab);
        assert_no_leak(&self.lab);
        let samples = samples(&self.lab);
        let unlike: Vec<_> = samples.symmetric_difference(&self.samples).collect();
        assert!(unlike.is_empty(), "not the samples of an undisturbed run: {unlike:?}");
        let strays = strays(&self.lab.out());
        assert!(strays.is_empty(), "left behind: {strays:?}");
    }
}

/// Files that only an unfinished commit may leave.
pub fn strays(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(strays(&entry.path()));
        } else if name.contains(".undo.")
            || name.contains(".new.")
            || entry.path().extension().is_some_and(|end| end == "next")
        {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn killed_at_random_moments_a_run_ends_with_the_bytes_of_one_that_was_not() {
    let reference = Reference::new(20_000, "[batch]\nbytes_max = \"64 KiB\"\n");
    let lab = &reference.lab;
    reference.start_over();
    let mut dice = fastrand::Rng::new();
    let (mut kills, mut commits, mut finished) = (0, BTreeSet::new(), 0);
    while kills < 15 {
        let started = Instant::now();
        let mut command = lab.distilld();
        command.args(["run", "--once", "--json"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = command.spawn().unwrap();
        let patience = Duration::from_millis(dice.u64(20..500));
        let ended = loop {
            match run.try_wait().unwrap() {
                Some(ended) => break ended,
                None if started.elapsed() >= patience => {
                    run.kill().unwrap();
                    break run.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if ended.signal().is_some() {
            kills += 1;
            assert_no_leak(lab);
            commits.insert(whole_receipts(lab).len());
        } else {
            // It came to its end before it could be killed: the next life begins with nothing.
            assert!(ended.success(), "{ended:?}");
            assert_same_files(&lab.promise2(), &reference.files);
            reference.start_over();
            finished += 1;
        }
    }
    println!("{kills} kills at {} different commits, {finished} runs finished between", commits.len());
    assert!(commits.len() >= 3, "the kills did not hit the work: {commits:?}");
    reference.restart_and_compare();
}

/// Whether a tool is there. Where tests must not be skipped (CI), its lack is a failure.
pub fn have(tool: &str) -> bool {
    let found = Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tool} is needed for this test");
        println!("skipped: {tool} is not installed");
    }
    found
}

/// `distilld run --once` under strace with something injected into one of its system calls.
fn run_with(lab: &Lab, call: &str, inject: &str) -> Output {
    let distilld = lab.distilld();
    let mut strace = Command::new("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{inject}"));
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    strace.arg(distilld.get_program()).args(distilld.get_args()).args(["run", "--once", "--json"]);
    strace.env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).output().unwrap()
}

/// Kills a run at its n-th call; whether there was one.
pub fn kill_at(lab: &Lab, call: &str, when: u64) -> bool {
    run_with(lab, call, &format!("signal=SIGKILL:when={when}")).status.signal().is_some()
}

/// Small enough that a run makes a handful of commits.
const SMALL: &str = "[batch]\nbytes_max = \"32 KiB\"\nworkers = 1\n";

#[test]
fn killed_at_any_system_call_of_a_run_nothing_is_lost_doubled_or_leaked() {
    if !have("strace") {
        return;
    }
    let reference = Reference::new(150, SMALL);
    let mut kills = 0;
    for (call, points) in [
        ("pwrite64", vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 17, 22, 28, 35, 45, 60, 80, 110]),
        ("fdatasync", vec![1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 20, 25]),
        ("fsync", vec![1, 2, 3, 4, 5, 7, 9, 11]),
        ("mkdir", vec![1, 2, 3, 4, 5]),
        ("unlink", vec![1, 2]),
    ] {
        for when in points {
            reference.start_over();
            if !kill_at(&reference.lab, call, when) {
                break;
            }
            kills += 1;
            reference.restart_and_compare();
        }
    }
    println!("{kills} kills");
    assert!(kills >= 30, "only {kills} kills came to pass");
}

/// Makes an output such that the next start has everything to do that recovery can do: a torn receipt, outputs longer
/// than committed, an output no receipt names, a replacement that was not receipted, a half new file, a short export.
fn disturb(lab: &Lab) {
    let out = lab.out();
    let append = |path: &str, bytes: &[u8]| {
        fs::create_dir_all(out.join(path).parent().unwrap()).unwrap();
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(out.join(path))
            .unwrap()
            .write_all(bytes)
            .unwrap();
    };
    let seq = whole_receipts(lab).len();
    append("receipts/receipts.jsonl", br#"{"schema_version":1,"seq":"#);
    append("evidence/scrum_reviews.jsonl", b"{\"half a row");
    append("quarantine/audits.jsonl", b"{}\n");
    fs::rename(out.join(SFT), out.join(format!("{SFT}.undo.{seq}"))).unwrap();
    append(SFT, b"");
    append(&format!("{SFT}.new.{seq}"), b"half");
    let rag = fs::OpenOptions::new().write(true).open(out.join("exports/rag/samples.jsonl")).unwrap();
    rag.set_len(1000).unwrap();
}

#[test]
fn killed_at_any_system_call_of_a_recovery_and_again_in_the_next_it_still_recovers() {
    if !have("strace") {
        return;
    }
    let reference = Reference::new(150, SMALL);
    let lab = &reference.lab;
    let kept = lab.root().join("kept");
    fs::rename(lab.out(), &kept).unwrap();
    let mut kills = 0;
    for (call, points) in [
        ("ftruncate", vec![1, 2, 3, 4]),
        ("rename", vec![1, 2, 3]),
        ("linkat", vec![1, 2]),
        ("unlink", vec![1, 2, 3, 4, 5, 6]),
        ("pwrite64", vec![1, 2, 3, 4, 5, 7, 9, 12]),
        ("fdatasync", vec![1, 2, 3, 4, 5]),
        ("fsync", vec![1, 2, 3, 4]),
    ] {
        let mut hit = 0;
        for when in points {
            reference.start_over();
            let copied = Command::new("cp").arg("-a").arg(&kept).arg(lab.out()).status().unwrap();
            assert!(copied.success());
            disturb(lab);
            if !kill_at(lab, call, when) {
                break;
            }
            hit += 1;
            assert_no_leak(lab);
            // A second crash in the recovery from the first.
            kill_at(lab, call, when.max(2) - 1);
            reference.restart_and_compare();
        }
        assert!(hit > 0, "recovery never calls {call}");
        kills += hit;
    }
    println!("{kills} kills");
}

#[test]
fn a_sync_that_fails_ends_the_run_and_the_restart_recovers() {
    if !have("strace") {
        return;
    }
    let reference = Reference::new(150, SMALL);
    for (call, when) in [("fdatasync", 1), ("fdatasync", 2), ("fdatasync", 5), ("fsync", 1), ("fsync", 4)] {
        reference.start_over();
        let ended = run_with(&reference.lab, call, &format!("error=EIO:when={when}"));
        assert_eq!(ended.status.code(), Some(74), "{call} {when}");
        reference.restart_and_compare();
        // And in recovery, which writes the last receipt once more and syncs it.
        let ended = run_with(&reference.lab, "fdatasync", "error=EIO:when=1");
        assert_eq!(ended.status.code(), Some(74));
        reference.restart_and_compare();
    }
}

#[test]
fn without_space_for_a_while_the_run_waits_and_goes_on() {
    if !have("strace") {
        return;
    }
    let reference = Reference::new(150, SMALL);
    for when in ["5..7", "8..12", "16..18"] {
        reference.start_over();
        let ended = run_with(&reference.lab, "pwrite64", &format!("error=ENOSPC:when={when}"));
        assert!(ended.status.success(), "{when}: {ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("no space"), "{when}: there was space");
        reference.restart_and_compare();
    }
}

/// A run that may write files of `kilobytes` at most, and is told so by an error as on a full disk: what fits is written.
fn run_in_little_space(lab: &Lab, kilobytes: u32) -> (std::process::Child, PathBuf) {
    let distilld = lab.distilld();
    let log = lab.root().join("log");
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(format!("trap '' XFSZ; ulimit -S -f {kilobytes}; exec \"$0\" \"$@\""));
    bash.arg(distilld.get_program()).args(distilld.get_args()).args(["run", "--once", "--json"]);
    bash.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    (bash.spawn().unwrap(), log)
}

#[test]
fn rows_that_were_written_in_part_when_space_ran_out_are_written_whole_when_there_is_some() {
    if !have("prlimit") {
        return;
    }
    let reference = Reference::new(1000, SMALL);
    reference.start_over();
    let (mut run, log) = run_in_little_space(&reference.lab, 100);
    wait_until("no space", || fs::read_to_string(&log).unwrap().contains("no space"));
    let status = reference.lab.status();
    assert!(status["lag_bytes"].as_u64().unwrap() > 0, "status answers while the batch is held");
    let raised = Command::new("prlimit").args(["--pid", &run.id().to_string(), "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    assert!(run.wait().unwrap().success());
    reference.restart_and_compare();
}

#[test]
fn views_that_find_no_space_are_made_when_there_is_some() {
    if !have("prlimit") {
        return;
    }
    let reference = Reference::new(1000, "");
    let runs_path = reference.lab.out().join("views/runs.jsonl");
    let runs = fs::read(&runs_path).unwrap();
    // Room for every file but this one, which is the longest.
    let kilobytes = runs.len() / 1024;
    let rows: Vec<_> = reference.files.values().map(Vec::len).collect();
    assert!(rows.iter().all(|len| *len < kilobytes * 1024), "{} of {rows:?}", runs.len());
    reference.start_over();
    let (mut run, log) = run_in_little_space(&reference.lab, kilobytes as u32);
    wait_until("no space", || fs::read_to_string(&log).unwrap().contains("no space; the views are held"));
    let raised = Command::new("prlimit").args(["--pid", &run.id().to_string(), "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    assert!(run.wait().unwrap().success());
    assert!(fs::read(&runs_path).unwrap() == runs, "not the runs of an undisturbed run");
    reference.restart_and_compare();
}

#[test]
fn a_run_once_whose_views_cannot_be_written_says_so() {
    let lab = Lab::generated(7, 100);
    let views = lab.out().join("views");
    fs::create_dir_all(lab.out()).unwrap();
    fs::write(&views, "not a folder").unwrap();
    let ended = lab.run(&["run", "--once"]);
    assert_eq!(ended.status.code(), Some(74), "{ended:?}");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains(&*views.to_string_lossy()), "{told}");
    // Rows and samples are there, and the next run makes the views.
    fs::remove_file(&views).unwrap();
    lab.run_once();
    assert!(views.join("runs.jsonl").metadata().unwrap().len() > 0);
}

#[test]
fn a_run_that_is_ended_while_there_is_no_space_leaves_nothing_partial() {
    let reference = Reference::new(1000, SMALL);
    let lab = &reference.lab;
    reference.start_over();
    let (mut run, log) = run_in_little_space(lab, 100);
    wait_until("no space", || fs::read_to_string(&log).unwrap().contains("no space"));
    let asked = Instant::now();
    assert!(Command::new("kill").arg(run.id().to_string()).status().unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(74));
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    let lengths = committed_lengths(lab);
    for (path, bytes) in lab.promise2() {
        assert_eq!(Some(&(bytes.len() as u64)), lengths.get(&path), "{path}");
    }
    reference.restart_and_compare();
}

/// The real disk until the process "dies" at a given operation: that one is done by half, and none after it.
#[derive(Debug)]
struct MortalDisk {
    disk: RealDisk,
    left: AtomicU64,
}

impl MortalDisk {
    fn with(operations: u64) -> Self {
        Self { disk: RealDisk::default(), left: AtomicU64::new(operations) }
    }

    fn step(&self, path: &Path) -> Result<(), StoreError> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ())
            .map_err(|_| StoreError::Sync { path: path.to_owned(), source: std::io::Error::other("dead") })
    }
}

impl Around for MortalDisk {
    fn beneath(&self) -> &dyn Disk {
        &self.disk
    }

    fn write(&self, path: &Path, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let alive = self.left.load(Ordering::Relaxed);
        if alive == 1 {
            self.disk.write(path, at, &bytes[..bytes.len() / 2])?;
            self.left.store(0, Ordering::Relaxed);
        }
        self.step(path)?;
        self.disk.write(path, at, bytes)
    }

    fn cut(&self, path: &Path, len: u64) -> Result<(), StoreError> {
        self.step(path)?;
        self.disk.cut(path, len)
    }

    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        self.step(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.step(dir)
    }

    fn make_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.step(dir)?;
        self.disk.make_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.step(from)?;
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.step(from)?;
        self.disk.link(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.step(path)?;
        self.disk.remove(path)
    }
}

fn empty_receipt() -> Receipt {
    crate::in_process::receipt(&Rules::default())
}

const LINE: u64 = 10;
const LINES: u64 = 9;

/// One life of a process: recovers, and commits line after line, each with an export replaced by one that has lost its
/// first line and won two.
fn life(root: &Path, operations: u64) -> Result<Store, StoreError> {
    let own =
        ["evidence/x.jsonl", "scored-runs/x.jsonl", "exports/x.jsonl", "views/x.jsonl"].map(str::to_owned);
    let mut store =
        Store::recover(Box::new(MortalDisk::with(operations)), &root.join("out"), &root.join("state"), &own)?
            .store;
    store.set_seal_bytes(2500);
    store.ensure_genesis(empty_receipt())?;
    loop {
        let line = store.state().output_len("evidence/x.jsonl") / LINE;
        let cursor = store.state().streams.get("x").map_or(0, |stream| stream.offset);
        assert_eq!(cursor, line, "cursor and outputs are of one commit");
        assert_eq!(store.state().totals.evidence, line);
        if line > store.state().outputs.get("views/x.jsonl").map_or(0, |view| view.rows) {
            view(root, &mut store, line)?;
        }
        if line == LINES {
            return Ok(store);
        }
        let retracted = u64::from(line > 0);
        let counts = RecordCounts {
            rows_in: 1,
            out: 1,
            evidence: 1,
            exported: 2,
            retracted,
            ..RecordCounts::default()
        };
        let nothing = Sha256Hex::of(b"");
        let input = InputRange {
            path: "x".to_owned(),
            stream: "x".to_owned(),
            generation: 0,
            identity: "1:2:3".to_owned(),
            from: line,
            to: line + 1,
            rows: 1,
            sha256: nothing,
            anchor: nothing,
            evidence: 1,
            quarantined: 0,
            duplicate: 0,
            blank: 0,
            last_timestamp: None,
        };
        let receipt = Receipt { input_files: vec![input], record_counts: counts, ..empty_receipt() };
        let append = |path: &str| Append {
            path: path.to_owned(),
            pieces: vec![Piece { bytes: format!("{line:9}\n").into_bytes(), rows: 1, sha256: None }],
        };
        let old = store.state().output_len("exports/x.jsonl");
        let replace = Replace {
            path: "exports/x.jsonl".to_owned(),
            keep: vec![(2.min(old), old)],
            then: format!("{line}\n{line}\n").into_bytes(),
            rows: line + 2,
        };
        store.commit(&Commit {
            appends: vec![append("evidence/x.jsonl"), append("scored-runs/x.jsonl")],
            replaces: vec![replace],
            receipt,
        })?;
    }
}

fn lines_to(line: u64) -> String {
    (0..line).map(|line| format!("{line}\n")).collect()
}

/// Commits a view that stands ready beside the one before.
fn view(root: &Path, store: &mut Store, line: u64) -> Result<(), StoreError> {
    let path = root.join("out/views/x.jsonl");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (text, old) = (lines_to(line), fs::read(&path).unwrap_or_default());
    let file = Prepared::name(&path, "life");
    fs::write(&file, &text).unwrap();
    let prepared = Prepared {
        path: "views/x.jsonl".to_owned(),
        file,
        len: text.len() as u64,
        rows: line,
        sha256: Sha256Hex::of(text.as_bytes()),
        replaces: Sha256Hex::of(&old),
    };
    let files = [prepared];
    let done = store.commit_prepared(&files, Receipt { kind: ReceiptKind::View, ..empty_receipt() });
    // Who dies removes nothing.
    std::mem::forget(files);
    done
}

#[test]
fn a_crash_at_any_operation_of_commits_replacements_and_sealings_is_recovered_from() {
    let expected = (0..LINES).map(|line| format!("{line:9}\n")).collect::<Vec<_>>().concat();
    let mut exported = String::new();
    for line in 0..LINES {
        exported = format!("{}{line}\n{line}\n", exported.get(2..).unwrap_or_default());
    }
    let (mut deaths, mut deaths_again) = (0, 0);
    for operations in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let died = life(dir.path(), operations).is_err();
        // The next life may end in recovery.
        let died_again = life(dir.path(), 1 + operations % 9).is_err();
        deaths_again += u64::from(died_again);
        life(dir.path(), u64::MAX).unwrap();
        let out = dir.path().join("out");
        assert_eq!(fs::read_to_string(out.join("evidence/x.jsonl")).unwrap(), expected);
        assert_eq!(fs::read_to_string(out.join("scored-runs/x.jsonl")).unwrap(), expected);
        assert_eq!(fs::read_to_string(out.join("exports/x.jsonl")).unwrap(), exported);
        assert_eq!(fs::read_to_string(out.join("views/x.jsonl")).unwrap(), lines_to(LINES));
        assert_eq!(strays(&out), Vec::<PathBuf>::new());
        let mut prev = "0".repeat(64);
        let lines = receipt_lines(&out);
        let mut kinds = Vec::new();
        for (seq, line) in lines.iter().enumerate() {
            let receipt: Value = serde_json::from_slice(line).unwrap();
            assert_eq!(
                (receipt["seq"].as_u64(), receipt["prev_sha256"].as_str()),
                (Some(seq as u64), Some(&*prev))
            );
            prev = crate::support::sha256_hex(line);
            kinds.push(receipt["kind"].as_str().unwrap().to_owned());
        }
        let sealings = kinds.iter().filter(|kind| *kind == "checkpoint").count();
        let files = fs::read_dir(out.join("receipts")).unwrap().count();
        assert!(sealings >= 2, "{kinds:?}");
        assert_eq!(files, sealings + 1, "a sealed file is missing or a stray one there");
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(
        deaths_again * 10 > deaths * 9,
        "{deaths} deaths, {deaths_again} of them twice: too few to tell anything"
    );
}
