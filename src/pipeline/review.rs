//! The queue of what needs a person, from what is committed.

use std::collections::BTreeMap;

use super::known_rows::KnownRows;
use super::outputs::Outputs;
use super::streams::StreamSet;
use crate::domain::exports::preference::{self, Source};
use crate::domain::exports::{Verdict, wanted_rag, wanted_sft};
use crate::domain::link::{Key, Links, Place};
use crate::domain::review_queue::{Why, item, reasons_of, rule_of};
use crate::domain::rules::Rules;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::store::StoreError;

/// What needs a person, and what waits.
#[derive(Debug, Default)]
pub struct ReviewQueue {
    /// One line of JSON for each, what is most pressing first, then by time and canonical order.
    pub items: Vec<String>,
    /// Work that waits for a signal, by the rule that says so.
    pub waiting: BTreeMap<String, u64>,
}

/// Rows that need a person for another reason than their score, by stream and the byte at which their evidence starts.
pub type Special = BTreeMap<(u16, u64), Why>;

/// Finds the rows that need a person for another reason than their score, and makes the queue.
pub fn review_queue(
    outputs: &Outputs,
    streams: &StreamSet,
    rules: &Rules,
) -> Result<ReviewQueue, StoreError> {
    let special = special_of(outputs, streams, rules)?;
    let names: Vec<&str> = streams.names();
    queue_of(outputs, &names, &special)
}

/// Finds the rows that need a person for another reason than their score.
pub fn special_of(outputs: &Outputs, streams: &StreamSet, rules: &Rules) -> Result<Special, StoreError> {
    let known = KnownRows::load(outputs.committed(), streams, rules, None)?;
    let links = &known.links;
    let (mut texts, mut sources) = (Vec::new(), Vec::new());
    for place in 0..known.len() as Place {
        texts.extend(links.rows.text(place).map(|text| text.facts.text));
        preference::sources(links, place, None, &mut sources);
    }
    texts.sort_unstable();
    texts.dedup();
    sources.sort_unstable();
    sources.dedup();
    Ok(special(links, texts, sources))
}

/// Which of these texts and pairs are held back, and which people's words reach nothing.
pub fn special(
    links: &Links,
    texts: impl IntoIterator<Item = Key>,
    sources: impl IntoIterator<Item = Source>,
) -> Special {
    let mut special = Special::new();
    let mut note = |place: Place, why: Why| {
        if let Some(row) = links.rows.get(place) {
            let noted = special.entry((row.stream, row.evidence_at())).or_insert(why);
            *noted = why.min(*noted);
        }
    };
    for text in texts {
        let verdicts = wanted_sft(links, text).into_iter().map(|(_, verdict)| verdict);
        for verdict in verdicts.chain([wanted_rag(links, text)]) {
            if let Verdict::Withheld(why, place) = verdict {
                note(place, why.into());
            }
        }
    }
    for source in sources {
        if let Some(sides) =
            preference::sides(links, source).filter(|sides| preference::holds_secret(links, *sides))
        {
            note(sides.chosen, Why::Secret);
        }
    }
    for place in links.lost_people() {
        note(place, Why::LinkNone);
    }
    special
}

/// The queue of some streams, given in a fixed order by their number.
pub fn queue_of(outputs: &Outputs, streams: &[&str], special: &Special) -> Result<ReviewQueue, StoreError> {
    let rescored = outputs.rescored()?;
    let mut queue = ReviewQueue::default();
    let mut items = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        outputs.each_row(stream, &rescored, |row| {
            let member = |line: &'_ str, name: &str| {
                skim::members(line)
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.trim_matches('"').to_owned())
            };
            let reasons = reasons_of(row.score);
            let review = member(row.score, "category").as_deref() == Some(Category::NeedsHumanReview.name());
            let unsure = review && !reasons.contains(&"rule.support");
            let scored = if unsure { Why::of_reasons(&reasons) } else { None };
            let other = special.get(&(number as u16, row.evidence_at)).copied();
            match scored.into_iter().chain(other).min() {
                Some(why) => {
                    let place =
                        (member(row.evidence, "timestamp"), source_file(row.evidence), row.evidence_at);
                    items.push((why, place, item(why, row.evidence, row.score)));
                }
                None if unsure => *queue.waiting.entry(rule_of(&reasons).to_owned()).or_default() += 1,
                None => {}
            }
        })?;
    }
    items.sort_unstable();
    queue.items = items.into_iter().map(|(_, _, item)| item).collect();
    Ok(queue)
}

fn source_file(evidence: &str) -> Option<String> {
    super::outputs::provenance_key(evidence).map(|(file, ..)| file)
}
