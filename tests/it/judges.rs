//! Three languages agree: what distilld, a JSON Schema validator that its authors did not write, and records.ts say of
//! the same records.

mod mutate;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use distilld::domain::schema::published::{SHAPES, Shape};
use distilld::domain::schema::typescript::records_ts;
use serde_json::Value;

use crate::support::Lab;
use mutate::{Pool, mutated};
use workshop::{Answer, Question, Workshop};

/// Mutated records of each shape.
const MUTATED: usize = 250;

/// Invalid fixtures that a validator without `x-rules` cannot refuse, by the rule that they break.
const BEYOND_JSON_SCHEMA: [(&str, &[&str]); 0] = [];

/// A workshop for schemas by their published names.
fn workshop(schemas: &[(String, Value)]) -> Option<Workshop> {
    Workshop::open(|folder| {
        for (name, schema) in schemas {
            fs::write(folder.join(format!("{name}.schema.json")), schema.to_string()).unwrap();
        }
        fs::write(folder.join("records.ts"), records_ts(schemas).unwrap()).unwrap();
    })
}

fn published() -> Vec<(String, Value)> {
    SHAPES.iter().map(|shape| (shape.name.to_owned(), shape.schema())).collect()
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
}

/// The fixtures of a shape, valid ones first.
fn fixtures(shape: &Shape) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for (folder, valid) in [("valid", true), ("invalid", false)] {
        let path = repository("fixtures/schemas").join(shape.name).join(folder);
        let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = format!("{}/{}", shape.name, file.file_stem().unwrap().to_str().unwrap());
            found.push((name, fs::read_to_string(file).unwrap().trim_end().to_owned(), valid));
        }
    }
    found
}

#[test]
fn fixtures_and_mutated_records_are_judged_alike_in_three_languages() {
    let Some(workshop) = workshop(&published()) else { return };
    let mut pool = Pool::default();
    for (_, text, _) in SHAPES.iter().flat_map(fixtures).filter(|(_, _, valid)| *valid) {
        pool.add(&serde_json::from_str(&text).unwrap());
    }
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut questions, mut judged) = (Vec::new(), Vec::new());
    for shape in &SHAPES {
        let mut ask = |origin: String, text: String, valid: Option<bool>| {
            let refusal =
                shape.judge(&text).err().map(|refusal| format!("{}: {}", refusal.path, refusal.reason));
            judged.push(Judged { origin, refusal, valid });
            questions.push(Question { schema: shape.name.to_owned(), text });
        };
        let fixtures = fixtures(shape);
        let bases = fixtures.iter().filter(|(_, _, valid)| *valid);
        let bases: Vec<Value> = bases.map(|(_, text, _)| serde_json::from_str(text).unwrap()).collect();
        let mut known: BTreeSet<String> = fixtures.iter().map(|(_, text, _)| text.clone()).collect();
        fixtures.into_iter().for_each(|(name, text, valid)| ask(name, text, Some(valid)));
        let mut made = 0;
        while made < MUTATED {
            let (what, value) = mutated(&mut rng, &bases[made % bases.len()], &pool);
            let text = value.to_string();
            if known.insert(text.clone()) {
                ask(what, text, None);
                made += 1;
            }
        }
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
        let column = usize::from(judged.refusal.is_some()) + if judged.valid.is_some() { 0 } else { 2 };
        counts.entry(&question.schema).or_default()[column] += 1;
    }
    let total = |column: usize| counts.values().map(|count| count[column]).sum::<usize>();
    println!("{:20} {:>8} {:>8} {:>10} {:>8}", "judged alike", "valid", "invalid", "accepted", "refused");
    for (name, [valid, invalid, accepted, refused]) in &counts {
        println!("{name:20} {valid:>8} {invalid:>8} {accepted:>10} {refused:>8}");
    }
    let [valid, invalid, accepted, refused] = [0, 1, 2, 3].map(total);
    println!("{:20} {valid:>8} {invalid:>8} {accepted:>10} {refused:>8}", "all");
    assert!(accepted + refused >= 2_000, "too few mutated records");
    assert!(accepted * 100 >= (accepted + refused) * 15, "too few of them are accepted");
}

/// The shape of the lines of an output file.
fn shape_of(path: &Path) -> &'static str {
    let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    match folder {
        "evidence" => "EvidenceRecord",
        "scored-runs" => "ScoredRun",
        "quarantine" => "QuarantineRow",
        "rag" => "RagSample",
        "sft" => "SftSample",
        "receipts" => "Receipt",
        _ => panic!("{} has no published shape", path.display()),
    }
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
    let Some(workshop) = workshop(&published()) else { return };
    let files: Vec<_> = jsonl_below(&lab.out()).into_iter().map(|file| (shape_of(&file), file)).collect();
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
