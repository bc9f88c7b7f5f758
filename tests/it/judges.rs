//! Three languages agree: what distilld, a JSON Schema validator that its authors did not write, and records.ts say of
//! the same records.

mod mutate;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use distilld::domain::schema::published::{Refusal, SHAPES};
use distilld::domain::schema::typescript::records_ts;
use distilld::domain::streams::{STREAMS, judge_row, row_schema};
use serde_json::Value;

use crate::support::Lab;
use mutate::{Pool, mutated};
use workshop::{Answer, Question, Workshop};

/// Mutated records of each shape that distilld writes.
const MUTATED_RECORDS: usize = 250;
/// Mutated rows of each stream.
const MUTATED_ROWS: usize = 100;

/// Invalid fixtures that a validator without `x-rules` cannot refuse, by the rule that they break.
const BEYOND_JSON_SCHEMA: [(&str, &[&str]); 5] = [
    (
        "at_most",
        &[
            "Receipt/input_range_ends_before_it_starts",
            "ModelLedgerEntry/half_takes_longer_than_nearly_all",
            "ModelLedgerEntry/lower_bound_above_the_rate",
        ],
    ),
    (
        "differ",
        &[
            "PreferenceSample/chosen_is_rejected",
            "PreferenceSample/chosen_is_rejected_but_for_its_composition",
            "PreferenceSample/chosen_is_rejected_but_for_white_space",
            "PreferenceSample/one_run_on_both_sides",
        ],
    ),
    (
        "equal",
        &[
            "EvidenceRecord/timestamp_is_not_that_of_the_provenance",
            "DriftSnapshot/head_sha_of_another_snapshot",
        ],
    ),
    ("sorted", &["ScoredRun/reasons_not_sorted"]),
    (
        "sum",
        &[
            "Receipt/out_is_not_what_was_written",
            "Receipt/rows_that_went_nowhere",
            "ModelLedgerEntry/counts_do_not_add_up",
        ],
    ),
];

/// A workshop for schemas by their published names.
fn workshop(schemas: &[(String, Value)]) -> Option<Workshop> {
    Workshop::open(|folder| {
        for (name, schema) in schemas {
            fs::write(folder.join(format!("{name}.schema.json")), schema.to_string()).unwrap();
        }
        fs::write(folder.join("records.ts"), records_ts(schemas).unwrap()).unwrap();
    })
}

type Judge = Box<dyn Fn(&str) -> Result<(), Refusal>>;

/// A published schema with distilld's own judge, and what there is to judge.
struct Published {
    name: &'static str,
    schema: Value,
    judge: Judge,
    fixtures: Vec<Fixture>,
    mutated: usize,
}

/// A record or row as text, and whether it is valid, where that is known.
struct Fixture {
    name: String,
    text: String,
    valid: Option<bool>,
}

/// Every schema that is published: of what distilld writes, and of the rows it reads.
fn published() -> Vec<Published> {
    let records = SHAPES.iter().map(|shape| Published {
        name: shape.name,
        schema: shape.schema(),
        judge: Box::new(|line| shape.judge(line)),
        fixtures: fixtures(shape.name),
        mutated: MUTATED_RECORDS,
    });
    let rows = STREAMS.iter().map(|stream| Published {
        name: stream.name(),
        schema: row_schema(*stream),
        judge: Box::new(|line| judge_row(*stream, line)),
        fixtures: rows(stream.name()),
        mutated: MUTATED_ROWS,
    });
    records.chain(rows).collect()
}

fn schemas() -> Vec<(String, Value)> {
    published().into_iter().map(|published| (published.name.to_owned(), published.schema)).collect()
}

/// The fixtures of a shape, valid ones first.
fn fixtures(shape: &str) -> Vec<Fixture> {
    let mut found = Vec::new();
    for (folder, valid) in [("valid", true), ("invalid", false)] {
        let path = repository("fixtures/schemas").join(shape).join(folder);
        let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = format!("{shape}/{}", file.file_stem().unwrap().to_str().unwrap());
            let text = fs::read_to_string(file).unwrap().trim_end().to_owned();
            found.push(Fixture { name, text, valid: Some(valid) });
        }
    }
    found
}

