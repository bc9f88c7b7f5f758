//! Looking at real rows: what a stream's rows turn out to hold, held against what the stream documents.
//!
//! Rows go through the daemon's own [`Distiller`], and the records made from them through the judges of the published
//! shapes. Beside that it is counted which members the rows have: a producer that gives a field another name is seen at
//! once, although no row of it may be refused.

mod expected;
pub mod findings;
pub mod markdown;
mod rename;
pub mod stale;

use std::collections::BTreeMap;

use expected::Expected;
use findings::{Findings, Place as FoundAt, Refused};
use rename::UnknownTally;

use super::canonical::{Kind, Parser, unescape};
use super::distil::{Distiller, Lines, Outcome, Place, StreamContext};
use super::row::Warnings;
use super::rules::{CustomStream, Rules};
use super::schema::published::{Refusal, shape};
use super::schema::scalars::{EventTime, Sha256Hex};

/// How many names of unknown fields are told apart; a stream whose keys are ids has no end of them.
const UNKNOWN_NAMES_MAX: usize = 200;
/// How much of a row or a value is shown, in characters.
const EXCERPT_CHARS: usize = 120;

/// Looks at the rows of one stream.
pub struct StreamProbe<'r> {
    context: StreamContext<'r>,
    distiller: Distiller<'r>,
    parser: Parser,
    expected: Vec<Expected>,
    unknown: BTreeMap<String, UnknownTally>,
    lines: Lines,
    warnings: Warnings,
    carry: Option<EventTime>,
    /// Rows so far that are JSON objects.
    objects: u64,
    findings: Findings,
}

impl<'r> StreamProbe<'r> {
    /// A probe that has seen no row yet; `custom` is what the config says of a stream of its own.
    pub fn new(rules: &'r Rules, context: StreamContext<'r>, custom: Option<&CustomStream>) -> Self {
        let expected = match custom {
            Some(custom) => Expected::of_custom(custom),
            None => Expected::of_stream(context.stream, context.settings),
        };
        Self {
            context,
            distiller: Distiller::new(rules),
            parser: Parser::default(),
            expected,
            unknown: BTreeMap::new(),
            lines: Lines::default(),
            warnings: Warnings::new(),
            carry: None,
            objects: 0,
            findings: Findings::default(),
        }
    }

    /// Takes a row that starts at `byte`, without its newline.
    pub fn row(&mut self, byte: u64, raw: &[u8]) {
        self.note_members(byte, raw);
        let place = self.place(byte);
        let made = self.distiller.row(
            self.context,
            place,
            raw,
            self.carry,
            false,
            &mut self.lines,
            &mut self.warnings,
        );
        match made {
            Ok(Outcome::Blank) => self.findings.blank += 1,
            Ok(Outcome::Quarantined) => self.refused(byte),
            Ok(Outcome::Evidence(distilled)) => {
                self.findings.passed += 1;
                if let Some(time) = distilled.time {
                    self.carry = Some(time);
                    self.findings.oldest = Some(self.findings.oldest.map_or(time, |oldest| oldest.min(time)));
                    self.findings.newest = Some(self.findings.newest.map_or(time, |newest| newest.max(time)));
                }
                self.judge_records(byte, raw);
            }
            Err(bad) => {
                self.findings.passed += 1;
                let detail = bad.invalid.to_string();
                note(&mut self.findings.records_refused, "not valid".to_owned(), byte, detail, raw);
            }
        }
        self.clear_lines();
    }

    /// Takes a row of which only the start, the length and the hash were kept.
    pub fn oversize(&mut self, byte: u64, start: &[u8], length: u64, sha256: Sha256Hex) {
        let place = self.place(byte);
        self.distiller.oversize_row(self.context, place, start, length, sha256, &mut self.lines);
        self.refused(byte);
        self.clear_lines();
    }

    /// What was found; `every_row` says that the stream's file has no other rows.
    pub fn finish(mut self, every_row: bool) -> Findings {
        let refused = |name: &str| self.findings.refused.contains_key(&format!("missing_field:{name}"));
        let lacking = rename::lacking(&self.expected, self.objects, every_row, refused);
        self.findings.renames =
            rename::likely(&self.expected, &lacking, &self.unknown, self.objects, self.context);
        self.findings.never_seen = self
            .expected
            .iter()
            .filter(|expected| expected.rows == 0)
            .map(|expected| expected.name.clone())
            .collect();
        self.findings.gone = rename::gone(&self.expected, self.objects);
        if self.objects == 0 {
            self.findings.never_seen.clear();
        }
        self.findings.unknown = self.unknown.into_iter().map(|(name, tally)| tally.told(name)).collect();
        let prefix = format!("{}:", self.context.stream.name());
        self.findings.warnings = self
            .warnings
            .into_iter()
            .map(|(code, count)| (code.strip_prefix(&prefix).unwrap_or(&code).to_owned(), count))
            .collect();
        self.findings
    }

