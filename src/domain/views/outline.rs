//! What the views take of a row: a head of fixed size, and as parts the members that they look at.
//!
//! It is made where a row is distilled, from the record at hand; of rows that were committed before, from their lines. Both
//! say the same of a row.

use super::detail::scaled;
use super::member::{Finder, Member};
use super::shown::{Texts, put};
use super::standing::{Origin, Standing};
use super::told::{Told, Tolds};
use crate::domain::schema::record::{EvidenceRecord, Kind, ModelRole};
use crate::domain::schema::scalars::{Escaped, EventTime};
use crate::domain::score::Verdict;
use crate::domain::signal::SignalSet;
use crate::domain::skim;

/// What is taken of a row beside its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    pub(super) time: EventTime,
    pub(super) told: Told,
    pub(super) latency_us: u64,
    pub(super) generation: u32,
    pub(super) line: u64,
    /// Its provenance, where that is not among the parts.
    pub(super) origin: Origin,
    /// Of its evidence and of its score, in bytes, without the newlines; what does not fit is the greatest number.
    pub(super) evidence_len: u32,
    scored_len: u32,
    ends: Ends,
}

/// Where the parts of a row end: those that no line shows, its files, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Ends {
    hidden: usize,
    files: usize,
    rest: usize,
}

/// What is taken of rows of one stream that stand one after the other.
#[derive(Debug, Default)]
pub struct Outlines {
    heads: Vec<Head>,
    /// Parts that no line shows, those of files, and the rest; each of all rows.
    hidden: String,
    files: String,
    rest: String,
    /// Of the row in the making.
    latency_us: u64,
}

impl Outlines {
    /// None yet, with room for those of so many bytes of rows.
    pub fn with_room(bytes: usize) -> Self {
        let (hidden, files, rest) = (bytes / 8, bytes / 16, bytes / 16);
        let room = String::with_capacity;
        Self { hidden: room(hidden), files: room(files), rest: room(rest), ..Self::default() }
    }

    /// Adds a row that was distilled: its record, its first score, and its lines, newlines included. `context_at` is where in
    /// the evidence the members behind the text begin.
    pub fn push(
        &mut self,
        record: &EvidenceRecord<'_>,
        signals: SignalSet,
        verdict: Verdict,
        [evidence, scored]: [&str; 2],
        context_at: usize,
    ) {
        let provenance = &record.provenance;
        let is_extraction = record.model_role == ModelRole::Extractor;
        self.begin();
        self.text(Member::RunId, Some(&record.run_id));
        self.text(Member::TaskId, Some(&record.task_id));
        self.text(Member::ModelRole, Some(&Escaped::from_escaped(record.model_role.name())));
        put(&mut self.rest, Member::Provenance, "", true);
        self.text(Member::TaskType, record.task_type.as_ref());
        self.text(Member::Mode, record.mode.as_ref());
        self.text(Member::ModelName, record.model_name.as_ref());
        self.text(Member::ModelProvider, record.model_provider.as_ref());
        let mut finder = Finder::behind(Member::Text);
        for (key, value) in skim::members_from(evidence, context_at) {
            if let Some(member) = finder.find(key) {
                self.member(member, value);
            }
        }
        self.end(Head {
            time: record.timestamp,
            told: Told::of(verdict, signals).of_kind(record.kind == Kind::Work, is_extraction),
            latency_us: self.latency_us,
            generation: provenance.generation,
            line: provenance.line_offset,
            origin: Origin {
                sig_hash: provenance.sig_hash,
                line: provenance.line_offset,
                byte: provenance.byte_offset,
                generation: provenance.generation,
            },
            evidence_len: len(evidence.len().saturating_sub(1)),
            scored_len: len(scored.len().saturating_sub(1)),
            ends: Ends::default(),
        });
    }

