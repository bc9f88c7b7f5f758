//! Lines about rows held against the rows: every sample against the evidence it was made from and the category that counts
//! now, every later score and retraction against the rows that it names.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use super::files::Files;
use super::finding::{Finding, Findings};
use super::lines::read;
use super::links::{Later, Relinked};
use super::read::read_at;
use super::remade::Said;
use super::rows::text;
use super::wanted::{About, Want, repeated};
use crate::domain::exports::instruction::{self, Fields};
use crate::domain::exports::{Dataset, rejected_text};
use crate::domain::link::{self, Place};
use crate::domain::schema::checked::{Text, Words};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::samples::{PreferenceSample, RagSample, SftSample, Split, SuccessScore};
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::schema::scored_run::ScoredRun;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::outputs::RESCORED;
use crate::pipeline::streams::StreamSet;

/// What a line's row says, as far as samples repeat it.
struct Row<'a> {
    provenance: &'a str,
    stream: Escaped<'a>,
    run_id: Escaped<'a>,
    task_id: Escaped<'a>,
    text: Option<Escaped<'a>>,
    task_type: Option<Escaped<'a>>,
    mode: Option<Escaped<'a>>,
    file: Option<Escaped<'a>>,
    /// The text that lost a vote.
    rejected: Option<Escaped<'a>>,
    category: Category,
}

impl<'a> Row<'a> {
    fn read(evidence: &'a str, category: Category) -> Option<Self> {
        let (mut provenance, mut stream, mut run_id, mut task_id) = (None, None, None, None);
        let (mut text, mut task_type, mut mode, mut file, mut rejected) = (None, None, None, None, None);
        for (key, value) in skim::members(evidence) {
            match key {
                "provenance" => provenance = Some(value),
                "source_stream" => stream = skim::text(value),
                "run_id" => run_id = skim::text(value),
                "task_id" => task_id = skim::text(value),
                "text" => text = skim::text(value),
                "task_type" => task_type = skim::text(value),
                "mode" => mode = skim::text(value),
                "validation_results" => rejected = rejected_text(value),
                "source_files" => file = skim::items(value).next().and_then(skim::text),
                _ => {}
            }
        }
        let (stream, run_id, task_id) = (stream?, run_id?, task_id?);
        Some(Self {
            provenance: provenance?,
            stream,
            run_id,
            task_id,
            text,
            task_type,
            mode,
            file,
            rejected,
            category,
        })
    }

    fn prompt(&self) -> Option<instruction::Prompt> {
        instruction::of(&Fields {
            stream: self.stream.escaped(),
            task_id: &self.task_id,
            task_type: self.task_type.as_ref(),
            mode: self.mode.as_ref(),
            file: self.file.as_ref(),
        })
    }

    fn has_text(&self, text: &str) -> bool {
        self.text.as_ref().is_some_and(|own| own.plain() == text)
    }
}

/// Promise 3 is broken.
pub(super) const UNFIT: &str = "the category that counts now does not allow its row in here";

/// What is wrong with a line: what, expected, found.
pub(super) type Wrong = (&'static str, String, String);

/// `said` gives what was expected and what was found; texts are long, so it is asked only when they are needed.
fn hold<E: ToString, F: ToString>(
    holds: bool,
    what: &'static str,
    said: impl FnOnce() -> (E, F),
) -> Result<(), Wrong> {
    if holds {
        return Ok(());
    }
    let (expected, found) = said();
    Err((what, expected.to_string(), found.to_string()))
}

pub(super) fn unlike(what: String) -> Wrong {
    ("the line is not of its shape", String::new(), what)
}

/// What lines are held against: the rows, and the files.
pub(super) struct Held<'v> {
    pub(super) rows: &'v Relinked,
    pub(super) streams: &'v StreamSet,
    pub(super) files: &'v Files,
    /// Every superseding score.
    pub(super) said: &'v Said,
    pub(super) scorer_version: &'v str,
    pub(super) findings: &'v Findings,
}

