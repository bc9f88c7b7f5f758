//! `explain` names, for every signal, the very rows that a slow reading of the specification names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use distilld::domain::rules::Rules;
use distilld::pipeline::explain::{Answer, explain};
use distilld::pipeline::outputs::Outputs;
use distilld::pipeline::streams::StreamSet;
use fastrand::Rng;
use serde_json::Value;

use super::delivery::{Bench, Delivery};
use super::stories::story;

/// A signal: its code, and stream and line of the row that says it.
type Said = (String, String, u64);

/// What is said of every row, by stream and line.
fn told(out: &Path, kb: &Path, state: &Path) -> BTreeMap<(String, u64), (BTreeSet<Said>, Value)> {
    let rules = Rules::default();
    let streams = StreamSet::new(kb, &rules, &[]);
    let outputs = Outputs::open(out).unwrap();
    let mut hashes = BTreeSet::new();
    for stream in streams.names() {
        let path = format!("evidence/{stream}.jsonl");
        let take = |_, line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            hashes.insert(row["provenance"]["sig_hash"].as_str().unwrap().to_owned());
        };
        outputs.each_line(&path, take).unwrap();
    }
    let mut told = BTreeMap::new();
    for hash in hashes {
        let answer = explain(&outputs, &streams, &rules, state, &hash, 100).unwrap();
        let Answer::Found(explanation) = answer else { panic!("{hash}: {answer:?}") };
        assert_eq!(explanation.total, explanation.rows.len());
        for row in explanation.rows {
            let line = row.evidence["provenance"]["line_offset"].as_u64().unwrap();
            let said = row.signals.iter().map(|signal| {
                let line = signal.provenance["line_offset"].as_u64().unwrap();
                (signal.code.to_owned(), signal.stream.clone(), line)
            });
            told.insert((row.stream.clone(), line), (said.collect(), row.score));
        }
    }
    told
}

/// Whether the codes that are told are those of the score that counts.
fn assert_codes_are_the_scores(told: &BTreeMap<(String, u64), (BTreeSet<Said>, Value)>) {
    for (row, (said, score)) in told {
        let codes: BTreeSet<&str> = said.iter().map(|(code, ..)| code.as_str()).collect();
        let reasons = score["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap());
        let scored: BTreeSet<&str> = reasons.filter(|reason| !reason.starts_with("rule.")).collect();
        assert_eq!(codes, scored, "{row:?}: {said:?}");
    }
}

#[test]
fn every_signal_is_explained_by_the_rows_that_the_oracle_names() {
    for seed in 0..120 {
        let kb = story(seed);
        let delivery = Delivery::random(&kb, &mut Rng::with_seed(seed));
        let bench = super::property::deliver(&kb, &delivery).unwrap();
        let rows = super::read::evidence(&kb);
        let links = super::links::link(&rows);
        // With the row cache, and from the evidence alone.
        for state in ["state", "nowhere"] {
            let told = told(&bench.path("out"), &bench.path("kb"), &bench.path(state));
            assert_eq!(told.len(), rows.len());
            for (number, row) in rows.iter().enumerate() {
                let on = links.on[number].iter().map(|signal| {
                    let by = &rows[signal.said_by];
                    (signal.code.clone(), by.stream.clone(), by.line)
                });
                let expected: BTreeSet<Said> = on.collect();
                let found = &told[&(row.stream.clone(), row.line)].0;
                assert_eq!(*found, expected, "story {seed}, {state}: {}:{}", row.stream, row.line);
            }
            assert_codes_are_the_scores(&told);
        }
        drop::<Bench>(bench);
    }
}

#[test]
fn the_signals_of_a_generated_corpus_and_of_the_fixtures_are_those_of_the_scores() {
    let lab = crate::support::Lab::generated(7, 700);
    lab.run_once();
    assert_codes_are_the_scores(&told(&lab.out(), &lab.kb(), &lab.state()));
    let lab = crate::support::Lab::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kb");
    for entry in std::fs::read_dir(fixtures).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), lab.kb().join(entry.file_name())).unwrap();
        }
    }
    lab.run_once();
    let told = told(&lab.out(), &lab.kb(), &lab.state());
    assert!(told.values().any(|(said, _)| said.len() > 1));
    assert_codes_are_the_scores(&told);
}
