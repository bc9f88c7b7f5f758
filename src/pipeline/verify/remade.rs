//! Every sample made again from its evidence: the same bytes, or something is wrong.
//!
//! What a line may be late with is taken from the line, and held to what may be: a success score to the category, reasons
//! to the scores that the row has had, a task type to whether its run gives one.

use std::collections::HashSet;
use std::io;

use super::lines::first_wrong_line;
use super::links::digest_of;
use super::read::read_at;
use super::rows::text;
use super::samples::{Held, Wrong, unlike};
use super::wanted::{About, Want};
use crate::domain::exports::preference::{self, Source};
use crate::domain::exports::{EvidenceView, Standing, rag, sft};
use crate::domain::link::{Part, Place};
use crate::domain::schema::codes::Reason;
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::samples::SuccessScore;
use crate::domain::schema::scalars::Escaped;
use crate::domain::score::Category;
use crate::domain::skim;

/// Every score that a row has had beside its first: its place, and the hash of category and reasons.
pub(super) type Said = HashSet<(Place, u64)>;

/// What a line says that is not its evidence's alone.
struct Late<'l> {
    category: Option<Category>,
    reasons: Vec<&'static str>,
    task_type: Option<Escaped<'l>>,
    provenance: &'l str,
}

impl<'l> Late<'l> {
    fn read(line: &'l str) -> Self {
        let mut late = Self { category: None, reasons: Vec::new(), task_type: None, provenance: "" };
        for (key, value) in skim::members(line) {
            match key {
                "success_score" | "quality_score" => {
                    late.category = Category::from_name(value.trim_matches('"'));
                }
                "score_reasons" => {
                    let named = |name: &str| Reason::from_name(name.trim_matches('"')).map(Reason::name);
                    late.reasons = skim::items(value).filter_map(named).collect();
                }
                "task_type" => late.task_type = skim::text(value),
                "provenance" => late.provenance = value,
                _ => {}
            }
        }
        late
    }
}

