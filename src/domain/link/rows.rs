//! The rows that links know, in the order in which they were committed; a row's number in it is its place.

use super::facts::{Facts, Judged, Key, PARTS, Part, TextFacts};
use super::moment::Moment;
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;

/// A row's number, from 0.
pub type Place = u32;

/// No row.
pub(super) const NONE: Place = u32::MAX;

/// One row that became evidence.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The first 16 bytes of its `sig_hash`.
    pub sig: [u8; 16],
    /// Signals about its own work.
    pub own: SignalSet,
    /// When.
    pub moment: Moment,
    /// Its run.
    pub run: Key,
    /// Length of its evidence line, in bytes.
    pub evidence_len: u32,
    pub(super) next_in_run: Place,
    /// Its place among the rows with keys beyond the run.
    keys: u32,
    /// Its place among the rows with a text.
    text: u32,
    /// Its place among the scores that took the place of the first.
    settled: u32,
    /// Its stream's number.
    pub stream: u16,
    /// The category that counts now.
    pub category: Category,
    flags: u8,
}

const WORK: u8 = 1;
const SECRET: u8 = 2;
/// It gives a task type; in streams whose rows make pairs: there is a secret in what only the pair would hold.
const EXTRA: u8 = 4;
const MAKES_PAIR: u8 = 8;
/// The upper half of the flags is the part, or this for one of the other parts whose row says of its own run what it says of
/// itself, as outcomes do.
const PART_SHIFT: u32 = 4;
const OTHER_OF_ITSELF: u8 = PARTS.len() as u8;

impl Row {
    /// Whether it is work.
    pub fn is_work(&self) -> bool {
        self.flags & WORK != 0
    }

    /// Whether there is a secret in its text.
    pub fn has_secret(&self) -> bool {
        self.flags & SECRET != 0
    }

    /// Whether it gives its run a task type.
    pub fn gives_task(&self) -> bool {
        self.flags & EXTRA != 0 && !self.may_pair()
    }

    /// Whether there is a secret in what its pair would hold beyond its own text.
    pub fn has_secret_in_pair(&self) -> bool {
        self.flags & EXTRA != 0 && self.may_pair()
    }

    /// Whether rows of its stream may make pairs by themselves. They give no task types.
    fn may_pair(&self) -> bool {
        matches!(self.part(), Part::Claim | Part::Human | Part::Overseer)
    }

    /// Whether it may make a preference pair by itself.
    pub fn makes_pair(&self) -> bool {
        self.flags & MAKES_PAIR != 0
    }

    /// The part its stream plays in links.
    pub fn part(&self) -> Part {
        PARTS.get(usize::from(self.flags >> PART_SHIFT)).copied().unwrap_or(Part::Other)
    }

    /// Whether it judges its own run, by the very signals that it has itself.
    pub(super) fn speaks_of_itself(&self) -> bool {
        self.flags >> PART_SHIFT == OTHER_OF_ITSELF
    }

    /// Where its evidence line starts, in bytes.
    pub fn evidence_at(&self) -> u64 {
        self.moment.evidence_at()
    }
}

/// The keys of a row beyond its run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// The file of a review or an apply; of others the pull request, as its bits.
    pub(super) subject: u64,
    /// The commit.
    pub(super) commit: Key,
    /// The attempt.
    pub(super) attempt: i32,
    pub(super) part: Part,
    pub(super) has_commit: bool,
    pub(super) has_subject: bool,
}

/// What counts of a row since its first score was superseded; most never are.
#[derive(Debug, Clone, Copy)]
struct Settled {
    current: SignalSet,
    score_seq: u32,
}

/// The text of a row.
#[derive(Debug, Clone, Copy)]
pub struct TextRow {
    /// Its keys.
    pub facts: TextFacts,
    pub(super) next_in_text: Place,
    pub(super) next_in_input: Place,
}

const SEGMENT: usize = 1 << 14;

/// A list in segments: growing never copies, and never holds what is there twice.
#[derive(Debug)]
pub(super) struct Segments<T>(Vec<Vec<T>>);

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Segments<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len().saturating_sub(1) * SEGMENT + self.0.last().map_or(0, Vec::len)
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if let Some(segment) = self.0.last_mut().filter(|segment| segment.len() < SEGMENT) {
            segment.push(item);
        } else {
            let mut segment = Vec::with_capacity(SEGMENT);
            segment.push(item);
            self.0.push(segment);
        }
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.0.get(at as usize / SEGMENT)?.get(at as usize % SEGMENT)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.0.get_mut(at as usize / SEGMENT)?.get_mut(at as usize % SEGMENT)
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

impl<T: Copy> Segments<(Place, T)> {
    /// What is kept of a place, in a list in the order of places: it has no room for the rows of which nothing is kept, as a
    /// table would.
    fn of(&self, place: Place) -> Option<T> {
        let starts_before =
            |segment: &Vec<(Place, T)>| segment.first().is_some_and(|(first, _)| *first <= place);
        let segment = self.0.get(self.0.partition_point(starts_before).checked_sub(1)?)?;
        let at = segment.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        segment.get(at).map(|(_, of)| *of)
    }
}

