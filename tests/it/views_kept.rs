//! What the views remember from refresh to refresh: however rows come in, the files are those that are made from nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use distilld::domain::distil::{Distiller, Lines, Outcome, Place, StreamContext};
use distilld::domain::rules::Rules;
use distilld::domain::schema::receipt::{CommittedState, OutputState};
use distilld::domain::streams::{STREAMS, source_file};
use distilld::domain::views::facts::{Facts, Row};
use distilld::domain::views::outline::Outlines;
use distilld::domain::views::run_lines::RunLines;
use distilld::pipeline::outputs::Outputs;
use distilld::pipeline::review::{Special, special_of};
use distilld::pipeline::streams::StreamSet;
use distilld::pipeline::views::Views;
use fastrand::Rng;
use serde_json::Value;

use crate::oracle::delivery::{Bench, Delivery};
use crate::oracle::stories::story;
use crate::support::{Lab, assert_same_files};

/// Views over the rows of another folder, in a folder of their own.
struct Kept {
    dir: tempfile::TempDir,
    rows: PathBuf,
    files: BTreeMap<String, OutputState>,
    views: Option<Views>,
}

impl Kept {
    fn over(rows: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["evidence", "scored-runs"] {
            symlink(rows.join(folder), dir.path().join(folder)).unwrap();
        }
        Self { dir, rows: rows.to_owned(), files: BTreeMap::new(), views: None }
    }

    /// What is committed, by the files that are there.
    fn committed(&self) -> CommittedState {
        let mut committed = CommittedState::default();
        for folder in ["evidence", "scored-runs"] {
            for entry in fs::read_dir(self.rows.join(folder)).into_iter().flatten() {
                let entry = entry.unwrap();
                let len = entry.metadata().unwrap().len();
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                committed.outputs.insert(path, OutputState { len, rows: 0 });
            }
        }
        committed.outputs.extend(self.files.clone());
        committed
    }

    /// What is known, or views that know nothing.
    fn take_views(&mut self, streams: &[&str], committed: &CommittedState) -> Views {
        let views = self.views.take().filter(|views| views.fit(committed));
        views.unwrap_or_else(|| Views::new(streams, committed))
    }

    /// Reads what is there, without a refresh.
    fn follow(&mut self, streams: &[&str]) {
        let committed = self.committed();
        let views = self.take_views(streams, &committed);
        self.views = Some(views.follow(Vec::new(), self.dir.path(), &committed).unwrap());
    }

    /// One refresh, and its commit; gives the names of the files that changed.
    fn refresh(&mut self, streams: &[&str], special: &Special) -> Vec<String> {
        let committed = self.committed();
        let views = self.take_views(streams, &committed);
        let made =
            views.refresh(Vec::new(), self.dir.path(), &committed, &mut || Ok(special.clone())).unwrap();
        for file in &made.files {
            fs::rename(&file.file, self.dir.path().join(&file.path)).unwrap();
            let bytes = fs::read(self.dir.path().join(&file.path)).unwrap();
            assert_eq!(bytes.len() as u64, file.len, "{}", file.path);
            assert_eq!(crate::support::sha256_hex(&bytes), file.sha256.to_string(), "{}", file.path);
            assert_eq!(
                bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
                file.rows,
                "{}",
                file.path
            );
            self.files.insert(file.path.clone(), OutputState { len: file.len, rows: file.rows });
        }
        self.views = Some(made.views);
        made.files.iter().map(|file| file.path.clone()).collect()
    }

    /// The files of the views, by path.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        views_in(self.dir.path())
    }
}

