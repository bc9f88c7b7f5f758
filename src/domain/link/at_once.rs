//! Many rows at once, as a start takes them in: nobody asks what each of them touches, so what rows share is looked up when all
//! of them are there, in an order that the processor's caches like ([`super::places`]).
//!
//! Between [`Links::add`] and [`Links::settle_kin`] nothing may be asked of the links, and no row inserted.

use super::by_run::{self, ByRun};
use super::by_text::ByText;
use super::facts::{Facts, Part};
use super::ring::Mates;
use super::rows::{NewRow, Place, Row};
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
        if let Some(task) = facts.task
            && self.rows.get(place).is_some_and(Row::gives_task)
        {
            self.tasks.give(&self.rows, place, facts.run, task, false);
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
        self.by_run.take(&mut self.rows, runs);
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
