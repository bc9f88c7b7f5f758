//! What is in `state/` may be lost, broken or old; what is in the outputs may not, and every way of it is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{Lab, assert_receipts_hold, assert_same_files, receipt_lines, wait_until};

/// A lab at a moment to which it can be put back: some rows are distilled (in two runs), others are to come.
struct Moment {
    lab: Lab,
    lengths: BTreeMap<PathBuf, u64>,
    /// What comes next for each stream: new rows, and old ones once more.
    next: BTreeMap<String, Vec<u8>>,
    /// What an undisturbed run makes of it all.
    expected: BTreeMap<String, Vec<u8>>,
}

impl Moment {
    fn new() -> Self {
        let source = Lab::generated(41, 400);
        let lab = Lab::new();
        lab.config("[batch]\nbytes_max = \"64 KiB\"\n");
        let mut next = BTreeMap::new();
        let names =
            fs::read_dir(source.kb()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<_> = names.map(|name| name.trim_end_matches(".jsonl").to_owned()).collect();
        for part in 0..2 {
            for name in &names {
                let bytes = fs::read(source.stream(name)).unwrap();
                let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                let third = lines.len() / 3;
                lab.append(name, lines[part * third..(part + 1) * third].concat());
                next.insert(name.clone(), [&lines[2 * third..], &lines[..third]].concat().concat());
            }
            lab.run_once();
            if part == 0 {
                copy(&lab.state(), &lab.root().join("old-state"));
                copy(&lab.out(), &lab.root().join("old-out"));
            }
        }
        copy(&lab.state(), &lab.root().join("kept-state"));
        copy(&lab.out(), &lab.root().join("kept-out"));
        let lengths = names
            .iter()
            .map(|name| (lab.stream(name), fs::metadata(lab.stream(name)).unwrap().len()))
            .collect();
        let mut moment = Self { lab, lengths, next, expected: BTreeMap::new() };
        moment.go_on();
        moment.expected = moment.lab.promise2();
        assert!(assert_receipts_hold(&moment.lab)["duplicate"] > 50);
        moment.put_back();
        moment
    }

    /// Puts inputs, outputs and state back.
    fn put_back(&self) {
        for (path, length) in &self.lengths {
            OpenOptions::new().write(true).open(path).unwrap().set_len(*length).unwrap();
        }
        for (dir, kept) in [(self.lab.out(), "kept-out"), (self.lab.state(), "kept-state")] {
            let _ = fs::remove_dir_all(&dir);
            copy(&self.lab.root().join(kept), &dir);
        }
    }

    /// Appends what comes next and runs.
    #[track_caller]
    fn go_on(&self) {
        for (name, bytes) in &self.next {
            self.lab.append(name, bytes);
        }
        self.lab.run_once();
    }

    /// The next run, and the one with new rows, make what they would have made without the damage.
    #[track_caller]
    fn assert_harmless(&self, what: &str, damage: impl FnOnce(&Lab)) {
        self.put_back();
        println!("{what}");
        let before = self.lab.promise2();
        damage(&self.lab);
        if what.len().is_multiple_of(2) {
            self.lab.run_once();
            assert_same_files(&self.lab.promise2(), &before);
        }
        self.go_on();
        assert_same_files(&self.lab.promise2(), &self.expected);
        assert_receipts_hold(&self.lab);
    }

    /// The next run is refused, says what must be said on one line, and touches no output.
    #[track_caller]
    fn assert_refused(&self, code: i32, words: &[&str]) {
        let before = contents(&self.lab.out());
        let output = self.lab.run(&["run", "--once", "--json"]);
        assert_exit(&output, code, words);
        assert_same_files(&before, &contents(&self.lab.out()));
    }
}

#[track_caller]
fn assert_exit(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{word:?} is not in {text:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    files(dir).into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

fn flip(path: &Path, at: u64, bit: u32) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at as usize] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

fn set_len(path: &Path, len: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn receipts(lab: &Lab) -> PathBuf {
    lab.out().join("receipts/receipts.jsonl")
}

#[test]
fn state_may_be_lost_emptied_or_cut_without_a_trace_in_the_outputs() {
    let moment = Moment::new();
    moment.assert_harmless("state/ deleted", |lab| fs::remove_dir_all(lab.state()).unwrap());
    moment.assert_harmless("state/cursors deleted", |lab| {
        fs::remove_dir_all(lab.state().join("cursors")).unwrap();
    });
    moment.assert_harmless("state/cursors is a file", |lab| {
        fs::remove_dir_all(lab.state().join("cursors")).unwrap();
        fs::write(lab.state().join("cursors"), "no folder").unwrap();
    });
    moment.put_back();
    let state = moment.lab.state();
    let names: Vec<_> =
        files(&state).iter().map(|path| path.strip_prefix(&state).unwrap().to_owned()).collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let path = state.join(&name);
        moment.put_back();
        let len = fs::metadata(&path).unwrap().len();
        let what = |done: &str| format!("{} {done}", name.display());
        moment.assert_harmless(&what("deleted"), |_| fs::remove_file(&path).unwrap());
        moment.assert_harmless(&what("emptied"), |_| set_len(&path, 0));
        moment.assert_harmless(&what("cut in half"), |_| set_len(&path, len / 2));
        moment.assert_harmless(&what("cut by a byte"), |_| set_len(&path, len.saturating_sub(1)));
        moment.assert_harmless(&what("lengthened"), |_| append(&path, &[0x5a; 100]));
        moment.assert_harmless(&what("of zeros"), |_| fs::write(&path, vec![0; len as usize]).unwrap());
    }
}

#[test]
fn flipped_bits_in_state_leave_no_trace_in_the_outputs() {
    let moment = Moment::new();
    let mut dice = fastrand::Rng::with_seed(5);
    for path in files(&moment.lab.state()) {
        moment.put_back();
        let len = fs::metadata(&path).unwrap().len();
        for try_number in 0..if len == 0 { 0 } else { 10 } {
            // Headers are short and matter most.
            let (at, bit) = (dice.u64(0..if try_number < 5 { len.min(64) } else { len }), dice.u32(0..8));
            moment.assert_harmless(&format!("bit {bit} of byte {at} of {}", path.display()), |_| {
                flip(&path, at, bit);
            });
        }
    }
}

#[test]
fn half_a_snapshot_of_the_cursor_store_is_not_taken_for_one() {
    let moment = Moment::new();
    moment.assert_harmless("a snapshot in the making", |lab| {
        fs::write(lab.state().join("cursors/snap.0000000000000FFF.generating"), [7; 50]).unwrap();
    });
    moment.assert_harmless("an empty one", |lab| {
        fs::write(lab.state().join("cursors/snap.0000000000000001.generating"), []).unwrap();
    });
}

#[test]
fn an_older_copy_of_state_leaves_no_trace_in_the_outputs() {
    let moment = Moment::new();
    moment.assert_harmless("state as it was a run ago", |lab| {
        fs::remove_dir_all(lab.state()).unwrap();
        copy(&lab.root().join("old-state"), &lab.state());
    });
    moment.assert_harmless("a row cache as it was a run ago", |lab| {
        fs::copy(lab.root().join("old-state/rows"), lab.state().join("rows")).unwrap();
    });
}

#[test]
fn outputs_older_than_the_state_are_refused() {
    let moment = Moment::new();
    fs::remove_dir_all(moment.lab.out()).unwrap();
    copy(&moment.lab.root().join("old-out"), &moment.lab.out());
    moment.assert_refused(65, &["receipts.jsonl", "the last receipt is"]);
}

#[test]
fn outputs_without_receipts_are_refused() {
    let moment = Moment::new();
    fs::remove_file(receipts(&moment.lab)).unwrap();
    moment.assert_refused(65, &["receipts.jsonl", "restore"]);
    fs::remove_dir_all(moment.lab.state()).unwrap();
    moment.assert_refused(65, &["receipts.jsonl", "restore"]);
    fs::write(receipts(&moment.lab), "").unwrap();
    moment.assert_refused(65, &["receipts.jsonl", "restore"]);
}

#[test]
fn a_last_receipt_that_is_torn_or_flipped_is_cut_off_and_its_commit_made_again() {
    let moment = Moment::new();
    let lines = receipt_lines(&moment.lab.out());
    let (last, before) = (lines.last().unwrap().len() as u64, lines[..lines.len() - 1].concat().len() as u64);
    for len in [before + 1, before + last / 2, before + last - 2, before + last - 1] {
        moment.assert_harmless(&format!("receipts cut to {len}"), |lab| set_len(&receipts(lab), len));
    }
    let mut dice = fastrand::Rng::with_seed(6);
    for _ in 0..6 {
        let (at, bit) = (before + dice.u64(0..last - 1), dice.u32(0..8));
        moment.assert_harmless(&format!("bit {bit} of byte {at} of the receipts"), |lab| {
            flip(&receipts(lab), at, bit);
        });
    }
    // The same for the receipt of a batch of rows, which stands before that of the exports.
    moment.assert_harmless("the receipt of the last rows", |lab| {
        fs::remove_dir_all(lab.state()).unwrap();
        let from = lines[..lines.len() - 2].concat().len() as u64;
        set_len(&receipts(lab), from + 700);
    });
}

#[test]
fn a_damaged_receipt_in_the_middle_is_refused_by_its_offset_and_nothing_is_touched() {
    let moment = Moment::new();
    let lines = receipt_lines(&moment.lab.out());
    let mut dice = fastrand::Rng::with_seed(7);
    for place in [0, 1, lines.len() / 2, lines.len() - 2] {
        moment.put_back();
        let from = lines[..place].concat().len() as u64;
        flip(&receipts(&moment.lab), from + dice.u64(0..lines[place].len() as u64 - 1), 0);
        // Whatever else a start would have to put right waits until this is settled.
        append(&moment.lab.out().join("evidence/scrum_reviews.jsonl"), b"garbage");
        moment.assert_refused(65, &["receipts.jsonl", &format!("byte {from}")]);
    }
    moment.put_back();
    let left_out = [&lines[..2], &lines[3..]].concat().concat();
    fs::write(receipts(&moment.lab), left_out).unwrap();
    let from = lines[..2].concat().len();
    moment.assert_refused(65, &["receipts.jsonl", &format!("byte {from}")]);
}

#[test]
fn an_output_lengthened_while_nobody_was_there_is_cut() {
    let moment = Moment::new();
    for path in
        ["evidence/scrum_reviews.jsonl", "scored-runs/audits.jsonl", "exports/sft/instruction_response.jsonl"]
    {
        moment.assert_harmless(path, |lab| {
            append(&lab.out().join(path), b"{\"written by\":\"somebody else\"}\nhalf");
        });
    }
    moment.assert_harmless("an output of ours that no receipt names", |lab| {
        fs::create_dir_all(lab.out().join("quarantine")).unwrap();
        append(&lab.out().join("quarantine/audits.jsonl"), b"{}\n");
    });
}

/// A start once removed every `.jsonl` file that no receipt named, whoever had put it there.
#[test]
fn somebody_elses_file_below_the_output_stays_as_it_is() {
    let lab = Lab::generated(5, 300);
    lab.run_once();
    let theirs =
        ["evidence/notes.jsonl", "exports/mine.jsonl", "exports/sft/kept.new.1"].map(|f| lab.out().join(f));
    for path in &theirs {
        fs::write(path, "theirs").unwrap();
    }
    lab.run_once();
    for path in &theirs {
        assert_eq!(fs::read_to_string(path).unwrap(), "theirs");
    }
}

#[test]
fn a_promise_2_file_that_is_short_missing_or_changed_at_its_end_is_refused() {
    let moment = Moment::new();
    let evidence = moment.lab.out().join("evidence/scrum_reviews.jsonl");
    let len = fs::metadata(&evidence).unwrap().len();
    for damage in [len - 1, 0] {
        moment.put_back();
        set_len(&evidence, damage);
        moment.assert_refused(65, &["evidence/scrum_reviews.jsonl", "distilld repair"]);
    }
    for folder in ["evidence", "scored-runs"] {
        moment.put_back();
        fs::remove_file(moment.lab.out().join(folder).join("audits.jsonl")).unwrap();
        moment.assert_refused(65, &["audits.jsonl", "distilld repair"]);
    }
    moment.put_back();
    // What the last commit wrote is checked at every start; the rest is for `distilld verify`.
    let last = moment.lab.receipts().pop().unwrap();
    let range = &last["output_files"][0];
    let path = moment.lab.out().join(range["path"].as_str().unwrap());
    flip(&path, range["to"].as_u64().unwrap() - 5, 0);
    moment.assert_refused(65, &[range["path"].as_str().unwrap(), "distilld repair"]);
}

#[test]
fn an_export_that_is_short_or_missing_is_made_anew() {
    let moment = Moment::new();
    let ids = |lab: &Lab, path: &str| -> BTreeSet<String> {
        lab.lines(path).iter().map(|row| row["sample_id"].as_str().unwrap().to_owned()).collect()
    };
    for path in ["exports/sft/instruction_response.jsonl", "exports/rag/samples.jsonl"] {
        moment.put_back();
        let before = ids(&moment.lab, path);
        assert!(before.len() > 5);
        for damage in ["deleted", "short"] {
            let full = moment.lab.out().join(path);
            if damage == "deleted" {
                fs::remove_file(&full).unwrap();
            } else {
                set_len(&full, 200);
            }
            moment.lab.run_once();
            assert_eq!(ids(&moment.lab, path), before, "{path} {damage}");
            assert_eq!(moment.lab.lines(path).len(), before.len(), "{path} {damage}");
            assert_receipts_hold(&moment.lab);
        }
        moment.go_on();
        assert_same_files(&moment.lab.promise2(), &moment.expected);
    }
}

#[test]
fn a_second_distilld_on_the_same_state_or_output_is_turned_away() {
    let lab = Lab::generated(42, 60);
    let mut daemon = lab.distilld().arg("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the daemon is at work", || receipts(&lab).exists() && !lab.receipts().is_empty());
    let on_same_state = lab.run(&["run", "--once"]);
    let config = lab.root().join("config.toml");
    let mut other = Command::new(env!("CARGO_BIN_EXE_distilld"));
    other.arg("--config").arg(config).arg("--kb").arg(lab.kb()).arg("--output").arg(lab.out());
    let on_same_output =
        other.arg("--state").arg(lab.root().join("state-2")).args(["run", "--once"]).output().unwrap();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_exit(&on_same_state, 75, &["another distilld", "state/lock"]);
    assert_exit(&on_same_output, 75, &["another distilld", "receipts"]);
    // The lock is gone with the process, however it went.
    lab.run_once();
}

#[test]
fn a_changed_rule_is_refused_until_a_replay() {
    let moment = Moment::new();
    for setting in [
        "[scorer]\ngrounding_low = 0.40\n",
        "[link]\nwindow = \"12h\"\n",
        "[limits]\nline_bytes_max = \"1 MiB\"\n",
        "[stream.audits]\nschema_version = 2\n",
    ] {
        moment.lab.config(setting);
        moment.assert_refused(65, &["distilld replay"]);
    }
    // What does not change records may change.
    moment.lab.config("[batch]\nbytes_max = \"1 MiB\"\nworkers = 1\n[scorer]\ngrounding_low = 0.50\n");
    moment.go_on();
    assert_same_files(&moment.lab.promise2(), &moment.expected);
}

#[test]
fn without_state_rows_and_scores_are_held_to_their_receipts_before_they_are_believed() {
    // A score that somebody made `accepted` put its row into the samples, and nothing took it out again.
    let lab = Lab::generated(5, 600);
    lab.run_once();
    let path = lab.out().join("scored-runs/scrum_reviews.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let changed = whole.replacen("\"category\":\"rejected\"", "\"category\":\"accepted\"", 1);
    assert_eq!((changed.len(), changed != whole), (whole.len(), true));
    fs::write(&path, changed).unwrap();
    fs::remove_dir_all(lab.state()).unwrap();
    assert_exit(&lab.run(&["run", "--once"]), 65, &["scrum_reviews.jsonl", "distilld repair"]);
    assert!(lab.run(&["repair"]).status.success());
    lab.run_once();
    assert!(fs::read_to_string(&path).unwrap() == whole);
    assert!(lab.run(&["verify", "--strict"]).status.success());
}
