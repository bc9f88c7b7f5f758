//! Signed heads and row proofs: `key new`, `prove`, `check-proof`, and a verifier in Python that shares nothing with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::slice;
use std::time::{Duration, Instant};

use distilld::domain::note::PublicKey;
use distilld::domain::proof::{RowProof, split_proofs};
use serde_json::Value;

use crate::support::{Lab, review_row};

const NAME: &str = "example.com/agents";
/// No proof is longer, in bytes.
const PROOF_BYTES_MAX: usize = 1500;

/// A lab with a key, and rows that are committed.
struct Notary {
    lab: Lab,
}

impl Notary {
    fn of(lab: Lab) -> Self {
        let notary = Self { lab };
        notary.lab.run_once();
        notary.fine(&["key", "new", "--name", NAME, "--into", notary.key().to_str().unwrap()]);
        notary
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.root().join(name)
    }

    fn key(&self) -> PathBuf {
        self.path("key")
    }

    fn public(&self) -> PathBuf {
        self.path("key.pub")
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let output = self.lab.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn prove(&self, arguments: &[&str]) -> Output {
        self.lab.distilld().arg("prove").args(arguments).arg("--key").arg(self.key()).output().unwrap()
    }

    /// `prove` with these arguments, which must end well.
    #[track_caller]
    fn proven(&self, arguments: &[&str]) -> String {
        let output = self.prove(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The proofs of every row, in one file.
    fn all(&self) -> PathBuf {
        let file = self.path("all.tlog-proofs");
        self.proven(&["--all", "--into", file.to_str().unwrap()]);
        file
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `check-proof`, where nothing of the lab can be seen but the files given.
    fn check(&self, files: &[PathBuf], more: &[&str]) -> Output {
        let nowhere = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_distilld"));
        command.current_dir(nowhere.path()).arg("check-proof").arg("--public").arg(self.public());
        command.args(files).args(more).output().unwrap()
    }

    /// What `check-proof --json` says, a line a proof.
    fn checked(&self, files: &[PathBuf]) -> Vec<Value> {
        lines(&self.check(files, &["--json"]))
    }

    /// What the verifier in Python says.
    fn python(&self, files: &[PathBuf]) -> Vec<Value> {
        lines(&python(&self.public(), files))
    }
}

fn python(public: &Path, files: &[PathBuf]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs/verify.py");
    Command::new("python3").arg(script).arg(public).args(files).output().unwrap()
}

#[track_caller]
fn lines(output: &Output) -> Vec<Value> {
    assert!(matches!(output.status.code(), Some(0 | 1)) && output.stderr.is_empty(), "{output:?}");
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn proofs_of(text: &str) -> Vec<&str> {
    split_proofs(text).collect()
}

#[test]
fn a_key_is_readable_by_its_owner_alone_and_never_overwritten() {
    let lab = Lab::new();
    let (key, public) = (lab.root().join("key"), lab.root().join("key.pub"));
    let new = || lab.run(&["key", "new", "--name", NAME, "--into", key.to_str().unwrap()]);
    let made = new();
    assert!(made.status.success(), "{made:?}");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let (private_text, public_text) = (fs::read(&key).unwrap(), fs::read(&public).unwrap());
    assert_eq!(made.stdout, public_text);
    assert!(private_text.starts_with(format!("PRIVATE+KEY+{NAME}+").as_bytes()));
    assert_eq!(new().status.code(), Some(74));
    fs::remove_file(&public).unwrap();
    assert_eq!(new().status.code(), Some(74));
    assert_eq!(fs::read(&key).unwrap(), private_text);
    fs::remove_file(&key).unwrap();
    assert!(new().status.success());
    assert_ne!(fs::read(&key).unwrap(), private_text, "two keys are the same");
    let spaced = lab.run(&["key", "new", "--name", "two words", "--into", "x"]);
    assert_eq!(spaced.status.code(), Some(64), "{spaced:?}");
}

#[test]
fn every_row_is_proven_and_a_verifier_in_python_says_the_same_of_each() {
    let notary = Notary::of(Lab::generated(11, 4000));
    let all = notary.all();
    let text = fs::read_to_string(&all).unwrap();
    let longest = proofs_of(&text).into_iter().map(str::len).max().unwrap();
    assert!(longest <= PROOF_BYTES_MAX, "{longest}");
    let (ours, theirs) = (notary.checked(slice::from_ref(&all)), notary.python(&[all]));
    assert!(ours.len() > 3000 && ours.len() == theirs.len(), "{} and {}", ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours["proven"], true, "{ours}");
        for member in ["row", "index", "size", "origin"] {
            assert_eq!(ours["what"][member], theirs[member], "{ours} and {theirs}");
        }
    }
    // What is proven is the evidence, whole and in its order.
    let mut proven: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for line in &theirs {
        let stream = line["origin"].as_str().unwrap().split('/').nth(2).unwrap();
        proven.entry(stream.to_owned()).or_default().push(line);
    }
    assert_eq!(proven.len(), 23);
    for (stream, proven) in proven {
        let evidence = notary.lab.lines(&format!("evidence/{stream}.jsonl"));
        assert_eq!(evidence.len(), proven.len(), "{stream}");
        for (index, (record, line)) in evidence.iter().zip(proven).enumerate() {
            assert_eq!(line["index"], index);
            for member in ["source_file", "generation", "line_offset", "sig_hash"] {
                assert_eq!(record["provenance"][member], line["row"][member], "{stream}");
            }
        }
    }
}

#[test]
fn heads_do_not_depend_on_batches_threads_or_restarts() {
    let whole = Notary::of(Lab::generated(5, 1500));
    let heads = whole.proven(&["--heads"]);
    assert_eq!(heads.lines().filter(|line| line.starts_with(NAME)).count(), 23);
    let pieces = Lab::new();
    pieces.config("[batch]\nrows_max = 7\nworkers = 3\n");
    for round in 0..3 {
        for entry in fs::read_dir(whole.lab.kb()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let stream = path.file_stem().unwrap().to_str().unwrap();
            // Cut in the middle of rows.
            pieces.append(stream, &bytes[bytes.len() * round / 3..bytes.len() * (round + 1) / 3]);
        }
        pieces.run_once();
    }
    pieces.append("observer_ops", fs::read(whole.lab.stream("observer_ops")).unwrap());
    pieces.run_once();
    let output = pieces.distilld().args(["prove", "--heads", "--key"]).arg(whole.key()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), heads, "{:?}", output.stderr);
}

#[test]
fn a_row_is_found_by_run_by_the_start_of_its_hash_and_by_its_sample() {
    let notary = Notary::of(Lab::generated(11, 2000));
    let record = &notary.lab.lines("evidence/scrum_reviews.jsonl")[3];
    let hash = record["provenance"]["sig_hash"].as_str().unwrap();
    let found = |id: &str| -> BTreeSet<String> {
        let file = notary.write("found", notary.proven(&[id]));
        let checked = notary.checked(&[file]);
        checked.iter().map(|line| line["what"]["row"]["sig_hash"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(hash), BTreeSet::from([hash.to_owned()]));
    assert_eq!(found(&hash[..8].to_uppercase()), BTreeSet::from([hash.to_owned()]));
    // A run has rows in several streams.
    let run = record["run_id"].as_str().unwrap();
    let mut of_run = BTreeSet::new();
    for entry in fs::read_dir(notary.lab.out().join("evidence")).unwrap() {
        let name = format!("evidence/{}", entry.unwrap().file_name().to_str().unwrap());
        let records = notary.lab.lines(&name);
        let hashes = records.iter().filter(|record| record["run_id"] == run);
        of_run.extend(hashes.map(|record| record["provenance"]["sig_hash"].as_str().unwrap().to_owned()));
    }
    assert_eq!(found(run), of_run);
    for export in ["exports/rag/samples.jsonl", "exports/sft/instruction_response.jsonl"] {
        let sample = &notary.lab.lines(export)[0];
        let hash = sample["provenance"]["sig_hash"].as_str().unwrap().to_owned();
        assert_eq!(found(sample["sample_id"].as_str().unwrap()), BTreeSet::from([hash]));
    }
    for unknown in ["no such run", &hash[..7], "rag_0000000000000000"] {
        let output = notary.prove(&[unknown]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{unknown}");
    }
    // Rows of one run in two streams go into two files.
    let (run, streams) = run_in_streams(&notary.lab);
    let file = notary.path("run.tlog-proof");
    notary.proven(&[&run, "--into", file.to_str().unwrap()]);
    let files: Vec<_> =
        (1..=streams).map(|number| notary.path(&format!("run-{number}.tlog-proof"))).collect();
    assert!(notary.check(&files, &[]).status.success() && !file.exists());
}

/// A run with several rows, and how many it has.
fn run_in_streams(lab: &Lab) -> (String, usize) {
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for entry in fs::read_dir(lab.out().join("evidence")).unwrap() {
        for record in lab.lines(&format!("evidence/{}", entry.unwrap().file_name().to_str().unwrap())) {
            *runs.entry(record["run_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    runs.into_iter().find(|(_, rows)| *rows > 1).unwrap()
}

#[test]
fn distilld_and_python_refuse_the_same_changed_proofs() {
    let notary = Notary::of(Lab::generated(3, 600));
    let hash = notary.lab.lines("evidence/audits.jsonl")[5]["provenance"]["sig_hash"].clone();
    let good = notary.proven(&[hash.as_str().unwrap()]);
    let (mut files, mut texts) = (Vec::new(), vec![good.clone().into_bytes(), Vec::new()]);
    for at in (0..good.len()).step_by(3) {
        let mut changed = good.clone().into_bytes();
        changed[at] ^= 1 << (at % 8);
        texts.push(changed);
        texts.push([&good.as_bytes()[..at], &good.as_bytes()[at + 1..]].concat());
    }
    let lines: Vec<_> = good.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        texts.push([&lines[..at], &lines[at + 1..]].concat().concat().into_bytes());
        // The same signature twice is still a signature.
        if at + 1 < lines.len() {
            texts.push([&lines[..=at], &lines[at..]].concat().concat().into_bytes());
        }
    }
    for (number, text) in texts.iter().enumerate() {
        files.push(notary.write(&format!("changed-{number}"), text));
    }
    let refused = |lines: &[Value], is_refusal: fn(&Value) -> bool| -> BTreeSet<PathBuf> {
        let refusals = lines.iter().filter(|line| is_refusal(line));
        refusals.map(|line| line["file"].as_str().unwrap().into()).collect()
    };
    let ours = refused(&notary.checked(&files), |line| line["proven"] == false);
    let theirs = refused(&notary.python(&files), |line| line.get("refused").is_some());
    let expected: BTreeSet<_> = files[1..].iter().cloned().collect();
    let text = |file: &PathBuf| fs::read(file).map(|text| String::from_utf8_lossy(&text).into_owned());
    for file in &expected {
        assert!(ours.contains(file), "distilld took {:?}", text(file));
        assert!(theirs.contains(file), "Python took {:?}", text(file));
    }
    assert_eq!((ours.len(), theirs.len()), (expected.len(), expected.len()), "the good one was refused");
    assert_eq!(notary.check(&files[1..2], &[]).status.code(), Some(1));
}

#[test]
fn a_proof_is_of_its_raw_row_however_that_is_spelled_and_of_no_other() {
    let lab = Lab::new();
    lab.append("scrum_reviews", (0..5).map(review_row).collect::<String>());
    let notary = Notary::of(lab);
    let hash = notary.lab.lines("evidence/scrum_reviews.jsonl")[2]["provenance"]["sig_hash"].clone();
    let proof = notary.write("proof", notary.proven(&[hash.as_str().unwrap()]));
    let code = |row: String| {
        let row = notary.write("row", row);
        notary.check(slice::from_ref(&proof), &["--row", row.to_str().unwrap()]).status.code()
    };
    assert_eq!(code(review_row(2)), Some(0));
    assert_eq!(code(review_row(2).replace("\":\"", "\" : \"").replace('\n', "\r\n")), Some(0));
    assert_eq!(code(review_row(3)), Some(1));
    assert_eq!(code(review_row(2) + &review_row(3)), Some(65));
}

#[test]
fn a_stream_that_grew_is_shown_to_have_only_grown_and_one_that_was_changed_is_not() {
    let lab = Lab::new();
    lab.append("scrum_reviews", (0..700).map(review_row).collect::<String>());
    let notary = Notary::of(lab);
    let heads = notary.path("heads");
    notary.proven(&["--heads", "--into", heads.to_str().unwrap()]);
    let old = heads.join("scrum_reviews.checkpoint");
    notary.lab.append("scrum_reviews", (700..1500).map(review_row).collect::<String>());
    notary.lab.run_once();
    let growth = notary.write("growth", notary.proven(&["--consistency", old.to_str().unwrap()]));
    let since = |file: &PathBuf| {
        notary.check(slice::from_ref(&growth), &["--since", file.to_str().unwrap()]).status.code()
    };
    assert_eq!(since(&old), Some(0));
    // Another history, under the same key and of the same length, whose row 5 is another.
    let other = Lab::new();
    other
        .append("scrum_reviews", (0..5).chain(2000..2001).chain(6..1500).map(review_row).collect::<String>());
    other.run_once();
    let prove = |arguments: &[&str]| {
        other.distilld().arg("prove").args(arguments).arg("--key").arg(notary.key()).output().unwrap()
    };
    let refused = prove(&["--consistency", old.to_str().unwrap()]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{refused:?}");
    let other_head = notary.write("other", prove(&["--heads"]).stdout);
    assert_eq!(since(&other_head), Some(1));
}

#[test]
fn without_a_key_it_says_what_to_do_and_systemd_can_hold_the_key() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1));
    let notary = Notary::of(lab);
    let keyless = || {
        let mut command = notary.lab.distilld();
        command.args(["prove", "--heads"]).env_remove("CREDENTIALS_DIRECTORY");
        command
    };
    let refused = keyless().output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("distilld key new") && said.lines().count() == 1, "{said}");
    let folder = notary.path("credentials");
    fs::create_dir(&folder).unwrap();
    fs::copy(notary.key(), folder.join("distilld-key")).unwrap();
    let signed = keyless().env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
    assert_eq!(String::from_utf8(signed.stdout).unwrap(), notary.proven(&["--heads"]));
}

#[test]
fn evidence_that_is_not_what_was_committed_is_not_signed() {
    let lab = Lab::new();
    lab.append("scrum_reviews", (0..9).map(review_row).collect::<String>());
    let notary = Notary::of(lab);
    let evidence = notary.lab.out().join("evidence/scrum_reviews.jsonl");
    let text = fs::read_to_string(&evidence).unwrap();
    fs::write(&evidence, text.replacen("}\n{", "} {", 1)).unwrap();
    let refused = notary.prove(&["--heads"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(65), 0), "{refused:?}");
    fs::write(&evidence, &text[..text.len() / 2]).unwrap();
    assert_eq!(notary.prove(&["--all"]).status.code(), Some(65));
}

/// How many rows, how large their proofs are, how long it takes to check one:
/// `cargo test --release --locked --test it -- --ignored --nocapture a_hundred_thousand_rows`.
#[test]
#[ignore = "takes a minute and prints figures; docs/trust.md names the command"]
fn a_hundred_thousand_rows_of_one_stream_are_proven_and_python_agrees_on_each() {
    let lab = Lab::new();
    lab.append("scrum_reviews", (0..100_000).map(review_row).collect::<String>());
    let notary = Notary::of(lab);
    let started = Instant::now();
    let all = notary.all();
    println!("prove --all: {:?}", started.elapsed());
    let text = fs::read_to_string(&all).unwrap();
    let key = PublicKey::parse(fs::read_to_string(notary.public()).unwrap().trim()).unwrap();
    let (mut times, mut longest, mut rows) = (Vec::new(), 0, Vec::new());
    let check = |proof: &str| {
        let started = Instant::now();
        let read = RowProof::parse(proof).unwrap();
        read.check(&key).unwrap();
        (started.elapsed(), read)
    };
    for proof in proofs_of(&text) {
        // The best of five: what the machine does beside is not what is measured.
        let (first, read) = check(proof);
        times.push((0..4).map(|_| check(proof).0).fold(first, Duration::min));
        longest = longest.max(proof.len());
        rows.push((read.index, read.leaf.sig_hash.to_string()));
    }
    times.sort_unstable();
    let (p50, p99, max) = (times[times.len() / 2], times[times.len() * 99 / 100], times[times.len() - 1]);
    println!("{} proofs, the longest of {longest} bytes", rows.len());
    println!("checking one, best of five: p50 {p50:?}, p99 {p99:?}, longest {max:?}");
    assert!(rows.len() == 100_000 && longest <= PROOF_BYTES_MAX);
    let started = Instant::now();
    let theirs = notary.python(&[all]);
    println!("Python: {:?} for all", started.elapsed());
    assert_eq!(theirs.len(), rows.len());
    for ((index, hash), line) in rows.iter().zip(&theirs) {
        assert_eq!((&line["index"], &line["row"]["sig_hash"]), (&(*index).into(), &hash.as_str().into()));
    }
}
