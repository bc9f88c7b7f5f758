//! Which signal reaches which work: links as a function of the *set* of rows, kept up row by row.
//!
//! [`Links::insert`] takes a row in and says which work it may have touched; [`Links::reach`] says what reaches a piece of
//! work now. What is touched is in proportion to what changes, and asking costs a logarithm. docs/links.md has the rules.

mod applies;
mod at_once;
mod by_file;
mod by_pull;
mod by_run;
mod by_signature;
mod by_text;
mod corrections;
mod crowd;
pub mod facts;
pub mod map;
mod moment;
pub mod places;
mod reached;
mod ring;
mod rows;
mod tasks;
mod twins;
mod why;

pub use at_once::Kin;
pub use crowd::{Crowd, Group, Opponents};
pub use facts::{Facts, Judged, Key, Part, RowText};
pub use moment::Moment;
pub use places::Places;
pub use reached::Reached;
pub use ring::Mates;
pub use rows::{NewRow, Place, Row, Rows, TextRow};
pub use why::{Judges, Link, Near, Reason};

use by_file::File;
use by_pull::ByPull;
use by_run::ByRun;
use by_signature::BySignature;
use by_text::ByText;
use map::KeyMap;

use super::schema::scalars::EventTime;
use super::score::Category;
use super::signal::{Code, Kind, SignalSet};

/// All rows, and what judges what.
#[derive(Debug)]
pub struct Links {
    /// The rows.
    pub rows: Rows,
    by_run: ByRun,
    by_signature: BySignature,
    by_pull: ByPull,
    by_file: KeyMap<OfFile>,
    by_text: ByText,
    twins: twins::Twins,
    tasks: tasks::Tasks,
    corrections: corrections::Corrections,
    window_ms: i64,
}

/// Most files have one review and no judge; only the others are worth a room of their own.
#[derive(Debug)]
enum OfFile {
    One(Place),
    Many(Box<File>),
}

/// What a new row may have changed.
#[derive(Debug, Default)]
pub struct Touched {
    /// Work whose signals may have changed, and the new row where anything but itself may reach it; in no order, and some
    /// perhaps twice.
    pub work: Vec<Place>,
    /// The signature that the row's run had, and the one it has now, where they differ.
    pub signature: Option<(Option<Key>, Key)>,
    /// Whether the row's run has another task type now.
    pub task: bool,
}

impl Links {
    /// No rows yet. Rows link over `window_ms` milliseconds at most.
    pub fn new(window_ms: i64) -> Self {
        Self {
            rows: Rows::default(),
            by_run: ByRun::default(),
            by_signature: BySignature::default(),
            by_pull: ByPull::default(),
            by_file: KeyMap::default(),
            by_text: ByText::default(),
            twins: twins::Twins::default(),
            tasks: tasks::Tasks::default(),
            corrections: corrections::Corrections::default(),
            window_ms,
        }
    }

    /// Takes a row in.
    pub fn insert(&mut self, new: &NewRow, facts: &Facts, touched: &mut Touched) -> Place {
        let place = self.rows.push(new, facts);
        let moment = new.moment;
        touched.work.clear();
        touched.signature = None;
        let is_first = !self.by_run.insert(&mut self.rows, place);
        let escalated = self.insert_signature(place, moment, facts, is_first, touched);
        touched.task = if is_first {
            self.rows.get(place).is_some_and(Row::gives_task)
        } else {
            self.tasks.join(&self.rows, place)
        };
        let is_judged = facts.work && self.by_run.is_judged(facts.run);
        let by_key = self.insert_keys(place, moment, facts, touched);
        // Most rows are reached by nothing but their own signals, which their first score is of.
        if facts.work && (by_key || escalated || is_judged || facts.own.any(Kind::Human)) {
            touched.work.push(place);
        }
        if self.rows.text(place).is_some() {
            self.by_text.insert(&mut self.rows, place);
            if !is_first || facts.part == Part::Distilled {
                self.insert_twin(place, facts.run, facts.part);
            }
        }
        place
    }