/// Rows of a stream, accepted and refused ones, as far as they are JSON.
fn rows(stream: &str) -> Vec<Fixture> {
    let text = fs::read_to_string(repository("fixtures/golden").join(stream).join("in.jsonl")).unwrap();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let fixture =
        |row: Value| Fixture { name: format!("{stream}/golden"), text: row.to_string(), valid: None };
    rows.map(fixture).collect()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_keyword_means_to_records_ts_what_it_means_to_others() {
    let samples = fs::read_to_string(repository("tests/judges/samples.json")).unwrap();
    let samples: BTreeMap<String, Value> = serde_json::from_str(&samples).unwrap();
    let schemas: Vec<_> =
        samples.iter().map(|(name, sample)| (name.clone(), sample["schema"].clone())).collect();
    let Some(workshop) = workshop(&schemas) else { return };
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    for (name, sample) in &samples {
        for (list, accepted) in [("accepted", true), ("refused", false)] {
            for value in sample[list].as_array().unwrap() {
                questions.push(Question { schema: name.clone(), text: value.to_string() });
                expected.push(accepted);
            }
        }
    }
    for ((question, answer), accepted) in questions.iter().zip(workshop.judge(&questions)).zip(expected) {
        let verdicts = (answer.ajv.is_none(), answer.ts.is_none());
        assert_eq!(verdicts, (accepted, accepted), "{question:?}\n{answer:?}");
    }
}

/// A record with what distilld says of it, and whether it should.
struct Judged {
    /// The fixture, or how it was made from one.
    origin: String,
    refusal: Option<String>,
    valid: Option<bool>,
    is_mutated: bool,
}

#[test]
fn fixtures_and_mutated_records_are_judged_alike_in_three_languages() {
    let published = published();
    let Some(workshop) = workshop(&schemas()) else { return };
    let mut pool = Pool::default();
    for fixture in published.iter().flat_map(|published| &published.fixtures) {
        pool.add(&serde_json::from_str(&fixture.text).unwrap());
    }
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut questions, mut judged) = (Vec::new(), Vec::new());
    for Published { name, judge, fixtures, mutated: wanted, .. } in published {
        let valid = fixtures.iter().filter(|fixture| judge(&fixture.text).is_ok());
        let bases: Vec<Value> = valid.map(|fixture| serde_json::from_str(&fixture.text).unwrap()).collect();
        assert!(bases.len() >= 2, "{name} has too few valid fixtures");
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut ask = |Fixture { name: origin, text, valid }, is_mutated| {
            if !known.insert(text.clone()) {
                return 0;
            }
            let refusal = judge(&text).err().map(|refusal| format!("{}: {}", refusal.path, refusal.reason));
            judged.push(Judged { origin, refusal, valid, is_mutated });
            questions.push(Question { schema: name.to_owned(), text });
            1
        };
        for fixture in fixtures {
            ask(fixture, false);
        }
        let mut made = 0;
        // A small row has only so many mutations; the next base may have more.
        for base in bases.iter().cycle().take(20 * wanted) {
            let (what, value) = mutated(&mut rng, base, &pool);
            made += ask(Fixture { name: what, text: value.to_string(), valid: None }, true);
            if made == wanted {
                break;
            }
        }
        assert_eq!(made, wanted, "{name} has too few different mutations");
    }
    let answers = workshop.judge(&questions);
    assert_alike(&questions, &judged, &answers);
    assert_only_rules_are_beyond_json_schema(&judged, &answers);
    print_counts(&questions, &judged);
}

fn assert_alike(questions: &[Question], judged: &[Judged], answers: &[Answer]) {
    let mut trouble = Vec::new();
    for ((question, judged), answer) in questions.iter().zip(judged).zip(answers) {
        let verdicts = [&judged.refusal, &answer.ajv, &answer.ts].map(Option::is_none);
        let expected = judged.valid.unwrap_or(verdicts[0]);
        if verdicts != [expected; 3] {
            trouble.push(format!(
                "{} {}\n  {}\n  distilld:   {:?}\n  outside:    {:?}\n  records.ts: {:?}\n",
                question.schema, judged.origin, question.text, judged.refusal, answer.ajv, answer.ts
            ));
        }
    }
    let first = trouble.iter().take(20).cloned().collect::<String>();
    assert!(trouble.is_empty(), "{} of {} judged unlike:\n{first}", trouble.len(), judged.len());
}

/// What a bare validator lets through breaks a rule for which JSON Schema has no word, and nothing else; and the list of
/// that is known.
fn assert_only_rules_are_beyond_json_schema(judged: &[Judged], answers: &[Answer]) {
    let mut beyond: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (judged, answer) in judged.iter().zip(answers) {
        assert_eq!(answer.bare, answer.ajv.is_some() && answer.rules.is_empty(), "{}", judged.origin);
        for rule in answer.rules.iter().filter(|_| judged.valid.is_some()) {
            beyond.entry(rule).or_default().push(&judged.origin);
        }
    }
    let known: BTreeMap<&str, Vec<&str>> =
        BEYOND_JSON_SCHEMA.iter().map(|(rule, fixtures)| (*rule, fixtures.to_vec())).collect();
    assert_eq!(beyond, known, "BEYOND_JSON_SCHEMA is out of date");
}

