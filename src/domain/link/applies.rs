//! The applies of one file, and which of them were undone by a revert.
//!
//! A revert undoes the latest row that did something with the same commit; when there is none, the latest before it.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;

use super::by_file::{between, undone};
use super::facts::{Facts, Key};
use super::moment::Moment;
use super::rows::{Place, Rows};
use crate::domain::schema::scalars::EventTime;
use crate::domain::signal::{Code, SignalSet};

/// The rows of `auto_apply` on one file.
#[derive(Debug, Default)]
pub(super) struct Applies {
    /// Rows that did something: those with `apply.committed` or `apply.partial`.
    doing: BTreeMap<Moment, (Place, Option<Key>)>,
    /// Rows that neither did something nor undo anything.
    plain: BTreeMap<Moment, Place>,
    commits: BTreeMap<Key, Commit>,
    /// Reverts of no commit that is known: they undo the latest before them.
    loose: BTreeMap<Moment, Place>,
}

/// The rows of one commit.
#[derive(Debug, Default)]
struct Commit {
    doing: BTreeMap<Moment, Place>,
    reverts: BTreeMap<Moment, Place>,
}

/// What a row of `auto_apply` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Doing,
    Reverting,
    Nothing,
}

fn deed(says: SignalSet) -> Deed {
    if says.contains(Code::ApplyReverted) {
        Deed::Reverting
    } else if says.contains(Code::ApplyCommitted) || says.contains(Code::ApplyPartial) {
        Deed::Doing
    } else {
        Deed::Nothing
    }
}

impl Applies {
    /// Tells of every row that a new one will change: those it undoes, and those whose reverts it takes over. To be asked
    /// before it is put in.
    pub(super) fn affected(&self, place: Place, moment: Moment, facts: &Facts, mut tell: impl FnMut(Place)) {
        let commit = facts.commit.and_then(|commit| self.commits.get(&commit));
        match deed(facts.says) {
            Deed::Nothing => {}
            Deed::Reverting => {
                let same_commit = commit.and_then(|commit| commit.doing.values().next_back());
                let latest = || self.doing.range(..moment).next_back().map(|(_, (place, _))| place);
                same_commit.or_else(latest).into_iter().for_each(|place| tell(*place));
            }
            Deed::Doing => {
                tell(place);
                // The reverts of the commit move to it, from the row of the commit before, or from wherever they went.
                if let Some(commit) = commit {
                    commit.doing.values().next_back().into_iter().for_each(|place| tell(*place));
                    if commit.doing.is_empty() {
                        commit
                            .reverts
                            .iter()
                            .for_each(|(revert, place)| self.tell_undone(*revert, *place, &mut tell));
                    }
                }
                // So do those of no known commit between it and the next.
                let next = self.doing.range(moment..).next().map(|(next, _)| *next);
                let loose = self.loose.range(moment..);
                let mine = loose.take_while(|(revert, _)| next.is_none_or(|next| **revert < next));
                mine.for_each(|(revert, place)| self.tell_undone(*revert, *place, &mut tell));
            }
        }
    }

    /// Tells of the row that a revert of no known commit undoes; of itself when there is none.
    fn tell_undone(&self, revert: Moment, place: Place, tell: &mut impl FnMut(Place)) {
        let undone = self.doing.range(..revert).next_back();
        tell(undone.map_or(place, |(_, (place, _))| *place));
    }

    /// Puts a row in.
    pub(super) fn insert(&mut self, place: Place, moment: Moment, facts: &Facts) {
        match deed(facts.says) {
            Deed::Nothing => {
                self.plain.insert(moment, place);
            }
            Deed::Reverting => {
                let commit = facts.commit.map(|commit| self.commits.entry(commit).or_default());
                let known = commit.is_some_and(|commit| {
                    commit.reverts.insert(moment, place);
                    !commit.doing.is_empty()
                });
                if !known {
                    self.loose.insert(moment, place);
                }
            }
            Deed::Doing => {
                self.doing.insert(moment, (place, facts.commit));
                if let Some(commit) = facts.commit {
                    let commit = self.commits.entry(commit).or_default();
                    if commit.doing.is_empty() {
                        for revert in commit.reverts.keys() {
                            self.loose.remove(revert);
                        }
                    }
                    commit.doing.insert(moment, place);
                }
            }
        }
    }

    /// When the row of that moment was undone, if it did something and was.
    pub(super) fn undone_at(&self, moment: Moment) -> Option<Moment> {
        self.doing.get(&moment)?;
        let by_commit = self.reverts_of_commit(moment).and_then(|reverts| reverts.keys().next_back());
        by_commit.max(self.loose_reverts(moment).map(|(revert, _)| revert).next_back()).copied()
    }

    /// The rows that undo the row of that moment.
    pub(super) fn undoing(&self, moment: Moment) -> Vec<Place> {
        if !self.doing.contains_key(&moment) {
            return Vec::new();
        }
        let by_commit = self.reverts_of_commit(moment).into_iter().flat_map(BTreeMap::values);
        by_commit.chain(self.loose_reverts(moment).map(|(_, place)| place)).copied().collect()
    }

    /// Of a row that did something: the reverts of its commit, where they undo it.
    fn reverts_of_commit(&self, moment: Moment) -> Option<&BTreeMap<Moment, Place>> {
        let (_, commit) = self.doing.get(&moment)?;
        let commit = self.commits.get(commit.as_ref()?)?;
        (commit.doing.keys().next_back() == Some(&moment)).then_some(&commit.reverts)
    }

    /// The reverts of no known commit between a row and the next that did something.
    fn loose_reverts(&self, moment: Moment) -> Range<'_, Moment, Place> {
        match self.doing.range(moment..).nth(1) {
            Some((next, _)) => self.loose.range(moment..*next),
            None => self.loose.range(moment..),
        }
    }

    /// What the latest row with a time in `[from, to]` says of a review, and since when.
    pub(super) fn latest(&self, rows: &Rows, from: EventTime, to: EventTime) -> Option<(Moment, SignalSet)> {
        let (moment, place) = self.latest_row(from, to)?;
        let own = rows.get(place)?.own;
        Some(self.undone_at(moment).map_or((moment, own), |undone_at| (undone_at, undone(own))))
    }

    /// Whether there is such a row, and it says anything.
    pub(super) fn any(&self, rows: &Rows, from: EventTime, to: EventTime) -> bool {
        self.latest(rows, from, to).is_some_and(|(_, says)| !says.is_empty())
    }

    /// The latest row with a time in `[from, to]`.
    pub(super) fn latest_row(&self, from: EventTime, to: EventTime) -> Option<(Moment, Place)> {
        if from > to {
            return None;
        }
        let doing = between(&self.doing, from, to).next_back().map(|(moment, (place, _))| (*moment, *place));
        let plain = between(&self.plain, from, to).next_back().map(|(moment, place)| (*moment, *place));
        // A revert that undoes nothing known links like any other row.
        let (from, to) = (Moment::before_all(from), Moment::after_all(to));
        let to = self.doing.keys().next().map_or(to, |first| to.min(*first));
        let idle = (from < to).then(|| self.loose.range(from..to).next_back()).flatten();
        doing.max(plain).max(idle.map(|(moment, place)| (*moment, *place)))
    }
}
