//! What the lines of runs show of rows, kept from reading the rows to making the lines, so that evidence is read once.
//!
//! ```text
//! parts = part*   part = mark value "\n"   value = JSON, or nothing for a provenance that is kept as an [`Origin`]
//! ```
//! Canonical JSON has no line feeds. Parts that many rows share are held once, a row's files apart from the rest: each is that
//! of hundreds of rows, and both together nearly are the row's own (120,000 of 200,000 rows of telemetry, of 3,000 files and
//! 60 others). Held as one, nearly every look at them was a cache miss, and views cost a quarter more.

use super::member::{Finder, Member};
use super::names::{Name, Names, push};
use super::row::{NONE, RowId};
use super::standing::{Origin, Standing};
use crate::domain::skim;

/// More is not kept: what is shown of later rows is read back. 400,000 rows of all streams have about half as much.
const BYTES_MAX: usize = 64 << 20;

/// What lines show of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'t> {
    /// The part of its source files, if it has any.
    pub(super) files: &'t str,
    /// All other parts.
    pub(super) rest: &'t str,
}

/// The numbers of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) files: Name,
    pub(super) rest: Name,
}

/// What is shown of rows that were read one after the other.
#[derive(Debug, Default)]
pub(super) struct Shown {
    parts: Names,
    /// By the number of such parts: the detail that follows from them, once it is known.
    details: Vec<Name>,
    /// By the number of a task that is a file's: the number of the part that names this file alone, once it is known. Nearly all
    /// work on a file names it twice, and a look at a text is four cache misses.
    of_files: Vec<Name>,
    first: RowId,
    rows: Vec<(Origin, Numbers)>,
}

impl Shown {
    /// The numbers of what is shown of the next row; `None` when it is not kept. `file` is the row's task where its files are
    /// the one that the task names.
    pub(super) fn numbers(&mut self, row: RowId, shown: Texts<'_>, file: Option<Name>) -> Option<Numbers> {
        if self.rows.is_empty() {
            self.first = row;
        }
        let is_next = row as usize == self.first as usize + self.rows.len();
        (is_next && self.memory() <= BYTES_MAX)
            .then(|| Numbers { files: self.files(shown.files, file), rest: self.parts.of(shown.rest) })
    }

    fn files(&mut self, part: &str, file: Option<Name>) -> Name {
        let Some(file) = file else { return self.parts.of(part) };
        if let Some(known) = known(&self.of_files, file) {
            return known;
        }
        let number = self.parts.of(part);
        note(&mut self.of_files, file, number);
        number
    }

    /// Keeps what is shown of the next row.
    pub(super) fn put(&mut self, origin: Origin, shown: Numbers) {
        push(&mut self.rows, (origin, shown));
    }

    /// Where a row stands, and the numbers of what is shown of it, if that is kept.
    pub(super) fn of(&self, row: RowId) -> Option<(Origin, Numbers)> {
        self.rows.get(row.checked_sub(self.first)? as usize).copied()
    }

    /// The parts of a number.
    pub(super) fn text(&self, parts: Name) -> &str {
        self.parts.text(parts)
    }

    /// The detail that follows from parts, if it was noted.
    pub(super) fn detail(&self, parts: Name) -> Option<Name> {
        known(&self.details, parts)
    }

    /// Notes the detail that follows from parts.
    pub(super) fn note_detail(&mut self, parts: Name, detail: Name) {
        note(&mut self.details, parts, detail);
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.parts.memory()
            + (self.details.capacity() + self.of_files.capacity()) * size_of::<Name>()
            + self.rows.capacity() * size_of::<(Origin, Numbers)>()
    }
}

/// What was noted of a number.
fn known(noted: &[Name], number: Name) -> Option<Name> {
    noted.get(number as usize).copied().filter(|known| *known != NONE)
}

fn note(noted: &mut Vec<Name>, number: Name, value: Name) {
    while noted.len() <= number as usize {
        push(noted, NONE);
    }
    if let Some(known) = noted.get_mut(number as usize) {
        *known = value;
    }
}

/// Whether the part of a row's files names one file, and its task is this file; both as they stand in the evidence.
pub(super) fn is_file_of_task(files: &str, task: &str) -> bool {
    let one = || files.get(1..)?.strip_prefix("[\"")?.strip_suffix("]\n");
    task.strip_prefix("\"file:").is_some_and(|file| one() == Some(file))
}

/// Appends a member to the parts of a row; `is_kept` when it is a provenance that is kept as an origin.
pub(super) fn put(parts: &mut String, member: Member, value: &str, is_kept: bool) {
    parts.push(member.mark());
    parts.push_str(if is_kept { "" } else { value });
    parts.push('\n');
}

