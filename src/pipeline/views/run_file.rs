//! `views/runs.jsonl`: a line a run by `run_id`; that of an unchanged run is copied from the old file.

use std::slice;

use super::ViewError;
use super::files::RUNS;
use super::render::{Block, each_block};
use super::rewrite::Rewrite;
use super::state::Sources;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::views::facts::{Facts, RunId};
use crate::store::Prepared;

/// The runs in the order of the file, with the lengths of their lines.
#[derive(Debug, Default)]
pub(super) struct RunFile {
    lines: Vec<(RunId, u32)>,
    /// Of the committed file, once it is known.
    sha256: Option<Sha256Hex>,
}

/// The line of a run that has none yet.
const NO_LINE: u32 = 0;

/// The lines of a file in the making that are not kept or put yet.
struct Places<'f> {
    rest: slice::IterMut<'f, (RunId, u32)>,
    is_dirty: Marks,
    rewrite: &'f mut Rewrite,
}

impl Places<'_> {
    fn is_next_kept(&self) -> bool {
        self.rest.as_slice().first().is_some_and(|(run, _)| !self.is_dirty.contains(*run))
    }

    /// Keeps lines up to the next one that is made anew.
    fn keep(&mut self) -> Result<(), ViewError> {
        while self.is_next_kept()
            && let Some((_, len)) = self.rest.next()
        {
            self.rewrite.keep(u64::from(*len))?;
        }
        Ok(())
    }

    /// Puts lines into their places; those between which none is kept go together.
    fn put(&mut self, block: Block) -> Result<(), ViewError> {
        let text = block.text.into_bytes();
        let (mut from, mut to, mut rows) = (0, 0, 0);
        for len in block.lens {
            if self.is_next_kept() {
                self.rewrite.put_lines(text.get(from..to).unwrap_or_default().into(), rows)?;
                (from, rows) = (to, 0);
                self.keep()?;
            }
            let Some((_, known)) = self.rest.next() else { break };
            if *known != NO_LINE {
                self.rewrite.skip(u64::from(*known))?;
            }
            // A line of 4 GiB would be made anew each time, at the wrong place: it is not known where the next one begins.
            *known = u32::try_from(len).map_err(|_| ViewError::Changed(RUNS.to_owned()))?;
            (to, rows) = (to + len, rows + 1);
        }
        let all = if from == 0 { text.into() } else { text.get(from..to).unwrap_or_default().into() };
        self.rewrite.put_lines(all, rows)
    }
}

impl RunFile {
    /// Makes the lines of some runs anew; `new` are those among them that are not in the file.
    pub(super) fn update(
        &mut self,
        sources: Sources<'_>,
        facts: &Facts,
        dirty: &[RunId],
        new: Vec<RunId>,
    ) -> Result<Option<Prepared>, ViewError> {
        self.insert(facts, new);
        let is_dirty = Marks::of(dirty, facts.runs.len());
        let dirty: Vec<RunId> =
            self.lines.iter().map(|(run, _)| *run).filter(|run| is_dirty.contains(*run)).collect();
        let mut rewrite = Rewrite::open(sources.output, RUNS, sources.committed)?;
        let mut places = Places { rest: self.lines.iter_mut(), is_dirty, rewrite: &mut rewrite };
        each_block(facts, &dirty, sources, &mut |block| places.put(block))?;
        places.keep()?;
        let prepared = rewrite.finish(self.sha256)?;
        self.sha256 = prepared.as_ref().map(|prepared| prepared.sha256).or(self.sha256);
        Ok(prepared)
    }

    /// Puts new runs into their places.
    fn insert(&mut self, facts: &Facts, mut new: Vec<RunId>) {
        let text = |run: RunId| facts.runs.text(run).as_bytes();
        sort_by_text(&mut new, text);
        if self.lines.is_empty() {
            self.lines = new.into_iter().map(|run| (run, NO_LINE)).collect();
            return;
        }
        if new.is_empty() {
            return;
        }
        let mut lines = Vec::with_capacity(self.lines.len() + new.len());
        let mut rest = self.lines.as_slice();
        for run in new {
            let (before, behind) = rest.split_at(rest.partition_point(|(known, _)| text(*known) < text(run)));
            lines.extend_from_slice(before);
            lines.push((run, NO_LINE));
            rest = behind;
        }
        lines.extend_from_slice(rest);
        self.lines = lines;
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.lines.capacity() * size_of::<(RunId, u32)>()
    }
}

/// Sorts by the first bytes of the texts, which lie beside the numbers; few texts have to be looked up after that.
fn sort_by_text<'t>(runs: &mut [RunId], text: impl Fn(RunId) -> &'t [u8]) {
    let first_bytes = |run: RunId| {
        let mut first = [0; 16];
        first.iter_mut().zip(text(run)).for_each(|(to, from)| *to = *from);
        u128::from_be_bytes(first)
    };
    let mut keyed: Vec<_> = runs.iter().map(|run| (first_bytes(*run), *run)).collect();
    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))));
    runs.iter_mut().zip(keyed).for_each(|(to, (_, run))| *to = run);
}

/// Runs that are meant, one bit each.
struct Marks(Vec<u64>);

impl Marks {
    fn of(runs: &[RunId], all: usize) -> Self {
        let mut marks = Self(vec![0; all.div_ceil(64)]);
        for run in runs {
            if let Some(word) = marks.0.get_mut(*run as usize / 64) {
                *word |= 1 << (run % 64);
            }
        }
        marks
    }

    fn contains(&self, run: RunId) -> bool {
        self.0.get(run as usize / 64).is_some_and(|word| word & 1 << (run % 64) != 0)
    }
}
