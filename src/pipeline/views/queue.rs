//! `views/review_queue.jsonl`: what needs a person; the line of an item whose row nobody touched is copied.

use std::collections::BTreeSet;
use std::path::Path;

use super::ViewError;
use super::read_back::ReadBack;
use super::rewrite::Rewrite;
use crate::domain::review_queue::Why;
use crate::domain::schema::receipt::CommittedState;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::views::facts::{At, Changes, Facts, Place, Row, RowId};
use crate::domain::views::queue_line;
use crate::pipeline::refresh::REVIEW_QUEUE;
use crate::pipeline::review::Special;
use crate::store::Prepared;

/// The queue in the order of its file.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// With the lengths of their lines; 0 where there is none yet.
    items: Vec<(Item, u64)>,
    special: Special,
    /// Of the committed file, once it is known.
    sha256: Option<Sha256Hex>,
}

/// An item: what is most pressing first, then by time and canonical order.
type Item = (Why, At);

impl Queue {
    /// Looks again at rows that were touched. The queue is that of the first `streams` streams.
    #[expect(
        clippy::too_many_arguments,
        reason = "what all views are made from, and what the queue alone is made from"
    )]
    pub(super) fn update(
        &mut self,
        output: &Path,
        committed: &CommittedState,
        facts: &Facts,
        changes: &Changes,
        special: Special,
        streams: usize,
        lines: &mut ReadBack<'_>,
    ) -> Result<Option<Prepared>, ViewError> {
        let looked_at = self.looked_at(facts, changes, &special);
        let rows = looked_at.iter().copied().chain(changes.first_new..facts.len());
        let rows = rows.filter_map(|id| Some((id, facts.row(id)?)));
        // What is new has no item yet.
        let touched: BTreeSet<Place> =
            looked_at.iter().filter_map(|id| facts.row(*id)).map(Row::place).collect();
        let items = rows.filter_map(|(id, row)| Some(((why(facts, row, &special, streams)?, row.at()), id)));
        let mut new: Vec<(Item, RowId)> = items.collect();
        new.sort_unstable();
        let mut rewrite = Rewrite::open(output, REVIEW_QUEUE, committed)?;
        let mut new = new.into_iter().peekable();
        let old = std::mem::take(&mut self.items);
        let mut items = Vec::with_capacity(old.len());
        let mut line = String::new();
        let mut put = |rewrite: &mut Rewrite, items: &mut Vec<(Item, u64)>, (item, id): (Item, RowId)| {
            line.clear();
            if let Some(row) = facts.row(id) {
                queue_line::push(facts, id, row, item.0, lines, &mut line);
            }
            if !line.is_empty() {
                rewrite.put(line.as_bytes())?;
                items.push((item, line.len() as u64));
            }
            Ok::<(), ViewError>(())
        };
        for (item, len) in old {
            while let Some(item) = new.next_if(|new| new.0 <= item) {
                put(&mut rewrite, &mut items, item)?;
            }
            if touched.contains(&item.1.1) {
                rewrite.skip(len)?;
            } else {
                rewrite.keep(len)?;
                items.push((item, len));
            }
        }
        for item in new {
            put(&mut rewrite, &mut items, item)?;
        }
        self.items = items;
        self.special = special;
        let prepared = rewrite.finish(self.sha256)?;
        self.sha256 = prepared.as_ref().map(|prepared| prepared.sha256).or(self.sha256);
        Ok(prepared)
    }

    /// Rows that are not new, whose items may be others than before.
    fn looked_at(&self, facts: &Facts, changes: &Changes, special: &Special) -> BTreeSet<RowId> {
        let all = special.iter().chain(&self.special);
        let other = all.filter(|(key, _)| special.get(key) != self.special.get(key));
        let other = other.filter_map(|((stream, at), _)| facts.row_at(facts.place((*stream).into(), *at)?));
        changes.rescored.iter().copied().chain(other).filter(|id| *id < changes.first_new).collect()
    }

    /// Memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.items.capacity() * size_of::<(Item, u64)>() + self.special.len() * 24
    }
}

/// Why a row needs a person, if it does.
fn why(facts: &Facts, row: &Row, special: &Special, streams: usize) -> Option<Why> {
    let stream = facts.stream_of(row.place());
    if stream >= streams {
        return None;
    }
    let other = special.get(&(stream as u16, row.place().evidence_at())).copied();
    Why::of_told(row.told()).into_iter().chain(other).min()
}
