//! Reading lines: what is kept of a row, from its evidence and its scores.

use super::super::detail::{name_of, scaled};
use super::super::member::{Finder, Member};
use super::super::names::{Name, push};
use super::super::row::{NONE, OF_RUN};
use super::super::shown::{self, Origin, place, put};
use super::{Facts, Place, Row, RowId, RunId, Stretch, Task};
use crate::domain::schema::scalars::EventTime;
use crate::domain::skim;

/// What a line says of its row's place.
struct Standing {
    file_is: Option<usize>,
    generation: u32,
    line: u64,
    time: EventTime,
    /// When it stands in our words, and in that file.
    kept: Option<(usize, Origin)>,
}

impl Standing {
    /// Whether an origin says it all of a row of this stream.
    fn is_kept(&self, stream: usize) -> bool {
        self.kept.is_some_and(|(file, _)| file == stream)
    }
}

impl Facts {
    /// Reads a row of a stream, its evidence given with the byte at which it starts. Lines that distilld did not write
    /// like that are left out, which `verify` tells. Counts from [`Facts::settle`] on.
    pub fn read(&mut self, stream: usize, evidence_at: u64, evidence: &str, score: &str) {
        if let Some(row) = self.read_row(stream, evidence_at, evidence, score) {
            push(&mut self.rows, row);
        }
    }

    fn read_row(&mut self, stream: usize, evidence_at: u64, evidence: &str, score: &str) -> Option<Row> {
        self.parts.clear();
        let (mut run, mut task, mut run_text) = (None, None, "");
        let (mut task_type, mut model, mut latency_us) = (NONE, NONE, u64::MAX);
        let (mut is_work, mut is_extraction, mut origin) = (None, false, None);
        let mut hidden = [None; 2];
        let mut finder = Finder::default();
        for (key, value) in skim::members(evidence) {
            let Some(member) = finder.find(key) else { continue };
            match member {
                Member::RunId => {
                    let text = skim::text(value).filter(|text| !text.is_empty());
                    run = text.map(|text| self.runs.of(&text.plain()));
                    run_text = value.trim_matches('"');
                }
                Member::TaskId => task = self.task_of(value, run, run_text),
                Member::Provenance => origin = self.standing(value),
                Member::Kind => is_work = Some(value == "\"work\""),
                Member::ModelRole => is_extraction = value == "\"extractor\"",
                Member::TaskType => task_type = name_of(&mut self.names, value).unwrap_or(NONE),
                _ if is_work == Some(false) => {}
                Member::ModelName => model = name_of(&mut self.names, value).unwrap_or(NONE),
                Member::LatencyMs => latency_us = scaled(value, 1e3).unwrap_or(u64::MAX),
                Member::ModelProvider => hidden[0] = Some((member, value)),
                Member::ValidationResults => hidden[1] = Some((member, value)),
                _ => {}
            }
            if member.is_shown() {
                let is_kept = || origin.as_ref().is_some_and(|origin: &Standing| origin.is_kept(stream));
                put(&mut self.parts, member, value, member == Member::Provenance && is_kept());
            }
        }
        let (run, task, origin, told) = (run?, task?, origin?, self.tolds.read(score)?);
        let rank = self.streams.get(stream)?.rank;
        let line = self.stretch(stream, &origin);
        let parts = self.shown.name(self.len(), &self.parts);
        let detail = self.detail(parts, is_work == Some(false), hidden);
        if let Some(parts) = parts {
            let kept = origin.kept.filter(|_| origin.is_kept(stream));
            self.shown.put(kept.map_or(Origin::NONE, |(_, kept)| kept), parts);
        }
        Some(Row {
            time: origin.time,
            place: Place(rank | evidence_at),
            told: told.of_kind(is_work == Some(true), is_extraction),
            latency_us,
            run,
            task,
            task_type,
            model,
            detail,
            next_in_run: NONE,
            line,
            evidence_len: u32::try_from(evidence.len()).unwrap_or(u32::MAX),
        })
    }

    /// The detail of the row that is being read, which follows from its parts and from what no line shows. Many rows have
    /// the same parts.
    fn detail(&mut self, parts: Option<Name>, is_support: bool, hidden: [Option<(Member, &str)>; 2]) -> Name {
        if is_support {
            return self.details.of("");
        }
        let parts = parts.filter(|_| hidden == [None; 2]);
        if let Some(known) = parts.and_then(|parts| self.shown.detail(parts)) {
            return known;
        }
        self.packer.clear();
        for (member, value) in shown::parts(&self.parts).chain(hidden.into_iter().flatten()) {
            self.packer.take(&mut self.names, member, value);
        }
        let detail = self.details.of(self.packer.packed());
        if let Some(parts) = parts {
            self.shown.note_detail(parts, detail);
        }
        detail
    }

    /// Reads a superseding score. Counts from [`Facts::settle`] on.
    pub fn read_rescored(&mut self, score: &str) {
        let provenance = skim::members(score).find(|(key, _)| *key == "provenance");
        let origin = provenance.and_then(|(_, value)| self.standing(value));
        let Some((origin, told)) = origin.zip(self.tolds.read(score)) else { return };
        let Some(id) = origin.file_is.and_then(|stream| self.row_at_line(stream, &origin)) else { return };
        if id < self.settled {
            self.later.insert(id, told);
        } else if let Some(row) = self.rows.get_mut(id as usize) {
            row.told = row.told.rescored(told);
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

    fn standing(&self, provenance: &str) -> Option<Standing> {
        if let Some(place) = place(provenance) {
            let file_is = self.by_file.get(place.source_file).copied();
            return Some(Standing {
                file_is,
                generation: place.origin.generation,
                line: place.origin.line,
                time: EventTime::parse(place.recorded_at)?.time,
                kept: file_is.map(|file| (file, place.origin)),
            });
        }
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
        Some(Standing { file_is, generation: generation?, line: line?, time: time?.time, kept: None })
    }

    /// Counts the row that is about to be pushed to its stretch; gives its line within.
    fn stretch(&mut self, stream: usize, origin: &Standing) -> u32 {
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

    fn row_at_line(&self, stream: usize, origin: &Standing) -> Option<RowId> {
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
}