    /// Puts a row under all keys of which the row alone says what becomes of it; whether others may reach it by one of them.
    fn insert_keys(&mut self, place: Place, moment: Moment, facts: &Facts, touched: &mut Touched) -> bool {
        self.by_pull.insert(place, moment, facts, &mut touched.work);
        let by_key = match (facts.part, facts.file) {
            (Part::Review, Some(file)) => self.insert_review(place, file, moment, touched),
            (Part::Review, None) => false,
            (Part::Apply, _) => true,
            _ => facts.pull.is_some(),
        };
        match facts.judged {
            Judged::Nothing | Judged::Pull(..) => {}
            Judged::Run(run) => {
                if self.by_run.judge(&self.rows, place, run, facts) {
                    touched.work.extend(self.by_run.rows(&self.rows, run));
                }
            }
            Judged::Signature(signature) => {
                let (work, window) = (&mut touched.work, self.window_ms);
                self.by_signature.escalate(signature, moment.time, place, window, work);
            }
            Judged::File(file) => {
                let rows = &self.rows;
                let file = many(&mut self.by_file, rows, file);
                file.judge(rows, place, moment, facts, self.window_ms, &mut touched.work);
            }
        }
        self.corrections.insert(place, facts);
        by_key
    }

    /// Puts a row under the signature of its run; whether anybody escalated that one.
    fn insert_signature(
        &mut self,
        place: Place,
        moment: Moment,
        facts: &Facts,
        is_first: bool,
        touched: &mut Touched,
    ) -> bool {
        let before = if is_first { None } else { self.by_signature.of_run(facts.run) };
        let given = facts.signature.filter(|given| self.by_signature.give(facts.run, moment, *given));
        let Some(now) = given else {
            let signature = before.filter(|_| facts.work);
            return signature.is_some_and(|of_run| self.by_signature.insert(of_run, moment.time, place));
        };
        touched.signature = Some((before, now));
        self.note_twin_signature(facts.run, now);
        let mut escalated = false;
        for place in by_run::of_run(&self.rows, place) {
            let Some(row) = self.rows.get(place).filter(|row| row.is_work()) else { continue };
            if let Some(before) = before {
                self.by_signature.remove(before, row.moment.time, place);
            }
            escalated |= self.by_signature.insert(now, row.moment.time, place);
            touched.work.push(place);
        }
        escalated
    }

    /// Puts a review under its file; whether it is not the only row there.
    fn insert_review(&mut self, place: Place, file: Key, moment: Moment, touched: &mut Touched) -> bool {
        if !self.by_file.contains_key(&file) {
            self.by_file.insert(file, OfFile::One(place));
            return false;
        }
        let file = many(&mut self.by_file, &self.rows, file);
        file.review(&self.rows, moment.time, place, self.window_ms, &mut touched.work);
        true
    }

    /// What reaches the work at a place now, its own signals among it.
    pub fn reach(&self, place: Place) -> Reached {
        let mut reached = Reached::default();
        let Some(row) = self.rows.get(place) else { return reached };
        let keys = self.rows.keys(row).copied();
        let mut own = (row.moment, row.own);
        let file = keys.filter(|keys| keys.has_subject && matches!(keys.part, Part::Review | Part::Apply));
        if let Some((keys, OfFile::Many(file))) =
            file.and_then(|keys| Some((keys, self.by_file.get(&keys.subject)?)))
        {
            if keys.part == Part::Review {
                file.reach(&self.rows, row.moment.time, keys.attempt, self.window_ms, &mut reached);
            } else if let Some(undone_at) = file.applies.undone_at(row.moment) {
                own = (undone_at, by_file::undone(row.own));
            }
        }
        reached.take(own.0, own.1);
        self.by_run.reach(row.run, &mut reached);
        self.by_pull.reach(&self.rows, place, &mut reached);
        if !reached.signals.any(Kind::DeterministicPass)
            && self.by_signature.reaches(&self.rows, place, self.window_ms)
        {
            reached.add(Code::ObserverEscalated);
        }
        reached
    }

    /// Settles the score of a row: what counts from now on.
    pub fn settle(&mut self, place: Place, reached: &Reached, category: Category) {
        let before = self.rows.get(place).map_or(0, |row| self.rows.score_seq(row));
        self.restore(place, reached.signals, category, before + 1);
    }

    /// Puts back what was settled before, as read from what is committed; whether there is such a row.
    pub fn restore(&mut self, place: Place, current: SignalSet, category: Category, score_seq: u32) -> bool {
        let Some(before) = self.rows.get(place).map(|row| row.category) else { return false };
        let settled = self.rows.settle(place, current, category, score_seq);
        if before != category {
            self.by_text.crowds.moved(&self.rows, place, before);
        }
        settled
    }

    /// Notes what has reached a row, so that what comes later to its run is looked at where a person has spoken.
    pub fn note_person(&mut self, place: Place, reached: &Reached) {
        if reached.human.is_some()
            && let Some(row) = self.rows.get(place)
        {
            self.by_run.note_person(row.run, reached);
        }
    }

