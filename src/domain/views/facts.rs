//! What the views keep of every row: some seventy bytes, and texts by number. The rest is read back from the evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::detail::{Item, Items, Packer, name_of, scaled};
use super::names::{Name, Names, push};
pub use super::row::{At, Place, Row, RowId, RunId, Task};
use super::row::{NONE, OF_RUN, RANK_SHIFT, RESCORED};
use super::told::Told;
use crate::domain::schema::scalars::EventTime;
use crate::domain::skim;
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
    stretches: Vec<Stretch>,
}

/// What a line says of its row's place.
struct Origin {
    file_is: Option<usize>,
    generation: u32,
    line: u64,
    time: EventTime,
}

/// All rows, by run.
#[derive(Debug)]
pub struct Facts {
    /// All texts but the names of runs.
    pub names: Names,
    /// The names of runs.
    pub runs: Names,
    details: Names,
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
    later: BTreeMap<RowId, (Told, u64)>,
    packer: Packer,
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
            stretches: Vec::new(),
        });
        let streams = streams.collect();
        Self {
            names,
            runs: Names::default(),
            details: Names::default(),
            rows: Vec::new(),
            heads: Vec::new(),
            about: BTreeSet::new(),
            streams,
            by_rank,
            by_file,
            settled: 0,
            later: BTreeMap::new(),
            packer: Packer::default(),
        }
    }

    /// Reads a row of a stream, its lines given with the bytes at which they start. Lines that distilld did not write
    /// like that are left out, which `verify` tells. Counts from [`Facts::settle`] on.
    pub fn read(&mut self, stream: usize, evidence_at: u64, evidence: &str, score_at: u64, score: &str) {
        self.packer.clear();
        let (mut run, mut task, mut run_text) = (None, None, "");
        let (mut task_type, mut model, mut latency_us) = (NONE, NONE, u64::MAX);
        let (mut is_work, mut is_extraction, mut origin) = (None, false, None);
        for (key, value) in skim::members(evidence) {
            match key {
                "run_id" => {
                    let text = skim::text(value).filter(|text| !text.is_empty());
                    run = text.map(|text| self.runs.of(&text.plain()));
                    run_text = value.trim_matches('"');
                }
                "task_id" => task = self.task_of(value, run, run_text),
                "provenance" => origin = self.origin(value),
                "kind" => is_work = Some(value == "\"work\""),
                "model_role" => is_extraction = value == "\"extractor\"",
                "task_type" => task_type = name_of(&mut self.names, value).unwrap_or(NONE),
                _ if is_work == Some(false) => {}
                "model_name" => model = name_of(&mut self.names, value).unwrap_or(NONE),
                "latency_ms" => latency_us = scaled(value, 1e3).unwrap_or(u64::MAX),
                _ => self.packer.take(&mut self.names, key, value),
            }
        }
        let (Some(run), Some(task), Some(origin), Some(told)) = (run, task, origin, Told::read(score)) else {
            return;
        };
        let Some(rank) = self.streams.get(stream).map(|stream| stream.rank) else { return };
        let line = self.stretch(stream, &origin);
        let row = Row {
            time: origin.time,
            place: Place(rank | evidence_at),
            told: told.of_kind(is_work == Some(true), is_extraction),
            score_at,
            latency_us,
            run,
            task,
            task_type,
            model,
            detail: self.details.of_bytes(self.packer.bytes()),
            next_in_run: NONE,
            line,
            evidence_len: u32::try_from(evidence.len()).unwrap_or(u32::MAX),
        };
        push(&mut self.rows, row);
    }

    /// Reads a superseding score, which starts at a byte of its file. Counts from [`Facts::settle`] on.
    pub fn read_rescored(&mut self, score_at: u64, score: &str) {
        let provenance = skim::members(score).find(|(key, _)| *key == "provenance");
        let Some((origin, told)) =
            provenance.and_then(|(_, value)| self.origin(value)).zip(Told::read(score))
        else {
            return;
        };
        let Some(id) = origin.file_is.and_then(|stream| self.row_at_line(stream, &origin)) else { return };
        if id < self.settled {
            self.later.insert(id, (told, score_at | RESCORED));
        } else if let Some(row) = self.rows.get_mut(id as usize) {
            row.told = row.told.rescored(told);
            row.score_at = score_at | RESCORED;
        }
    }

    fn task_of(&mut self, value: &str, run: Option<RunId>, run_text: &str) -> Option<Task> {
        let text = skim::text(value).filter(|text| !text.is_empty())?;
        let Some(target) = text.escaped().strip_prefix("run:") else {
            return Some(Task(self.names.of(&text.plain())));
        };
        let of_own = run.filter(|_| target == run_text);
        let target =
            || skim::text(value).and_then(|text| Some(text.plain().strip_prefix("run:")?.to_owned()));
        Some(Task(OF_RUN | of_own.or_else(|| Some(self.runs.of(&target()?)))?))
    }

    fn origin(&self, provenance: &str) -> Option<Origin> {
        let (mut file_is, mut generation, mut line, mut time) = (None, None, None, None);
        for (key, value) in skim::members(provenance) {
            match key {
                "source_file" => {
                    file_is = skim::text(value).and_then(|file| self.by_file.get(&*file.plain()).copied());
                }
                "generation" => generation = value.parse().ok(),
                "line_offset" => line = value.parse().ok(),
                "recorded_at" => time = EventTime::parse(value.trim_matches('"')),
                _ => {}
            }
        }
        Some(Origin { file_is, generation: generation?, line: line?, time: time?.time })
    }

    /// Counts the row that is about to be pushed to its stretch; gives its line within.
    fn stretch(&mut self, stream: usize, origin: &Origin) -> u32 {
        let first = self.rows.len() as RowId;
        let Some(stream) = self.streams.get_mut(stream) else { return 0 };
        if let Some(last) = stream.stretches.last_mut()
            && last.generation == origin.generation
            && last.first + last.rows == first
            && let Some(Ok(line)) = origin.line.checked_sub(last.first_line).map(u32::try_from)
        {
            last.rows += 1;
            return line;
        }
        let (generation, first_line) = (origin.generation, origin.line);
        stream.stretches.push(Stretch { first, rows: 1, generation, first_line });
        0
    }

    fn row_at_line(&self, stream: usize, origin: &Origin) -> Option<RowId> {
        let stretches = &self.streams.get(stream)?.stretches;
        let place = (origin.generation, origin.line);
        let at = stretches
            .partition_point(|stretch| (stretch.generation, stretch.first_line) <= place)
            .checked_sub(1)?;
        let stretch = stretches.get(at).filter(|stretch| stretch.generation == origin.generation)?;
        let line = u32::try_from(origin.line - stretch.first_line).ok()?;
        let found = self.rows_of(stretch).binary_search_by_key(&line, |row| row.line).ok()?;
        Some(stretch.first + found as RowId)
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
        let rescored = self.later.iter().filter_map(|(id, (told, _))| {
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
        for (id, (told, score_at)) in std::mem::take(&mut self.later) {
            if let Some(row) = self.rows.get_mut(id as usize) {
                row.told = row.told.rescored(told);
                row.score_at = score_at;
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

    /// The rows of a run, in any order.
    pub fn of_run(&self, run: RunId) -> impl Iterator<Item = &Row> {
        let mut next = self.heads.get(run as usize).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let row = self.row(next)?;
            next = row.next_in_run;
            Some(row)
        })
    }

    /// Support rows of other runs whose task a run is, in any order.
    pub fn about(&self, run: RunId) -> impl Iterator<Item = &Row> {
        self.about.range((run, 0)..=(run, NONE)).filter_map(|(_, id)| self.row(*id))
    }

    /// Every run that has rows.
    pub fn all_runs(&self) -> impl Iterator<Item = RunId> {
        self.heads.iter().zip(0..).filter(|(head, _)| **head != NONE).map(|(_, run)| run)
    }

    /// What else a piece of work says.
    pub(super) fn items(&self, row: &Row) -> Items<'_> {
        Items(self.details.bytes(row.detail))
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
            + self.rows.capacity() * size_of::<Row>()
            + self.heads.capacity() * size_of::<RowId>()
            // A tree's leaves are three quarters full.
            + self.about.len() * 11
            + stretches * size_of::<Stretch>()
    }
}
