//! `[archive] rotated = true`: finished generations are copied, and a copy stands in for a file that is gone.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Lab, assert_receipts_hold, assert_same_files, review_row, sha256_hex, wait_until};

const ON: &str = "[archive]\nrotated = true\n[watch]\nrotated_wait = \"0s\"\npoll_min = \"10ms\"\n";
const OFF: &str = "[watch]\nrotated_wait = \"0s\"\npoll_min = \"10ms\"\n";
const STREAM: &str = "scrum_reviews";

/// Rows of scrum_reviews with these numbers.
fn rows(numbers: std::ops::Range<u64>) -> String {
    numbers.map(review_row).collect()
}

/// Renames the stream's file away, as log rotation does, and begins the next one.
fn rotate(lab: &Lab, to: &str, next: &str) {
    // Birth times are only as fine as the kernel's clock tick.
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::rename(lab.stream(STREAM), lab.kb().join(to)).unwrap();
    lab.append(STREAM, next);
}

/// A lab whose stream had four generations, each read before the next began; the first one with a half line at its end.
fn with_four_generations(config: &str) -> Lab {
    let lab = Lab::new();
    lab.config(config);
    lab.append(STREAM, rows(0..400) + "no json\n\n" + review_row(400).trim_end());
    lab.run_once();
    for (generation, from) in [(1, 350), (2, 700), (3, 1000)] {
        rotate(&lab, &format!("{STREAM}.jsonl.{generation}"), &rows(from..from + 300));
        lab.run_once();
    }
    lab
}

fn remove_rotated(lab: &Lab) {
    for generation in 1..=3 {
        fs::remove_file(lab.kb().join(format!("{STREAM}.jsonl.{generation}"))).unwrap();
    }
}

