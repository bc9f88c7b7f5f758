//! L2: the work of a signature, and the escalations that speak of it.

use std::collections::BTreeSet;

use super::facts::Key;
use super::map::KeyMap;
use super::moment::Moment;
use super::rows::{Place, Rows};
use crate::domain::schema::scalars::EventTime;

/// The signatures.
#[derive(Debug, Default)]
pub(super) struct BySignature {
    /// Of each run that was given one: the latest, and since when.
    of_run: KeyMap<(Moment, Key)>,
    all: KeyMap<Signature>,
}

/// One signature.
#[derive(Debug, Default)]
struct Signature {
    escalations: BTreeSet<(EventTime, Place)>,
    work: BTreeSet<(EventTime, Place)>,
}

impl BySignature {
    /// The signature of a run.
    pub(super) fn of_run(&self, run: Key) -> Option<Key> {
        self.of_run.get(&run).map(|(_, signature)| *signature)
    }

    /// Gives a run a signature, unless it was given one later; whether that is another one than before.
    pub(super) fn give(&mut self, run: Key, moment: Moment, signature: Key) -> bool {
        let before = self.of_run.get(&run).copied();
        if before.is_some_and(|(latest, _)| latest > moment) {
            return false;
        }
        self.of_run.insert(run, (moment, signature));
        before.is_none_or(|(_, before)| before != signature)
    }

    /// The signature that a run was given at that moment, if none was given it later.
    pub(super) fn given(&self, run: Key, moment: Moment) -> Option<Key> {
        self.of_run.get(&run).filter(|(latest, _)| *latest == moment).map(|(_, signature)| *signature)
    }

    /// Puts work under a signature; whether anybody escalated that.
    pub(super) fn insert(&mut self, signature: Key, time: EventTime, place: Place) -> bool {
        let signature = self.all.entry(signature).or_default();
        signature.work.insert((time, place));
        !signature.escalations.is_empty()
    }

    pub(super) fn remove(&mut self, signature: Key, time: EventTime, place: Place) {
        if let Some(signature) = self.all.get_mut(&signature) {
            signature.work.remove(&(time, place));
        }
    }

    /// The work of a signature, by time.
    pub(super) fn work(&self, signature: Key) -> impl Iterator<Item = Place> + '_ {
        self.all
            .get(&signature)
            .into_iter()
            .flat_map(|signature| signature.work.iter().map(|(_, place)| *place))
    }

    /// Takes in an escalation; the work in its window that no escalation before it reached.
    pub(super) fn escalate(
        &mut self,
        signature: Key,
        time: EventTime,
        place: Place,
        window_ms: i64,
        touched: &mut Vec<Place>,
    ) {
        let signature = self.all.entry(signature).or_default();
        let earlier = signature.escalations.range(..(time, place)).next_back().copied();
        let later = signature.escalations.range((time, place)..).next().copied();
        // What lies in the window of a neighbour is reached already, but for the neighbour's own row.
        let from =
            shifted(time, -window_ms).max(earlier.map_or(EventTime::from_millis(i64::MIN), |(time, _)| time));
        let to = time.min(later.map_or(time, |(later, _)| shifted(later, -window_ms)));
        if from <= to {
            touched.extend(signature.work.range((from, 0)..=(to, Place::MAX)).map(|(_, place)| *place));
        }
        touched.extend(earlier.into_iter().chain(later).map(|(_, place)| place));
        signature.escalations.insert((time, place));
    }

    /// Whether an escalation other than the row itself reaches work of that time.
    pub(super) fn reaches(&self, rows: &Rows, place: Place, window_ms: i64) -> bool {
        let Some(row) = rows.get(place) else { return false };
        let Some(signature) = self.of_run(row.run).and_then(|signature| self.all.get(&signature)) else {
            return false;
        };
        let time = row.moment.time;
        let window = (time, 0)..=(shifted(time, window_ms), Place::MAX);
        signature.escalations.range(window).any(|(_, escalation)| *escalation != place)
    }
}

/// A time moved by milliseconds.
pub(super) fn shifted(time: EventTime, by_ms: i64) -> EventTime {
    EventTime::from_millis(time.millis().saturating_add(by_ms))
}
