//! Any delivery of any story ends as the oracle says, and so do all of its pieces on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fastrand::Rng;

use super::delivery::{Bench, Delivery};
use super::read::Kb;
use super::stories::story;
use super::{Answer, answer};

/// How many stories are told; `DISTILLD_STORIES` widens it.
const STORIES: u64 = 500;
/// How many deliveries each story has.
const DELIVERIES: usize = 3;

/// Hands a story over piece by piece; after each piece the outputs must be what the oracle says of the rows so far.
/// Gives the folders of the end, or what is wrong.
pub fn deliver(kb: &Kb, delivery: &Delivery) -> Result<Bench, String> {
    let bench = Bench::new();
    for piece in 0..delivery.count() {
        bench.hand_over(kb, delivery, piece).map_err(|e| format!("after piece {piece}: {e}"))?;
        let so_far = delivery.so_far(kb, piece);
        let wrong = differences(&answer(&so_far), &bench.answer(&so_far));
        if !wrong.is_empty() {
            return Err(format!("after piece {piece}:\n{wrong}"));
        }
    }
    Ok(bench)
}

/// What differs, a line each; empty when nothing does.
pub fn differences(expected: &Answer, found: &Answer) -> String {
    let mut told = String::new();
    let keys = expected.scores.keys().chain(found.scores.keys()).collect::<BTreeSet<_>>();
    for key in keys {
        let (expected, found) = (expected.scores.get(key), found.scores.get(key));
        if expected != found {
            let tell = |score: Option<&super::Score>| {
                score.map_or("no evidence".to_owned(), |s| format!("{} {:?}", s.category, s.reasons))
            };
            let (stream, line) = key;
            let _ = writeln!(told, "  {stream}:{line}: expected {}", tell(expected));
            let _ = writeln!(told, "  {stream}:{line}: found    {}", tell(found));
        }
    }
    let (e, f) = (&expected.samples, &found.samples);
    for (export, e, f) in
        [("rag", &e.rag, &f.rag), ("sft", &e.sft, &f.sft), ("preference", &e.preference, &f.preference)]
    {
        for line in e.difference(f) {
            let _ = writeln!(told, "  {export} lacks   {line}");
        }
        for line in f.difference(e) {
            let _ = writeln!(told, "  {export} has too {line}");
        }
    }
    told
}

/// Leaves out rows as long as something stays wrong, so that what is left is what matters.
fn shrink(mut kb: Kb, mut delivery: Delivery, mut wrong: String) -> (Kb, Delivery, String) {
    loop {
        let mut smaller = None;
        'rows: for (stream, lines) in &kb {
            for row in (0..lines.len()).rev() {
                let mut less = kb.clone();
                less.get_mut(stream).unwrap().remove(row);
                let delivery = delivery.without(stream, row);
                if let Err(wrong) = deliver(&less, &delivery) {
                    smaller = Some((less, delivery, wrong));
                    break 'rows;
                }
            }
        }
        match smaller {
            Some(found) => (kb, delivery, wrong) = found,
            None => return (kb, delivery, wrong),
        }
    }
}

/// The rows of a story, each with the piece that brings it.
fn tell(kb: &Kb, delivery: &Delivery) -> String {
    let mut told = String::new();
    for (stream, lines) in kb {
        for (line, row) in lines.iter().enumerate() {
            let piece = delivery.pieces[stream][line];
            let run = super::read::run_of(stream, row);
            let _ = writeln!(told, "  {stream}:{line} (piece {piece}, run {run}) {row}");
        }
    }
    told
}

