//! L4: reviews of a file, and those who judge them by file and time.
//!
//! Nothing is stored of who decides about which review: it is asked of ordered sets when it is needed, so that a row
//! that comes late moves nothing. A **group** is the reviews of one time; of several nobody can tell which is meant.

mod why;

use std::collections::{BTreeMap, BTreeSet};

use super::applies::Applies;
use super::by_signature::shifted;
use super::facts::{Facts, Part};
use super::moment::Moment;
use super::reached::Reached;
use super::rows::{NONE, Place, Rows, attempt_of};
use crate::domain::schema::scalars::EventTime;
use crate::domain::score::HumanAction;
use crate::domain::signal::{Code, SignalSet};

/// One file with more than a single review.
#[derive(Debug, Default)]
pub(super) struct File {
    reviews: BTreeSet<(EventTime, Place)>,
    pub(super) applies: Applies,
    /// By code and attempt, so that a review of an attempt finds those who mean it.
    observers: BTreeSet<(Code, i32, Moment)>,
    /// By code alone, for reviews of no attempt.
    observers_of_any: BTreeSet<(Code, Moment)>,
    people: BTreeMap<(u8, Moment), Place>,
    overseers: BTreeMap<Moment, Place>,
}

/// The times of a group and of its neighbours, and how far links reach.
#[derive(Debug, Clone, Copy)]
struct Span {
    time: EventTime,
    before: Option<EventTime>,
    behind: Option<EventTime>,
    window_ms: i64,
}

impl Span {
    /// Up to where the group is the last one before a row, whatever the window.
    fn until(self) -> EventTime {
        self.behind.map_or(EventTime::from_millis(i64::MAX), |behind| shifted(behind, -1))
    }

    /// The same within the window.
    fn until_in_window(self) -> EventTime {
        self.until().min(shifted(self.time, self.window_ms))
    }

    /// The times of those for whom the group is the first at or after them.
    fn first_for(self) -> (EventTime, EventTime) {
        let earliest = shifted(self.time, -self.window_ms);
        (self.before.map_or(earliest, |before| shifted(before, 1).max(earliest)), self.time)
    }

    /// The times of those who find none at or after them, and the group as the last before them.
    fn last_for(self) -> (EventTime, EventTime) {
        let far_from_next = self
            .behind
            .map_or(EventTime::from_millis(i64::MAX), |behind| shifted(behind, -self.window_ms - 1));
        (shifted(self.time, 1), self.until_in_window().min(far_from_next))
    }
}

impl File {
    /// Takes in a review; touches those whose judges may change.
    pub(super) fn review(
        &mut self,
        rows: &Rows,
        time: EventTime,
        place: Place,
        window_ms: i64,
        touched: &mut Vec<Place>,
    ) {
        let others = self.members(time).take(2).count();
        if others > 0 {
            // Nobody's deciding time changes. Of several at one time all are ambiguous already, or none is.
            touched.extend((others == 1).then(|| self.members(time).next()).flatten());
            self.reviews.insert((time, place));
            return;
        }
        let span = self.span(time, window_ms);
        let neighbours = [span.before, span.behind];
        let was = neighbours.map(|time| time.map(|time| (time, self.is_ambiguous(rows, time, window_ms))));
        self.reviews.insert((time, place));
        for (time, was) in was.into_iter().flatten() {
            self.touch(rows, time, was, window_ms, touched);
        }
    }

    /// Takes in a row that judges; touches what it reaches.
    pub(super) fn judge(
        &mut self,
        rows: &Rows,
        place: Place,
        moment: Moment,
        facts: &Facts,
        window_ms: i64,
        touched: &mut Vec<Place>,
    ) {
        let mut times = Vec::new();
        if facts.part == Part::Apply {
            times.extend(self.group_before(moment.time));
            self.applies.affected(place, moment, facts, |undone| {
                touched.push(undone);
                times.extend(rows.get(undone).and_then(|row| self.group_before(row.moment.time)));
            });
        } else {
            times.extend(self.decided_by(facts.part, moment.time, window_ms));
        }
        times.sort_unstable();
        times.dedup();
        let was: Vec<_> =
            times.into_iter().map(|time| (time, self.is_ambiguous(rows, time, window_ms))).collect();
        match facts.part {
            Part::Apply => self.applies.insert(place, moment, facts),
            Part::Observer => {
                for code in facts.says.iter() {
                    self.observers.insert((code, attempt_of(facts.attempt), moment));
                    self.observers_of_any.insert((code, moment));
                }
            }
            Part::Human => {
                if let Some(action) = facts.human() {
                    self.people.insert((action as u8, moment), place);
                }
            }
            Part::Overseer => {
                self.overseers.insert(moment, place);
            }
            _ => {}
        }
        for (time, was) in was {
            self.touch(rows, time, was, window_ms, touched);
        }
    }

    /// What reaches a review.
    pub(super) fn reach(
        &self,
        rows: &Rows,
        time: EventTime,
        attempt: i32,
        window_ms: i64,
        reached: &mut Reached,
    ) {
        if self.members(time).nth(1).is_some() {
            if self.has_judge(rows, time, window_ms) {
                reached.add(Code::LinkAmbiguous);
            }
            return;
        }
        let span = self.span(time, window_ms);
        if let Some((moment, signals)) = self.applies.latest(rows, time, span.until_in_window()) {
            reached.take(moment, signals);
        }
        for code in [Code::ObserverAccept, Code::ObserverReject] {
            if [span.first_for(), span.last_for()]
                .into_iter()
                .any(|range| self.observes(code, attempt, range))
            {
                reached.add(code);
            }
        }
        for action in HumanAction::ALL {
            if let Some(moment) = self.last_person(action, time, span.until()) {
                reached.take(moment, [action.code()].into_iter().collect());
            }
        }
        if between(&self.overseers, time, span.until_in_window()).next_back().is_some() {
            reached.add(Code::OverseerCorrected);
        }
    }

