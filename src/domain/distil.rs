//! One row in; evidence and its first score, or a quarantine line, out. The same bytes on every machine.

use super::canonical::{Doc, Kind as JsonKind, Parser, unescape};
use super::exports::instruction::Asked;
use super::link::{Facts, RowText};
use super::reject::Reject;
use super::row::{Row, Warnings};
use super::rules::{Rules, StreamSettings};
use super::schema::provenance::Provenance;
use super::schema::quarantine::Quarantined;
use super::schema::record::{EvidenceRecord, Invalid, TimestampOrigin};
use super::schema::scalars::{Escaped, EventTime, Sha256Hex};
use super::schema::scored_run::NewScore;
use super::score::{Category, Judgement, reasons, score};
use super::scratchpad;
use super::streams::{Draft, Stream};
use super::views::outline::Outlines;

/// How much of an oversize row is kept, in bytes.
pub const OVERSIZE_KEPT_BYTES: usize = 256;

/// Where a row stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which life of the stream's file, from 0.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
    /// Byte within the generation at which the line starts.
    pub byte_offset: u64,
}

/// The lines made from rows, in row order: what goes to the three files of a stream.
#[derive(Debug, Default)]
pub struct Lines {
    /// For `evidence/<stream>.jsonl`.
    pub evidence: String,
    /// For `scored-runs/<stream>.jsonl`.
    pub scored: String,
    /// For `quarantine/<stream>.jsonl`.
    pub quarantine: String,
    /// For `scratchpads/<stream>.jsonl`.
    pub scratchpads: String,
    /// For the views, of each piece of evidence, where they are wanted.
    pub outlines: Option<Outlines>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every row is evidence")]
pub enum Outcome {
    /// Nothing but white space.
    Blank,
    /// Refused; a quarantine line was added.
    Quarantined,
    /// Evidence; a line was added to evidence and scores.
    Evidence(Distilled),
}

/// What the rest of the house needs to know of a new piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distilled {
    /// The row's `sig_hash`.
    pub sig_hash: Sha256Hex,
    /// Its first category.
    pub category: Category,
    /// What links and samples need to know of it.
    pub facts: Facts,
    /// The row's own time.
    pub time: Option<EventTime>,
    /// Whether its text should say how the work stands, and says nothing that is understood.
    pub scratchpad_empty: bool,
}

/// Turns rows of all streams into lines.
#[derive(Debug)]
pub struct Distiller<'r> {
    rules: &'r Rules,
    scorer_version: String,
    parser: Parser,
    /// Room for the texts of a row, and for its provenance.
    texts: String,
    provenance: String,
}

/// A record broke a rule of its own shape: distilld's own fault, never the row's.
#[derive(Debug, thiserror::Error)]
#[error("the record made from line {} of {stream} is not valid", place.line_offset)]
pub struct BadRecord {
    /// The stream.
    pub stream: String,
    /// The row it was made from.
    pub place: Place,
    /// What is wrong.
    #[source]
    pub invalid: Invalid,
}

/// One stream, as the distiller sees it.
#[derive(Clone, Copy)]
pub struct StreamContext<'a> {
    /// How its rows are read.
    pub stream: &'a dyn Stream,
    /// The name it is known by.
    pub source_file: &'a str,
    /// What the config says of it.
    pub settings: Option<&'a StreamSettings>,
}