/// All rows.
#[derive(Debug, Default)]
pub struct Rows {
    all: Segments<Row>,
    keys: Segments<Keys>,
    texts: Segments<TextRow>,
    settled: Segments<Settled>,
    /// Of those that name a task type: 32 bits of its key.
    tasks: Segments<(Place, u32)>,
    /// Of those that say so: how much of their text stands on its sources, as the bytes of a number.
    anchors: Segments<(Place, [u8; 8])>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.len() == 0
    }

    /// The row at a place.
    #[inline]
    pub fn get(&self, place: Place) -> Option<&Row> {
        self.all.get(place)
    }

    /// All rows, in the order in which they were committed.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.all.iter()
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Row> {
        self.all.get_mut(place)
    }

    /// Every signal that counts for a row now: its own, and what links brought.
    pub fn current(&self, row: &Row) -> SignalSet {
        let first = if row.is_work() { row.own } else { SignalSet::EMPTY };
        self.settled.get(row.settled).map_or(first, |settled| settled.current)
    }

    /// How many scores of a row came before the current one.
    pub fn score_seq(&self, row: &Row) -> u32 {
        self.settled.get(row.settled).map_or(0, |settled| settled.score_seq)
    }

    /// Puts a score in the place of the one before; whether there is such a row.
    pub(super) fn settle(
        &mut self,
        place: Place,
        current: SignalSet,
        category: Category,
        score_seq: u32,
    ) -> bool {
        let Some(row) = self.all.get_mut(place) else { return false };
        row.category = category;
        let now = Settled { current, score_seq };
        if let Some(settled) = self.settled.get_mut(row.settled) {
            *settled = now;
        } else {
            row.settled = self.settled.len() as u32;
            self.settled.push(now);
        }
        true
    }

    pub(super) fn keys(&self, row: &Row) -> Option<&Keys> {
        self.keys.get(row.keys)
    }

    /// The text of the row at a place, if it has one.
    #[inline]
    pub fn text(&self, place: Place) -> Option<&TextRow> {
        self.texts.get(self.all.get(place)?.text).filter(|text| text.facts.text != 0)
    }

    /// How many rows have a text or an instruction.
    pub(super) fn texts(&self) -> usize {
        self.texts.len()
    }

    /// The instruction that the row at a place answers; 0 without one.
    pub(super) fn instruction(&self, place: Place) -> Key {
        self.all.get(place).and_then(|row| self.texts.get(row.text)).map_or(0, |text| text.facts.instruction)
    }

    /// 32 bits of the key of the task type that the row at a place gives its run: enough to tell it from another.
    pub(super) fn task(&self, place: Place) -> Option<u32> {
        self.get(place).filter(|row| row.gives_task())?;
        self.tasks.of(place)
    }

    /// How much of its text stands on its sources, if the row at a place says so.
    pub(super) fn anchor(&self, place: Place) -> Option<f64> {
        self.anchors.of(place).map(f64::from_le_bytes)
    }

    pub(super) fn text_mut(&mut self, place: Place) -> Option<&mut TextRow> {
        let text = self.all.get(place)?.text;
        self.texts.get_mut(text)
    }

    /// Puts a row in; gives its place.
    pub(super) fn push(&mut self, new: &NewRow, facts: &Facts) -> Place {
        let place = self.all.len() as Place;
        let subject = match facts.part {
            Part::Review | Part::Apply => facts.file,
            _ => facts.pull.map(i64::cast_unsigned),
        };
        let wants_keys = facts.work && (subject.is_some() || facts.commit.is_some());
        let keys = if wants_keys { self.keys.len() as u32 } else { NONE };
        if wants_keys {
            self.keys.push(Keys {
                subject: subject.unwrap_or(0),
                commit: facts.commit.unwrap_or(0),
                attempt: attempt_of(facts.attempt),
                part: facts.part,
                has_commit: facts.commit.is_some(),
                has_subject: subject.is_some(),
            });
        }
        let text = if facts.text.is_some() { self.texts.len() as u32 } else { NONE };
        if let Some(facts) = facts.text {
            self.texts.push(TextRow { facts, next_in_text: NONE, next_in_input: NONE });
        }
        if let Some(task) = facts.task {
            self.tasks.push((place, task as u32));
        }
        if let Some(anchor) = facts.anchor_grounding {
            self.anchors.push((place, anchor.to_le_bytes()));
        }
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let of_itself =
            facts.part == Part::Other && facts.judged == Judged::Run(facts.run) && facts.says == facts.own;
        let part = if of_itself { OTHER_OF_ITSELF } else { facts.part as u8 };
        self.all.push(Row {
            sig: new.sig,
            own: facts.own,
            moment: new.moment,
            run: facts.run,
            evidence_len: new.evidence_len,
            next_in_run: NONE,
            keys,
            text,
            settled: NONE,
            stream: new.stream,
            category: new.category,
            flags: flag(facts.work, WORK)
                | flag(facts.secret, SECRET)
                | flag(facts.task.is_some() || facts.secret_in_pair, EXTRA)
                | flag(facts.makes_pair, MAKES_PAIR)
                | part << PART_SHIFT,
        });
        place
    }
}

/// What the store knows of a new row.
#[derive(Debug, Clone, Copy)]
pub struct NewRow {
    /// The first 16 bytes of its `sig_hash`.
    pub sig: [u8; 16],
    /// When, and where in canonical order.
    pub moment: Moment,
    /// Length of its evidence line, in bytes.
    pub evidence_len: u32,
    /// Its stream's number.
    pub stream: u16,
    /// Its first category.
    pub category: Category,
}

/// An attempt as links compare it; none is -1.
pub(super) fn attempt_of(attempt: Option<i64>) -> i32 {
    attempt.map_or(-1, |attempt| i32::try_from(attempt).unwrap_or(i32::MAX))
}
