//! What is broken, and where: file, line, byte, what was expected and what was found.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How much of a line a finding quotes, in characters.
const QUOTED_CHARS: usize = 120;

/// How closely a finding names its place: of several about one file the closest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Line,
    File,
    Range,
    /// It follows from everything else, so whatever else is broken is named first.
    Conclusion,
}

/// One broken thing.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// The file: relative to the output folder, or a stream's file as it lies.
    pub file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The byte within the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// The receipt that says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What should be there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What is there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
    #[serde(skip)]
    closeness: Closeness,
}

impl Finding {
    /// About a file as a whole.
    pub fn of_file(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            byte: None,
            receipt: None,
            what: what.into(),
            expected: String::new(),
            found: String::new(),
            closeness: Closeness::File,
        }
    }

    /// About one line, numbered from 0 here, that starts at (or is wrong from) a byte.
    pub fn of_line(file: impl Into<String>, line: u64, byte: u64, what: impl Into<String>) -> Self {
        Self {
            line: Some(line + 1),
            byte: Some(byte),
            closeness: Closeness::Line,
            ..Self::of_file(file, what)
        }
    }

    /// About a range of a receipt whose first line (from 0) and byte these are.
    pub fn of_range(file: impl Into<String>, line: u64, byte: u64, what: impl Into<String>) -> Self {
        Self { closeness: Closeness::Range, ..Self::of_line(file, line, byte, what) }
    }

    /// About what all rows together give; `line` from 0.
    pub fn of_all_rows(file: impl Into<String>, line: u64, byte: u64, what: impl Into<String>) -> Self {
        Self { closeness: Closeness::Conclusion, ..Self::of_line(file, line, byte, what) }
    }

    /// Names a line, from 0.
    #[must_use]
    pub fn line(self, line: u64) -> Self {
        Self { line: Some(line + 1), ..self }
    }

    /// Names the receipt.
    #[must_use]
    pub fn receipt(self, seq: u64) -> Self {
        Self { receipt: Some(seq), ..self }
    }

    /// Says what should be there and what is.
    #[must_use]
    pub fn but(self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self { expected: quote(&expected.to_string()), found: quote(&found.to_string()), ..self }
    }

    /// Whether it is about a file that may be replaced as a whole.
    pub fn is_of_export(&self) -> bool {
        self.file.starts_with("exports/") || self.file.starts_with("views/")
    }

    /// Receipts first, for all else follows from them; then streams, what is made of rows, and what is made of that.
    fn order(&self) -> (u8, &str, Closeness, Option<u64>, Option<u64>) {
        let conclusion = self.closeness == Closeness::Conclusion;
        let group = match self.file.split_once('/').map_or("", |(folder, _)| folder) {
            "receipts" => 0,
            "evidence" | "scored-runs" | "quarantine" | "scratchpads" => 2,
            "exports" | "views" => 3,
            _ => 1,
        };
        // Of the receipts it is the first line that counts, whatever is wrong with it.
        let closeness = if group == 0 { Closeness::File } else { self.closeness };
        let group = if conclusion { 4 } else { group };
        (group, &self.file, closeness, self.line, self.byte)
    }
}

/// Shortens a text and keeps it on one line.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars().take(QUOTED_CHARS) {
        if c.is_control() { quoted.extend(c.escape_default()) } else { quoted.push(c) }
    }
    if text.chars().nth(QUOTED_CHARS).is_some() {
        quoted.push('…');
    }
    quoted
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(byte) = self.byte {
            write!(f, " byte {byte}")?;
        }
        write!(f, ": {}", self.what)?;
        if let Some(seq) = self.receipt {
            write!(f, " (receipt {seq})")?;
        }
        if !self.expected.is_empty() || !self.found.is_empty() {
            write!(f, "; expected {}, found {}", self.expected, self.found)?;
        }
        Ok(())
    }
}

/// Findings of all threads.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    /// Adds one.
    pub fn add(&self, finding: Finding) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// Whether something holds for each of them.
    pub fn all(&self, holds: impl FnMut(&Finding) -> bool) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().all(holds)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All of them, the first broken thing first.
    pub fn into_sorted(self) -> Vec<Finding> {
        let mut findings = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_come_first_and_of_one_file_the_closest_place() {
        let findings = Findings::default();
        findings.add(Finding::of_line("exports/rag/samples.jsonl", 0, 0, "d"));
        findings.add(Finding::of_file("evidence/x.jsonl", "c"));
        findings.add(Finding::of_line("evidence/x.jsonl", 6, 70, "b").but("one\ntwo", "x".repeat(500)));
        findings.add(Finding::of_line("receipts/receipts.jsonl", 3, 9, "a"));
        let sorted = findings.into_sorted();
        assert_eq!(sorted.iter().map(|f| f.what.as_str()).collect::<String>(), "abcd");
        let text = sorted[1].to_string();
        assert!(
            text.starts_with("evidence/x.jsonl line 7 byte 70: b; expected one\\ntwo, found xxx"),
            "{text}"
        );
        assert!(text.len() < 300 && text.ends_with('…'));
    }
}