fn print_counts(questions: &[Question], judged: &[Judged]) {
    // Of each shape: fixtures and mutated records, accepted and refused.
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (question, judged) in questions.iter().zip(judged) {
        let column = usize::from(judged.refusal.is_some()) + 2 * usize::from(judged.is_mutated);
        counts.entry(&question.schema).or_default()[column] += 1;
    }
    let total = |column: usize| counts.values().map(|count| count[column]).sum::<usize>();
    println!("{:20} {:>8} {:>8} {:>10} {:>8}", "judged alike", "valid", "invalid", "mutated:", "refused");
    for (name, [valid, invalid, accepted, refused]) in &counts {
        println!("{name:20} {valid:>8} {invalid:>8} {accepted:>10} {refused:>8}");
    }
    let [valid, invalid, accepted, refused] = [0, 1, 2, 3].map(total);
    println!("{:20} {valid:>8} {invalid:>8} {accepted:>10} {refused:>8}", "all");
    assert!(accepted + refused >= 2_000, "too few mutated records");
    assert!(accepted * 100 >= (accepted + refused) * 15, "too few of them are accepted");
}

/// The shape of the lines of an output file; two views are answers to be read and no published shape.
fn shape_of(path: &Path) -> Option<&'static str> {
    let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    Some(match (folder, path.file_stem().unwrap().to_str().unwrap()) {
        ("evidence", _) => "EvidenceRecord",
        ("scored-runs", _) => "ScoredRun",
        ("quarantine", _) => "QuarantineRow",
        ("scratchpads", _) => "ScratchpadSummary",
        ("rag", _) => "RagSample",
        ("sft", _) => "SftSample",
        ("preference", _) => "PreferenceSample",
        ("exports", "retractions") => "Retraction",
        ("receipts", _) => "Receipt",
        ("views", "playbooks") => "Playbook",
        ("views", "model_ledger") => "ModelLedgerEntry",
        ("views", "drift") => "DriftSnapshot",
        ("views", "runs" | "review_queue") => return None,
        _ => panic!("{} has no published shape", path.display()),
    })
}

fn jsonl_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(jsonl_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[track_caller]
fn assert_every_line_is_of_its_shape(lab: &Lab, lines_min: u64) {
    let Some(workshop) = workshop(&schemas()) else { return };
    let files: Vec<_> =
        jsonl_below(&lab.out()).into_iter().filter_map(|file| Some((shape_of(&file)?, file))).collect();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for ((shape, _), found) in files.iter().zip(workshop.judge_lines(&files)) {
        assert_eq!(
            found.refused, 0,
            "{} of {} lines of {:?}: {:?}",
            found.refused, found.lines, found.file, found.first
        );
        *counts.entry(shape).or_default() += found.lines;
    }
    println!("lines that are of their shape: {counts:?}");
    assert!(counts.values().sum::<u64>() >= lines_min, "{counts:?}");
    for shape in ["EvidenceRecord", "ScoredRun", "Receipt", "RagSample", "SftSample"] {
        assert!(counts.get(shape).is_some_and(|lines| *lines > 0), "{shape} was not tried");
    }
}

#[test]
fn every_line_made_of_the_shipped_fixtures_is_of_its_published_shape() {
    let lab = Lab::new();
    for folder in ["kb", "_observer"] {
        let into = lab.root().join("in").join(folder);
        fs::create_dir_all(&into).unwrap();
        for file in
            fs::read_dir(repository("fixtures").join(folder)).unwrap().map(|entry| entry.unwrap().path())
        {
            fs::copy(&file, into.join(file.file_name().unwrap())).unwrap();
        }
    }
    // Rows of every kind of trouble, so that the quarantine is tried too.
    let bad = fs::read_dir(repository("fixtures/bad")).unwrap().map(|entry| entry.unwrap().path());
    for folder in bad.filter(|path| path.is_dir()) {
        lab.append("scrum_reviews", fs::read(folder.join("scrum_reviews.jsonl")).unwrap());
    }
    lab.run_once();
    assert!(lab.out().join("quarantine/scrum_reviews.jsonl").exists());
    assert_every_line_is_of_its_shape(&lab, 2_000);
}

/// The size of the generated corpus, in MiB.
const CORPUS_MIB: u64 = 64;

#[test]
fn every_line_made_of_a_large_corpus_is_of_its_published_shape() {
    let small = Lab::new();
    let bytes_per_row = distilld::corpus::generate(3, 2_000, &small.kb()).unwrap().bytes / 2_000;
    let lab = Lab::new();
    let corpus = distilld::corpus::generate(3, (CORPUS_MIB << 20) / bytes_per_row, &lab.kb()).unwrap();
    assert!(corpus.bytes > (CORPUS_MIB << 20) * 9 / 10, "{corpus:?}");
    lab.run_once();
    assert_every_line_is_of_its_shape(&lab, 2 * corpus.rows);
}
