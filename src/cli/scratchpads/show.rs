//! Scratchpads as tables and as Markdown.

use std::fmt::Write as _;

use comfy_table::CellAlignment;
use serde_json::Value;

use super::super::table::{one_line, print, table, thousands};
use super::select::Row;
use crate::domain::canonical::unescape;
use crate::domain::schema::checked::Text;
use crate::domain::schema::scratchpad::ScratchpadSummary;

/// How much of a text a table shows, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// Prints summaries as a table.
pub(super) fn table_of(summaries: &[ScratchpadSummary]) {
    let mut table = table(&[
        "run",
        "time",
        "validation",
        "done",
        "failed",
        "pending",
        "decisions",
        "questions",
        "objective",
    ]);
    for summary in summaries {
        let time = summary.provenance.as_slice().first().map(|row| row.recorded_at.to_string());
        table.add_row([
            one_line(summary.run_id.as_str()),
            time.unwrap_or_default(),
            summary.validation_status.name().to_owned(),
            summary.completed_steps.len().to_string(),
            summary.failed_steps.len().to_string(),
            summary.pending_steps.len().to_string(),
            summary.decisions.len().to_string(),
            summary.unresolved_questions.len().to_string(),
            start_of(&summary.current_objective),
        ]);
    }
    if let Some(column) = table.column_mut(8) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    print(table);
    print(format_args!(
        "{} scratchpads; `--markdown` shows what they say, `--empty` the texts that say nothing",
        thousands(summaries.len() as u64)
    ));
}

/// One summary as a section of Markdown.
pub(super) fn markdown(stream: &str, summary: &ScratchpadSummary) -> String {
    let mut out = format!("## {}\n\n", summary.run_id.as_str());
    if let Some(row) = summary.provenance.as_slice().first() {
        let _ = writeln!(
            out,
            "{stream}, line {} of generation {}, {}\n",
            row.line_offset, row.generation, row.recorded_at
        );
    }
    if !summary.current_objective.is_empty() {
        let _ = writeln!(out, "**Objective:** {}\n", summary.current_objective);
    }
    let _ = writeln!(out, "**Validation:** {}\n", summary.validation_status.name());
    section(&mut out, "Completed", "- [x] ", &summary.completed_steps);
    section(&mut out, "Failed", "- ✗ ", &summary.failed_steps);
    section(&mut out, "Pending", "- [ ] ", &summary.pending_steps);
    section(&mut out, "Decisions", "- ", &summary.decisions);
    section(&mut out, "Open questions", "- ", &summary.unresolved_questions);
    section(&mut out, "Paths", "- ", &summary.important_paths);
    if !summary.next_command.is_empty() {
        let _ = writeln!(out, "**Next command:** `{}`\n", summary.next_command);
    }
    out
}

fn section(out: &mut String, title: &str, bullet: &str, items: &[Text]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "### {title}\n");
    for item in items {
        let _ = writeln!(out, "{bullet}{}", item.as_str());
    }
    out.push('\n');
}

/// A row whose text says nothing that is understood.
#[derive(Debug, serde::Serialize)]
pub(super) struct Empty {
    stream: &'static str,
    run_id: String,
    timestamp: String,
    source_files: Vec<String>,
    text_start: String,
    provenance: Value,
}

impl Empty {
    pub(super) fn of(stream: &'static str, row: &Row<'_>) -> Self {
        Self {
            stream,
            run_id: row.run_id.clone(),
            timestamp: row.time.to_string(),
            source_files: row.files.clone(),
            text_start: start_of(&unescape(row.text)),
            provenance: serde_json::from_str(row.provenance).unwrap_or_default(),
        }
    }
}

/// Prints rows that say nothing as a table.
pub(super) fn table_of_empty(rows: &[Empty]) {
    let mut table = table(&["run", "time", "stream", "file", "text"]);
    for row in rows {
        let file = row.source_files.first().cloned().unwrap_or_default();
        table.add_row([
            one_line(&row.run_id),
            row.timestamp.clone(),
            row.stream.to_owned(),
            one_line(&file),
            row.text_start.clone(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    print(table);
    print(format_args!("{} texts that say nothing that is understood", thousands(rows.len() as u64)));
}

/// The start of a text on one line.
fn start_of(text: &str) -> String {
    let words = text.split_whitespace().take(SHOWN_CHARS_MAX).collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}