impl<'r> Distiller<'r> {
    /// A distiller under these rules.
    pub fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            scorer_version: rules.scorer_version(),
            parser: Parser::default(),
            texts: String::new(),
            provenance: String::new(),
        }
    }

    /// Takes one row, without its newline. `carry` is the time of the last row of the stream that had one;
    /// `unterminated` says that the row ends with its file rather than with a newline.
    #[expect(
        clippy::too_many_arguments,
        reason = "the row, its place and its surroundings; a struct would only rename them"
    )]
    pub fn row(
        &mut self,
        context: StreamContext<'_>,
        place: Place,
        raw: &[u8],
        carry: Option<EventTime>,
        unterminated: bool,
        lines: &mut Lines,
        warnings: &mut Warnings,
    ) -> Result<Outcome, BadRecord> {
        let row = trim(raw, place.byte_offset == 0);
        let limit = self.rules.line_bytes_max;
        // Of a line that came in parts only the length is known, so it decides before anything else.
        let made = if raw.len() as u64 > limit {
            Err(RowTrouble::Reject(Reject::Oversize { limit }))
        } else if is_blank(row) {
            return Ok(Outcome::Blank);
        } else {
            self.evidence(context, place, row, carry, unterminated, lines, warnings)
        };
        match made {
            Ok(distilled) => Ok(Outcome::Evidence(distilled)),
            Err(RowTrouble::Invalid(invalid)) => {
                Err(BadRecord { stream: context.stream.name().to_owned(), place, invalid })
            }
            Err(RowTrouble::Reject(reject)) => {
                let oversize = matches!(reject, Reject::Oversize { .. });
                let kept = if oversize { raw.get(..OVERSIZE_KEPT_BYTES).unwrap_or(raw) } else { raw };
                let length = raw.len() as u64;
                quarantine(context, place, reject, kept, length, Sha256Hex::of(raw), lines);
                Ok(Outcome::Quarantined)
            }
        }
    }

    /// Takes a row so long that only its start, its length and its hash were kept.
    pub fn oversize_row(
        &self,
        context: StreamContext<'_>,
        place: Place,
        start: &[u8],
        length: u64,
        sha256: Sha256Hex,
        lines: &mut Lines,
    ) {
        quarantine(
            context,
            place,
            Reject::Oversize { limit: self.rules.line_bytes_max },
            start,
            length,
            sha256,
            lines,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "as `row`")]
    fn evidence(
        &mut self,
        context: StreamContext<'_>,
        place: Place,
        row: &[u8],
        carry: Option<EventTime>,
        unterminated: bool,
        lines: &mut Lines,
        warnings: &mut Warnings,
    ) -> Result<Distilled, RowTrouble> {
        let mut seen = Warnings::new();
        let doc = object(&mut self.parser, row)?;
        let hashes = Hashes::of(doc);
        let mut draft = draft(context, place, hashes.row);
        read(doc, self.rules, context, &mut draft, &mut seen)?;
        if unterminated {
            draft.mark_failure("row.unterminated");
            *seen.entry("unterminated:row".to_owned()).or_default() += 1;
        }
        for (code, count) in seen {
            *warnings.entry(format!("{}:{code}", context.stream.name())).or_default() += count;
        }
        draft.finish_markers();
        let (timestamp, origin) = match (draft.time, carry) {
            (Some(time), _) => (time, TimestampOrigin::Row),
            (None, Some(time)) => (time, TimestampOrigin::Stream),
            (None, None) => (EventTime::EPOCH, TimestampOrigin::None),
        };
        // In its place: a record is a kilobyte and a half.
        let record = &mut draft.record;
        record.timestamp = timestamp;
        record.timestamp_origin = origin;
        record.provenance.recorded_at = timestamp;
        record.output_hash = record.text.as_ref().map(|text| hashes.of_text(text));
        let asked = Asked::of_record(record);
        record.input_hash = record.input_hash.or(asked.as_ref().map(|asked| asked.hash));
        record.model_provider = record.provider_of_model();
        record.check()?;
        // A judging row is never judged by its own verdict; what is judged here is the row's own work.
        let judgement = Judgement::of_own(record.kind, draft.own);
        let verdict = score(judgement);
        let time_text = timestamp.text();
        self.provenance.clear();
        record.provenance.render_to(&time_text, &mut self.provenance);
        let provenance = self.provenance.as_str();
        let scratchpads_from = lines.scratchpads.len();
        let scratchpad_empty = !summarise(context.stream.name(), record, provenance, &mut lines.scratchpads);
        if lines.scratchpads.len() > scratchpads_from {
            let place = format!("scratchpads/{}.jsonl#{}", context.stream.name(), record.provenance.sig_hash);
            record.scratchpad_summary = Some(Escaped::from_escaped(place));
        }
        let reasons = reasons(judgement, verdict);
        let first_score = NewScore {
            evidence_run_id: &record.run_id,
            category: verdict.category,
            reasons: &reasons,
            anchor_grounding: draft.anchor_grounding,
            scored_at: &time_text,
            scorer_version: &self.scorer_version,
            provenance,
            supersedes: None,
        };
        first_score.check()?;
        let (evidence_from, scored_from) = (lines.evidence.len(), lines.scored.len());
        let context_at = record.render(provenance, &time_text, &mut lines.evidence);
        first_score.render(&mut lines.scored);
        if let Some(outlines) = &mut lines.outlines {
            let new = [(&lines.evidence, evidence_from), (&lines.scored, scored_from)];
            let new = new.map(|(lines, from)| lines.get(from..).unwrap_or_default());
            outlines.push(record, judgement.reached(), verdict, new, context_at);
        }
        Ok(Distilled {
            sig_hash: record.provenance.sig_hash,
            category: verdict.category,
            facts: Facts {
                anchor_grounding: draft.anchor_grounding,
                ..Facts::of(
                    record,
                    draft.own,
                    draft.says,
                    asked.as_ref(),
                    RowText::Canonical(doc.text(), &mut self.texts),
                )
            },
            time: draft.time,
            scratchpad_empty,
        })
    }
}

