//! What is to be looked at, in the order of its evidence, and the jobs that come of it.

use std::sync::Arc;

use super::make::SampleJob;
use super::pairs::order_of;
use super::{
    Desk, Held, JOB_BYTES, JOB_PAIRS, READ_GAP_BYTES, Stamp, TEXTS_AT_A_TIME, Wanted, sample_row, stamp,
};
use crate::domain::exports::preference::{Source, sides};
use crate::domain::exports::{Dataset, Verdict, wanted_rag, wanted_sft};
use crate::domain::link::{Key, Place};
use crate::pipeline::evidence_lines::LineAt;
use crate::pipeline::known_rows::KnownRows;

impl Desk {
    /// Looks at what may have changed, and gives the next job, if it comes to one. `takes_new`: whether what was marked since
    /// the pass began is looked at too.
    pub(in crate::pipeline) fn next_job(&mut self, known: &KnownRows, takes_new: bool) -> Option<SampleJob> {
        if takes_new && self.due_sources.is_empty() {
            self.due_sources = sources_in_order(std::mem::take(&mut self.dirty_sources), known);
        }
        let job = loop {
            while self.wanted.is_empty() && self.look_at_texts(known, takes_new) {}
            if self.wanted.is_empty() {
                while self.files.pairs.wanted() < JOB_PAIRS && self.look_at_source(known) {}
            }
            let job = self.job(known);
            // What was wanted when it was looked at may not be wanted now: then there may be more to look at.
            if job.is_some() || ((self.dirty_texts.is_empty() || !takes_new) && self.due_texts.is_empty()) {
                break job;
            }
        };
        self.loading &= job.is_some();
        job
    }

    /// Looks at some texts; whether there were any.
    fn look_at_texts(&mut self, known: &KnownRows, takes_new: bool) -> bool {
        if takes_new && self.due_texts.is_empty() {
            self.due_texts = in_order(std::mem::take(&mut self.dirty_texts), known);
        }
        self.looked_at = self.known_at(known);
        let from = self.due_texts.len().saturating_sub(TEXTS_AT_A_TIME);
        let texts = self.due_texts.split_off(from);
        for text in texts.iter().rev() {
            self.look_at(*text, known);
        }
        // One row may be wanted for both files, and first of one text and of another's instruction.
        self.wanted.sort_unstable_by_key(|wanted| std::cmp::Reverse((wanted.line.stream, wanted.line.at)));
        self.wanted.dedup_by(|later, first| {
            let same = later.place == first.place;
            if same {
                first.rag = first.rag.or(later.rag);
                first.sft = first.sft.or(later.sft);
            }
            same
        });
        !texts.is_empty()
    }

    /// Looks at a source of pairs; whether there was one.
    fn look_at_source(&mut self, known: &KnownRows) -> bool {
        let Some(source) = self.due_sources.pop() else { return false };
        let secret = self.files.pairs.refresh(source, known, &self.streams, &mut self.gathered);
        if !secret {
            self.withheld_pairs.remove(&source);
        } else if self.withheld_pairs.insert(source) && !self.loading {
            self.gathered.withheld += 1;
        }
        true
    }

    /// Compares what the files hold for a text with what they should hold.
    fn look_at(&mut self, text: Key, known: &KnownRows) {
        let links = &known.links;
        let rag = wanted_rag(links, text);
        let mut held_back = matches!(rag, Verdict::Withheld(..));
        let held = self.files.rag(links, text);
        self.compare(Dataset::Rag, rag, held, known);
        if !matches!(rag, Verdict::Sample(_)) {
            self.files.remove_rag(links, text);
        }
        let verdicts = wanted_sft(links, text);
        let all: Vec<Held> = self.files.sft(links, text).collect();
        for (instruction, verdict) in &verdicts {
            held_back |= matches!(verdict, Verdict::Withheld(..));
            let held = all.iter().find(|held| held.instruction == *instruction).copied();
            self.compare(Dataset::Sft, *verdict, held, known);
            if let Some(held) = held.filter(|_| !matches!(verdict, Verdict::Sample(_))) {
                self.files.remove_sft(text, held.id);
            }
        }
        // What answers an instruction that nobody gives any more goes too.
        for gone in all.iter().filter(|held| !verdicts.iter().any(|(of, _)| *of == held.instruction)) {
            self.gathered.drop_line(Dataset::Sft, gone.id);
            self.files.remove_sft(text, gone.id);
        }
        if !held_back {
            self.withheld.remove(&text);
        } else if self.withheld.insert(text) && !self.loading {
            self.gathered.withheld += 1;
        }
    }