impl Held<'_> {
    /// Holds lines against the rows that they name; in the order of the evidence, so that each is read once.
    pub(super) fn hold_lines(&self, wants: &[Want]) -> io::Result<()> {
        let (mut evidence, mut line) = (Vec::new(), Vec::new());
        for of_row in wants.chunk_by(|a, b| a.place == b.place) {
            let Some(first) = of_row.first() else { continue };
            let Some(row) = self.rows.row(first.place) else { continue };
            let Some(file) = self.evidence_of(row) else { continue };
            read_at(file, row.evidence_at(), row.evidence_len as usize, &mut evidence)?;
            let evidence = text(&evidence);
            let repeats = Repeats::read(evidence);
            let mut view = None;
            for want in of_row {
                if repeats.as_ref().is_some_and(|repeats| repeats.are(want)) {
                    continue;
                }
                let Some(file) = self.files.get(want.about.path()) else { continue };
                read_at(file, want.at, want.len as usize, &mut line)?;
                let line = text(&line);
                let remade = self.hold_remade(want, line, evidence)?;
                if self.rows.judges && remade.is_ok() && self.hold_content(want).is_ok() && is_whole(want) {
                    continue;
                }
                let view = view.get_or_insert_with(|| Row::read(evidence, row.category));
                let held = view.as_ref().map_or_else(
                    || Err(unlike("the row it names is not evidence".to_owned())),
                    |row| hold_line(want, line, row).and_then(|()| self.hold_content(want)).and(remade),
                );
                if let Err((what, expected, found)) = held {
                    let finding = Finding::of_line(want.about.path(), want.line, want.at, what);
                    self.findings.add(finding.but(expected, found));
                }
            }
        }
        Ok(())
    }

    /// The file with the evidence of a row.
    pub(super) fn evidence_of(&self, row: &link::Row) -> Option<&File> {
        let spec = self.streams.specs.get(usize::from(row.stream))?;
        self.files.get(&spec.output("evidence"))
    }

    /// Holds a sample to what else may speak against its content: a twin, the same content rejected elsewhere, a secret.
    fn hold_content(&self, want: &Want) -> Result<(), Wrong> {
        let dataset = match want.about {
            About::Rag => Dataset::Rag,
            About::Sft => Dataset::Sft,
            About::Preference | About::Retractions | About::Rescored => return Ok(()),
        };
        let objection = self.rows.objection(dataset, want.place);
        hold(objection.is_none(), "something speaks against the sample's content", || {
            ("nothing", objection.unwrap_or_default())
        })
    }

    /// Holds the scores that count for some rows against what the rows and their links give.
    pub(super) fn hold_scores(&self, places: Range<Place>, later: &HashMap<Place, Later>) -> io::Result<()> {
        for place in places {
            let (row, later) = (self.rows.row(place), later.get(&place));
            let (Some(row), Some(wrong)) = (row, self.rows.wrong_score(place, later)) else { continue };
            let Some(spec) = self.streams.specs.get(usize::from(row.stream)) else { continue };
            let mut found = wrong.found.unwrap_or_default();
            if let (Some(later), Some(file)) = (later, self.files.get(RESCORED)) {
                let mut line = Vec::new();
                read_at(file, later.at, later.len as usize, &mut line)?;
                let member = |name: &str| {
                    skim::members(text(&line)).find(|(key, _)| *key == name).map_or("", |(_, value)| value)
                };
                found = format!("{} for {}", member("category").trim_matches('"'), member("reasons"));
            }
            // Who sees this looks for one row, so the rows before it are counted only now.
            let before =
                |other: &&link::Row| other.stream == row.stream && other.evidence_at() < row.evidence_at();
            let line = self.rows.rows().filter(before).count() as u64;
            let what = "the score that counts is not the one that the rows and their links give";
            let finding = Finding::of_all_rows(spec.output("evidence"), line, row.evidence_at(), what);
            self.findings.add(finding.but(wrong.expected, found));
        }
        Ok(())
    }
}

/// Whether a sample that was made again from here has been held to all that it is made of.
fn is_whole(want: &Want) -> bool {
    match want.about {
        About::Rag | About::Sft => true,
        About::Preference => want.side == 0,
        About::Rescored | About::Retractions => false,
    }
}

/// What later scores and retractions repeat of a row.
struct Repeats {
    provenance: u64,
    with_run: u64,
}