/// Appends what the text of a review or an audit says of the state of the work; `false` when it says nothing.
/// `provenance` is the record's, as JSON.
pub fn summarise(stream: &str, record: &EvidenceRecord<'_>, provenance: &str, out: &mut String) -> bool {
    let Some((text, text_hash)) = record.text.as_ref().zip(record.output_hash) else { return true };
    if !scratchpad::STREAMS.contains(&stream) {
        return true;
    }
    let text = text.plain();
    let summary = scratchpad::summarise(&text);
    if summary.is_empty() {
        return false;
    }
    summary.render(scratchpad::Source { run_id: &record.run_id, text_hash, provenance }, out);
    true
}

/// Whether a row is accepted by the default rules. A blank one is no row, and refused by nobody.
pub fn judge(stream: &dyn Stream, raw: &[u8]) -> Result<(), Reject> {
    let rules = Rules::default();
    let limit = rules.line_bytes_max;
    let row = trim(raw, false);
    if raw.len() as u64 > limit {
        return Err(Reject::Oversize { limit });
    }
    if is_blank(row) {
        return Ok(());
    }
    let context = StreamContext { stream, source_file: "", settings: None };
    let place = Place { generation: 0, line_offset: 0, byte_offset: 0 };
    let mut parser = Parser::default();
    let doc = object(&mut parser, row)?;
    let mut draft = draft(context, place, Sha256Hex(doc.hash()));
    read(doc, &rules, context, &mut draft, &mut Warnings::new())
}

/// A row in canonical form, or why it is none.
fn object<'p>(parser: &'p mut Parser, row: &[u8]) -> Result<Doc<'p>, Reject> {
    let doc = parser.parse(row)?;
    if doc.root().kind() == JsonKind::Object { Ok(doc) } else { Err(Reject::NotObject) }
}

/// The hashes of a row, and of what is likely to be its text.
struct Hashes<'d> {
    row: Sha256Hex,
    likely_text: Option<(&'d str, Sha256Hex)>,
}

impl<'d> Hashes<'d> {
    /// A row is hashed together with its longest string, which nearly always is its text: two hashes take little more
    /// time than one, and the wrong string costs no more than that it is unescaped.
    fn of(doc: Doc<'d>) -> Self {
        // Shorter ones are not worth the second copy.
        const TEXT_BYTES_MIN: usize = 128;
        let Some(longest) = doc.longest_string().filter(|text| text.len() >= TEXT_BYTES_MIN) else {
            return Self { row: Sha256Hex(doc.hash()), likely_text: None };
        };
        let [row, text] = Sha256Hex::of_each([doc.text().as_bytes(), unescape(longest).as_bytes()]);
        Self { row, likely_text: Some((longest, text)) }
    }

    fn of_text(&self, text: &Escaped<'_>) -> Sha256Hex {
        let known = self.likely_text.filter(|(likely, _)| *likely == text.escaped());
        known.map_or_else(|| text.hash(), |(_, hash)| hash)
    }
}

/// The record in the making of a row.
fn draft(context: StreamContext<'_>, place: Place, sig_hash: Sha256Hex) -> Draft<'_> {
    let provenance = Provenance {
        source_file: context.source_file.into(),
        generation: place.generation,
        line_offset: place.line_offset,
        byte_offset: place.byte_offset,
        sig_hash,
        recorded_at: EventTime::EPOCH,
    };
    Draft::new(context.stream, provenance)
}

/// Fills in what a row says, or refuses it.
fn read<'a>(
    doc: Doc<'a>,
    rules: &'a Rules,
    context: StreamContext<'a>,
    draft: &mut Draft<'a>,
    seen: &mut Warnings,
) -> Result<(), Reject> {
    let sig_hash = draft.record.provenance.sig_hash;
    let mut reader = Row::new(doc.root(), sig_hash, context.settings, rules, seen);
    reader.check_schema_version()?;
    context.stream.read(&mut reader, draft)?;
    reader.note_unread(context.stream.fields());
    Ok(())
}

enum RowTrouble {
    Reject(Reject),
    Invalid(Invalid),
}

impl From<Reject> for RowTrouble {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<Invalid> for RowTrouble {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Drops a byte order mark at the start of a generation, and a carriage return at the end of the row.
fn trim(raw: &[u8], first: bool) -> &[u8] {
    let row = raw.strip_suffix(b"\r").unwrap_or(raw);
    if first { row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row) } else { row }
}

fn is_blank(row: &[u8]) -> bool {
    row.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

fn quarantine(
    context: StreamContext<'_>,
    place: Place,
    reject: Reject,
    row: &[u8],
    length: u64,
    sha256: Sha256Hex,
    lines: &mut Lines,
) {
    Quarantined {
        source_file: context.source_file,
        generation: place.generation,
        line_offset: place.line_offset,
        byte_offset: place.byte_offset,
        length,
        reject,
        row,
        sha256,
    }
    .render(&mut lines.quarantine);
}
