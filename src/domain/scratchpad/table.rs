//! Tables with a column that says how each row stands.

use std::borrow::Cow;

use super::checks;
use super::pad::Pad;
use super::status;

/// The columns of a table that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    what: usize,
    status: usize,
    /// Whether the rows are checks rather than steps.
    is_checks: bool,
}

/// How many columns of a table are looked at.
const COLUMNS_MAX: usize = 16;

fn cells(row: &str) -> impl Iterator<Item = &str> {
    let row = row.trim().strip_prefix('|').unwrap_or(row);
    row.strip_suffix('|').unwrap_or(row).split('|').map(str::trim).take(COLUMNS_MAX)
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
        return Some(Columns { what, status, is_checks: true });
    }
    let steps = ["step", "steps", "task", "item", "action", "what", "work", "todo"];
    let what = cells(header).position(|cell| is(cell, &steps)).or(in_validation.then_some(0))?;
    Some(Columns { what, status, is_checks: in_validation })
}

/// Takes a row of a table.
pub(super) fn take_row<'t>(columns: Columns, row: &'t str, pad: &mut Pad<'t>) {
    let at = |column| cells(row).nth(column);
    let (Some(what), Some(state)) = (at(columns.what), at(columns.status)) else { return };
    if columns.is_checks {
        if let Some(outcome) = checks::outcome(state) {
            pad.checks.add_single(outcome);
        }
    } else if let Some(status) = status::of_word(state) {
        pad.step(status, Cow::Borrowed(what));
    }
}
