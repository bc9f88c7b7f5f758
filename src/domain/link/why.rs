//! Where each signal of a piece of work comes from: the slow twin of [`Links::reach`], which only adds signals up.
//!
//! What is added up cannot be taken apart again, so the rows that judge are looked at one by one ([`Judges`]). Links do
//! not chain: all that reaches a row shares a key with it, so the rows [`Near`] it answer for it as all rows would.

use super::by_signature::shifted;
use super::facts::{Facts, Judged, Key, Part};
use super::map::KeySet;
use super::moment::Moment;
use super::rows::{Place, attempt_of};
use super::{Links, OfFile, by_file};
use crate::domain::schema::scalars::EventTime;
use crate::domain::signal::{Code, Kind, SignalSet};

/// By which link a signal reached its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// The work's own row.
    Own,
    /// L1.
    Run,
    /// L2.
    Signature,
    /// L3.
    Pull,
    /// L4.
    File,
}

impl Link {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Run => "L1 run",
            Self::Signature => "L2 signature",
            Self::Pull => "L3 pull request",
            Self::File => "L4 file",
        }
    }
}

/// One signal that counts for a piece of work, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The signal.
    pub code: Code,
    /// The row that says so.
    pub from: Place,
    /// By which link.
    pub link: Link,
}

/// One row that judges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge {
    pub(super) place: Place,
    pub(super) part: Part,
    pub(super) moment: Moment,
    pub(super) judged: Judged,
    pub(super) says: SignalSet,
    pub(super) attempt: i32,
}

/// The rows that judge others, kept by those who ask [`Links::why`].
#[derive(Debug, Default)]
pub struct Judges(Vec<Judge>);

impl Judges {
    /// Takes down a row that links took in at a place, if it judges.
    pub fn note(&mut self, links: &Links, place: Place, facts: &Facts) {
        let Some(row) = links.rows.get(place) else { return };
        if facts.judged != Judged::Nothing {
            self.0.push(Judge {
                place,
                part: facts.part,
                moment: row.moment,
                judged: facts.judged,
                says: facts.says,
                attempt: attempt_of(facts.attempt),
            });
        }
    }

    fn of(&self, judged: Judged) -> impl Iterator<Item = &Judge> {
        self.0.iter().filter(move |judge| judge.judged == judged)
    }
}

impl Links {
    /// Every signal that counts for the work at a place, with each row that says it; sorted. The codes are those of
    /// [`Links::reach`]. `judges` are those of the rows that links know.
    pub fn why(&self, place: Place, judges: &Judges) -> Vec<Reason> {
        let Some(row) = self.rows.get(place) else { return Vec::new() };
        let mut why: Vec<Reason> = Vec::new();
        self.why_own(place, judges, &mut why);
        for judge in judges.of(Judged::Run(row.run)) {
            // An outcome says of its run what it says of itself.
            let says = if judge.place == place { judge.says.without(row.own) } else { judge.says };
            why.extend(says.iter().map(|code| Reason { code, from: judge.place, link: Link::Run }));
        }
        self.why_pull(place, judges, &mut why);
        if !why.iter().any(|reason| reason.code.kind() == Kind::DeterministicPass)
            && let Some(signature) = self.signature(row.run)
        {
            let window = row.moment.time..=shifted(row.moment.time, self.window_ms);
            let escalated = judges.of(Judged::Signature(signature));
            let escalated =
                escalated.filter(|judge| judge.place != place && window.contains(&judge.moment.time));
            why.extend(escalated.map(|judge| Reason {
                code: Code::ObserverEscalated,
                from: judge.place,
                link: Link::Signature,
            }));
        }
        why.sort_unstable();
        why.dedup();
        why
    }