/// The files of the views below an output folder, by path.
fn views_in(output: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(output.join("views")).into_iter().flatten().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let path = format!("views/{}", entry.file_name().to_str().unwrap());
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// The views of evidence, each with the score that counts.
pub fn views_of(pairs: &[(Value, Value)]) -> BTreeMap<String, Vec<u8>> {
    /// Evidence and score by generation and line.
    type Lines = BTreeMap<(u64, u64), (String, String)>;
    let mut streams: BTreeMap<String, Lines> = BTreeMap::new();
    for (evidence, score) in pairs {
        let place = &evidence["provenance"];
        let place = (place["generation"].as_u64().unwrap(), place["line_offset"].as_u64().unwrap());
        let stream = evidence["source_stream"].as_str().unwrap().to_owned();
        streams.entry(stream).or_default().insert(place, (format!("{evidence}\n"), format!("{score}\n")));
    }
    let rows = tempfile::tempdir().unwrap();
    for folder in ["evidence", "scored-runs"] {
        fs::create_dir(rows.path().join(folder)).unwrap();
    }
    for (stream, lines) in &streams {
        let evidence: String = lines.values().map(|(evidence, _)| evidence.as_str()).collect();
        let scores: String = lines.values().map(|(_, score)| score.as_str()).collect();
        fs::write(rows.path().join(format!("evidence/{stream}.jsonl")), evidence).unwrap();
        fs::write(rows.path().join(format!("scored-runs/{stream}.jsonl")), scores).unwrap();
    }
    let mut views = Kept::over(rows.path());
    views.refresh(&streams.keys().map(String::as_str).collect::<Vec<_>>(), &Special::new());
    views.files()
}

/// What `run` would hand to the views.
fn special(kb: &Path, output: &Path) -> (Vec<String>, Special) {
    let (rules, outputs) = (Rules::default(), Outputs::open(output).unwrap());
    let streams = StreamSet::new(kb, &rules, &[]);
    let names = streams.names().into_iter().map(str::to_owned).collect();
    (names, special_of(&outputs, &streams, &rules).unwrap())
}

fn check(seed: u64) {
    let kb = story(seed);
    let delivery = Delivery::random(&kb, &mut Rng::with_seed(seed ^ 0x71e5));
    let bench = Bench::new();
    let mut kept: Option<Kept> = None;
    let mut rng = Rng::with_seed(seed);
    for piece in 0..delivery.count() {
        // A start for every piece: the views of the run are made from nothing.
        bench.hand_over(&kb, &delivery, piece).unwrap();
        let output = bench.path("out");
        let (names, special) = special(&bench.path("kb"), &output);
        let kept = kept.get_or_insert_with(|| Kept::over(&output));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if rng.bool() {
            // What came in is read before files are made of it.
            kept.follow(&names);
            if rng.bool() && piece + 1 < delivery.count() {
                continue;
            }
        }
        kept.refresh(&names, &special);
        println!("story {seed}, piece {piece}");
        assert_same_files(&kept.files(), &views_in(&output));
    }
}

#[test]
fn views_that_are_kept_are_those_that_are_made_from_nothing() {
    let asked = std::env::var("DISTILLD_STORIES").ok().map(|stories| stories.parse().unwrap());
    (0..asked.unwrap_or(120)).for_each(check);
}

/// Puts the first `parts` of `all` parts of every stream of one folder into another, whole lines only.
fn hand_over(from: &Lab, to: &Lab, parts: usize, all: usize) {
    for stream in distilld::domain::streams::STREAMS.iter().map(|stream| stream.name()) {
        let text = fs::read_to_string(from.stream(stream)).unwrap_or_default();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let known = fs::read_to_string(to.stream(stream)).unwrap_or_default().lines().count();
        let more = &lines[known..lines.len() * parts / all];
        if !more.is_empty() {
            to.append(stream, more.concat());
        }
    }
}

#[test]
fn a_corpus_that_comes_bit_by_bit_has_the_views_of_the_whole() {
    let (source, lab) = (Lab::generated(23, 3000), Lab::new());
    let mut kept: Option<Kept> = None;
    for part in 1..=6 {
        hand_over(&source, &lab, part, 6);
        lab.run_once();
        let (names, special) = special(&lab.kb(), &lab.out());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kept = kept.get_or_insert_with(|| Kept::over(&lab.out()));
        assert_eq!(kept.refresh(&names, &special).len(), 5, "part {part} changes every view");
        assert_eq!(
            kept.refresh(&names, &special),
            Vec::<String>::new(),
            "nothing is new, nothing is written"
        );
        assert_same_files(&kept.files(), &views_in(&lab.out()));
    }
}

#[test]
fn a_line_that_somebody_changed_is_not_carried_on() {
    let (source, lab) = (Lab::generated(24, 400), Lab::new());
    hand_over(&source, &lab, 1, 2);
    lab.run_once();
    let (names, nothing) = (special(&lab.kb(), &lab.out()).0, Special::new());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut kept = Kept::over(&lab.out());
    kept.refresh(&names, &nothing);
    let runs = kept.dir.path().join("views/runs.jsonl");
    let text = fs::read_to_string(&runs).unwrap();
    fs::write(&runs, text.replacen("schema_version", "schema_versioN", 1)).unwrap();
    hand_over(&source, &lab, 2, 2);
    lab.run_once();
    let before = kept.views.take().unwrap();
    let mut committed = Outputs::open(&lab.out()).unwrap().state;
    committed.outputs.retain(|path, _| !path.starts_with("views/"));
    committed.outputs.extend(kept.files.clone());
    let refused = before
        .refresh(Vec::new(), kept.dir.path(), &committed, &mut || Ok(nothing.clone()))
        .map(|made| made.files.len());
    assert!(refused.unwrap_err().to_string().contains("views/runs.jsonl was changed by somebody else"));
    assert_eq!(fs::read_dir(kept.dir.path().join("views")).unwrap().count(), 5, "what was begun is gone");
    // From the beginning it is right again.
    kept.refresh(&names, &nothing);
    assert!(!fs::read_to_string(&runs).unwrap().contains("schema_versioN"));
}

/// Everything that views know of rows.
fn known(facts: &mut Facts) -> String {
    struct Nothing;
    impl distilld::domain::views::Lines for Nothing {
        fn evidence(&mut self, _: &Row) -> Option<&str> {
            panic!("a row has to be read back")
        }
    }
    let waiting = facts.waiting();
    facts.settle(waiting);
    let mut known = String::new();
    for row in (0..facts.len()).map(|id| facts.row(id).unwrap()) {
        known.push_str(&format!("{row:?}\n"));
    }
    let mut room = RunLines::default();
    for run in facts.all_runs() {
        room.push(facts, run, &mut Nothing, &mut known);
    }
    known
}

#[test]
fn what_is_taken_of_a_row_where_it_is_distilled_is_what_its_lines_say() {
    let lab = Lab::generated(71, 4000);
    let rules = Rules::default();
    let mut distiller = Distiller::new(&rules);
    let mut rows = 0;
    for stream in STREAMS {
        let file = source_file(stream.name());
        let context = StreamContext { stream, source_file: &file, settings: None };
        let mut lines = Lines { outlines: Some(Outlines::default()), ..Lines::default() };
        let (mut kept, mut byte_offset) = (Vec::new(), 0);
        let bytes = fs::read(lab.stream(stream.name())).unwrap();
        for (row, line_offset) in bytes.split(|byte| *byte == b'\n').zip(0..) {
            let place = Place { generation: 3, line_offset, byte_offset };
            byte_offset += row.len() as u64 + 1;
            let made = distiller.row(context, place, row, None, false, &mut lines, &mut BTreeMap::new());
            if let Outcome::Evidence(_) = made.unwrap() {
                kept.push(line_offset % 7 != 3);
            }
        }
        let mut outlines = lines.outlines.take().unwrap();
        outlines.retain(&kept);
        let (mut taken, mut read) = (Facts::new(&[stream.name()]), Facts::new(&[stream.name()]));
        taken.take(0, 0, &outlines);
        let (mut at, mut scored) = (0, 0);
        for ((evidence, score), _) in
            lines.evidence.lines().zip(lines.scored.lines()).zip(&kept).filter(|(_, kept)| **kept)
        {
            read.read(0, at, evidence, score);
            at += evidence.len() as u64 + 1;
            scored += score.len() as u64 + 1;
        }
        assert_eq!(outlines.lens(), (at, scored), "{}", stream.name());
        rows += taken.len();
        let (taken, read) = (known(&mut taken), known(&mut read));
        assert!(taken == read, "{}:\n{taken}\nand from lines\n{read}", stream.name());
    }
    assert!(rows > 3000, "{rows} rows");
}
