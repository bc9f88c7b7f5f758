//! L3: work on a pull request, audits of it, and what people say of it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, Key, Part, fails};
use super::map::KeyMap;
use super::moment::Moment;
use super::reached::{People, Reached};
use super::rows::{Place, Rows};
use crate::domain::schema::scalars::EventTime;
use crate::domain::signal::SignalSet;

/// Pull requests and commits.
#[derive(Debug, Default)]
pub(super) struct ByPull {
    commits: KeyMap<Commit>,
    pulls: KeyMap<Pull>,
}

/// Everything at one commit.
#[derive(Debug, Default)]
struct Commit {
    applies: Vec<Place>,
    heads: BTreeMap<i64, Head>,
}

/// One pull request at one commit.
#[derive(Debug, Default)]
struct Head {
    audit: Option<(Moment, Place, SignalSet)>,
    people: People,
    work: Vec<Place>,
}

/// One pull request.
#[derive(Debug, Default)]
struct Pull {
    /// Those who named no commit.
    people: People,
    work: BTreeSet<(EventTime, Place)>,
}

impl ByPull {
    /// Puts a row in; touches what an audit or a person reaches by it.
    pub(super) fn insert(&mut self, place: Place, moment: Moment, facts: &Facts, touched: &mut Vec<Place>) {
        if facts.work {
            if let (Part::Apply, Some(commit)) = (facts.part, facts.commit) {
                self.commits.entry(commit).or_default().applies.push(place);
            }
            if let Some(pull) = facts.pull {
                self.pulls.entry(pull.cast_unsigned()).or_default().work.insert((moment.time, place));
                if let Some(commit) = facts.commit {
                    let commit = self.commits.entry(commit).or_default();
                    commit.heads.entry(pull).or_default().work.push(place);
                }
            }
        }
        let super::facts::Judged::Pull(pull, commit) = facts.judged else { return };
        match (facts.part, facts.human(), commit) {
            (Part::Audit, _, Some(commit)) => {
                let commit = self.commits.entry(commit).or_default();
                let head = commit.heads.entry(pull).or_default();
                let before = head.audit;
                if before.is_some_and(|(latest, ..)| latest > moment) {
                    return;
                }
                head.audit = Some((moment, place, facts.says));
                let same = before.is_some_and(|(_, _, says)| says == facts.says) && !fails(facts.says);
                if same {
                    // Only the one that counted so far changes: the new one reaches it.
                    touched.extend(before.map(|(_, place, _)| place));
                } else {
                    touched.extend(head.work.iter().chain(&commit.applies));
                }
            }
            (_, Some(action), Some(commit)) => {
                let commit = self.commits.entry(commit).or_default();
                let head = commit.heads.entry(pull).or_default();
                head.people.add(moment, action);
                touched.extend(head.work.iter().chain(&commit.applies));
            }
            (_, Some(action), None) => {
                let pull = self.pulls.entry(pull.cast_unsigned()).or_default();
                pull.people.add(moment, action);
                let until = ..=(moment.time, Place::MAX);
                touched.extend(pull.work.range(until).map(|(_, place)| *place));
            }
            _ => {}
        }
    }

    /// Whether there is any work but a row itself for a person who names a pull request.
    pub(super) fn has_work(&self, pull: i64, commit: Option<Key>, time: EventTime, but: Place) -> bool {
        match commit {
            Some(commit) => self.commits.get(&commit).is_some_and(|commit| {
                let head = commit.heads.get(&pull).into_iter().flat_map(|head| &head.work);
                head.chain(&commit.applies).any(|place| *place != but)
            }),
            None => self
                .pulls
                .get(&pull.cast_unsigned())
                .is_some_and(|pull| pull.work.range(..=(time, Place::MAX)).any(|(_, place)| *place != but)),
        }
    }

    pub(super) fn reach(&self, rows: &Rows, place: Place, reached: &mut Reached) {
        let Some(row) = rows.get(place) else { return };
        let Some(keys) = rows.keys(row) else { return };
        let commit = || keys.has_commit.then(|| self.commits.get(&keys.commit)).flatten();
        if keys.part == Part::Apply {
            for head in commit().into_iter().flat_map(|commit| commit.heads.values()) {
                head.reach(place, row.moment, true, reached);
            }
            return;
        }
        if !keys.has_subject || keys.part == Part::Review {
            return;
        }
        let pull = keys.subject.cast_signed();
        if let Some(pull) = self.pulls.get(&keys.subject) {
            pull.people.reach(row.moment, Some(Moment::before_all(row.moment.time)), reached);
        }
        if let Some(head) = commit().and_then(|commit| commit.heads.get(&pull)) {
            head.reach(place, row.moment, keys.part != Part::Claim, reached);
        }
    }
}

impl Head {
    fn reach(&self, place: Place, of: Moment, by_audits: bool, reached: &mut Reached) {
        if let Some((moment, _, says)) = self.audit.filter(|(_, audit, _)| by_audits && *audit != place) {
            reached.take(moment, says);
        }
        self.people.reach(of, None, reached);
    }
}