    /// Wants what a file should hold and does not, drops what it holds and should not.
    fn compare(&mut self, dataset: Dataset, verdict: Verdict, held: Option<Held>, known: &KnownRows) {
        let Verdict::Sample(place) = verdict else {
            if let Some(held) = held {
                self.gathered.drop_line(dataset, held.id);
            }
            return;
        };
        let stamp = stamp(dataset, place, known, &self.streams);
        if held.is_some_and(|held| held.owner == place && held.stamp == stamp) {
            return;
        }
        if let Some(row) = known.get(place) {
            let (rag, sft) = if dataset == Dataset::Rag { (Some(stamp), None) } else { (None, Some(stamp)) };
            self.wanted.push(Wanted { line: LineAt::of(row), place, rag, sft });
        }
    }

    /// Whether a row is wanted as it was when its text was looked at. What changed that has marked the text, so that it is
    /// looked at again.
    fn is_still(&self, wanted: &Wanted, known: &KnownRows) -> bool {
        if self.looked_at == self.known_at(known) {
            return true;
        }
        let is = |dataset: Dataset, was: Option<Stamp>| {
            was.is_none_or(|was| self.is_wanted(dataset, wanted.place, was, known))
        };
        is(Dataset::Rag, wanted.rag) && is(Dataset::Sft, wanted.sft)
    }

    /// A job of the rows of one stream that lie close together; when no rows are wanted, of pairs.
    fn job(&mut self, known: &KnownRows) -> Option<SampleJob> {
        let mut rows = Vec::new();
        let (mut from, mut to) = (0, 0);
        while let Some(next) = self.wanted.last().map(|wanted| wanted.line) {
            let stream = rows.first().map_or(next.stream, |first: &super::SampleRow| first.line.stream);
            if rows.is_empty() {
                from = next.at;
            } else if next.stream != stream || next.at > to + READ_GAP_BYTES || next.end() - from > JOB_BYTES
            {
                break;
            }
            let Some(wanted) = self.wanted.pop().filter(|wanted| self.is_still(wanted, known)) else {
                continue;
            };
            to = next.end();
            rows.push(sample_row(wanted, known));
        }
        let pairs = if rows.is_empty() { self.files.pairs.take_wanted() } else { Vec::new() };
        if rows.is_empty() && pairs.is_empty() {
            return None;
        }
        let number = self.next_job;
        self.next_job += 1;
        let (evidence, known_at) = (Arc::clone(&self.evidence), self.known_at(known));
        Some(SampleJob { number, known_at, evidence, rows, pairs })
    }
}

/// Texts in the order of the evidence of the first row of each, the last first: evidence that lies together is read together.
fn in_order(mut texts: Vec<Key>, known: &KnownRows) -> Vec<Key> {
    texts.sort_unstable();
    texts.dedup();
    let of = |text: Key| {
        let first: Option<Place> = known.links.of_text(text).next();
        let row = first.and_then(|place| known.get(place));
        (row.map(|row| (row.stream, row.evidence_at())), text)
    };
    let mut ordered: Vec<_> = texts.into_iter().map(of).collect();
    ordered.sort_unstable_by(|a, b| b.cmp(a));
    ordered.into_iter().map(|(_, text)| text).collect()
}

/// Sources in the order in which they count where several make one pair, the last first: so the one that counts comes first.
fn sources_in_order(mut sources: Vec<Source>, known: &KnownRows) -> Vec<Source> {
    sources.sort_unstable();
    sources.dedup();
    let of =
        |source: Source| (sides(&known.links, source).map(|sides| order_of(sides, source, known)), source);
    let mut ordered: Vec<_> = sources.into_iter().map(of).collect();
    ordered.sort_unstable_by(|a, b| b.cmp(a));
    ordered.into_iter().map(|(_, source)| source).collect()
}
