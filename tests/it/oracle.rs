//! Truth that arrives late: whatever the order in which rows arrive, the end is the same, and it is what a slow reading
//! of the specification says.
//!
//! `read`, `links`, `score` and `samples` are that reading: plain loops over all rows, which share no code with
//! `src/domain`. `stories` tells small adversarial stories from a seed, `delivery` hands them to distilld in pieces, and
//! `cases` holds what was worked out by hand.

use std::collections::BTreeMap;

mod cases;
pub mod delivery;
mod links;
mod property;
pub mod read;
mod samples;
mod score;
mod signals;
pub mod stories;
mod why;

use read::Kb;
use samples::Samples;
use score::Score;

/// What is to be found in the outputs once all rows of a folder are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// By stream and line: the score that counts.
    scores: BTreeMap<(String, u64), Score>,
    samples: Samples,
}

/// The oracle's answer.
fn answer(kb: &Kb) -> Answer {
    let rows = read::evidence(kb);
    let links = links::link(&rows);
    let scores: Vec<Score> = (0..rows.len()).map(|row| score::score(&rows, row, &links.on[row])).collect();
    let samples = samples::samples(&rows, &links, &scores).samples;
    let keys = rows.iter().map(|row| (row.stream.clone(), row.line));
    Answer { scores: keys.zip(scores).collect(), samples }
}

/// What the rows say of themselves, before any link: the first score of each.
fn first_scores(kb: &Kb) -> BTreeMap<(String, u64), Score> {
    let rows = read::evidence(kb);
    let first = |(row, of): (usize, &read::Row)| {
        let own: Vec<links::Signal> =
            of.own.iter().map(|code| links::Signal { code: code.clone(), said_by: row }).collect();
        ((of.stream.clone(), of.line), score::score(&rows, row, &own))
    };
    rows.iter().enumerate().map(first).collect()
}
