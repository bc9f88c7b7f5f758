//! What has reached one piece of work: signals, the latest word of a person, the latest deterministic failure.

use super::facts::{fails, human_of};
use super::moment::Moment;
use crate::domain::schema::record::Kind;
use crate::domain::score::{HumanAction, Judgement};
use crate::domain::signal::{Code, SignalSet};

/// Everything that links brought to a piece of work, and its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// The signals.
    pub signals: SignalSet,
    /// The latest person.
    pub human: Option<(Moment, HumanAction)>,
    /// The latest deterministic failure.
    pub failed: Option<Moment>,
}

impl Reached {
    /// Takes in the signals of a row of that moment.
    pub(super) fn take(&mut self, moment: Moment, signals: SignalSet) {
        self.signals = self.signals.union(signals);
        if let Some(action) = human_of(signals)
            && self.human.is_none_or(|(latest, _)| latest < moment)
        {
            self.human = Some((moment, action));
        }
        if fails(signals) {
            self.failed = self.failed.max(Some(moment));
        }
    }

    /// Takes in what has reached a whole group.
    pub(super) fn join(&mut self, other: &Self) {
        self.signals = self.signals.union(other.signals);
        self.failed = self.failed.max(other.failed);
        if let Some((moment, action)) = other.human
            && self.human.is_none_or(|(latest, _)| latest < moment)
        {
            self.human = Some((moment, action));
        }
    }

    /// Takes in one signal that has no moment of its own.
    pub(super) fn add(&mut self, code: Code) {
        self.signals.insert(code);
    }

    /// What the scorer decides by.
    pub fn judgement(&self) -> Judgement {
        Judgement {
            kind: Kind::Work,
            signals: self.signals,
            human: self.human.map(|(_, action)| action),
            failed_since_human: matches!((self.failed, self.human), (Some(failed), Some((said, _))) if failed > said),
        }
    }
}

/// The two latest moments of each human action: enough to tell who reaches a row of any time, the row itself left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct People([[Option<Moment>; 2]; 5]);

impl People {
    pub(super) fn add(&mut self, moment: Moment, action: HumanAction) {
        if let Some([latest, second]) = self.0.get_mut(action as usize) {
            if *latest < Some(moment) {
                *second = latest.replace(moment);
            } else {
                *second = (*second).max(Some(moment));
            }
        }
    }

    /// Brings to the row of the moment `of` those who spoke at `from` or later, but not the row itself.
    pub(super) fn reach(&self, of: Moment, from: Option<Moment>, reached: &mut Reached) {
        for (latest, action) in self.0.iter().zip(HumanAction::ALL) {
            let others = latest.iter().flatten().find(|latest| **latest != of);
            if let Some(latest) = others.filter(|latest| from.is_none_or(|from| **latest >= from)) {
                reached.take(*latest, [action.code()].into_iter().collect());
            }
        }
    }
}
