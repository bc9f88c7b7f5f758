//! What the lines of runs show of rows, kept from reading the rows to making the lines, so that evidence is read once.
//!
//! ```text
//! parts = part*   part = mark value "\n"   value = JSON, or nothing for a provenance that is kept as an [`Origin`]
//! ```
//! Canonical JSON has no line feeds. Parts that many rows share are held once.

use super::member::{Finder, Member};
use super::names::{Name, Names, push};
use super::row::{NONE, RowId};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::skim;

/// More is not kept: what is shown of later rows is read back. 400,000 rows of all streams have about half as much.
const BYTES_MAX: usize = 64 << 20;

/// Where a row lies in its source, and its hash: what a provenance says beside the row's stream and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) sig_hash: Sha256Hex,
    pub(super) line: u64,
    pub(super) byte: u64,
    pub(super) generation: u32,
}

impl Origin {
    pub(super) const NONE: Self = Self { sig_hash: Sha256Hex([0; 32]), line: 0, byte: 0, generation: 0 };
}

/// What is shown of rows that were read one after the other.
#[derive(Debug, Default)]
pub(super) struct Shown {
    parts: Names,
    /// By the parts' number: the detail that follows from them, once it is known.
    details: Vec<Name>,
    first: RowId,
    rows: Vec<(Origin, Name)>,
}

impl Shown {
    /// The number of the parts of the next row; `None` when they are not kept.
    pub(super) fn name(&mut self, row: RowId, parts: &str) -> Option<Name> {
        if self.rows.is_empty() {
            self.first = row;
        }
        let is_next = row as usize == self.first as usize + self.rows.len();
        (is_next && self.memory() <= BYTES_MAX).then(|| self.parts.of(parts))
    }

    /// Keeps what is shown of the next row.
    pub(super) fn put(&mut self, origin: Origin, parts: Name) {
        push(&mut self.rows, (origin, parts));
    }

    /// What is shown of a row, and the number of its parts, if that is kept.
    pub(super) fn of(&self, row: RowId) -> Option<(Origin, Name, &str)> {
        let (origin, parts) = self.rows.get(row.checked_sub(self.first)? as usize)?;
        Some((*origin, *parts, self.parts.text(*parts)))
    }

    /// The detail that follows from parts, if it was noted.
    pub(super) fn detail(&self, parts: Name) -> Option<Name> {
        self.details.get(parts as usize).copied().filter(|detail| *detail != NONE)
    }

    /// Notes the detail that follows from parts.
    pub(super) fn note_detail(&mut self, parts: Name, detail: Name) {
        while self.details.len() <= parts as usize {
            push(&mut self.details, NONE);
        }
        if let Some(known) = self.details.get_mut(parts as usize) {
            *known = detail;
        }
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.parts.memory()
            + self.details.capacity() * size_of::<Name>()
            + self.rows.capacity() * size_of::<(Origin, Name)>()
    }
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
                origin = place(value).filter(|place| place.source_file == source_file);
            }
            put(text, member, value, member == Member::Provenance && origin.is_some());
        }
    }
    origin.map_or(Origin::NONE, |place| place.origin)
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

/// A provenance as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) source_file: &'t str,
    pub(super) origin: Origin,
    pub(super) recorded_at: &'t str,
}

/// Reads a provenance that has the order and the lengths of ours; `None` of any other.
pub(super) fn place(json: &str) -> Option<Place<'_>> {
    let rest = json.strip_prefix(r#"{"source_file":""#)?;
    let (source_file, rest) = split(rest, memchr::memchr(b'"', rest.as_bytes())?, r#"","generation":"#)?;
    let (generation, rest) = split(rest, digits(rest), r#","line_offset":"#)?;
    let (line, rest) = split(rest, digits(rest), r#","byte_offset":"#)?;
    let (byte, rest) = split(rest, digits(rest), r#","sig_hash":""#)?;
    let (sig_hash, rest) = split(rest, 64, r#"","recorded_at":""#)?;
    let (recorded_at, rest) = split(rest, 24, r#""}"#)?;
    let origin = Origin {
        sig_hash: Sha256Hex::parse(sig_hash)?,
        line: line.parse().ok()?,
        byte: byte.parse().ok()?,
        generation: generation.parse().ok()?,
    };
    rest.is_empty().then_some(Place { source_file, origin, recorded_at })
}

fn split<'t>(text: &'t str, at: usize, behind: &str) -> Option<(&'t str, &'t str)> {
    let (value, rest) = text.split_at_checked(at)?;
    Some((value, rest.strip_prefix(behind)?))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::provenance::Provenance;
    use crate::domain::schema::scalars::{EventTime, Sha256Hex};

    fn provenance() -> String {
        Provenance {
            source_file: "data/_kb/audits.jsonl".into(),
            generation: 2,
            line_offset: 17,
            byte_offset: 40_960,
            sig_hash: Sha256Hex([0xab; 32]),
            recorded_at: EventTime::from_millis(1_777_212_191_482),
        }
        .render()
    }

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
    fn a_provenance_of_another_shape_has_no_short_form() {
        let ours = provenance();
        assert!(place(&ours).is_some());
        for other in
            [ours.replace(":2,", ":-2,"), ours.replace("482Z", "48Z"), format!("{ours} "), "{}".to_owned()]
        {
            assert!(place(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn rows_are_kept_one_after_the_other_and_forgotten_together() {
        let mut shown = Shown::default();
        for row in 5..9_u32 {
            let parts = shown.name(row, &format!("row {}", row % 2)).unwrap();
            assert_eq!(shown.detail(parts), (row > 6).then_some(parts + 10));
            shown.note_detail(parts, parts + 10);
            shown.put(Origin { line: u64::from(row), ..Origin::NONE }, parts);
        }
        // Rows that were not read one after the other are not kept.
        assert_eq!(shown.name(12, ""), None);
        let text = |row| shown.of(row).map(|(origin, _, text)| format!("{} {text}", origin.line));
        let rows: Vec<_> = [4, 5, 6, 8, 9, 12].map(text).to_vec();
        let kept = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [None, kept("5 row 1"), kept("6 row 0"), kept("8 row 0"), None, None]);
        shown.clear();
        assert!(shown.of(5).is_none());
    }
}
