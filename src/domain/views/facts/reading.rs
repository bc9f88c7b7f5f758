//! Reading lines: what is kept of a row, from its evidence and its scores.

use super::super::detail::name_of;
use super::super::member::Member;
use super::super::names::{Name, push};
use super::super::outline::{Head, Outlines};
use super::super::row::{NONE, OF_RUN};
use super::super::shown::{self, Numbers, Texts};
use super::super::standing::Standing;
use super::{Facts, Place, Row, RowId, RunId, Stretch, Task};
use crate::domain::skim;

impl Facts {
    /// Reads a row of a stream, its evidence given with the byte at which it starts. Lines that distilld did not write
    /// like that are left out, which `verify` tells. Counts from [`Facts::settle`] on.
    pub fn read(&mut self, stream: usize, evidence_at: u64, evidence: &str, score: &str) {
        let Some(of) = self.streams.get(stream) else { return };
        let mut outlines = std::mem::take(&mut self.outlines);
        outlines.clear();
        outlines.push_lines(evidence, score, &of.source_file, &mut self.tolds);
        self.take(stream, evidence_at, &outlines);
        self.outlines = outlines;
    }

    /// Takes rows of a stream that stand one after the other, from the byte at which the evidence of the first starts. Counts
    /// from [`Facts::settle`] on.
    pub fn take(&mut self, stream: usize, evidence_from: u64, outlines: &Outlines) {
        let mut at = evidence_from;
        for (head, hidden, shown) in outlines.rows() {
            if let Some(row) = self.row_of(stream, at, head, hidden, shown) {
                push(&mut self.rows, row);
            }
            at += u64::from(head.evidence_len) + 1;
        }
    }

    fn row_of(
        &mut self,
        stream: usize,
        evidence_at: u64,
        head: &Head,
        hidden: &str,
        shown: Texts<'_>,
    ) -> Option<Row> {
        let is_work = head.told.is_work();
        let (mut run, mut task, mut run_value, mut task_value) = (None, None, "", "");
        let (mut task_type, mut model, mut rest) = (NONE, NONE, [None; 2]);
        for (member, value) in shown::parts(hidden) {
            match member {
                Member::RunId => {
                    let text = skim::text(value).filter(|text| !text.is_empty());
                    run = text.map(|text| self.runs.of(&text.plain()));
                    run_value = value;
                }
                Member::TaskId => {
                    task = self.task_of(value, run, run_value.trim_matches('"'));
                    task_value = value;
                }
                Member::TaskType => task_type = name_of(&mut self.names, value).unwrap_or(NONE),
                _ if !is_work => {}
                Member::ModelName => model = name_of(&mut self.names, value).unwrap_or(NONE),
                Member::ModelProvider => rest[0] = Some((member, value)),
                Member::ValidationResults => rest[1] = Some((member, value)),
                _ => {}
            }
        }
        let (run, task) = (run?, task?);
        // Looked at here, where both texts are at hand: later they lie anywhere in memory.
        let is_own_task = task.run() == Some(run) || task_value == run_value;
        let rank = self.streams.get(stream)?.rank;
        let line = self.stretch(stream, head);
        let file = task.name().filter(|_| shown::is_file_of_task(shown.files, task_value));
        let numbers = self.shown.numbers(self.len(), shown, file);
        let detail = if is_work { self.detail(numbers, shown, rest) } else { self.details.of("") };
        if let Some(numbers) = numbers {
            self.shown.put(head.origin, numbers);
        }
        Some(Row {
            time: head.time,
            place: Place(rank | evidence_at),
            told: if is_own_task { head.told.of_own_task() } else { head.told },
            latency_us: if is_work { head.latency_us } else { u64::MAX },
            run,
            task,
            task_type,
            model,
            detail,
            next_in_run: NONE,
            line,
            evidence_len: head.evidence_len,
        })
    }

    /// The detail of work, which follows from what lines show of it and from members that they do not show.
    fn detail(
        &mut self,
        numbers: Option<Numbers>,
        shown: Texts<'_>,
        hidden: [Option<(Member, &str)>; 2],
    ) -> Name {
        let files = self.detail_of(numbers.map(|numbers| numbers.files), shown.files);
        let rest = self.detail_of(numbers.map(|numbers| numbers.rest), shown.rest);
        let mut hidden = hidden.into_iter().flatten().peekable();
        if hidden.peek().is_none() {
            return self.details.both(files, rest);
        }
        self.packer.clear();
        self.packer.append(self.details.text(rest));
        hidden.for_each(|(member, value)| self.packer.take(&mut self.names, member, value));
        let rest = self.details.of(self.packer.packed());
        self.details.both(files, rest)
    }

    /// The detail that follows from parts alone; many rows show the same.
    fn detail_of(&mut self, number: Option<Name>, parts: &str) -> Name {
        if let Some(known) = number.and_then(|number| self.shown.detail(number)) {
            return known;
        }
        self.packer.clear();
        for (member, value) in shown::parts(parts) {
            self.packer.take(&mut self.names, member, value);
        }
        let detail = self.details.of(self.packer.packed());
        if let Some(number) = number {
            self.shown.note_detail(number, detail);
        }
        detail
    }

    /// Reads a superseding score. Counts from [`Facts::settle`] on.
    pub fn read_rescored(&mut self, score: &str) {
        let provenance = skim::members(score).find(|(key, _)| *key == "provenance");
        let standing = provenance.and_then(|(_, value)| Standing::read(value));
        let Some((standing, told)) = standing.zip(self.tolds.read(score)) else { return };
        let stream = self.by_file.get(&*standing.source_file().plain()).copied();
        let Some(id) = stream.and_then(|stream| self.row_at_line(stream, &standing)) else { return };
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

    /// Counts the row that is about to be pushed to its stretch; gives its line within.
    fn stretch(&mut self, stream: usize, origin: &Head) -> u32 {
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

    fn row_at_line(&self, stream: usize, origin: &Standing<'_>) -> Option<RowId> {
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
