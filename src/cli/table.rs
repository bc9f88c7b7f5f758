//! What people and programs read: tables, JSON, and one line an error.

#![expect(clippy::print_stderr, reason = "this is where the command line speaks")]

use std::io::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table with right-aligned numbers: every column but the first.
pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset("     ── ─           ").set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Prints to standard output; a reader that went away is no error.
pub(super) fn print(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a value as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(json) => print(json),
        Err(e) => eprintln!("distilld: the answer cannot be written as JSON: {e}"),
    }
}

/// Says what went wrong, with its causes, on one line.
pub(super) fn error_line(error: &anyhow::Error) {
    let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(std::io::stderr(), "distilld: {line}");
}

/// A whole number with its thousands set apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
