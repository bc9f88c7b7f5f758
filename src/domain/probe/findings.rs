//! What a probe found: the report as data. The same for the same rows on every machine.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::stale::{Stale, stale};
use crate::domain::schema::scalars::EventTime;

/// The whole report.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many rows a stream may give.
    pub rows_max: u64,
    /// Streams whose rows are not what they were expected to be.
    pub changed_shape: Vec<String>,
    /// Streams of whose accepted rows a record was made that is not of its published shape: distilld's own fault.
    pub bad_records: Vec<String>,
    /// Streams without a file.
    pub missing_files: Vec<String>,
    /// Streams whose file cannot be read.
    pub unreadable: Vec<String>,
    /// Distilled streams that are left behind.
    pub stale: Vec<Stale>,
    /// `.jsonl` files among the streams that are none.
    pub unknown_files: Vec<String>,
    /// Every stream, in the order of the table.
    pub streams: Vec<StreamReport>,
}

impl Report {
    /// Fills in what the whole comes to, once all streams are there.
    pub fn sum_up(&mut self, stale_after: Duration) {
        for stream in &mut self.streams {
            let findings = &stream.findings;
            stream.tried = findings.passed + findings.refused_rows;
            stream.passed_share = (stream.tried > 0).then(|| findings.passed as f64 / stream.tried as f64);
        }
        let names = |holds: fn(&StreamReport) -> bool| {
            self.streams.iter().filter(|stream| holds(stream)).map(|stream| stream.stream.clone()).collect()
        };
        self.changed_shape = names(|stream| stream.findings.changed_shape());
        self.bad_records = names(|stream| !stream.findings.records_refused.is_empty());
        self.missing_files = names(|stream| !stream.present);
        self.unreadable = names(|stream| stream.unreadable.is_some());
        let newest = |stream: &'_ StreamReport| Some((stream.stream.clone(), stream.findings.newest?));
        let newest: Vec<_> = self.streams.iter().filter_map(newest).collect();
        self.stale = stale(newest.iter().map(|(stream, time)| (stream.as_str(), *time)), stale_after);
    }
}

/// One stream of the report.
#[derive(Debug, Default, Serialize)]
pub struct StreamReport {
    /// Its name.
    pub stream: String,
    /// Its file, where it is.
    pub path: String,
    /// Whether there is one.
    pub present: bool,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// The file's length.
    pub file_bytes: u64,
    /// Length of the rows that were looked at, with their newlines.
    pub sampled_bytes: u64,
    /// Whether the file has no other rows.
    pub every_row: bool,
    /// Rows that were tried: passed and refused.
    pub tried: u64,
    /// Share of the rows tried that passed; of no rows there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_share: Option<f64>,
    /// What was found in them.
    #[serde(flatten)]
    pub findings: Findings,
}

/// What was found in the rows of one stream.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// Rows that become evidence.
    pub passed: u64,
    /// Rows that go to quarantine.
    pub refused_rows: u64,
    /// Rows of nothing but white space; not tried.
    pub blank: u64,
    /// By reason.
    pub refused: BTreeMap<String, Refused>,
    /// Records made from accepted rows that their published shape refuses, by shape and path.
    pub records_refused: BTreeMap<String, Refused>,
    /// How often optional fields were not of their type, by code and field.
    pub warnings: BTreeMap<String, u64>,
    /// Fields that the stream does not know.
    pub unknown: Vec<UnknownField>,
    /// Whether there are more of them than are told apart.
    pub unknown_names_left_out: bool,
    /// Expected fields that no row has.
    pub never_seen: Vec<String>,
    /// Expected fields that rows had up to some row, and no more.
    pub gone: Vec<Gone>,
    /// Expected fields that seem to have another name now.
    pub renames: Vec<Rename>,
    /// The oldest time of a row that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<EventTime>,
    /// The newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<EventTime>,
}

impl Findings {
    /// Whether the rows are not what they were expected to be.
    pub fn changed_shape(&self) -> bool {
        self.refused_rows > 0 || !self.renames.is_empty()
    }

    /// Every place that still lacks its line.
    pub fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        let refused = self.refused.values_mut().chain(self.records_refused.values_mut());
        let unknown = self.unknown.iter_mut().map(|unknown| &mut unknown.first);
        let renames = self.renames.iter_mut().filter_map(|rename| rename.from.as_mut());
        let gone = self.gone.iter_mut().map(|gone| &mut gone.last);
        refused.map(|refused| &mut refused.first).chain(unknown).chain(renames).chain(gone)
    }
}

/// Where a row starts in the stream's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Byte, from 0.
    pub byte: u64,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// What was refused for one reason.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub first: Place,
    /// What is wrong with it.
    pub detail: String,
    /// How it starts.
    pub excerpt: String,
}

/// A field that the stream does not know.
#[derive(Debug, Serialize)]
pub struct UnknownField {
    /// Its name.
    pub name: String,
    /// Rows that have it.
    pub rows: u64,
    /// What it holds, and how often.
    pub kinds: BTreeMap<&'static str, u64>,
    /// The first row that has it.
    pub first: Place,
    /// Its value there, or the start of it.
    pub example: String,
}

/// A field that is there no more.
#[derive(Debug, Serialize)]
pub struct Gone {
    /// The field.
    pub name: String,
    /// Rows that have it.
    pub rows: u64,
    /// The last of them.
    pub last: Place,
}

/// A field that seems to have another name now.
#[derive(Debug, Serialize)]
pub struct Rename {
    /// The expected field.
    pub missing: String,
    /// The name it seems to have.
    pub unknown: String,
    /// Other names it could have as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<String>,
    /// Whether rows without it are refused.
    pub required: bool,
    /// The row that has the new name first, when rows before it have the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Place>,
    /// What to write into the config, when its values fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}
