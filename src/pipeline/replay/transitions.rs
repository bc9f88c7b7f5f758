//! What other rules change: the category that each row had, and the one that it has by the replay.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::outputs::{CommittedRow, Outputs, Rescored, provenance_key};
use crate::store::StoreError;

/// How many examples are kept of each transition.
const EXAMPLES: usize = 3;

/// How many rows went from one category to another, or stayed; `None` is a row that is no evidence.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Transitions {
    counts: BTreeMap<(Option<Category>, Option<Category>), Transition>,
}

/// The rows that went one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transition {
    /// How many.
    pub rows: u64,
    /// The run ids of the first of them.
    pub examples: Vec<String>,
}

/// A row's place in its stream, its category, and its run for the first of their kind.
type Had = ((u32, u64), Category, u64);

impl Transitions {
    /// Compares the scores of two outputs, row by row. With `first_only` each row counts with its first score, which no
    /// other stream has a say in.
    pub fn between(
        live: &Outputs,
        replayed: &Outputs,
        streams: &[&str],
        first_only: bool,
    ) -> Result<Self, StoreError> {
        let current =
            |outputs: &Outputs| if first_only { Ok(Rescored::default()) } else { outputs.rescored() };
        let (before, after) = (current(live)?, current(replayed)?);
        let mut all = Self::default();
        for stream in streams {
            let mut had: Vec<Had> = Vec::new();
            live.each_row(stream, &before, |row| {
                had.extend(place(row).zip(category(row)).map(|(at, was)| (at, was, row.evidence_at)));
            })?;
            let mut had = had.into_iter().peekable();
            let evidence = format!("evidence/{stream}.jsonl");
            let mut lost = Vec::new();
            replayed.each_row(stream, &after, |row| {
                let (Some(at), Some(is)) = (place(row), category(row)) else { return };
                let was = all.catch_up(&mut had, at, &mut lost);
                all.note(was, Some(is), || run_id(row.evidence));
            })?;
            all.catch_up(&mut had, (u32::MAX, u64::MAX), &mut lost);
            for (was, at) in lost {
                let line = live.read(&evidence, at, at + EXAMPLE_BYTES)?;
                let line = String::from_utf8_lossy(&line).into_owned();
                all.example(was, None, run_id(line.lines().next().unwrap_or_default()));
            }
        }
        Ok(all)
    }

    /// Notes the rows before `at` that are no evidence any more; gives the category of the row there, if there was one.
    fn catch_up(
        &mut self,
        had: &mut Peekable<IntoIter<Had>>,
        at: (u32, u64),
        lost: &mut Vec<(Option<Category>, u64)>,
    ) -> Option<Category> {
        while let Some((_, was, evidence_at)) = had.next_if(|(place, ..)| *place < at) {
            let transition = self.counts.entry((Some(was), None)).or_default();
            transition.rows += 1;
            if transition.rows <= EXAMPLES as u64 {
                lost.push((Some(was), evidence_at));
            }
        }
        had.next_if(|(place, ..)| *place == at).map(|(_, was, _)| was)
    }

    fn note(&mut self, was: Option<Category>, is: Option<Category>, run: impl FnOnce() -> Option<String>) {
        let transition = self.counts.entry((was, is)).or_default();
        transition.rows += 1;
        if was != is && transition.examples.len() < EXAMPLES {
            transition.examples.extend(run());
        }
    }

    fn example(&mut self, was: Option<Category>, is: Option<Category>, run: Option<String>) {
        let transition = self.counts.entry((was, is)).or_default();
        if transition.examples.len() < EXAMPLES {
            transition.examples.extend(run);
        }
    }

    /// Rows whose category stayed what it was.
    pub fn unchanged(&self) -> u64 {
        self.counts.iter().filter(|((was, is), _)| was == is).map(|(_, transition)| transition.rows).sum()
    }

    /// What changed: category before, category now, and the rows, in the order of the categories.
    pub fn changes(&self) -> impl Iterator<Item = (Option<Category>, Option<Category>, &Transition)> {
        self.counts.iter().filter(|((was, is), _)| was != is).map(|((was, is), rows)| (*was, *is, rows))
    }
}

/// The run id stands near the start of a line; so much of it is read for an example.
const EXAMPLE_BYTES: u64 = 4096;

fn place(row: CommittedRow<'_>) -> Option<(u32, u64)> {
    provenance_key(row.evidence).map(|(_, generation, line)| (generation, line))
}

fn category(row: CommittedRow<'_>) -> Option<Category> {
    let value = skim::members(row.score).find(|(key, _)| *key == "category")?.1;
    Category::from_name(value.trim_matches('"'))
}

fn run_id(evidence: &str) -> Option<String> {
    let value = skim::members(evidence).find(|(key, _)| *key == "run_id")?.1;
    skim::text(value).map(|text| text.plain().into_owned())
}