    /// Adds a row of a file's rows by its lines, without their newlines. Lines that distilld did not write like that are left
    /// out.
    pub(super) fn push_lines(&mut self, evidence: &str, score: &str, source_file: &str, tolds: &mut Tolds) {
        let (mut is_work, mut is_extraction, mut standing, mut origin) = (false, false, None, None);
        let mut finder = Finder::default();
        self.begin();
        for (key, value) in skim::members(evidence) {
            let Some(member) = finder.find(key) else { continue };
            match member {
                Member::Provenance => {
                    standing = Standing::read(value);
                    origin = standing.as_ref().and_then(|standing| standing.origin_in(source_file));
                    put(&mut self.rest, member, value, origin.is_some());
                    continue;
                }
                Member::Kind => is_work = value == "\"work\"",
                Member::ModelRole => is_extraction = value == "\"extractor\"",
                _ => {}
            }
            self.member(member, value);
        }
        let Some((standing, told)) = standing.zip(tolds.read(score)) else { return };
        self.end(Head {
            time: standing.time,
            told: told.of_kind(is_work, is_extraction),
            latency_us: self.latency_us,
            generation: standing.generation,
            line: standing.line,
            origin: origin.unwrap_or(Origin::NONE),
            evidence_len: len(evidence.len()),
            scored_len: len(score.len()),
            ends: Ends::default(),
        });
    }

    fn begin(&mut self) {
        // A row that came to nothing left its parts.
        let ends = self.heads.last().map_or(Ends::default(), |last| last.ends);
        self.hidden.truncate(ends.hidden);
        self.files.truncate(ends.files);
        self.rest.truncate(ends.rest);
        self.latency_us = u64::MAX;
    }

    fn text(&mut self, member: Member, text: Option<&Escaped<'_>>) {
        let Some(text) = text else { return };
        let to = if member.is_shown() { &mut self.rest } else { &mut self.hidden };
        to.push(member.mark());
        to.push('"');
        to.push_str(text.escaped());
        to.push_str("\"\n");
    }

    fn member(&mut self, member: Member, value: &str) {
        match member {
            Member::RunId
            | Member::TaskId
            | Member::TaskType
            | Member::ModelName
            | Member::ModelProvider
            | Member::ValidationResults => put(&mut self.hidden, member, value, false),
            Member::LatencyMs => self.latency_us = scaled(value, 1e3).unwrap_or(u64::MAX),
            Member::SourceFiles => put(&mut self.files, member, value, false),
            _ if member.is_shown() => put(&mut self.rest, member, value, false),
            _ => {}
        }
    }

    fn end(&mut self, head: Head) {
        let ends = Ends { hidden: self.hidden.len(), files: self.files.len(), rest: self.rest.len() };
        self.heads.push(Head { ends, ..head });
    }

    /// Each row: its head, the parts that no line shows, and those that lines show.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Head, &str, Texts<'_>)> {
        let mut from = Ends::default();
        self.heads.iter().map(move |head| {
            let (start, end) = (std::mem::replace(&mut from, head.ends), head.ends);
            let shown = Texts {
                files: self.files.get(start.files..end.files).unwrap_or_default(),
                rest: self.rest.get(start.rest..end.rest).unwrap_or_default(),
            };
            (head, self.hidden.get(start.hidden..end.hidden).unwrap_or_default(), shown)
        })
    }

    /// Leaves out rows: each has a word whether it is kept.
    pub fn retain(&mut self, kept: &[bool]) {
        let mut left = Self::default();
        for ((head, hidden, shown), _) in self.rows().zip(kept).filter(|(_, kept)| **kept) {
            left.begin();
            left.hidden.push_str(hidden);
            left.files.push_str(shown.files);
            left.rest.push_str(shown.rest);
            left.end(*head);
        }
        *self = left;
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.begin();
    }

    /// Bytes of all evidence and of all scores, newlines included.
    pub fn lens(&self) -> (u64, u64) {
        let rows = self.heads.len() as u64;
        let sum = |of: fn(&Head) -> u32| self.heads.iter().map(|head| u64::from(of(head))).sum::<u64>();
        (sum(|head| head.evidence_len) + rows, sum(|head| head.scored_len) + rows)
    }

    /// Memory that it takes, in bytes.
    pub fn memory(&self) -> usize {
        let texts = self.hidden.capacity() + self.files.capacity() + self.rest.capacity();
        self.heads.capacity() * size_of::<Head>() + texts
    }
}

fn len(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