    fn place(&self, byte: u64) -> Place {
        let line_offset = self.findings.passed + self.findings.refused_rows + self.findings.blank;
        Place { generation: 0, line_offset, byte_offset: byte }
    }

    fn clear_lines(&mut self) {
        self.lines.evidence.clear();
        self.lines.scored.clear();
        self.lines.quarantine.clear();
    }

    /// Counts which members the row has, also of a row that is refused.
    fn note_members(&mut self, byte: u64, raw: &[u8]) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let Ok(doc) = self.parser.parse(raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw)) else { return };
        let root = doc.root();
        if root.kind() != Kind::Object {
            return;
        }
        let here: Vec<bool> = self.expected.iter().map(|expected| expected.is_in(root)).collect();
        for (name, value) in root.members() {
            let name = unescape(name);
            if self.expected.iter().any(|expected| expected.owns(&name)) || name == "schema_version" {
                continue;
            }
            if !self.unknown.contains_key(name.as_ref()) {
                if self.unknown.len() >= UNKNOWN_NAMES_MAX {
                    self.findings.unknown_names_left_out = true;
                    continue;
                }
                let tally = UnknownTally::new(self.expected.len(), self.objects, byte, excerpt(value.text()));
                self.unknown.insert(name.to_string(), tally);
            }
            if let Some(tally) = self.unknown.get_mut(name.as_ref()) {
                tally.note(value, &self.expected, &here);
            }
        }
        for (expected, here) in self.expected.iter_mut().zip(here) {
            if here {
                expected.rows += 1;
                expected.last_object = self.objects;
                expected.last_byte = byte;
            }
        }
        self.objects += 1;
    }

    /// Takes the reason from the line that would have gone to quarantine.
    fn refused(&mut self, byte: u64) {
        self.findings.refused_rows += 1;
        let line: serde_json::Value = serde_json::from_str(&self.lines.quarantine).unwrap_or_default();
        let says = |member: &str| line.get(member).and_then(|says| says.as_str()).unwrap_or_default();
        let (reason, detail) = (says("reason").to_owned(), says("detail").to_owned());
        let row = if says("row").is_empty() { says("row_base64") } else { says("row") };
        note(&mut self.findings.refused, reason, byte, detail, row.as_bytes());
    }

    fn judge_records(&mut self, byte: u64, raw: &[u8]) {
        let records = [("EvidenceRecord", &self.lines.evidence), ("ScoredRun", &self.lines.scored)];
        for (name, line) in records {
            if let Err(Refusal { path, reason }) = judge_record(name, line.trim_end_matches('\n')) {
                let what = format!("{name} {path}");
                note(&mut self.findings.records_refused, what.trim_end().to_owned(), byte, reason, raw);
            }
        }
    }
}

/// Judges a record by its published shape.
fn judge_record(name: &str, line: &str) -> Result<(), Refusal> {
    shape(name).map_or(Ok(()), |shape| shape.judge(line))
}

fn note(refused: &mut BTreeMap<String, Refused>, reason: String, byte: u64, detail: String, row: &[u8]) {
    let entry = refused.entry(reason).or_insert_with(|| Refused {
        rows: 0,
        first: FoundAt { byte, line: None },
        detail,
        excerpt: excerpt(&String::from_utf8_lossy(row.get(..EXCERPT_CHARS * 4).unwrap_or(row))),
    });
    entry.rows += 1;
}

/// The start of a text, with a mark when there is more.
fn excerpt(text: &str) -> String {
    let mut start: String = text.chars().take(EXCERPT_CHARS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::streams::STREAMS;

    #[test]
    fn a_record_that_is_not_of_its_shape_is_told_with_the_row_it_was_made_from() {
        let rules = Rules::default();
        let stream = STREAMS.into_iter().find(|stream| stream.name() == "signatures").unwrap();
        let context = StreamContext { stream, source_file: "data/_kb/signatures.jsonl", settings: None };
        let mut probe = StreamProbe::new(&rules, context, None);
        probe.row(7, b"{\"run_id\":\"r\"}");
        assert!(probe.findings.records_refused.is_empty(), "{:?}", probe.findings.records_refused);
        for name in ["ScoredRun", "EvidenceRecord"].into_iter().filter(|name| shape(name).is_some()) {
            probe.clear_lines();
            let line = if name == "ScoredRun" { &mut probe.lines.scored } else { &mut probe.lines.evidence };
            line.push_str("{\"schema_version\":1}\n");
            probe.findings.records_refused.clear();
            probe.judge_records(7, b"{\"run_id\":\"r\"}");
            let refused = probe.findings.records_refused.iter().find(|(what, _)| what.starts_with(name));
            let (_, refused) = refused.unwrap_or_else(|| panic!("{:?}", probe.findings.records_refused));
            assert_eq!((refused.rows, refused.first.byte), (1, 7));
            assert_eq!(refused.excerpt, "{\"run_id\":\"r\"}");
            assert!(refused.detail.contains("missing field"), "{}", refused.detail);
        }
    }
}