impl Held<'_> {
    /// Holds the line of a sample to what its row gives. `what` is the first difference.
    pub(super) fn hold_remade(
        &self,
        want: &Want,
        line: &str,
        evidence: &str,
    ) -> io::Result<Result<(), Wrong>> {
        // Other rules or another scorer give other lines.
        if !self.rows.judges {
            return Ok(Ok(()));
        }
        let made = match want.about {
            About::Rag | About::Sft => self.of_row(want, line, evidence)?,
            // Whoever chose reads the other row too.
            About::Preference if want.side == 0 => self.of_rows(line, evidence)?,
            About::Preference | About::Retractions | About::Rescored => return Ok(Ok(())),
        };
        let made = match made {
            Ok(made) => made,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let (expected, found) = (made.trim_end_matches('\n').as_bytes(), line.as_bytes());
        if expected == found {
            return Ok(Ok(()));
        }
        let first = first_wrong_line(want.about.path(), want.line, want.at, Some(expected), Some(found));
        Ok(Err(("not the sample that its row gives", first.expected, first.found)))
    }

    /// The line of the one row behind a sample.
    fn of_row(&self, want: &Want, line: &str, evidence: &str) -> io::Result<Result<String, Wrong>> {
        let late = Late::read(line);
        let (Some(row), Some(category), Some(view)) =
            (self.rows.row(want.place), late.category, EvidenceView::read(evidence))
        else {
            return Ok(Err(unlike("no row that a sample can be made of".to_owned())));
        };
        let target = self.rows.asked(want.place).filter(|_| want.about == About::Sft);
        let mut target_line = Vec::new();
        if let Some(target) = target {
            self.read_evidence(target, &mut target_line)?;
        }
        let corrects = target.and_then(|_| EvidenceView::read_any(text(&target_line)));
        let asked = corrects.as_ref().unwrap_or(&view);
        let task = match self.task_of_run(asked, target.unwrap_or(want.place), &late) {
            Ok(task) => task,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let standing = Standing {
            category,
            reasons: &late.reasons,
            scorer_version: self.scorer_version,
            task_of_run: task,
            corrects: corrects.as_ref(),
        };
        let mut made = String::new();
        if want.about == About::Rag {
            // An upgrade may be late, a downgrade never.
            let is_late = row.category == Category::Accepted && category == Category::PartiallyAccepted;
            if SuccessScore::prove(row.category).is_none() || (row.category != category && !is_late) {
                return Ok(Err(unfit(row.category, category)));
            }
            rag::sample(&view, standing, &mut made);
        } else {
            if row.category != Category::Accepted {
                return Ok(Err(unfit(row.category, category)));
            }
            let digest = digest_of(category, late.reasons.iter().copied());
            if !self.said.contains(&(want.place, digest))
                && self.rows.first_digest(want.place) != Some(digest)
            {
                let found = late.reasons.join(", ");
                return Ok(Err(("score_reasons that no score of its row has had", String::new(), found)));
            }
            sft::sample(&view, standing, &mut made);
        }
        Ok(Ok(made))
    }

    /// The line of a pair, from both of its rows.
    fn of_rows(&self, line: &str, evidence: &str) -> io::Result<Result<String, Wrong>> {
        let late = Late::read(line);
        let places: Option<Vec<Place>> = skim::items(late.provenance)
            .map(|item| {
                let of: Provenance<'_> = serde_json::from_str(item).ok()?;
                self.rows.find(&of.source_file, &of.sig_hash)
            })
            .collect();
        let Some([chosen, rejected]) = places.as_deref() else {
            return Ok(Err(unlike("a pair of other than two rows".to_owned())));
        };
        let Some((source, sides)) = self.rows.pair(*chosen) else {
            return Ok(Err(unlike("a row that makes no pair".to_owned())));
        };
        if sides.is_none_or(|sides| (sides.chosen, sides.rejected) != (*chosen, *rejected)) {
            return Ok(Err((
                "a pair that the rows and their links do not give",
                String::new(),
                String::new(),
            )));
        }
        let mut rejected_line = Vec::new();
        self.read_evidence(*rejected, &mut rejected_line)?;
        let (Some(better), Some(worse)) =
            (EvidenceView::read(evidence), EvidenceView::read(text(&rejected_line)))
        else {
            return Ok(Err(unlike("no rows that a pair can be made of".to_owned())));
        };
        let (asked, at) =
            if matches!(source, Source::Correction(_)) { (&worse, *rejected) } else { (&better, *chosen) };
        let task = match self.task_of_run(asked, at, &late) {
            Ok(task) => task,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let mut made = String::new();
        preference::sample(source, &better, &worse, task, &mut made);
        Ok(Ok(made))
    }

    /// The task type that a line has of its run: the row names none, and some row of the run gives one, now or once.
    fn task_of_run<'l>(
        &self,
        asked: &EvidenceView<'_>,
        place: Place,
        late: &'l Late<'_>,
    ) -> Result<Option<&'l Escaped<'l>>, Wrong> {
        let of_run = late
            .task_type
            .as_ref()
            .filter(|task| asked.task_type.is_none() && task.escaped() != asked.stream.escaped());
        if of_run.is_some() && !self.rows.has_task_giver(place) {
            let found = late.task_type.as_ref().map_or_else(String::new, |task| task.plain().into_owned());
            return Err((
                "no row of the run gives it that task type",
                asked.stream.plain().into_owned(),
                found,
            ));
        }
        Ok(of_run)
    }

    /// Reads the evidence of a row.
    fn read_evidence(&self, place: Place, line: &mut Vec<u8>) -> io::Result<()> {
        line.clear();
        if let Some((row, file)) = self.rows.row(place).and_then(|row| Some((row, self.evidence_of(row)?))) {
            read_at(file, row.evidence_at(), row.evidence_len as usize, line)?;
        }
        Ok(())
    }
}

fn unfit(is: Category, says: Category) -> Wrong {
    (super::samples::UNFIT, is.name().to_owned(), says.name().to_owned())
}

/// The source of a pair whose better answer a row is.
pub(super) fn source_of(part: Part, place: Place, input: Option<u64>) -> Option<Source> {
    match part {
        Part::Claim => Some(Source::Vote(place)),
        Part::Human | Part::Overseer => Some(Source::Correction(place)),
        _ => input.filter(|input| *input != 0).map(Source::Input),
    }
}
