//! Which row's sample a file should hold for one text: a function of what is known, never of what was written before.

use std::collections::{BTreeMap, BTreeSet};

use super::Dataset;
use crate::domain::link::{Crowd, Group, Key, Links, Place};
use crate::domain::score::Category;

/// Why a text that is good enough is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Withheld {
    /// The same content is allowed in one run and rejected in another.
    Conflict,
    /// There is a secret in it.
    Secret,
}

impl Withheld {
    /// The code in answers and retractions.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "conflict.content",
            Self::Secret => "secret",
        }
    }
}

/// What a file should hold for one content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sample of this row.
    Sample(Place),
    /// Nothing, though this row is good enough.
    Withheld(Withheld, Place),
    /// Nothing.
    Nothing,
}

/// What the RAG file should hold for a text.
pub fn rag(links: &Links, text: Key) -> Verdict {
    links.first_of_text(text).map_or(Verdict::Nothing, |place| rag_of(links, text, place))
}

/// The same of a text that the row at a place has.
pub fn rag_of(links: &Links, text: Key, place: Place) -> Verdict {
    match crowd(links, text, place) {
        Some(crowd) => of_groups(links, &[&crowd.all], Dataset::Rag),
        None => choose(links, links.text_mates(place), Dataset::Rag),
    }
}

/// What the SFT file should hold for a text: one verdict for each instruction that it answers, by the instruction's key.
pub fn sft(links: &Links, text: Key) -> Vec<(Key, Verdict)> {
    links.first_of_text(text).map_or_else(Vec::new, |place| sft_of(links, text, place))
}

/// The same of a text that the row at a place has.
pub fn sft_of(links: &Links, text: Key, place: Place) -> Vec<(Key, Verdict)> {
    if let Some(crowd) = crowd(links, text, place) {
        return sft_of_crowd(links, crowd);
    }
    let mut instructions: Vec<Key> = links.text_mates(place).map(|place| links.instruction(place)).collect();
    instructions.retain(|instruction| *instruction != 0);
    instructions.sort_unstable();
    instructions.dedup();
    let of = |instruction: Key| {
        let answers =
            || links.text_mates(place).filter(move |place| links.instruction(*place) == instruction);
        choose(links, answers(), Dataset::Sft)
    };
    instructions.into_iter().map(|instruction| (instruction, of(instruction))).collect()
}

fn crowd(links: &Links, text: Key, place: Place) -> Option<&Crowd> {
    if links.has_own_text(place) { None } else { links.crowd_of_text(text) }
}

/// Two runs disagree about a content when some row is allowed and some row of another run is rejected. Of the runs of either
/// kind it is enough to know one, and whether there are others.
#[derive(Debug, Default)]
struct Runs(Option<Key>, bool);

impl Runs {
    fn add(&mut self, run: Key) {
        self.1 |= *self.0.get_or_insert(run) != run;
    }

    fn disagree(&self, others: &Self) -> bool {
        let (Some(run), Some(other)) = (self.0, others.0) else { return false };
        run != other || self.1 || others.1
    }
}

/// The canonically first of the rows that the file may hold, unless something speaks against the content itself.
fn choose(links: &Links, rows: impl Iterator<Item = Place>, dataset: Dataset) -> Verdict {
    // The canonically first without a secret, and with one.
    let mut firsts: [Option<(u64, Place)>; 2] = [None; 2];
    let (mut allowed, mut rejected) = (Runs::default(), Runs::default());
    for place in rows {
        let Some(row) = links.rows.get(place) else { continue };
        if row.category == Category::Rejected {
            rejected.add(row.run);
        } else if dataset.allows(row.category) {
            allowed.add(row.run);
            let candidate = (row.moment.canonical(), place);
            let [open, secret] = &mut firsts;
            let first = if row.has_secret() { secret } else { open };
            if first.is_none_or(|first| candidate < first) && is_eligible(links, place, dataset) {
                *first = Some(candidate);
            }
        }
    }
    verdict(firsts, &allowed, &rejected)
}

/// The same of rows that stand in order.
fn of_groups(links: &Links, groups: &[&Group], dataset: Dataset) -> Verdict {
    let categories = || Category::ALL.into_iter().filter(|category| dataset.allows(*category));
    let each = || categories().flat_map(|category| groups.iter().map(move |group| (*group, category)));
    let first = |secret: bool| {
        let eligible = |(_, place): &(u64, Place)| is_eligible(links, *place, dataset);
        each().filter_map(|(group, category)| group.rows(category, secret).find(eligible)).min()
    };
    let (mut allowed, mut rejected) = (Runs::default(), Runs::default());
    each().for_each(|(group, category)| group.runs(category).take(2).for_each(|run| allowed.add(run)));
    let against = groups.iter().flat_map(|group| group.runs(Category::Rejected).take(2));
    against.for_each(|run| rejected.add(run));
    verdict([first(false), first(true)], &allowed, &rejected)
}

fn sft_of_crowd(links: &Links, crowd: &Crowd) -> Vec<(Key, Verdict)> {
    let mut people: BTreeMap<Key, Group> = BTreeMap::new();
    for place in &crowd.people {
        let instruction = links.instruction(*place);
        if let Some(row) = links.rows.get(*place).filter(|_| instruction != 0) {
            people.entry(instruction).or_default().insert(row, *place);
        }
    }
    let instructions: BTreeSet<Key> = crowd.answers.keys().chain(people.keys()).copied().collect();
    let of = |instruction: Key| {
        let groups: Vec<&Group> =
            [crowd.answers.get(&instruction), people.get(&instruction)].into_iter().flatten().collect();
        (instruction, of_groups(links, &groups, Dataset::Sft))
    };
    instructions.into_iter().map(of).collect()
}

/// Whether nothing that was distilled stands for the row's text.
fn is_eligible(links: &Links, place: Place, dataset: Dataset) -> bool {
    dataset != Dataset::Rag || !links.is_superseded(place)
}

fn verdict([open, secret]: [Option<(u64, Place)>; 2], allowed: &Runs, rejected: &Runs) -> Verdict {
    match (open, secret) {
        (Some((_, first)), _) if rejected.disagree(allowed) => Verdict::Withheld(Withheld::Conflict, first),
        (Some((_, first)), _) => Verdict::Sample(first),
        (None, Some((_, first))) => Verdict::Withheld(Withheld::Secret, first),
        (None, None) => Verdict::Nothing,
    }
}

#[cfg(test)]
#[path = "wanted_tests.rs"]
mod tests;
