//! What files should hold, against plain loops over all rows; texts of few rows and crowds alike.

use super::*;
use crate::domain::exports::preference::{Sides, Source, sides};
use crate::domain::link::facts::TextFacts;
use crate::domain::link::{Facts, Judged, Moment, NewRow, Part, Touched};
use crate::domain::schema::scalars::EventTime;
use crate::domain::signal::{Code, SignalSet};

const TEXTS: u64 = 3;

/// Rows of few texts, instructions and runs; every part that matters to samples.
fn random_row(dice: &mut fastrand::Rng, nth: usize) -> (NewRow, Facts) {
    let part = [Part::Other, Part::Other, Part::Review, Part::Human, Part::Distilled][dice.usize(..5)];
    let run = dice.u64(1..40);
    let instruction = match part {
        Part::Human | Part::Distilled => 0,
        _ => dice.u64(..4) * 10,
    };
    let judged = if part == Part::Human { Judged::Run(dice.u64(1..40)) } else { Judged::Nothing };
    let facts = Facts {
        part,
        work: true,
        time: EventTime::from_millis(1_700_000_000_000 + dice.i64(..1000)),
        run,
        judged,
        signature: (part != Part::Human && dice.u8(..4) == 0).then(|| dice.u64(1..6)),
        pull: None,
        commit: None,
        file: None,
        attempt: None,
        own: SignalSet::EMPTY,
        says: if part == Part::Human { SignalSet::of(Code::HumanCorrect) } else { SignalSet::EMPTY },
        task: None,
        text: Some(TextFacts { text: 1 + dice.u64(..TEXTS), instruction, input: instruction }),
        secret: dice.u8(..6) == 0,
        secret_in_pair: false,
        makes_pair: part == Part::Human,
        anchor_grounding: None,
    };
    let stream = dice.u16(..5);
    let new = NewRow {
        sig: [0; 16],
        moment: Moment::new(facts.time, stream, nth as u64 * 100),
        evidence_len: 100,
        stream,
        category: Category::ALL[dice.usize(..4)],
    };
    (new, facts)
}

fn plain(links: &Links, rows: &[Place], dataset: Dataset) -> Verdict {
    let row = |place: &Place| links.rows.get(*place).unwrap();
    let allowed: Vec<Place> =
        rows.iter().copied().filter(|place| dataset.allows(row(place).category)).collect();
    let eligible =
        allowed.iter().copied().filter(|place| dataset == Dataset::Sft || !links.is_superseded(*place));
    let (secret, open): (Vec<Place>, Vec<Place>) = eligible.partition(|place| row(place).has_secret());
    let Some(first) = links.first(open) else {
        let secret = links.first(secret);
        return secret.map_or(Verdict::Nothing, |first| Verdict::Withheld(Withheld::Secret, first));
    };
    let disagree = rows
        .iter()
        .filter(|place| row(place).category == Category::Rejected)
        .any(|rejected| allowed.iter().any(|allowed| row(allowed).run != row(rejected).run));
    if disagree { Verdict::Withheld(Withheld::Conflict, first) } else { Verdict::Sample(first) }
}

#[track_caller]
fn assert_as_plain(links: &Links, seed: u64) {
    let all = 0..links.rows.len() as Place;
    for text in 1..=TEXTS {
        let rows: Vec<Place> =
            all.clone().filter(|place| links.rows.text(*place).unwrap().facts.text == text).collect();
        assert_eq!(rag(links, text), plain(links, &rows, Dataset::Rag), "seed {seed}, text {text}");
        let mut expected = Vec::new();
        for instruction in [10, 20, 30] {
            let rows: Vec<Place> =
                rows.iter().copied().filter(|place| links.instruction(*place) == instruction).collect();
            if !rows.is_empty() {
                expected.push((instruction, plain(links, &rows, Dataset::Sft)));
            }
        }
        assert_eq!(sft(links, text), expected, "seed {seed}, text {text}");
    }
    for input in [10, 20, 30] {
        let first = |category: Category| {
            let of_input = |place: &Place| links.rows.text(*place).unwrap().facts.input == input;
            let is_of = |place: &Place| links.rows.get(*place).unwrap().category == category;
            links.first(all.clone().filter(of_input).filter(is_of))
        };
        let expected = first(Category::Accepted).zip(first(Category::Rejected));
        let expected = expected.map(|(chosen, rejected)| Sides { chosen, rejected });
        assert_eq!(sides(links, Source::Input(input)), expected, "seed {seed}, input {input}");
    }
}

#[test]
fn what_files_should_hold_is_what_plain_loops_say_however_many_rows_share_a_text() {
    let (mut crowds, mut kinds) = (0, [0; 3]);
    for seed in 0..40 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut links = Links::new(1000);
        // Mostly rejected rows leave nothing but conflicts.
        let liked = dice.bool();
        for nth in 0..800 {
            let (new, facts) = random_row(&mut dice, nth);
            let place = links.insert(&new, &facts, &mut Touched::default());
            for _ in 0..dice.usize(..3) {
                let category = Category::ALL
                    [if liked && dice.u8(..50) > 0 { 3 * dice.usize(..2) } else { dice.usize(..4) }];
                links.restore(dice.u32(..=place), SignalSet::EMPTY, category, 1);
            }
            if nth % 10 == 9 {
                assert_as_plain(&links, seed);
            }
        }
        for text in 1..=TEXTS {
            crowds += usize::from(links.crowd_of_text(text).is_some());
            kinds[match rag(&links, text) {
                Verdict::Sample(_) => 0,
                Verdict::Withheld(..) => 1,
                Verdict::Nothing => 2,
            }] += 1;
        }
    }
    assert!(crowds >= 100 && kinds[1] > 0, "nothing was tried: {crowds} crowds, {kinds:?}");
}