impl Repeats {
    fn read(evidence: &str) -> Option<Self> {
        let mut run_id = None;
        for (key, value) in skim::members(evidence) {
            match key {
                "run_id" => run_id = skim::text(value),
                "provenance" => {
                    let run_id = run_id.as_ref().map(Escaped::escaped);
                    let (provenance, with_run) = (repeated(value, None), repeated(value, run_id));
                    return Some(Self { provenance, with_run });
                }
                _ => {}
            }
        }
        None
    }

    /// Whether that is all that a line says of its row, and it says it.
    fn are(&self, want: &Want) -> bool {
        match (want.about, want.side) {
            (About::Rescored, 0) => want.repeats == self.with_run,
            (About::Rescored | About::Retractions, _) => want.repeats == self.provenance,
            (About::Rag | About::Sft | About::Preference, _) => false,
        }
    }
}

/// Holds one line against one of the rows that it names.
fn hold_line(want: &Want, text: &str, row: &Row<'_>) -> Result<(), Wrong> {
    match want.about {
        About::Rag => hold_rag(&read(text.as_bytes()).map_err(unlike)?, row),
        About::Sft => hold_sft(&read(text.as_bytes()).map_err(unlike)?, row),
        About::Preference => hold_preference(&read(text.as_bytes()).map_err(unlike)?, row, want.side),
        About::Rescored => {
            let score: ScoredRun = read(text.as_bytes()).map_err(unlike)?;
            if want.side == 0 {
                hold_provenance(&score.provenance, row)?;
                let run = row.run_id.plain();
                return hold(score.evidence_run_id.as_str() == run, "the score is of another run", || {
                    (&run, score.evidence_run_id.as_str())
                });
            }
            score.caused_by.map_or(Ok(()), |caused_by| hold_provenance(&caused_by, row))
        }
        About::Retractions => {
            let caused_by =
                skim::members(text).find(|(key, _)| *key == "caused_by").map_or("", |(_, value)| value);
            let caused_by: Provenance<'static> =
                serde_json::from_str(caused_by).map_err(|e| unlike(e.to_string()))?;
            hold_provenance(&caused_by, row)
        }
    }
}

fn hold_provenance(provenance: &Provenance<'_>, row: &Row<'_>) -> Result<(), Wrong> {
    let rendered = provenance.render();
    hold(rendered == row.provenance, "the provenance is not the evidence's", || (row.provenance, rendered))
}

fn hold_id(id: &str, prefix: &str, content: &Sha256Hex) -> Result<(), Wrong> {
    let expected = format!("{prefix}{}", content.first16());
    hold(id == expected, "the sample_id is not the hash of the content", || (&expected, id))
}

fn hold_run<'r>(mut runs: impl Iterator<Item = &'r str>, row: &Row<'_>) -> Result<(), Wrong> {
    let run = row.run_id.plain();
    hold(runs.any(|other| other == run), "source_run_ids lack the run of the row", || (&run, "other runs"))
}

fn hold_split(group: &str, split: Split) -> Result<(), Wrong> {
    let hash = Sha256Hex::of(group.as_bytes());
    let bucket = hash.0.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes) % 100);
    let expected = match bucket {
        0..90 => Split::Train,
        90..95 => Split::Validation,
        _ => Split::Test,
    };
    hold(split == expected, "the split is not the bucket of the split_group", || {
        (expected.name(), split.name())
    })
}

fn hold_rag(sample: &RagSample, row: &Row<'_>) -> Result<(), Wrong> {
    // An upgrade may be late, a downgrade never.
    let late = row.category == Category::Accepted && sample.success_score == SuccessScore::PartiallyAccepted;
    let allowed = SuccessScore::prove(row.category) == Some(sample.success_score) || late;
    let score = sample.success_score.name();
    hold(allowed, UNFIT, || (score, row.category))?;
    hold_provenance(&sample.provenance, row)?;
    hold(row.has_text(sample.text.as_str()), "the text is not the evidence's", || {
        (own(row), sample.text.as_str())
    })?;
    let content = Sha256Hex::of(sample.text.as_str().as_bytes());
    hold(content == sample.content_sha256, "content_sha256 is not that of the text", || {
        (content, sample.content_sha256)
    })?;
    hold_id(sample.sample_id.as_str(), "rag_", &content)?;
    hold_run(sample.source_run_ids.as_slice().iter().map(Text::as_str), row)?;
    hold_task(sample.task_type.as_str(), row)?;
    let tag = format!("stream:{}", row.stream.plain());
    let tagged = sample.tags.as_slice().iter().any(|own| own.as_str() == tag);
    hold(tagged, "the tags lack the row's stream", || (&tag, "others"))
}