    /// What the row says of itself, and what reaches it by its file.
    fn why_own(&self, place: Place, judges: &Judges, why: &mut Vec<Reason>) {
        let Some(row) = self.rows.get(place) else { return };
        let mut own = row.own;
        let keys = self.rows.keys(row).filter(|keys| keys.has_subject);
        let file = |key: &Key| match self.by_file.get(key) {
            Some(OfFile::Many(file)) => Some(file),
            Some(OfFile::One(_)) | None => None,
        };
        if let Some((keys, file)) = keys.and_then(|keys| Some((keys, file(&keys.subject)?))) {
            match keys.part {
                Part::Review => {
                    let judges: Vec<&Judge> = judges.of(Judged::File(keys.subject)).collect();
                    file.why(&self.rows, row.moment.time, keys.attempt, self.window_ms, &judges, why);
                }
                Part::Apply => {
                    let reverts = file.applies.undoing(row.moment);
                    if !reverts.is_empty() {
                        own = by_file::undone(row.own).without(REVERTED);
                    }
                    why.extend(reverts.into_iter().map(|from| Reason {
                        code: Code::ApplyReverted,
                        from,
                        link: Link::File,
                    }));
                }
                _ => {}
            }
        }
        why.extend(own.iter().map(|code| Reason { code, from: place, link: Link::Own }));
    }

    fn why_pull(&self, place: Place, judges: &Judges, why: &mut Vec<Reason>) {
        let Some(row) = self.rows.get(place) else { return };
        let Some(keys) = self.rows.keys(row).filter(|keys| keys.part != Part::Review) else { return };
        let applies = keys.part == Part::Apply;
        let commit = keys.has_commit.then_some(keys.commit);
        let mut audits: Vec<(i64, Moment, Place, SignalSet)> = Vec::new();
        for judge in &judges.0 {
            let Judged::Pull(pull, named) = judge.judged else { continue };
            let same_pull = keys.has_subject && keys.subject.cast_signed() == pull;
            let at_head = named.is_some() && named == commit && (applies || same_pull);
            let by_number = !applies && same_pull && named.is_none() && judge.moment.time >= row.moment.time;
            if judge.part == Part::Audit {
                if at_head && keys.part != Part::Claim {
                    audits.push((pull, judge.moment, judge.place, judge.says));
                }
            } else if (at_head || by_number) && judge.place != place {
                let action = super::facts::human_of(judge.says);
                why.extend(action.map(|action| Reason {
                    code: action.code(),
                    from: judge.place,
                    link: Link::Pull,
                }));
            }
        }
        // Of the audits of one head only the latest counts, and never for itself.
        audits.sort_unstable_by_key(|(pull, moment, ..)| (*pull, *moment));
        for of_pull in audits.chunk_by(|a, b| a.0 == b.0) {
            let latest = of_pull.last().filter(|(_, _, audit, _)| *audit != place);
            why.extend(latest.into_iter().flat_map(|(_, _, from, says)| {
                says.iter().map(|code| Reason { code, from: *from, link: Link::Pull })
            }));
        }
    }
}

/// What stands on an apply that was undone.
pub(super) const REVERTED: SignalSet = SignalSet::of(Code::ApplyReverted);

/// What some rows have in common with all that may reach them.
#[derive(Debug, Default)]
pub struct Near {
    runs: KeySet,
    pulls: KeySet,
    commits: KeySet,
    files: KeySet,
    /// From when to when escalations may reach them.
    escalated: Option<(EventTime, EventTime)>,
}

impl Near {
    /// Takes in a row that [`Links::why`] will be asked about.
    pub fn add(&mut self, facts: &Facts, window_ms: i64) {
        self.runs.insert(facts.run);
        self.pulls.extend(facts.pull.map(i64::cast_unsigned));
        self.commits.extend(facts.commit);
        self.files.extend(facts.file);
        let (from, to) = (facts.time, shifted(facts.time, window_ms));
        self.escalated =
            Some(self.escalated.map_or((from, to), |(first, last)| (from.min(first), to.max(last))));
    }

    /// Whether a row may have a part in what reaches them.
    pub fn holds(&self, facts: &Facts) -> bool {
        let in_set = |set: &KeySet, key: Option<Key>| key.is_some_and(|key| set.contains(&key));
        let judged = match facts.judged {
            Judged::Nothing => false,
            Judged::Run(run) => self.runs.contains(&run),
            Judged::Signature(_) => {
                self.escalated.is_some_and(|(from, to)| (from..=to).contains(&facts.time))
            }
            Judged::Pull(pull, commit) => {
                self.pulls.contains(&pull.cast_unsigned()) || in_set(&self.commits, commit)
            }
            Judged::File(file) => self.files.contains(&file),
        };
        let of_file = matches!(facts.part, Part::Review | Part::Apply) && in_set(&self.files, facts.file);
        judged || of_file || self.runs.contains(&facts.run)
    }
}