/// The copies of the stream, by name.
fn copies(lab: &Lab) -> Vec<PathBuf> {
    let entries = fs::read_dir(lab.out().join("archive").join(STREAM)).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn unpacked(path: &Path) -> Vec<u8> {
    zstd::stream::decode_all(File::open(path).unwrap()).unwrap()
}

#[track_caller]
fn verified(lab: &Lab) -> Value {
    let output = lab.run(&["verify", "--strict", "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `verify` names first.
#[track_caller]
fn broken(lab: &Lab) -> String {
    let output = lab.run(&["verify"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines().find(|line| line.starts_with("broken: ")).unwrap().to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running daemon; killed when a test fails.
struct Daemon(Child);

impl Daemon {
    fn start(lab: &Lab) -> Self {
        let log = File::create(lab.root().join("log")).unwrap();
        Self(lab.distilld().arg("run").stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
    }

    #[track_caller]
    fn end(mut self) {
        self.signal("-TERM");
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cursor(lab: &Lab) -> (u64, u64) {
    if !lab.out().join("receipts/receipts.jsonl").exists() {
        return (0, 0);
    }
    let stream = &lab.status()["streams"][STREAM];
    (stream["generation"].as_u64().unwrap(), stream["cursor"].as_u64().unwrap())
}

#[test]
fn without_the_setting_nothing_is_copied() {
    let lab = with_four_generations(OFF);
    assert!(!lab.out().join("archive").exists());
    assert_eq!(lab.status()["archive"]["rotated"], false);
    remove_rotated(&lab);
    let refused = lab.run(&["replay"]);
    assert_eq!(refused.status.code(), Some(65), "{refused:?}");
    assert!(said(&refused).contains("generation 0 of scrum_reviews"), "{refused:?}");
}

#[test]
fn a_copy_holds_the_rows_byte_for_byte_and_its_name_says_which() {
    let lab = Lab::new();
    lab.config(ON);
    let first = rows(0..3000) + "half a line";
    lab.append(STREAM, &first);
    lab.run_once();
    rotate(&lab, "scrum_reviews-20260426.jsonl", &rows(3000..3100));
    lab.run_once();
    let [copy] = &copies(&lab)[..] else { panic!("{:?}", copies(&lab)) };
    assert!(unpacked(copy) == first.as_bytes());
    let name = format!("{STREAM}.0.{}.jsonl.zst", &sha256_hex(first.as_bytes())[..16]);
    assert_eq!(copy.file_name().unwrap().to_str().unwrap(), name);
    assert!(fs::metadata(copy).unwrap().len() < first.len() as u64 / 3);
    let status = &lab.status()["archive"];
    assert_eq!((&status["archived"], &status["waiting"]), (&Value::from(1), &Value::from(0)), "{status}");
}

#[test]
fn with_copies_a_replay_and_a_check_do_without_the_files() {
    let lab = with_four_generations(ON);
    assert_eq!(copies(&lab).len(), 3, "{:?}", copies(&lab));
    let files = lab.promise2();
    remove_rotated(&lab);
    let checked = verified(&lab);
    assert_eq!(checked["checked"]["sources_gone"]["ranges"], 0);
    assert_eq!(checked["checked"]["copies"], 3);
    assert_eq!(checked["checked"]["rows"], lab.status()["totals"]["in"]);
    for round in 0..2 {
        let replay = lab.run(&["replay", "--json"]);
        assert!(replay.status.success(), "{round}: {replay:?}");
        let answer: Value = serde_json::from_slice(&replay.stdout).unwrap();
        assert_eq!(answer["copied"].as_array().unwrap().len(), 3, "{answer}");
        assert_eq!(answer["missing"].as_array().unwrap().len(), 0, "{answer}");
        assert_same_files(&lab.promise2(), &files);
        assert_receipts_hold(&lab);
        // The replay's receipts name the files that were, and the copies serve again.
        assert_eq!(verified(&lab)["checked"]["copies"], 3);
    }
    lab.append(STREAM, rows(1300..1400));
    lab.run_once();
    verified(&lab);
}

#[test]
fn a_row_is_explained_from_its_copy() {
    let lab = with_four_generations(ON);
    remove_rotated(&lab);
    for (generation, text) in [(0, "finding 7\""), (2, "finding 750\"")] {
        let evidence = lab.lines("evidence/scrum_reviews.jsonl");
        let of_row = |row: &&Value| {
            row["provenance"]["generation"] == generation && row["text"].to_string().ends_with(text)
        };
        let row = evidence.iter().find(of_row).unwrap();
        let output = lab.run(&["explain", row["provenance"]["sig_hash"].as_str().unwrap(), "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let source = &answer["rows"][0]["source"];
        assert_eq!(source["state"], "archived", "{source}");
        assert!(source["path"].as_str().unwrap().ends_with(".jsonl.zst"), "{source}");
        assert!(source["row"].as_str().unwrap().contains(text), "{source}");
    }
}

#[test]
fn lost_evidence_is_repaired_from_copies() {
    let lab = with_four_generations(ON);
    let files = lab.promise2();
    remove_rotated(&lab);
    fs::remove_file(lab.out().join("evidence/scrum_reviews.jsonl")).unwrap();
    let repaired = lab.run(&["repair"]);
    assert!(repaired.status.success(), "{repaired:?}");
    assert_same_files(&lab.promise2(), &files);
}

#[test]
fn a_damaged_copy_is_named_by_verify_and_refused_by_replay() {
    let lab = with_four_generations(ON);
    let copy = copies(&lab)[1].clone();
    let name = copy.file_name().unwrap().to_str().unwrap().to_owned();
    let good = fs::read(&copy).unwrap();
    let rows = unpacked(&copy);
    // Somebody who knows the format changes a row, but not the length nor the last 4 KiB.
    let at = rows.windows(11).position(|window| window == b"finding 351").unwrap();
    let mut changed = rows;
    changed[at + 8..at + 11].copy_from_slice(b"999");
    let forged = {
        let other = Lab::new();
        other.config(ON);
        other.append(STREAM, &changed);
        other.run_once();
        rotate(&other, "scrum_reviews.jsonl.1", &review_row(1));
        other.run_once();
        fs::read(&copies(&other)[0]).unwrap()
    };
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    let cut = good[..good.len() - 1].to_vec();
    let cases = [("flipped", flipped), ("cut", cut), ("forged", forged), ("empty", Vec::new())];
    for gone in [false, true] {
        if gone {
            remove_rotated(&lab);
        }
        for (what, bytes) in &cases {
            fs::write(&copy, bytes).unwrap();
            let finding = broken(&lab);
            assert!(finding.contains(&format!("archive/{STREAM}/{name}")), "{what}: {finding}");
            let replay = lab.run(&["replay", "--dry-run"]);
            // Where the file is there nobody needs the copy.
            assert_eq!(replay.status.code(), Some(if gone { 65 } else { 0 }), "{what}: {replay:?}");
            if gone {
                assert!(said(&replay).contains(&name), "{what}: {replay:?}");
                assert!(said(&replay).contains("generation 1 of scrum_reviews"), "{what}: {replay:?}");
            }
        }
    }
    fs::write(&copy, &good).unwrap();
    verified(&lab);
    // Copies that lie under each other's names are found by what is in them.
    let [first, second, _] = &copies(&lab)[..] else { panic!() };
    let beside = first.with_extension("beside");
    fs::rename(first, &beside).unwrap();
    fs::rename(second, first).unwrap();
    fs::rename(&beside, second).unwrap();
    verified(&lab);
    assert!(lab.run(&["replay", "--dry-run"]).status.success());
}

#[test]
fn what_ended_before_the_setting_was_made_is_copied_as_long_as_it_is_there() {
    let lab = with_four_generations(OFF);
    fs::remove_file(lab.kb().join("scrum_reviews.jsonl.2")).unwrap();
    lab.config(ON);
    assert_eq!(lab.status()["archive"]["waiting"], 3);
    let run = lab.run(&["run", "--once"]);
    assert!(run.status.success());
    assert!(said(&run).contains("could not be kept"), "{run:?}");
    assert_eq!(copies(&lab).len(), 2);
    let status = &lab.status()["archive"];
    assert_eq!(status["waiting"], 0, "{status}");
    assert_eq!(status["lost"][0]["generation"], 1, "{status}");
    assert_eq!(status["lost"][0]["reason"], "its file is gone", "{status}");
    // It is said once.
    let run = lab.run(&["run", "--once"]);
    assert!(!said(&run).contains("could not be kept"), "{run:?}");
    let refused = lab.run(&["replay"]);
    assert!(said(&refused).contains("generation 1 of scrum_reviews"), "{refused:?}");
    // Without it the later ones get other numbers, and their copies serve all the same.
    for generation in [1, 3] {
        fs::remove_file(lab.kb().join(format!("{STREAM}.jsonl.{generation}"))).unwrap();
    }
    let replay = lab.run(&["replay", "--without-missing"]);
    assert!(replay.status.success(), "{replay:?}");
    verified(&lab);
    lab.run_once();
    assert_eq!(lab.status()["archive"]["waiting"], 0);
    let numbers: Vec<_> = copies(&lab).iter().map(|path| path.display().to_string()).collect();
    assert!(numbers[0].contains("reviews.0.") && numbers[1].contains("reviews.1."), "{numbers:?}");
    verified(&lab);
    let files = lab.promise2();
    assert!(lab.run(&["replay"]).status.success());
    assert_same_files(&lab.promise2(), &files);
}

#[test]
fn a_truncated_generation_is_kept_when_its_copy_lies_beside_it_and_named_when_not() {
    let lab = Lab::new();
    lab.config(ON);
    let (first, second) = (rows(0..500), rows(500..900));
    lab.append(STREAM, &first);
    lab.run_once();
    // copytruncate: what is copied had a row more, which nobody read.
    fs::write(lab.kb().join("scrum_reviews.jsonl.1"), first.clone() + &review_row(499)).unwrap();
    fs::write(lab.stream(STREAM), &second).unwrap();
    lab.run_once();
    let [copy] = &copies(&lab)[..] else { panic!("{:?}", copies(&lab)) };
    assert!(unpacked(copy) == first.as_bytes(), "exactly what was read");
    // And without a copy beside it.
    fs::write(lab.stream(STREAM), rows(900..1000)).unwrap();
    let run = lab.run(&["run", "--once"]);
    assert!(run.status.success() && said(&run).contains("could not be kept"), "{run:?}");
    let status = lab.status();
    assert_eq!(status["archive"]["lost"][0]["generation"], 1, "{status}");
    assert_eq!(status["streams"][STREAM]["generation"], 2);
    // A generation of the file that is there now, and that the replay reads after the copy of another of its lives.
    let lab = Lab::new();
    lab.config(ON);
    lab.append(STREAM, &first);
    lab.run_once();
    fs::copy(lab.stream(STREAM), lab.kb().join("scrum_reviews.jsonl.1")).unwrap();
    fs::write(lab.stream(STREAM), &second).unwrap();
    lab.run_once();
    fs::remove_file(lab.kb().join("scrum_reviews.jsonl.1")).unwrap();
    let files = lab.promise2();
    verified(&lab);
    let replay = lab.run(&["replay"]);
    assert!(replay.status.success(), "{replay:?}");
    assert_same_files(&lab.promise2(), &files);
    verified(&lab);
}

#[test]
fn a_file_without_a_row_is_no_generation() {
    let lab = Lab::new();
    lab.config(ON);
    lab.append(STREAM, rows(0..50));
    let daemon = Daemon::start(&lab);
    wait_until("the first rows", || cursor(&lab) == (0, rows(0..50).len() as u64));
    rotate(&lab, "scrum_reviews.jsonl.2", "");
    std::thread::sleep(std::time::Duration::from_millis(600));
    rotate(&lab, "scrum_reviews.jsonl.1", &rows(50..80));
    wait_until("the last rows", || cursor(&lab).1 == rows(50..80).len() as u64);
    wait_until("all copies", || lab.status()["archive"]["waiting"] == 0);
    daemon.end();
    let files = lab.promise2();
    for generation in [1, 2] {
        fs::remove_file(lab.kb().join(format!("{STREAM}.jsonl.{generation}"))).unwrap();
    }
    verified(&lab);
    let replay = lab.run(&["replay"]);
    assert!(replay.status.success(), "{replay:?}");
    assert_same_files(&lab.promise2(), &files);
}

#[test]
fn a_file_that_is_replaced_or_removed_at_once_is_copied_from_what_is_still_open() {
    let lab = Lab::new();
    lab.config(ON);
    let first = rows(0..2000);
    lab.append(STREAM, &first);
    let daemon = Daemon::start(&lab);
    wait_until("the first rows", || cursor(&lab) == (0, first.len() as u64));
    // The next file is renamed over the first, of which no name is left.
    let next = lab.kb().join("next");
    fs::write(&next, rows(2000..2100)).unwrap();
    fs::rename(&next, lab.stream(STREAM)).unwrap();
    wait_until("the copy", || copies(&lab).iter().any(|path| path.extension().is_some_and(|e| e == "zst")));
    assert!(unpacked(&copies(&lab)[0]) == first.as_bytes());
    wait_until("the next file", || cursor(&lab).0 == 1);
    daemon.end();
    let files = lab.promise2();
    verified(&lab);
    assert!(lab.run(&["replay"]).status.success());
    assert_same_files(&lab.promise2(), &files);
}

#[test]
fn rows_that_come_to_a_rotated_file_later_come_to_its_copy_too() {
    let lab = Lab::new();
    lab.config(ON);
    lab.append(STREAM, rows(0..100));
    lab.run_once();
    rotate(&lab, "scrum_reviews.jsonl.1", "");
    lab.run_once();
    assert_eq!(copies(&lab).len(), 1);
    let mut file = File::options().append(true).open(lab.kb().join("scrum_reviews.jsonl.1")).unwrap();
    std::io::Write::write_all(&mut file, rows(100..120).as_bytes()).unwrap();
    lab.run_once();
    assert_eq!(cursor(&lab), (0, rows(0..120).len() as u64));
    let [copy] = &copies(&lab)[..] else { panic!("{:?}", copies(&lab)) };
    assert!(unpacked(copy) == rows(0..120).as_bytes());
    verified(&lab);
}

#[test]
fn the_setting_may_be_made_while_the_daemon_runs() {
    let lab = with_four_generations(OFF);
    let daemon = Daemon::start(&lab);
    wait_until("the daemon", || fs::read_to_string(lab.root().join("log")).is_ok());
    lab.append(STREAM, review_row(2000));
    let before = cursor(&lab);
    wait_until("a row", || cursor(&lab) != before);
    assert!(copies(&lab).is_empty());
    lab.config(ON);
    daemon.signal("-HUP");
    wait_until("the copies", || lab.status()["archive"]["waiting"] == 0);
    assert_eq!(copies(&lab).len(), 3);
    verified(&lab);
    daemon.end();
}

#[test]
fn copies_go_where_the_config_says_and_nowhere_that_is_not_theirs() {
    let lab = Lab::new();
    lab.config(&format!("{ON}[archive.x]\n"));
    assert_eq!(lab.run(&["status"]).status.code(), Some(78));
    for (folder, wrong) in
        [("out/evidence/old", true), ("in/kb/old", true), ("state/old", true), ("out", true)]
    {
        lab.config(&format!("[archive]\nfolder = \"{folder}\"\n"));
        assert_eq!(lab.run(&["run", "--once"]).status.code() == Some(78), wrong, "{folder}");
    }
    let lab = with_four_generations(&ON.replace("true\n", "true\nfolder = \"elsewhere\"\n"));
    assert!(copies(&lab).is_empty());
    assert_eq!(fs::read_dir(lab.root().join("elsewhere").join(STREAM)).unwrap().count(), 3);
    remove_rotated(&lab);
    verified(&lab);
    assert!(lab.run(&["replay", "--dry-run"]).status.success());
}

/// `run --once` killed at its n-th call; whether there was one.
fn killed_at(lab: &Lab, call: &str, when: u64) -> bool {
    let distilld = lab.distilld();
    let mut strace = Command::new("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={when}"));
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    strace.arg(distilld.get_program()).args(distilld.get_args()).args(["run", "--once"]);
    strace.stdin(Stdio::null()).output().unwrap().status.signal().is_some()
}

#[test]
fn killed_at_any_call_there_is_no_copy_or_a_whole_one_and_the_next_start_makes_it() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is needed for this test");
        return println!("skipped: strace is not installed");
    }
    let lab = with_four_generations(OFF);
    lab.config(ON);
    let expected: Vec<Vec<u8>> = [3, 2, 1]
        .iter()
        .rev()
        .map(|generation| fs::read(lab.kb().join(format!("{STREAM}.jsonl.{generation}"))).unwrap())
        .collect();
    let (mut kills, mut whole, mut half) = (0, 0, 0);
    for call in ["rename", "fsync", "fdatasync", "write", "mkdir"] {
        let mut when = 1;
        loop {
            let _ = fs::remove_dir_all(lab.out().join("archive"));
            if !killed_at(&lab, call, when) {
                break;
            }
            kills += 1;
            for path in copies(&lab) {
                if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                    half += 1;
                } else {
                    let bytes = unpacked(&path);
                    assert!(expected.contains(&bytes), "{call} {when}: {} is not whole", path.display());
                    whole += 1;
                }
            }
            lab.run_once();
            let made: Vec<_> = copies(&lab).iter().map(|path| unpacked(path)).collect();
            assert!(made == expected, "{call} {when}: {:?}", copies(&lab));
            when += 1 + when / 6;
        }
    }
    verified(&lab);
    println!("{kills} kills, {whole} whole copies and {half} half ones seen behind them");
    assert!(kills >= 20 && whole >= 5 && half >= 3, "{kills} kills, {whole} whole, {half} half");
}
