//! Tables with a column that says how each row stands.

use std::borrow::Cow;

use super::cue::{self, Cue};
use super::outcome;
use super::pad::Pad;
use super::status;

/// The columns of a table that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    what: usize,
    status: usize,
    rows: Rows,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Steps,
    Checks,
    /// Nothing says what they are; those whose name is a check's are checks.
    Untold,
}

/// How many columns of a table are looked at.
const COLUMNS_MAX: usize = 16;

/// The cells of a row. A `\|` stands in its cell, which is kept as it is in the text.
fn cells(row: &str) -> impl Iterator<Item = &str> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').filter(|row| !row.ends_with('\\')).unwrap_or(row);
    let mut escaped = false;
    let parts = row.split(move |c| {
        let parts = c == '|' && !escaped;
        escaped = c == '\\' && !escaped;
        parts
    });
    parts.map(str::trim).take(COLUMNS_MAX)
}

/// The columns that a header names; `in_validation` says that the table stands below such a heading.
pub(super) fn columns(header: &str, in_validation: bool) -> Option<Columns> {
    let is = |cell: &str, words: &[&str]| {
        let cell = cell.trim_matches('*');
        words.iter().any(|word| cell.eq_ignore_ascii_case(word))
    };
    let status = cells(header).position(|cell| is(cell, &["status", "state", "result", "outcome"]))?;
    let checks = ["check", "checks", "gate", "test", "tests", "suite", "job"];
    if let Some(what) = cells(header).position(|cell| is(cell, &checks)) {
        return Some(Columns { what, status, rows: Rows::Checks });
    }
    let steps = ["step", "steps", "task", "item", "action", "what", "work", "todo"];
    Some(match cells(header).position(|cell| is(cell, &steps)) {
        Some(what) if !in_validation => Columns { what, status, rows: Rows::Steps },
        what => Columns {
            what: what.unwrap_or(0),
            status,
            rows: if in_validation { Rows::Checks } else { Rows::Untold },
        },
    })
}

/// Takes a row of a table.
pub(super) fn take_row<'t>(columns: Columns, row: &'t str, pad: &mut Pad<'t>) {
    let at = |column| cells(row).nth(column);
    let (Some(what), Some(state)) = (at(columns.what), at(columns.status)) else { return };
    let is_check = match columns.rows {
        Rows::Steps => false,
        Rows::Checks => true,
        Rows::Untold if cue::of_phrase(what) == Some(Cue::Check) => true,
        Rows::Untold => return,
    };
    if is_check {
        if let Some(status) = outcome::outcome(state) {
            pad.checks.add_named(Cow::Borrowed(what), status);
        }
    } else if let Some(status) = status::of_word(state) {
        pad.step(status, Cow::Borrowed(what));
    }
}
