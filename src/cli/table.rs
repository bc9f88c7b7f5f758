//! What people and programs read: tables, JSON, and one line an error.

#![expect(clippy::print_stderr, reason = "this is where the command line speaks")]

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table with right-aligned numbers: every column but the first.
pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset("     ──            ").set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Prints for people, to standard output: names and texts of rows among it do nothing to a terminal.
pub(super) fn print(text: impl std::fmt::Display) {
    let mut harmless = String::new();
    for c in text.to_string().chars() {
        if c == '\n' { harmless.push(c) } else { push_harmless(c, &mut harmless) }
    }
    print_as_it_is(harmless);
}

/// Prints for programs, to standard output. A reader that went away is no error; any other trouble is kept for the end.
pub(super) fn print_as_it_is(text: impl std::fmt::Display) {
    if let Err(e) = writeln!(io::stdout(), "{text}")
        && e.kind() != io::ErrorKind::BrokenPipe
    {
        let mut first = WRITE_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(e);
    }
}

/// Why not all could be printed, if that is so: an answer that was cut must not look like a whole one.
static WRITE_ERROR: Mutex<Option<io::Error>> = Mutex::new(None);

/// Takes what went wrong with printing.
pub(super) fn write_error() -> Option<io::Error> {
    WRITE_ERROR.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Adds a character; escaped when it would do something to a terminal, or turn the direction of writing, which can make a line
/// read as another.
pub(super) fn push_harmless(c: char, text: &mut String) {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns {
        text.extend(c.escape_default());
    } else {
        text.push(c);
    }
}

/// A text on one line, as a table wants it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prints a value as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(json) => print_as_it_is(json),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_does_nothing_to_a_terminal_and_breaks_no_table() {
        let mut text = String::new();
        "a\u{1b}[2J\u{202e}b\u{7f}é".chars().for_each(|c| push_harmless(c, &mut text));
        assert_eq!(text, "a\\u{1b}[2J\\u{202e}b\\u{7f}é");
        assert_eq!(one_line(" a\n b\tc\r\n"), "a b c");
    }
}