    /// The review that a person or an overseer of that time means, when it is a single one.
    pub(super) fn meant(&self, part: Part, time: EventTime, window_ms: i64) -> Option<Place> {
        let group = self.decided_by(part, time, window_ms)?;
        let mut members = self.members(group);
        let only = members.next()?;
        members.next().is_none().then_some(only)
    }

    /// Whether there is a review that is not after a time.
    pub(super) fn has_review(&self, time: EventTime) -> bool {
        self.group_before(time).is_some()
    }

    /// People and overseers who mean the group that a review of that time belongs to.
    pub(super) fn correctors(&self, time: EventTime, out: &mut Vec<Place>) {
        let span = self.span(time, 0);
        let correct = HumanAction::Correct as u8;
        if time <= span.until() {
            let range = (correct, Moment::before_all(time))..=(correct, Moment::after_all(span.until()));
            out.extend(self.people.range(range).map(|(_, place)| *place));
            out.extend(between(&self.overseers, time, span.until()).map(|(_, place)| *place));
        }
    }

    fn last_person(&self, action: HumanAction, from: EventTime, to: EventTime) -> Option<Moment> {
        if from > to {
            return None;
        }
        let action = action as u8;
        let range = (action, Moment::before_all(from))..=(action, Moment::after_all(to));
        self.people.range(range).next_back().map(|((_, moment), _)| *moment)
    }

    fn observes(&self, code: Code, attempt: i32, (from, to): (EventTime, EventTime)) -> bool {
        if from > to {
            return false;
        }
        let (from, to) = (Moment::before_all(from), Moment::after_all(to));
        let of = |attempt| self.observers.range((code, attempt, from)..=(code, attempt, to)).next().is_some();
        if attempt < 0 {
            return self.observers_of_any.range((code, from)..=(code, to)).next().is_some();
        }
        of(-1) || of(attempt)
    }

    /// The time of the reviews that a row decides about.
    fn decided_by(&self, part: Part, time: EventTime, window_ms: i64) -> Option<EventTime> {
        let before = self.group_before(time);
        let in_window = |group: &EventTime| shifted(*group, window_ms) >= time;
        match part {
            Part::Human => before,
            Part::Observer => {
                let first = self.reviews.range((time, 0)..).next().map(|(group, _)| *group);
                let first = first.filter(|group| shifted(time, window_ms) >= *group);
                first.or_else(|| before.filter(in_window))
            }
            _ => before.filter(in_window),
        }
    }

    fn group_before(&self, time: EventTime) -> Option<EventTime> {
        self.reviews.range(..=(time, NONE)).next_back().map(|(group, _)| *group)
    }

    fn members(&self, time: EventTime) -> impl Iterator<Item = Place> + '_ {
        self.reviews.range((time, 0)..=(time, NONE)).map(|(_, place)| *place)
    }

    fn span(&self, time: EventTime, window_ms: i64) -> Span {
        Span {
            time,
            before: self.reviews.range(..(time, 0)).next_back().map(|(before, _)| *before),
            behind: self.reviews.range((shifted(time, 1), 0)..).next().map(|(behind, _)| *behind),
            window_ms,
        }
    }

    /// Whether anybody judges the group, whatever the attempts.
    fn has_judge(&self, rows: &Rows, time: EventTime, window_ms: i64) -> bool {
        let span = self.span(time, window_ms);
        let observed = |code| {
            [span.first_for(), span.last_for()].into_iter().any(|range| self.observes(code, -1, range))
        };
        self.applies.any(rows, time, span.until_in_window())
            || [Code::ObserverAccept, Code::ObserverReject].into_iter().any(observed)
            || HumanAction::ALL
                .into_iter()
                .any(|action| self.last_person(action, time, span.until()).is_some())
            || between(&self.overseers, time, span.until_in_window()).next().is_some()
    }

    /// Whether the group is of several reviews and somebody judges it.
    fn is_ambiguous(&self, rows: &Rows, time: EventTime, window_ms: i64) -> bool {
        self.members(time).nth(1).is_some() && self.has_judge(rows, time, window_ms)
    }

    /// Touches a single review; several only when all of them have become ambiguous, or no longer are.
    fn touch(
        &self,
        rows: &Rows,
        time: EventTime,
        was_ambiguous: bool,
        window_ms: i64,
        touched: &mut Vec<Place>,
    ) {
        let single = self.members(time).nth(1).is_none();
        if single || was_ambiguous != self.is_ambiguous(rows, time, window_ms) {
            touched.extend(self.members(time));
        }
    }
}

/// The entries with a time in `[from, to]`.
pub(super) fn between<V>(
    map: &BTreeMap<Moment, V>,
    from: EventTime,
    to: EventTime,
) -> std::collections::btree_map::Range<'_, Moment, V> {
    // An empty range must not end before it starts.
    map.range(Moment::before_all(from)..=Moment::after_all(to.max(from)))
}

/// What a row says instead of `apply.committed` or `apply.partial` once it is undone.
pub(super) fn undone(own: SignalSet) -> SignalSet {
    let stays = own.iter().filter(|code| !matches!(code, Code::ApplyCommitted | Code::ApplyPartial));
    stays.chain([Code::ApplyReverted]).collect()
}