fn hold_sft(sample: &SftSample, row: &Row<'_>) -> Result<(), Wrong> {
    hold(row.category == Category::Accepted, UNFIT, || (Category::Accepted, row.category))?;
    hold_provenance(&sample.provenance, row)?;
    let response = sample.response.as_str();
    hold(row.has_text(response), "the response is not the evidence's text", || (own(row), response))?;
    let instruction = sample.instruction.as_str();
    if let Some(prompt) = row.prompt() {
        let plain = prompt.instruction.plain();
        hold(plain == instruction, "the instruction is not the evidence's", || (&plain, instruction))?;
        let system = sample.system.as_str();
        hold(prompt.system == system, "the system message is not the stream's", || (prompt.system, system))?;
        hold_task(sample.task_type.as_str(), row)?;
    }
    let content = Sha256Hex::of([instruction.as_bytes(), b"\0", response.as_bytes()].concat().as_slice());
    hold_id(sample.sample_id.as_str(), "sft_", &content)?;
    hold_run(sample.source_run_ids.as_slice().iter().map(Text::as_str), row)?;
    hold_split(sample.split_group.as_str(), sample.split)
}

/// The task type is the row's; where it has none, its run may have one.
fn hold_task(task_type: &str, row: &Row<'_>) -> Result<(), Wrong> {
    let own = row.task_type.as_ref().map(Escaped::plain);
    let holds = own.as_ref().is_none_or(|own| own == task_type);
    hold(holds, "the task_type is not the row's", || (own.unwrap_or_default(), task_type))
}

fn hold_preference(sample: &PreferenceSample, row: &Row<'_>, side: u8) -> Result<(), Wrong> {
    let [chosen, rejected] = &sample.provenance;
    let (provenance, text) = if side == 0 { (chosen, &sample.chosen) } else { (rejected, &sample.rejected) };
    hold_provenance(provenance, row)?;
    let of_one_row = chosen == rejected;
    // Both answers of a vote are its row's.
    let said = if side == 1 && of_one_row { &row.rejected } else { &row.text };
    let same = said.as_ref().is_some_and(|said| said.plain() == text.as_str());
    hold(same, "an answer is not the evidence's text", || (own(row), text.as_str()))?;
    // A correction answers what its target was asked.
    let corrects =
        ["human_overrides", "overseer_corrections"].iter().any(|of| chosen.source_file.contains(of));
    if let Some(prompt) = row.prompt().filter(|_| side == u8::from(corrects)) {
        let (plain, instruction) = (prompt.instruction.plain(), sample.instruction.as_str());
        hold(plain == instruction, "the instruction is not the evidence's", || (&plain, instruction))?;
    }
    let fit = match (of_one_row, side) {
        (true, _) => row.category != Category::Rejected,
        (false, 0) => row.category == Category::Accepted || row.stream.escaped() == "overseer_corrections",
        (false, _) => row.category == Category::Rejected,
    };
    let needed = match (of_one_row, side) {
        (true, _) => "any category but rejected",
        (false, 0) => "accepted, as it is chosen",
        (false, _) => "rejected, as it is not chosen",
    };
    hold(fit, UNFIT, || (needed, row.category))?;
    let content = [&sample.instruction, &sample.chosen, &sample.rejected].map(Words::as_str).join("\0");
    hold_id(sample.sample_id.as_str(), "pref_", &Sha256Hex::of(content.as_bytes()))?;
    hold_split(sample.split_group.as_str(), sample.split)
}

fn own(row: &Row<'_>) -> String {
    row.text.as_ref().map_or_else(|| "no text".to_owned(), |text| text.plain().into_owned())
}
