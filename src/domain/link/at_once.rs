//! Many rows at once, as a start takes them in: nobody asks what each of them touches, so what rows share is looked up when all
//! of them are there, in an order that the processor's caches like ([`super::places`]).
//!
//! Between [`Links::add`] and [`Links::settle_kin`] nothing may be asked of the links, and no row inserted.

use super::by_run::{self, ByRun};
use super::by_text::ByText;
use super::facts::{Facts, Part};
use super::ring::Mates;
use super::rows::{NewRow, Place};
use super::{Links, Touched};

/// What rows may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kin {
    /// The run.
    Run,
    /// The text.
    Text,
    /// The input.
    Input,
}

impl Links {
    /// Takes in one row of many. Those that must be looked at again once all of them are there are put into `later`.
    pub fn add(&mut self, new: &NewRow, facts: &Facts, touched: &mut Touched, later: &mut Vec<Place>) {
        let place = self.rows.push(new, facts);
        touched.work.clear();
        if let Some(signature) = facts.signature {
            self.by_signature.give(facts.run, new.moment, signature);
        }
        self.insert_keys(place, new.moment, facts, touched);
        if facts.signature.is_some() || facts.part == Part::Distilled {
            later.push(place);
        }
    }

    /// Finds which of all rows share something. Kinds can be looked for side by side.
    pub fn find_kin(&self, kin: Kin) -> Mates {
        match kin {
            Kin::Run => ByRun::find(&self.rows),
            Kin::Text => ByText::find_texts(&self.rows),
            Kin::Input => ByText::find_inputs(&self.rows),
        }
    }

    /// Takes in what was found of all rows, in the order of [`Kin`].
    pub fn settle_kin(&mut self, [runs, texts, inputs]: [Mates; 3], later: &[Place]) {
        for (first, other) in self.by_run.take(&mut self.rows, runs) {
            self.tasks.give(&self.rows, first);
            self.tasks.give(&self.rows, other);
        }
        self.by_text.take(&mut self.rows, texts, inputs);
        for place in later {
            let Some((run, moment)) = self.rows.get(*place).map(|row| (row.run, row.moment)) else {
                continue;
            };
            // Once a run: by the row that gives it the signature that counts.
            let Some(signature) = self.by_signature.given(run, moment) else { continue };
            for mate in by_run::of_run(&self.rows, *place) {
                if let Some(row) = self.rows.get(mate).filter(|row| row.is_work()) {
                    self.by_signature.insert(signature, row.moment.time, mate);
                }
            }
        }
        for place in later {
            let Some((run, part)) = self.rows.get(*place).map(|row| (row.run, row.part())) else { continue };
            if part == Part::Distilled && self.rows.text(*place).is_some() {
                self.insert_twin(*place, run, part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::domain::link::facts::{PARTS, TextFacts};
    use crate::domain::link::{Judged, Moment};
    use crate::domain::schema::scalars::EventTime;
    use crate::domain::score::Category;
    use crate::domain::signal::{Code, SignalSet};

    fn facts(dice: &mut Rng) -> Facts {
        let maybe = |dice: &mut Rng| dice.bool().then(|| dice.u64(1..6));
        let signals = |dice: &mut Rng| -> SignalSet {
            (0..dice.usize(0..3))
                .filter_map(|_| Code::ALL.get(dice.usize(0..Code::ALL.len())).copied())
                .collect()
        };
        let part = PARTS.get(dice.usize(0..PARTS.len())).copied().unwrap_or(Part::Other);
        let (run, own) = (dice.u64(1..40), signals(dice));
        let file = maybe(dice);
        let judged = match dice.u8(0..6) {
            0 => Judged::Run(dice.u64(1..40)),
            1 => Judged::Run(run),
            2 => Judged::Signature(dice.u64(1..6)),
            3 => Judged::Pull(dice.i64(1..4), maybe(dice)),
            4 => file.map_or(Judged::Nothing, Judged::File),
            _ => Judged::Nothing,
        };
        let pairs = matches!(part, Part::Claim | Part::Human | Part::Overseer);
        Facts {
            part,
            work: dice.u8(0..4) > 0,
            time: EventTime::from_millis(dice.i64(0..50)),
            run,
            judged,
            signature: maybe(dice).filter(|_| part != Part::Other),
            pull: maybe(dice).map(u64::cast_signed),
            commit: maybe(dice),
            file,
            attempt: None,
            own,
            says: if dice.bool() { own } else { signals(dice) },
            task: maybe(dice).filter(|_| !pairs),
            text: maybe(dice).map(|text| TextFacts { text, instruction: text % 2, input: dice.u64(0..4) }),
            secret: false,
            makes_pair: pairs && dice.bool(),
            secret_in_pair: false,
            anchor_grounding: dice.bool().then(|| dice.f64()),
        }
    }

    fn sorted(places: impl IntoIterator<Item = Place>) -> Vec<Place> {
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// What may be asked of a row.
    fn told(links: &Links, place: Place) -> impl PartialEq + std::fmt::Debug + use<> {
        let row = links.rows.get(place).unwrap();
        let text = links.rows.text(place).map(|text| text.facts);
        (
            links.reach(place),
            (sorted(links.run_mates(place)), sorted(links.of_run(row.run)), links.signature(row.run)),
            (sorted(links.text_mates(place)), text.map(|text| sorted(links.of_text(text.text)))),
            text.map(|text| (links.first_of_text(text.text), sorted(links.of_input(text.input)))),
            links.signature(row.run).map(|signature| sorted(links.of_signature(signature))),
            (links.task_giver(place), links.anchor_grounding(place), links.is_superseded(place)),
            (links.corrected(place), sorted(links.corrections(place)), sorted(links.lost_people())),
        )
    }

    #[test]
    fn rows_taken_in_at_once_link_as_rows_taken_in_one_by_one_and_so_do_those_that_follow() {
        for seed in 0..60 {
            let mut dice = Rng::with_seed(seed);
            let rows: Vec<_> = (0..300_u64)
                .map(|at| {
                    let facts = facts(&mut dice);
                    let moment = Moment::new(facts.time, facts.part as u16, at);
                    let category = Category::ALL.get(dice.usize(0..4)).copied().unwrap();
                    let mut sig = [0; 16];
                    sig.fill_with(|| dice.u8(..));
                    (NewRow { sig, moment, evidence_len: 1, stream: facts.part as u16, category }, facts)
                })
                .collect();
            let (first, then) = rows.split_at(dice.usize(0..rows.len()));
            let (mut at_once, mut one_by_one) = (Links::new(20), Links::new(20));
            let (mut touched, mut expected, mut later) = (Touched::default(), Touched::default(), Vec::new());
            for (new, facts) in first {
                at_once.add(new, facts, &mut touched, &mut later);
                one_by_one.insert(new, facts, &mut expected);
            }
            let kin = [Kin::Run, Kin::Text, Kin::Input].map(|kin| at_once.find_kin(kin));
            at_once.settle_kin(kin, &later);
            for (new, facts) in then {
                for place in 0..at_once.rows.len() as Place {
                    assert_eq!(told(&at_once, place), told(&one_by_one, place), "seed {seed}, row {place}");
                }
                let place = at_once.insert(new, facts, &mut touched);
                one_by_one.insert(new, facts, &mut expected);
                assert_eq!(
                    sorted(touched.work.drain(..)),
                    sorted(expected.work.drain(..)),
                    "{seed}: {place}"
                );
                assert_eq!((touched.signature, touched.task), (expected.signature, expected.task));
            }
        }
    }
}
