//! Reading scratchpads, and the rows whose text they were read from.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::EventTime;
use crate::domain::schema::scratchpad::ScratchpadSummary;
use crate::domain::skim;
use crate::pipeline::outputs::Outputs;
use crate::store::StoreError;

/// Where a row stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    generation: u32,
    line: u64,
}

impl Place {
    pub(super) fn of(provenance: &Provenance<'_>) -> Self {
        Self { generation: provenance.generation, line: provenance.line_offset }
    }
}

/// A row with a text.
pub(super) struct Row<'a> {
    pub(super) place: Place,
    pub(super) run_id: String,
    pub(super) time: EventTime,
    pub(super) files: Vec<String>,
    pub(super) task_type: Option<String>,
    pub(super) model: Option<String>,
    /// The text, still escaped.
    pub(super) text: &'a str,
    /// The provenance, as JSON.
    pub(super) provenance: &'a str,
}

impl Row<'_> {
    pub(super) fn is_about(&self, file: &str) -> bool {
        self.files.iter().any(|path| is_file(path, file))
    }
}

/// Whether a path is the file that is asked for, by the whole path or its end.
pub(super) fn is_file(path: &str, asked: &str) -> bool {
    path.strip_suffix(asked).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Goes over the scratchpads of a stream: line and summary.
pub(super) fn each_summary(
    outputs: &Outputs,
    stream: &str,
    mut take: impl FnMut(&str, ScratchpadSummary),
) -> Result<(), StoreError> {
    outputs.each_line(&format!("scratchpads/{stream}.jsonl"), |_, line| {
        // A committed line that is none of ours was changed by somebody, which `verify` tells.
        if let Ok(summary) = serde_json::from_str(line) {
            take(line, summary);
        }
    })
}

/// Goes over the rows of a stream that have a text.
pub(super) fn each_text(
    outputs: &Outputs,
    stream: &str,
    mut take: impl FnMut(&Row<'_>),
) -> Result<(), StoreError> {
    outputs.each_line(&format!("evidence/{stream}.jsonl"), |_, line| {
        if let Some(row) = row_of(line) {
            take(&row);
        }
    })
}

/// The task type of each run, as far as one of its rows gives it: that of the latest.
pub(super) fn task_types(outputs: &Outputs) -> Result<BTreeMap<String, String>, StoreError> {
    type Latest = ((EventTime, String, Place), String);
    let mut latest: BTreeMap<String, Latest> = BTreeMap::new();
    for path in outputs.state.outputs.keys().filter(|path| path.starts_with("evidence/")) {
        outputs.each_line(path, |_, line| {
            let (mut run_id, mut task_type, mut provenance) = (None, None, None);
            for (key, value) in skim::members(line) {
                match key {
                    "run_id" => run_id = plain(value),
                    "task_type" => task_type = plain(value),
                    "provenance" => provenance = serde_json::from_str::<Provenance<'_>>(value).ok(),
                    _ => {}
                }
            }
            let Some(((run_id, task_type), row)) = run_id.zip(task_type).zip(provenance) else { return };
            let at = (row.recorded_at, row.source_file.to_string(), Place::of(&row));
            if latest.get(&run_id).is_none_or(|(known, _)| *known < at) {
                latest.insert(run_id, (at, task_type));
            }
        })?;
    }
    Ok(latest.into_iter().map(|(run_id, (_, task_type))| (run_id, task_type)).collect())
}

/// The places of the rows with a text that are asked for.
pub(super) fn places(
    outputs: &Outputs,
    stream: &str,
    asked: impl Fn(&Row<'_>) -> bool,
) -> Result<BTreeSet<Place>, StoreError> {
    let mut places = BTreeSet::new();
    each_text(outputs, stream, |row| {
        if asked(row) {
            places.insert(row.place);
        }
    })?;
    Ok(places)
}

fn row_of(line: &str) -> Option<Row<'_>> {
    let (mut run_id, mut text, mut provenance, mut files) = (None, None, None, Vec::new());
    let (mut task_type, mut model) = (None, None);
    for (key, value) in skim::members(line) {
        match key {
            "run_id" => run_id = plain(value),
            "task_type" => task_type = plain(value),
            "model_name" => model = plain(value),
            "text" => text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')),
            "provenance" => provenance = Some(value),
            "source_files" => files = skim::items(value).filter_map(plain).collect(),
            _ => {}
        }
    }
    let provenance = provenance?;
    let read: Provenance<'_> = serde_json::from_str(provenance).ok()?;
    Some(Row {
        place: Place::of(&read),
        run_id: run_id?,
        time: read.recorded_at,
        files,
        task_type,
        model,
        text: text?,
        provenance,
    })
}

fn plain(value: &str) -> Option<String> {
    skim::text(value).map(|text| text.plain().into_owned())
}
