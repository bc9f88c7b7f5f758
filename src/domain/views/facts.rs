//! What the views keep of every row: 64 bytes, and texts by number. The rest is read back from the evidence.

mod reading;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::detail::{Item, Items, Packer};
use super::details::Details;
use super::few::Few;
use super::names::{Name, Names};
use super::outline::Outlines;
pub use super::row::{At, Place, Row, RowId, RunId, Task};
use super::row::{NONE, RANK_SHIFT};
use super::shown::{Numbers, Shown};
use super::standing::Origin;
use super::told::{Told, Tolds};
use crate::domain::canonical::{push_escaped, unescape};
use crate::domain::render::Object;
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::{Escaped, TimeText};
use crate::domain::streams::source_file;

/// Rows of one stream and generation that were read one after the other.
#[derive(Debug)]
struct Stretch {
    first: RowId,
    rows: u32,
    generation: u32,
    first_line: u64,
}

#[derive(Debug)]
struct StreamRows {
    name: Name,
    rank: u64,
    /// As it stands in the provenance of its rows.
    source_file: String,
    stretches: Vec<Stretch>,
}

/// All rows, by run.
#[derive(Debug)]
pub struct Facts {
    /// All texts but the names of runs.
    pub names: Names,
    /// The names of runs.
    pub runs: Names,
    details: Details,
    rows: Vec<Row>,
    /// The latest row of every run; rows lead on to one another.
    heads: Vec<RowId>,
    /// Support rows of other runs whose task a run is.
    about: BTreeSet<(RunId, RowId)>,
    streams: Vec<StreamRows>,
    by_rank: Vec<usize>,
    by_file: BTreeMap<String, usize>,
    /// Rows from here on were read and count for nothing yet.
    settled: RowId,
    /// Scores likewise.
    later: BTreeMap<RowId, Told>,
    packer: Packer,
    tolds: Tolds,
    shown: Shown,
    /// Room for a row that is read.
    outlines: Outlines,
}

/// What reading more has changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Runs with other rows, or rows with other scores, than before; in order.
    pub runs: Vec<RunId>,
    /// The runs among them that have rows for the first time.
    pub new_runs: Vec<RunId>,
    /// Rows whose score line is another.
    pub rescored: Vec<RowId>,
    /// The first row that is new; so are all from there on.
    pub first_new: RowId,
}

impl Facts {
    /// No rows of these streams, which are known by their place here.
    pub fn new(streams: &[&str]) -> Self {
        let mut names = Names::default();
        let by_file: BTreeMap<String, usize> =
            streams.iter().enumerate().map(|(number, name)| (source_file(name), number)).collect();
        let by_rank: Vec<usize> = by_file.values().copied().collect();
        let rank = |number: usize| by_rank.iter().position(|known| *known == number).unwrap_or(number) as u64;
        let streams = streams.iter().enumerate().map(|(number, name)| StreamRows {
            name: names.of(name),
            rank: rank(number) << RANK_SHIFT,
            source_file: escaped(&source_file(name)),
            stretches: Vec::new(),
        });
        let streams = streams.collect();
        Self {
            names,
            runs: Names::default(),
            details: Details::default(),
            rows: Vec::new(),
            heads: Vec::new(),
            about: BTreeSet::new(),
            streams,
            by_rank,
            by_file,
            settled: 0,
            later: BTreeMap::new(),
            packer: Packer::default(),
            tolds: Tolds::default(),
            shown: Shown::default(),
            outlines: Outlines::default(),
        }
    }

    fn rows_of(&self, stretch: &Stretch) -> &[Row] {
        let first = stretch.first as usize;
        self.rows.get(first..first + stretch.rows as usize).unwrap_or_default()
    }

    /// The row that stands at a place.
    pub fn row_at(&self, place: Place) -> Option<RowId> {
        let stretches = &self.streams.get(*self.by_rank.get(place.rank())?)?.stretches;
        let starts = |stretch: &Stretch| self.row(stretch.first).is_some_and(|row| row.place <= place);
        let stretch = stretches.get(stretches.partition_point(starts).checked_sub(1)?)?;
        let found = self.rows_of(stretch).binary_search_by_key(&place, |row| row.place).ok()?;
        Some(stretch.first + found as RowId)
    }

    /// The place of the row of a stream whose evidence starts at a byte.
    pub fn place(&self, stream: usize, evidence_at: u64) -> Option<Place> {
        Some(Place(self.streams.get(stream)?.rank | evidence_at))
    }

    /// The stream of a place.
    pub fn stream_of(&self, place: Place) -> usize {
        self.by_rank.get(place.rank()).copied().unwrap_or(usize::MAX)
    }

    /// The name of a row's stream.
    pub fn stream_name(&self, row: &Row) -> Name {
        self.streams.get(self.stream_of(row.place)).map_or(NONE, |stream| stream.name)
    }

    /// The rows of a stream, in canonical order.
    pub fn of_stream(&self, name: &str) -> impl Iterator<Item = &Row> {
        let stream = self.streams.iter().filter(move |stream| self.names.text(stream.name) == name);
        stream.flat_map(|stream| &stream.stretches).flat_map(|stretch| self.rows_of(stretch))
    }

