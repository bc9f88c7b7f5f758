//! Lines about rows held against the rows: every sample against the evidence it was made from and the category that counts
//! now, every later score and retraction against the rows that it names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use super::finding::{Finding, Findings};
use super::lines::read;
use super::links::{self, Relinked};
use super::read::read_at;
use super::wanted::{About, Want};
use crate::domain::exports::instruction::{self, Fields};
use crate::domain::exports::{Dataset, rejected_text};
use crate::domain::schema::checked::{Text, Words};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::samples::{PreferenceSample, RagSample, SftSample, Split, SuccessScore};
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::schema::scored_run::ScoredRun;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::outputs::{CommittedRow, Outputs, Rescored};
use crate::pipeline::row_scan::sig_hash;
use crate::pipeline::streams::StreamSpec;
use crate::store::StoreError;

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
const UNFIT: &str = "the category that counts now does not allow its row in here";

/// What is wrong with a line: what, expected, found.
type Wrong = (&'static str, String, String);

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

fn unlike(what: String) -> Wrong {
    ("the line is not of its shape", String::new(), what)
}

/// Goes over one stream's evidence beside what is wanted of it. Gives how many rows there were.
pub(super) fn hold_stream(
    (number, spec): (u16, &StreamSpec),
    (outputs, rescored): (&Outputs, &Rescored),
    wants: &mut [Want],
    files: &BTreeMap<About, &File>,
    expected: Option<&Relinked>,
    findings: &Findings,
) -> Result<u64, StoreError> {
    wants.sort_unstable_by_key(|want| (want.row, want.about, want.side, want.line));
    let mut wants = wants.iter().peekable();
    let (mut rows, mut failed) = (0, None);
    let mut line = Vec::new();
    let unknown = |want: &Want| {
        let (generation, row) = want.row;
        let what = format!("there is no evidence of line {row} of generation {generation} of {}", spec.name);
        findings.add(Finding::of_line(want.about.path(), want.line, want.at, what));
    };
    outputs.each_row(&spec.name, rescored, |committed| {
        rows += 1;
        let Some((_, generation, row)) = crate::pipeline::outputs::provenance_key(committed.evidence) else {
            let what = "the line names no row";
            let path = spec.output("evidence");
            findings.add(Finding::of_line(path, rows - 1, committed.evidence_at, what));
            return;
        };
        hold_expected(committed, expected, number, (spec, rows - 1), findings);
        let key = (generation, row);
        while let Some(want) = wants.next_if(|want| want.row < key) {
            unknown(want);
        }
        let mut view = None;
        while let Some(want) = wants.next_if(|want| want.row == key) {
            let read = || category_of(committed.score).and_then(|of| Row::read(committed.evidence, of));
            let Some(row) = view.get_or_insert_with(read) else { continue };
            let Some(file) = files.get(&want.about) else { continue };
            if let Err(e) = read_at(file, want.at, want.len as usize, &mut line) {
                failed.get_or_insert(e);
                return;
            }
            let text = std::str::from_utf8(&line).unwrap_or_default().trim_end_matches('\n');
            let held =
                hold_line(want, text, row).and_then(|()| hold_content(want, number, committed, expected));
            if let Err((what, expected, found)) = held {
                let finding = Finding::of_line(want.about.path(), want.line, want.at, what);
                findings.add(finding.but(expected, found));
            }
        }
    })?;
    wants.for_each(unknown);
    let trouble = |e: io::Error| StoreError::io("read", outputs.folder(), e);
    failed.map_or(Ok(rows), |e| Err(trouble(e)))
}

/// Holds a sample to what else may speak against its content: a twin, the same content rejected elsewhere, a secret.
fn hold_content(
    want: &Want,
    number: u16,
    committed: CommittedRow<'_>,
    expected: Option<&Relinked>,
) -> Result<(), Wrong> {
    let dataset = match want.about {
        About::Rag => Dataset::Rag,
        About::Sft => Dataset::Sft,
        About::Preference | About::Retractions | About::Rescored => return Ok(()),
    };
    let sig_hash = sig_hash(committed.evidence.as_bytes());
    let objection =
        expected.zip(sig_hash).and_then(|(all, sig_hash)| all.objection(dataset, number, &sig_hash));
    hold(objection.is_none(), "something speaks against the sample's content", || {
        ("nothing", objection.unwrap_or_default())
    })
}

fn hold_expected(
    committed: CommittedRow<'_>,
    expected: Option<&Relinked>,
    number: u16,
    (spec, line): (&StreamSpec, u64),
    findings: &Findings,
) {
    let sig_hash = sig_hash(committed.evidence.as_bytes());
    let score = expected.zip(sig_hash).and_then(|(expected, sig_hash)| expected.score(number, &sig_hash));
    let Some(score) = score else { return };
    let member =
        |name: &str| skim::members(committed.score).find(|(key, _)| *key == name).map(|(_, value)| value);
    let category = member("category").unwrap_or_default().trim_matches('"');
    if let Some((should, is)) = links::difference(&score, category, member("reasons").unwrap_or_default()) {
        let what = "the score that counts is not the one that the rows and their links give";
        let finding = Finding::of_all_rows(spec.output("evidence"), line, committed.evidence_at, what);
        findings.add(finding.but(should, is));
    }
}

fn category_of(score: &str) -> Option<Category> {
    let category = skim::members(score).find(|(key, _)| *key == "category")?.1;
    Category::from_name(category.trim_matches('"'))
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