fn check(seed: u64) {
    let kb = story(seed);
    let mut dice = Rng::with_seed(seed ^ 0x5eed);
    let mut first: Option<Bench> = None;
    for number in 0..DELIVERIES {
        let delivery = if number == 0 { Delivery::whole(&kb) } else { Delivery::random(&kb, &mut dice) };
        match deliver(&kb, &delivery) {
            Ok(bench) => {
                if let Some(first) = &first {
                    crate::support::assert_same_files(&bench.promise2(), &first.promise2());
                }
                first.get_or_insert(bench);
            }
            Err(wrong) => {
                let (kb, delivery, wrong) = shrink(kb, delivery, wrong);
                panic!(
                    "story {seed}, delivery {number} (DISTILLD_STORY_SEED={seed} tells it again), in commits of at \
                     most {} rows and {} bytes by {} workers, left with what matters:\n{}{wrong}",
                    delivery.batch_rows_max,
                    delivery.batch_bytes_max,
                    delivery.workers,
                    tell(&kb, &delivery),
                );
            }
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// The seeds of so many stories, or the one that was asked for.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match setting("DISTILLD_STORY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("DISTILLD_STORIES").unwrap_or(count),
    }
}

#[test]
fn any_delivery_of_any_story_ends_as_the_oracle_says() {
    seeds(STORIES).for_each(check);
}

#[test]
fn a_snapshot_is_the_same_bytes_after_any_delivery() {
    for seed in seeds(20) {
        let kb = story(seed);
        let mut dice = Rng::with_seed(seed ^ 0x0005_5eed);
        let snapshot = |delivery: &Delivery| {
            let bench = deliver(&kb, delivery).unwrap_or_else(|wrong| panic!("story {seed}: {wrong}"));
            bench.snapshot()
        };
        let whole = snapshot(&Delivery::whole(&kb));
        assert!(!whole.is_empty());
        crate::support::assert_same_files(&snapshot(&Delivery::random(&kb, &mut dice)), &whole);
    }
}

#[test]
fn first_scores_are_what_each_row_says_of_itself() {
    for seed in seeds(100) {
        let kb = story(seed);
        let delivery = Delivery::random(&kb, &mut Rng::with_seed(seed));
        let bench = Bench::new();
        for piece in 0..delivery.count() {
            bench.hand_over(&kb, &delivery, piece).unwrap();
        }
        let scores = |scores| Answer { scores, ..Answer::default() };
        let wrong = differences(&scores(super::first_scores(&kb)), &scores(bench.first_scores(&kb)));
        assert!(wrong.is_empty(), "story {seed}:\n{}{wrong}", tell(&kb, &delivery));
    }
}

/// Every signal of SPEC section 5, every rule of section 6, and every fate of section 7.
const MET: &str = "
    apply.committed gate.passed auditor.approve audit.backed outcome.complete apply.partial auditor.warn
    outcome.partial apply.reverted gate.failed:g1 gate.failed:g2 gate.failed:g4 gate.failed:other auditor.block:static
    auditor.block:dynamic outcome.failed grounding.high contract.complete grounding.mid grounding.low replay.low
    replay.high scrum.accept observer.accept escalation.analysed auditor.approve.model extract.verified
    consensus.majority scrum.reject observer.reject observer.escalated auditor.block.model extract.refuted
    consensus.split overseer.corrected call.error human.accept human.partial human.reject human.review human.correct
    link.ambiguous extract.failed rule.support rule.human rule.conflict rule.failed rule.unclear rule.disputed
    rule.passed rule.ungrounded rule.grounded rule.opposed rule.opinions rule.single_opinion rule.outage rule.none";
const FATES: [&str; 17] = [
    "rag made",
    "rag no text",
    "rag category",
    "rag superseded_by_twin",
    "rag repeated",
    "rag secret",
    "rag conflict.content",
    "sft made",
    "sft no instruction",
    "sft repeated",
    "sft secret",
    "sft conflict.content",
    "preference made",
    "preference alike",
    "preference of one run",
    "preference repeated",
    "preference secret",
];

#[test]
fn the_stories_meet_every_signal_every_rule_and_every_fate_of_a_sample() {
    let mut met: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..STORIES {
        let rows = super::read::evidence(&story(seed));
        let links = super::links::link(&rows);
        let scores: Vec<_> =
            (0..rows.len()).map(|row| super::score::score(&rows, row, &links.on[row])).collect();
        for reason in scores.iter().flat_map(|score| &score.reasons) {
            *met.entry(reason.clone()).or_default() += 1;
        }
        for (fate, count) in super::samples::samples(&rows, &links, &scores).fates {
            *met.entry(fate).or_default() += count;
        }
    }
    for wanted in MET.split_whitespace().chain(FATES) {
        assert!(met.get(wanted).is_some_and(|count| *count >= 3), "{wanted} is hardly met: {met:#?}");
    }
}
