//! `distilld replay`: equal bytes, sources that are gone, changed rules, and a swap that may be killed anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Lab, assert_receipts_hold, assert_same_files, receipt_lines, review_row, sha256_hex, wait_until,
};

/// Another threshold, so that other scores follow from the same rows.
const STRICTER: &str = "[scorer]\ngrounding_high = 0.95\ngrounding_low = 0.70\n";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A replay that must end well; what it answers.
#[track_caller]
fn replayed(lab: &Lab, more: &[&str]) -> Value {
    let output = lab.run(&[&["replay", "--json"], more].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command that must be refused with one line that holds these words.
#[track_caller]
fn refused(lab: &Lab, arguments: &[&str], exit: i32, words: &[&str]) {
    let output = lab.run(arguments);
    let lines = said(&output);
    let line = lines.lines().find(|line| line.starts_with("distilld: ")).unwrap_or_default();
    assert_eq!(output.status.code(), Some(exit), "{lines}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {lines}");
    }
}

/// Every file below a folder, but for what a replay that was killed left in its own.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != ".replay" {
                folders.push(path);
            } else if path.is_file() {
                files.insert(
                    path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

/// What is in the output now, without receipts: they hold the wall clock.
fn records(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    tree(&lab.out()).into_iter().filter(|(path, _)| !path.starts_with("receipts/")).collect()
}

fn snapshot(lab: &Lab, into: &str) -> BTreeMap<String, Vec<u8>> {
    let into = lab.root().join(into);
    let output = lab.run(&["snapshot", "--into", into.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    tree(&into)
}

/// All scorer versions that stand in records.
fn scorers(lab: &Lab) -> BTreeSet<String> {
    let files = records(lab);
    let of_line = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["scorer_version"].as_str().map(str::to_owned)
    };
    files
        .values()
        .flat_map(|bytes| {
            String::from_utf8(bytes.clone()).unwrap().lines().filter_map(of_line).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_replay_gives_equal_promise_2_files_and_an_equal_snapshot() {
    let lab = Lab::generated(5, 4000);
    let whole = fs::read(lab.stream("scrum_reviews")).unwrap();
    // The live output came about in two lives and with small batches; the replay reads everything at once.
    let half = whole[..whole.len() / 2].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(lab.stream("scrum_reviews"), &whole[..half]).unwrap();
    lab.config("[batch]\nbytes_max = \"64 KiB\"\n");
    lab.run_once();
    lab.append("scrum_reviews", &whole[half..]);
    lab.append("audits", "no json\n\n");
    lab.run_once();
    let (files, snapshot_before) = (lab.promise2(), snapshot(&lab, "before"));
    let old = receipt_lines(&lab.out());
    lab.config("");
    let answer = replayed(&lab, &[]);
    assert_eq!(answer["replaced"], true);
    assert_eq!(answer["compared_files"].as_u64().unwrap() as usize, files.len());
    let parts = ["sources", "distilled", "checked", "put_in_place"].map(|part| answer["took"][part].as_f64());
    let (all, seconds) =
        (parts.iter().map(|part| part.unwrap()).sum::<f64>(), answer["seconds"].as_f64().unwrap());
    assert!(parts.iter().all(|part| *part > Some(0.0)) && (all - seconds).abs() < 0.01, "{answer}");
    assert_same_files(&lab.promise2(), &files);
    assert_same_files(&snapshot(&lab, "after"), &snapshot_before);
    assert_receipts_hold(&lab);
    let receipts = lab.receipts();
    let last = receipts.last().unwrap();
    assert_eq!((&last["kind"], &last["seq"]), (&"replay".into(), &answer["receipt"]));
    assert_eq!(last["replaces_head"]["seq"].as_u64().unwrap() as usize, old.len() - 1);
    assert_eq!(last["replaces_head"]["sha256"], sha256_hex(old.last().unwrap()));
    assert!(!lab.out().join(".replay").exists(), "the work folder was left behind");
    // The daemon goes on from there.
    lab.append("scrum_reviews", review_row(1));
    assert_eq!(lab.run_once()["totals"]["in"], 1);
    assert_receipts_hold(&lab);
}

#[test]
fn a_start_after_a_replay_need_not_read_the_rows_again() {
    let lab = Lab::generated(7, 2000);
    lab.run_once();
    lab.config(STRICTER);
    replayed(&lab, &[]);
    let run = lab.run(&["run", "--once"]);
    assert!(run.status.success(), "{run:?}");
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(!log.contains("known rows read") && !log.contains("row cache"), "{log}");
    fs::remove_file(lab.state().join("rows")).unwrap();
    let run = lab.run(&["run", "--once"]);
    assert!(
        String::from_utf8_lossy(&run.stderr).contains("known rows read"),
        "it is told where they are: {run:?}"
    );
}

#[test]
fn a_replay_of_the_fixtures_gives_equal_files() {
    let lab = Lab::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (from, to) in [("kb", "in"), ("_observer", "in")] {
        let copied =
            Command::new("cp").arg("-r").arg(fixtures.join(from)).arg(lab.root().join(to)).status().unwrap();
        assert!(copied.success());
    }
    lab.run_once();
    let files = lab.promise2();
    assert!(files.len() > 20, "{} files", files.len());
    assert_eq!(replayed(&lab, &[])["compared_files"].as_u64().unwrap() as usize, files.len());
    assert_same_files(&lab.promise2(), &files);
}

#[test]
fn rotated_generations_are_read_in_order_and_one_that_is_gone_is_named_and_refused() {
    let lab = Lab::new();
    let rotated = lab.kb().join("scrum_reviews.jsonl.1");
    lab.append("scrum_reviews", (0..40).map(review_row).collect::<String>());
    lab.run_once();
    fs::rename(lab.stream("scrum_reviews"), &rotated).unwrap();
    lab.append("scrum_reviews", (40..60).map(review_row).collect::<String>());
    lab.run_once();
    let (files, whole) = (lab.promise2(), tree(&lab.out()));
    let kept = lab.root().join("kept");
    fs::rename(&rotated, &kept).unwrap();
    refused(&lab, &["replay"], 65, &["generation 0 of scrum_reviews", "--without-missing"]);
    assert_same_files(&tree(&lab.out()), &whole);
    // A copy brought back from elsewhere has another identity, and the same content.
    fs::copy(&kept, &rotated).unwrap();
    replayed(&lab, &[]);
    assert_same_files(&lab.promise2(), &files);
    fs::remove_file(&rotated).unwrap();
    let answer = replayed(&lab, &["--without-missing"]);
    assert!(answer["missing"][0].as_str().unwrap().contains("generation 0 of scrum_reviews"), "{answer}");
    assert_eq!(lab.lines("evidence/scrum_reviews.jsonl").len(), 20);
    let last = lab.receipts().pop().unwrap();
    assert!(last["warnings"][0].as_str().unwrap().contains("generation 0"), "{last}");
}

#[test]
fn what_came_to_a_generation_after_it_was_left_is_no_part_of_its_replay() {
    // A copy made for a truncation has the rows that nobody read in time, and a rotated file those that came too late. Such
    // files were read to their ends: the replay differed, and was refused for good.
    let rows = |numbers: std::ops::Range<u64>| numbers.map(review_row).collect::<String>();
    let rotated = |lab: &Lab| lab.kb().join("scrum_reviews.jsonl.1");
    let late_rows = |lab: &Lab| {
        fs::rename(lab.stream("scrum_reviews"), rotated(lab)).unwrap();
        lab.append("scrum_reviews", rows(50..60));
        lab.run_once();
        fs::write(rotated(lab), rows(0..45)).unwrap();
    };
    let copied_and_truncated = |lab: &Lab| {
        fs::write(rotated(lab), rows(0..45)).unwrap();
        fs::write(lab.stream("scrum_reviews"), "").unwrap();
        lab.run_once();
        lab.append("scrum_reviews", rows(50..60));
        lab.run_once();
    };
    let copied_and_empty = |lab: &Lab| {
        fs::write(rotated(lab), rows(0..45)).unwrap();
        fs::write(lab.stream("scrum_reviews"), "").unwrap();
        lab.run_once();
    };
    let cases: [&dyn Fn(&Lab); 3] = [&late_rows, &copied_and_truncated, &copied_and_empty];
    for (case, rotate) in cases.into_iter().enumerate() {
        let lab = Lab::new();
        lab.config("[watch]\nrotated_wait = \"0s\"\n");
        lab.append("scrum_reviews", rows(0..40));
        lab.run_once();
        rotate(&lab);
        let files = lab.promise2();
        replayed(&lab, &[]);
        assert_same_files(&lab.promise2(), &files);
        // What comes to the stream now is read in its turn.
        lab.append("scrum_reviews", rows(70..75));
        fs::rename(lab.stream("scrum_reviews"), lab.kb().join("scrum_reviews-20260427.jsonl")).unwrap();
        lab.append("scrum_reviews", rows(80..83));
        replayed(&lab, &[]);
        let evidence = lab.lines("evidence/scrum_reviews.jsonl");
        let texts: Vec<_> = evidence.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect();
        let second = if case == 2 { 0..0 } else { 50..60 };
        let expected = (0..40).chain(second).chain(70..75).chain(80..83);
        assert_eq!(
            texts,
            expected.map(|number| format!("finding {number}")).collect::<Vec<_>>(),
            "case {case}"
        );
        let generation = |row: &Value| row["provenance"]["generation"].as_u64().unwrap();
        assert_eq!(evidence.last().map(generation), Some(2), "case {case}");
        assert!(lab.run(&["verify"]).status.success());
    }
}

#[test]
fn changed_rules_are_shown_before_anything_is_replaced_and_never_mix() {
    let lab = Lab::generated(6, 3000);
    lab.run_once();
    let (old_scorers, before) = (scorers(&lab), tree(&lab.out()));
    lab.config(STRICTER);
    refused(&lab, &["run", "--once"], 65, &["distilld replay"]);
    let shown = lab.run(&["replay", "--dry-run"]);
    let table = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{shown:?}");
    for word in ["becomes", "for example", "needs_human_review", "keep theirs", "nothing was replaced"] {
        assert!(table.contains(word), "{word} is not in {table}");
    }
    assert_same_files(&tree(&lab.out()), &before);
    let answer = replayed(&lab, &[]);
    let changes = answer["transitions"].as_array().unwrap();
    assert!(!changes.is_empty());
    let changed: u64 = changes.iter().map(|change| change["rows"].as_u64().unwrap()).sum();
    assert_eq!(
        changed + answer["unchanged"].as_u64().unwrap(),
        answer["totals"]["evidence"].as_u64().unwrap()
    );
    for change in changes {
        let examples = change["examples"].as_array().unwrap().len() as u64;
        assert_eq!(examples, change["rows"].as_u64().unwrap().min(3), "{change}");
    }
    let new_scorers = scorers(&lab);
    assert_eq!(new_scorers.len(), 1);
    assert!(new_scorers.is_disjoint(&old_scorers));
    assert_eq!(lab.run_once()["totals"]["in"], 0);
    assert_receipts_hold(&lab);
}

#[test]
fn a_run_replays_by_itself_when_the_config_says_so() {
    let lab = Lab::generated(6, 1000);
    lab.run_once();
    let old = scorers(&lab);
    lab.config(&format!("[upgrade]\non_change = \"replay\"\n{STRICTER}"));
    lab.append("scrum_reviews", review_row(1));
    lab.run_once();
    assert!(scorers(&lab).is_disjoint(&old));
    assert_eq!(lab.receipts().iter().filter(|receipt| receipt["kind"] == "replay").count(), 1);
    assert_receipts_hold(&lab);
    // And only then.
    let receipts = lab.receipts().len();
    lab.run_once();
    assert_eq!(lab.receipts().len(), receipts);
}

#[test]
fn beside_a_running_daemon_there_is_no_replay() {
    let lab = Lab::generated(6, 200);
    let mut daemon = lab.distilld().arg("run").stderr(Stdio::null()).spawn().unwrap();
    wait_until("a receipt", || lab.receipts().len() > 1);
    refused(&lab, &["replay"], 75, &["another distilld holds", "stop"]);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    replayed(&lab, &[]);
}

#[test]
fn a_live_file_that_was_edited_is_named_with_the_byte_and_left_as_it_is() {
    let lab = Lab::generated(6, 500);
    lab.run_once();
    let path = lab.out().join("evidence/scrum_reviews.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let before = tree(&lab.out());
    refused(&lab, &["replay"], 1, &["evidence/scrum_reviews.jsonl", "at byte 1000"]);
    assert_same_files(&tree(&lab.out()), &before);
    assert!(!lab.out().join(".replay").exists());
    refused(&lab, &["replay", "--stream", "scrum_reviews"], 1, &["at byte 1000"]);
    // Of the other streams nothing differs.
    let answer = replayed(&lab, &["--stream", "audits"]);
    assert_eq!((&answer["replaced"], &answer["compared_files"]), (&false.into(), &3.into()));
    refused(&lab, &["replay", "--stream", "audit"], 64, &["--stream audit"]);
}

#[test]
fn into_a_folder_the_result_is_left_there_and_nothing_is_replaced() {
    let lab = Lab::generated(6, 500);
    lab.run_once();
    let before = tree(&lab.out());
    let into = lab.root().join("D");
    let answer = replayed(&lab, &["--into", into.to_str().unwrap()]);
    assert_eq!(answer["into"], into.to_str().unwrap());
    assert_same_files(&tree(&lab.out()), &before);
    let is_promise2 = |path: &str| {
        !path.starts_with("receipts/")
            && !path.starts_with("exports/")
            && !path.starts_with("views/")
            && path != "scored-runs/rescored.jsonl"
    };
    let there = tree(&into).into_iter().filter(|(path, _)| is_promise2(path)).collect();
    assert_same_files(&there, &lab.promise2());
    refused(&lab, &["replay", "--into", into.to_str().unwrap()], 64, &["must be empty"]);
}

#[test]
fn what_is_not_ours_stays_where_it_is() {
    // The output is `data`, and the streams lie in it.
    let lab = Lab::generated(6, 300);
    let data = lab.root().join("in");
    let distilld = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distilld"));
        command.arg("--kb").arg(lab.kb()).arg("--output").arg(&data).arg("--state").arg(lab.state());
        command.current_dir(lab.root()).args(arguments).output().unwrap()
    };
    assert!(distilld(&["run", "--once"]).status.success());
    let streams = tree(&lab.kb());
    fs::write(data.join("evidence/notes.txt"), "mine").unwrap();
    let output = distilld(&["replay", "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert_same_files(&tree(&lab.kb()), &streams);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = Path::new(answer["kept"].as_str().unwrap());
    assert_eq!(fs::read_to_string(kept.join("evidence/notes.txt")).unwrap(), "mine");
    assert!(kept.join("receipts/receipts.jsonl").exists());
    assert!(distilld(&["run", "--once"]).status.success());
}

/// A lab whose live output follows the default rules, and whose config asks for others.
struct Changed {
    lab: Lab,
    old: BTreeMap<String, Vec<u8>>,
    new: BTreeMap<String, Vec<u8>>,
    kept: std::path::PathBuf,
}

impl Changed {
    fn new(rows: u64) -> Self {
        let lab = Lab::generated(23, rows);
        lab.run_once();
        let old = tree(&lab.out());
        let kept = lab.root().join("kept");
        copy(&lab.out(), &kept);
        lab.config(STRICTER);
        replayed(&lab, &[]);
        let new = lab.promise2();
        Self { lab, old, new, kept }
    }

    fn start_over(&self) {
        let _ = fs::remove_dir_all(self.lab.out());
        let _ = fs::remove_dir_all(self.lab.state());
        copy(&self.kept, &self.lab.out());
    }

    /// After a kill: the old output as it was, or the new one as soon as somebody takes the lock. Whether it was the new.
    #[track_caller]
    fn holds(&self, what: &str) -> bool {
        let decided = self.lab.out().join(".replay/swap.json").exists();
        if decided {
            // Readers are told, and see no mixture.
            let status = self.lab.run(&["status"]);
            assert_eq!(status.status.code(), Some(75), "{what}: {status:?}");
        }
        let run = self.lab.run(&["run", "--once"]);
        match run.status.code() {
            Some(0) => {
                assert_same_files(&self.lab.promise2(), &self.new);
                assert_receipts_hold(&self.lab);
                assert!(!self.lab.out().join(".replay").exists(), "{what}: left behind");
                assert!(self.lab.receipts().iter().any(|receipt| receipt["kind"] == "replay"));
                true
            }
            Some(65) => {
                assert!(!decided, "{what}: {run:?}");
                // Recovery writes the last receipt again, to the same bytes.
                assert_same_files(&tree(&self.lab.out()), &self.old);
                replayed(&self.lab, &[]);
                assert_same_files(&self.lab.promise2(), &self.new);
                false
            }
            _ => panic!("{what}: {run:?}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn killed_at_random_moments_a_replay_leaves_the_old_output_or_ends_with_the_new() {
    let changed = Changed::new(6000);
    let mut dice = fastrand::Rng::new();
    let (mut kills, mut new) = (0, 0);
    for _ in 0..12 {
        changed.start_over();
        let mut replay = changed
            .lab
            .distilld()
            .args(["replay", "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (started, patience) = (Instant::now(), Duration::from_millis(dice.u64(10..1500)));
        while replay.try_wait().unwrap().is_none() && started.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = replay.kill();
        kills += u32::from(replay.wait().unwrap().signal().is_some());
        new += u32::from(changed.holds("a random kill"));
    }
    println!("{kills} kills, {new} ended with the new output");
    assert!(kills > 0, "it was never killed");
}

/// The first commit of an output, which tells one from another by its clock.
fn first_commit(receipts: &Path) -> Option<String> {
    fs::read_to_string(receipts)
        .ok()?
        .split_inclusive('\n')
        .nth(1)
        .filter(|line| line.ends_with('\n'))
        .map(str::to_owned)
}

#[test]
fn a_replay_that_was_killed_is_gone_on_with_unless_the_machine_was_started_anew() {
    let changed = Changed::new(6000);
    for is_same_boot in [true, false] {
        let begun = loop {
            changed.start_over();
            let work = changed.lab.out().join(".replay");
            let mut command = changed.lab.distilld();
            let mut replay =
                command.args(["replay"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut begun = None;
            while begun.is_none() && replay.try_wait().unwrap().is_none() {
                begun = first_commit(&work.join("out/receipts/receipts.jsonl"));
            }
            let _ = replay.kill();
            let was_killed = replay.wait().unwrap().signal().is_some();
            if let Some(begun) = begun.filter(|_| was_killed && !work.join("swap.json").exists()) {
                if !is_same_boot {
                    fs::write(work.join("boot"), "another one").unwrap();
                }
                break begun;
            }
        };
        replayed(&changed.lab, &[]);
        let found = first_commit(&changed.lab.out().join("receipts/receipts.jsonl")).unwrap();
        assert_eq!(found == begun, is_same_boot, "{found}");
        assert_same_files(&changed.lab.promise2(), &changed.new);
    }
}

/// `distilld replay` killed at its n-th call; whether there was one.
fn killed_at(lab: &Lab, arguments: &[&str], call: &str, when: u64) -> bool {
    let distilld = lab.distilld();
    let mut strace = Command::new("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={when}"));
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    strace.arg(distilld.get_program()).args(distilld.get_args()).args(arguments);
    strace.stdin(Stdio::null()).output().unwrap().status.signal().is_some()
}

#[test]
fn killed_at_any_rename_sync_or_removal_a_swap_is_finished_or_has_not_begun() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is needed for this test");
        return println!("skipped: strace is not installed");
    }
    let changed = Changed::new(150);
    let (mut kills, mut finished) = (0, 0);
    for call in ["rename", "fsync", "fdatasync", "unlink", "unlinkat", "rmdir"] {
        let mut step = 1;
        let mut when = 1;
        loop {
            changed.start_over();
            if !killed_at(&changed.lab, &["replay"], call, when) {
                break;
            }
            kills += 1;
            if changed.lab.out().join(".replay/swap.json").exists() {
                // Killed again while somebody finishes it.
                killed_at(&changed.lab, &["run", "--once"], call, 1 + when % 7);
            }
            finished += u32::from(changed.holds(&format!("{call} {when}")));
            // Renames are few, and each matters; of the others a sample will do.
            step = if call == "rename" { 1 } else { step + when / 8 };
            when += step;
        }
    }
    println!("{kills} kills, {finished} of them behind the journal");
    assert!(kills >= 30 && finished >= 10, "{kills} kills, {finished} finished");
}

#[test]
fn rows_of_a_stream_that_left_the_config_are_not_lost_without_a_word() {
    let lab = Lab::generated(5, 300);
    fs::write(lab.root().join("nightly.jsonl"), "{\"at\":\"2026-04-26T14:00:00Z\",\"said\":\"all quiet\"}\n")
        .unwrap();
    let path = lab.root().join("nightly.jsonl");
    let section = format!(
        "[stream.nightly]\npath = {:?}\ntime = \"/at\"\ntext = \"/said\"\n",
        path.display().to_string()
    );
    lab.config(&section);
    lab.run_once();
    assert_eq!(lab.lines("evidence/nightly.jsonl").len(), 1);
    lab.config("");
    refused(&lab, &["replay"], 65, &["stream nightly (1 rows)", "--without-missing"]);
    assert_eq!(lab.lines("evidence/nightly.jsonl").len(), 1);
    replayed(&lab, &["--without-missing"]);
    let last = lab.receipts().pop().unwrap();
    assert!(last["warnings"][0].as_str().unwrap().contains("stream nightly"), "{last}");
}