/// Appends the parts of a row, from its evidence, and gives its origin.
pub(super) fn put_all(text: &mut String, evidence: &str, source_file: &str) -> Origin {
    let (mut finder, mut origin) = (Finder::default(), None);
    for (key, value) in skim::members(evidence) {
        if let Some(member) = finder.find(key).filter(|member| member.is_shown()) {
            if member == Member::Provenance {
                origin = Standing::read(value).and_then(|standing| standing.origin_in(source_file));
            }
            put(text, member, value, member == Member::Provenance && origin.is_some());
        }
    }
    origin.unwrap_or(Origin::NONE)
}

/// The members and values of parts, in the order of the evidence.
pub(super) fn parts(text: &str) -> impl Iterator<Item = (Member, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let member = Member::of_mark(*rest.as_bytes().first()?)?;
        let end = memchr::memchr(b'\n', rest.as_bytes())?;
        let value = rest.get(1..end)?;
        rest = rest.get(end + 1..)?;
        Some((member, value))
    })
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::provenance;
    use super::*;
    use crate::domain::schema::scalars::Sha256Hex;

    #[test]
    fn what_is_shown_of_a_row_comes_out_again() {
        let place = provenance();
        let line = format!(
            r#"{{"run_id":"r","provenance":{place},"mode":"a\nb","text":"t","source_files":["x","y"],"attempt":2}}"#
        );
        let mut text = String::new();
        let origin = put_all(&mut text, &line, "data/_kb/audits.jsonl");
        let expected = Origin { sig_hash: Sha256Hex([0xab; 32]), line: 17, byte: 40_960, generation: 2 };
        assert_eq!(origin, expected);
        let mut expected = vec![
            (Member::Provenance, ""),
            (Member::Mode, r#""a\nb""#),
            (Member::SourceFiles, r#"["x","y"]"#),
            (Member::Attempt, "2"),
        ];
        assert_eq!(parts(&text).collect::<Vec<_>>(), expected);
        // Of another file's row the provenance stays as it is.
        text.clear();
        assert_eq!(put_all(&mut text, &line, "data/_kb/outcomes.jsonl"), Origin::NONE);
        expected[0].1 = &place;
        assert_eq!(parts(&text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_file_of_a_task_is_looked_for_once() {
        let files = |value: &str| {
            let mut part = String::new();
            put(&mut part, Member::SourceFiles, value, false);
            part
        };
        for (value, task, is) in [
            (r#"["a \"b\".rs"]"#, r#""file:a \"b\".rs""#, true),
            (r#"["a.rs","b.rs"]"#, r#""file:a.rs""#, false),
            (r#"["b.rs"]"#, r#""file:a.rs""#, false),
            (r#"["a.rs"]"#, r#""run:a.rs""#, false),
            ("[]", r#""file:""#, false),
        ] {
            assert_eq!(is_file_of_task(&files(value), task), is, "{value} {task}");
        }
        assert!(!is_file_of_task("", r#""file:a.rs""#));
        let (mut shown, part) = (Shown::default(), files(r#"["a.rs"]"#));
        let texts = Texts { files: &part, rest: "" };
        let by_text = shown.numbers(0, texts, None).unwrap();
        assert_eq!(shown.numbers(0, texts, Some(7)), Some(by_text));
        let by_task = Texts { files: "not looked at", rest: "" };
        assert_eq!(shown.numbers(0, by_task, Some(7)), Some(by_text));
    }

    #[test]
    fn rows_are_kept_one_after_the_other_and_forgotten_together() {
        let mut shown = Shown::default();
        for row in 5..9_u32 {
            let texts = Texts { files: "files", rest: &format!("row {}", row % 2) };
            let numbers = shown.numbers(row, texts, None).unwrap();
            assert_eq!(shown.detail(numbers.rest), (row > 6).then_some(numbers.rest + 10));
            shown.note_detail(numbers.rest, numbers.rest + 10);
            shown.put(Origin { line: u64::from(row), ..Origin::NONE }, numbers);
        }
        // Rows that were not read one after the other are not kept.
        assert_eq!(shown.numbers(12, Texts { files: "", rest: "" }, None), None);
        let text = |row| {
            let (origin, Numbers { files, rest }) = shown.of(row)?;
            Some(format!("{} {} {}", origin.line, shown.text(files), shown.text(rest)))
        };
        let rows: Vec<_> = [4, 5, 6, 8, 9, 12].map(text).to_vec();
        let kept = |text: &str| Some(text.to_owned());
        let expected =
            [None, kept("5 files row 1"), kept("6 files row 0"), kept("8 files row 0"), None, None];
        assert_eq!(rows, expected);
        shown.clear();
        assert!(shown.of(5).is_none());
    }
}
