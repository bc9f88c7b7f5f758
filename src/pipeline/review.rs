//! The queue of what needs a person, from what is committed.

use std::collections::BTreeMap;

use super::known_rows::{KnownRows, sig_of};
use super::outputs::Outputs;
use super::row_scan::sig_hash;
use super::streams::StreamSet;
use crate::domain::exports::preference::{self, Source};
use crate::domain::exports::{Verdict, wanted_rag, wanted_sft};
use crate::domain::link::map::KeyMap;
use crate::domain::link::{Links, Part, Place};
use crate::domain::review_queue::{Why, item, reasons_of, rule_of};
use crate::domain::rules::Rules;
use crate::domain::score::Category;
use crate::store::StoreError;

/// What needs a person, and what waits.
#[derive(Debug, Default)]
pub struct ReviewQueue {
    /// One line of JSON for each, what is most pressing first, then by time and canonical order.
    pub items: Vec<String>,
    /// Work that waits for a signal, by the rule that says so.
    pub waiting: BTreeMap<String, u64>,
}

/// Makes the queue.
pub fn review_queue(
    outputs: &Outputs,
    streams: &StreamSet,
    rules: &Rules,
) -> Result<ReviewQueue, StoreError> {
    let known = KnownRows::load(outputs.committed(), streams, rules, None)?;
    let held_back = held_back(&known.links);
    let rescored = outputs.rescored()?;
    let mut queue = ReviewQueue::default();
    let mut items = Vec::new();
    for (stream, spec) in streams.specs.iter().enumerate() {
        outputs.each_row(&spec.name, &rescored, |row| {
            let Some(place) =
                sig_hash(row.evidence.as_bytes()).and_then(|hash| known.find(stream, sig_of(&hash)))
            else {
                return;
            };
            let Some(row_known) = known.get(place) else { return };
            let reasons = reasons_of(row.score);
            let unsure = row_known.is_work() && row_known.category == Category::NeedsHumanReview;
            let scored = if unsure { Why::of_reasons(&reasons) } else { None };
            let nowhere = row_known.part() == Part::Human && known.links.is_lost(place);
            let why = [scored, held_back.get(&u64::from(place)).copied(), nowhere.then_some(Why::LinkNone)];
            match why.into_iter().flatten().min() {
                Some(why) => items.push((why, row_known.moment, item(why, row.evidence, row.score))),
                None if unsure => *queue.waiting.entry(rule_of(&reasons).to_owned()).or_default() += 1,
                None => {}
            }
        })?;
    }
    items.sort_unstable();
    queue.items = items.into_iter().map(|(_, _, item)| item).collect();
    Ok(queue)
}

/// The rows whose samples are held back, and why.
fn held_back(links: &Links) -> KeyMap<Why> {
    let mut held_back = KeyMap::default();
    for place in 0..links.rows.len() as Place {
        let mut sources = Vec::new();
        preference::sources(links, place, &mut sources);
        let secret = |source: &Source| {
            preference::sides(links, *source).is_some_and(|sides| preference::holds_secret(links, sides))
        };
        if sources.iter().any(secret) {
            held_back.insert(u64::from(place), Why::Secret);
        }
        let Some(text) = links.rows.text(place).map(|text| text.facts.text) else { continue };
        // Each text once, by the first of its rows that is come upon.
        if links.of_text(text).min() != Some(place) {
            continue;
        }
        let verdicts =
            wanted_sft(links, text).into_iter().map(|(_, verdict)| verdict).chain([wanted_rag(links, text)]);
        for verdict in verdicts {
            if let Verdict::Withheld(why, row) = verdict {
                held_back.insert(u64::from(row), why.into());
            }
        }
    }
    held_back
}