    /// Notes the same of all rows, once they are restored.
    pub fn note_people(&mut self) {
        for place in 0..self.rows.len() as Place {
            let judged = |row: &&Row| row.is_work() && self.rows.current(row).any(Kind::Human);
            if self.rows.get(place).as_ref().is_some_and(judged) {
                let reached = self.reach(place);
                self.note_person(place, &reached);
            }
        }
    }

    /// How much of the row's text stands on its sources, in [0, 1], if the row says so.
    pub fn anchor_grounding(&self, place: Place) -> Option<f64> {
        self.rows.anchor(place)
    }

    /// The rows of a run, in no order.
    pub fn of_run(&self, run: Key) -> impl Iterator<Item = Place> + '_ {
        self.by_run.rows(&self.rows, run)
    }

    /// The signature of a run.
    pub fn signature(&self, run: Key) -> Option<Key> {
        self.by_signature.of_run(run)
    }

    /// The work of a signature.
    pub fn of_signature(&self, signature: Key) -> impl Iterator<Item = Place> + '_ {
        self.by_signature.work(signature)
    }

    /// The rows of the run of the row at a place, itself among them.
    pub fn run_mates(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        by_run::of_run(&self.rows, place)
    }

    /// The first row of a text.
    pub fn first_of_text(&self, text: Key) -> Option<Place> {
        self.by_text.first_of_text(&self.rows, text)
    }

    /// The work with the text of the row at a place, itself among it.
    pub fn text_mates(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        by_text::of_text(&self.rows, place)
    }

    /// Whether no other row has the row's text.
    pub fn has_own_text(&self, place: Place) -> bool {
        by_text::has_own_text(&self.rows, place)
    }

    /// Whether no other row answers the row's input.
    pub fn has_own_input(&self, place: Place) -> bool {
        by_text::has_own_input(&self.rows, place)
    }

    /// The work with a text, by the text's key.
    pub fn of_text(&self, text: Key) -> impl Iterator<Item = Place> + '_ {
        self.by_text.of_text(&self.rows, text)
    }

    /// The work with a text and an instruction, by the key of its input.
    pub fn of_input(&self, input: Key) -> impl Iterator<Item = Place> + '_ {
        self.by_text.of_input(&self.rows, input)
    }

    /// The rows of a text that many share, in order.
    pub fn crowd_of_text(&self, text: Key) -> Option<&Crowd> {
        self.by_text.crowds.texts.get(&text)
    }

    /// The rows of an input that many share, in order.
    pub fn crowd_of_input(&self, input: Key) -> Option<&Opponents> {
        self.by_text.crowds.inputs.get(&input)
    }

    /// The review that a person or an overseer means by file and time, when it is a single one.
    pub fn meant(&self, part: Part, file: Key, moment: Moment) -> Option<Place> {
        match self.by_file.get(&file)? {
            OfFile::One(_) => None,
            OfFile::Many(file) => file.meant(part, moment.time, self.window_ms),
        }
    }

    /// Whether a file has a review that is not after a time.
    fn has_review(&self, file: Key, time: EventTime) -> bool {
        match self.by_file.get(&file) {
            None => false,
            Some(OfFile::One(review)) => self.rows.get(*review).is_some_and(|row| row.moment.time <= time),
            Some(OfFile::Many(file)) => file.has_review(time),
        }
    }

    /// People and overseers who may mean the review at a place by its file.
    pub fn correctors(&self, place: Place) -> Vec<Place> {
        let mut correctors = Vec::new();
        let keys = self.rows.get(place).and_then(|row| Some((row, self.rows.keys(row)?)));
        if let Some((row, keys)) = keys.filter(|(_, keys)| keys.part == Part::Review)
            && let Some(OfFile::Many(file)) = self.by_file.get(&keys.subject)
        {
            file.correctors(row.moment.time, &mut correctors);
        }
        correctors
    }

    /// The canonically first of some rows.
    pub fn first(&self, places: impl IntoIterator<Item = Place>) -> Option<Place> {
        places.into_iter().min_by_key(|place| self.rows.get(*place).map(|row| row.moment.canonical()))
    }
}

/// The room of a file, made when it has none yet.
fn many<'f>(by_file: &'f mut KeyMap<OfFile>, rows: &Rows, file: Key) -> &'f mut File {
    let entry = by_file.entry(file).or_insert_with(|| OfFile::Many(Box::default()));
    if let OfFile::One(review) = *entry {
        let mut file = Box::<File>::default();
        if let Some(row) = rows.get(review) {
            file.review(rows, row.moment.time, review, 0, &mut Vec::new());
        }
        *entry = OfFile::Many(file);
    }
    match entry {
        OfFile::Many(file) => file,
        OfFile::One(_) => unreachable!("it was made many just now"),
    }
}