    /// A row.
    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.rows.get(id as usize)
    }

    /// How many rows there are.
    pub fn len(&self) -> RowId {
        self.rows.len() as RowId
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The runs that what was read and not settled will change; in order.
    pub fn waiting(&self) -> Vec<RunId> {
        let new = self.rows.iter().skip(self.settled as usize).map(|row| row.run);
        let rescored = self.later.iter().filter_map(|(id, told)| {
            self.row(*id).filter(|row| row.told != row.told.rescored(*told)).map(|row| row.run)
        });
        let mut runs: Vec<_> = new.chain(rescored).collect();
        runs.sort_unstable();
        runs.dedup();
        runs
    }

    /// Counts what was read since the last time; `waiting` are the runs that [`Facts::waiting`] gave for it.
    pub fn settle(&mut self, waiting: Vec<RunId>) -> Changes {
        let mut changes = Changes { runs: waiting, first_new: self.settled, ..Changes::default() };
        for (id, told) in std::mem::take(&mut self.later) {
            if let Some(row) = self.rows.get_mut(id as usize) {
                row.told = row.told.rescored(told);
                changes.rescored.push(id);
            }
        }
        let more = self.runs.len() - self.heads.len();
        self.heads.reserve_exact(if more > self.heads.capacity() - self.heads.len() {
            more + more / 8
        } else {
            0
        });
        self.heads.resize(self.runs.len(), NONE);
        for (id, row) in self.rows.iter_mut().enumerate().skip(self.settled as usize) {
            if let Some(head) = self.heads.get_mut(row.run as usize) {
                if *head == NONE {
                    changes.new_runs.push(row.run);
                }
                row.next_in_run = std::mem::replace(head, id as RowId);
            }
            if let Some(target) = row.task.run().filter(|target| !row.told.is_work() && *target != row.run) {
                self.about.insert((target, id as RowId));
            }
        }
        self.settled = self.len();
        changes
    }

    /// The rows of a run, in order of time, then canonical order.
    pub(super) fn of_run(&self, run: RunId) -> Few<(RowId, &Row)> {
        let head = self.heads.get(run as usize).copied().unwrap_or(NONE);
        let Some(first) = self.row(head) else { return Few::Many(Vec::new()) };
        if first.next_in_run == NONE {
            return Few::One((head, first));
        }
        let mut next = head;
        let rows = std::iter::from_fn(|| {
            let found = (next, self.row(next)?);
            next = found.1.next_in_run;
            Some(found)
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|(_, row)| row.at());
        Few::Many(rows)
    }

    /// Support rows of other runs whose task a run is, in any order.
    pub(super) fn about(&self, run: RunId) -> impl Iterator<Item = (RowId, &Row)> {
        self.about.range((run, 0)..=(run, NONE)).filter_map(|(_, id)| Some((*id, self.row(*id)?)))
    }

    /// Where a row stands, and the numbers of what the line of its run shows of it, while that is kept.
    pub(super) fn shown(&self, row: RowId) -> Option<(Origin, Numbers)> {
        self.shown.of(row)
    }

    /// What the line of a run shows, by its numbers.
    pub(super) fn shown_texts(&self, shown: Numbers) -> [&str; 2] {
        [self.shown.text(shown.files), self.shown.text(shown.rest)]
    }

    /// The provenance of a row, while that is kept.
    pub(super) fn origin_shown(&self, id: RowId, row: &Row) -> Option<Provenance<'static>> {
        let (origin, ..) = self.shown.of(id).filter(|(origin, ..)| *origin != Origin::NONE)?;
        Some(Provenance {
            source_file: unescape(self.source_file(row)).into_owned().into(),
            generation: origin.generation,
            line_offset: origin.line,
            byte_offset: origin.byte,
            sig_hash: origin.sig_hash,
            recorded_at: row.time,
        })
    }

    /// Forgets what the lines of runs show.
    pub fn forget_shown(&mut self) {
        self.shown.clear();
    }

    /// The logical name of the file that a row stands in, escaped.
    pub(super) fn source_file(&self, row: &Row) -> &str {
        self.streams.get(self.stream_of(row.place)).map_or("", |stream| &stream.source_file)
    }

    /// Writes the provenance of a row, whose time is given as it is printed.
    pub(super) fn push_provenance(&self, out: &mut String, row: &Row, origin: &Origin, time: &TimeText) {
        let mut o = Object::new(out);
        o.text("source_file", &Escaped::from_escaped(self.source_file(row)));
        o.int("generation", origin.generation);
        o.int("line_offset", origin.line);
        o.int("byte_offset", origin.byte);
        o.hash("sig_hash", &origin.sig_hash);
        o.time_text("recorded_at", time);
        o.end();
    }

    /// The name of a task.
    pub(super) fn task_text(&self, task: Task) -> Cow<'_, str> {
        match task.run() {
            Some(run) => format!("run:{}", self.runs.text(run)).into(),
            None => task.name().map_or("", |name| self.names.text(name)).into(),
        }
    }

    /// Every run that has rows.
    pub fn all_runs(&self) -> impl Iterator<Item = RunId> {
        self.heads.iter().zip(0..).filter(|(head, _)| **head != NONE).map(|(_, run)| run)
    }

    /// What else a piece of work says.
    pub(super) fn items(&self, row: &Row) -> Items<'_> {
        self.details.items(row.detail)
    }

    /// The highest attempt that a piece of work names.
    pub(super) fn attempt(&self, row: &Row) -> Option<u32> {
        self.items(row).find_map(|item| if let Item::Attempt(attempt) = item { Some(attempt) } else { None })
    }

    /// Memory that all of it takes, in bytes.
    pub fn memory(&self) -> usize {
        let stretches: usize = self.streams.iter().map(|stream| stream.stretches.capacity()).sum();
        self.names.memory()
            + self.runs.memory()
            + self.details.memory()
            + self.tolds.memory()
            + self.shown.memory()
            + self.rows.capacity() * size_of::<Row>()
            + self.heads.capacity() * size_of::<RowId>()
            // A tree's leaves are three quarters full.
            + self.about.len() * 11
            + stretches * size_of::<Stretch>()
    }
}

fn escaped(plain: &str) -> String {
    let mut escaped = String::new();
    push_escaped(&mut escaped, plain);
    escaped
}
