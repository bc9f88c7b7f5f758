//! Preference pairs: two answers to one instruction, of which one is better.

use super::instruction::{self, Prompt};
use super::sft::split_of;
use super::{Dataset, EvidenceView, SampleId};
use crate::domain::link::facts::has_words;
use crate::domain::link::{Key, Links, Part, Place, Row};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::cross::folded;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::score::Category;

/// What a pair comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A vote: what was chosen, and what was not.
    Vote(Place),
    /// A correction, by a person or an overseer, of somebody's text.
    Correction(Place),
    /// Work that answers the same input: the first accepted, and the first rejected.
    Input(Key),
}

/// The rows of the better and of the worse answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The better answer.
    pub chosen: Place,
    /// The worse answer; of a vote the same row.
    pub rejected: Place,
}

/// The sides of a source as things stand, if it makes a pair.
pub fn sides(links: &Links, source: Source) -> Option<Sides> {
    let row = |place: Place| links.rows.get(place);
    match source {
        Source::Vote(place) => {
            let stands = row(place).is_some_and(|row| row.makes_pair() && row.category != Category::Rejected);
            stands.then_some(Sides { chosen: place, rejected: place })
        }
        Source::Correction(place) => {
            let correction = row(place).filter(|row| row.makes_pair())?;
            // A person's correction is work of its own; an overseer's is support, and stands by its target alone.
            let good = correction.part() == Part::Overseer || correction.category == Category::Accepted;
            let target = links.corrected(place).filter(|_| good)?;
            let rejected = row(target).is_some_and(|row| row.category == Category::Rejected);
            rejected.then_some(Sides { chosen: place, rejected: target })
        }
        Source::Input(input) => {
            if let Some(crowd) = links.crowd_of_input(input) {
                let first = |category: Category| crowd.first(category);
                return Some(Sides {
                    chosen: first(Category::Accepted)?,
                    rejected: first(Category::Rejected)?,
                });
            }
            let (mut chosen, mut rejected) = (None, None);
            for place in links.of_input(input) {
                let Some(row) = row(place) else { continue };
                let first = match row.category {
                    Category::Accepted => &mut chosen,
                    Category::Rejected => &mut rejected,
                    Category::PartiallyAccepted | Category::NeedsHumanReview => continue,
                };
                let candidate = (row.moment.canonical(), place);
                *first = Some(first.map_or(candidate, |first: (u64, Place)| first.min(candidate)));
            }
            Some(Sides { chosen: chosen?.1, rejected: rejected?.1 })
        }
    }
}

/// The sources that a row may be a side of, or was with the category `before`; beside those that correct it. An input that
/// nobody else answers makes no pair.
pub fn sources(links: &Links, place: Place, before: Option<Category>, out: &mut Vec<Source>) {
    let Some(row) = links.rows.get(place) else { return };
    if row.makes_pair() {
        out.push(if row.part() == Part::Claim { Source::Vote(place) } else { Source::Correction(place) });
    }
    let is_side = |category: Category| matches!(category, Category::Accepted | Category::Rejected);
    if !is_side(row.category) && !before.is_some_and(is_side) {
        return;
    }
    if !links.has_own_input(place)
        && let Some(input) = links.rows.text(place).map(|text| text.facts.input).filter(|input| *input != 0)
    {
        out.push(Source::Input(input));
    }
}

/// Whether one of the sides holds a secret.
pub fn holds_secret(links: &Links, sides: Sides) -> bool {
    let row = |place: Place| links.rows.get(place);
    row(sides.chosen).is_some_and(Row::has_secret_in_pair)
        || [sides.chosen, sides.rejected].into_iter().any(|place| row(place).is_some_and(Row::has_secret))
}

/// Appends the pair to `out`, if its sides are two texts of two runs; gives its id. `task_of_run` is the task type that the run
/// of the work behind the pair was given, for work that names none.
pub fn sample(
    source: Source,
    chosen: &EvidenceView<'_>,
    rejected: &EvidenceView<'_>,
    task_of_run: Option<&Escaped<'_>>,
    out: &mut String,
) -> Option<SampleId> {
    let run = |suffix: &str| Escaped::from_escaped(format!("{}{suffix}", chosen.run_id.escaped()));
    let (worse, chosen_run, rejected_run) = match source {
        Source::Vote(_) => (chosen.rejected.as_ref().filter(|text| has_words(text))?, run(":v1"), run(":v2")),
        _ => (&rejected.text, chosen.run_id.clone(), rejected.run_id.clone()),
    };
    let better = &chosen.text;
    if chosen_run == rejected_run || folded(&better.plain()) == folded(&worse.plain()) {
        return None;
    }
    // A correction answers what its target was asked.
    let asked = if matches!(source, Source::Correction(_)) { rejected } else { chosen };
    let Prompt { system, instruction } = match source {
        Source::Vote(_) => vote_prompt(chosen)?,
        _ => instruction::of(&asked.instruction_fields())?,
    };
    let content = [&instruction, better, worse].map(|text| text.plain().into_owned()).join("\0");
    let id = SampleId::of(&Sha256Hex::of(content.as_bytes()));
    let group = asked.split_group();
    let mut o = Object::new(out);
    o.int("schema_version", SCHEMA_VERSION);
    o.plain("sample_id", &Dataset::Preference.sample_id(id));
    o.text("task_type", asked.task_type(task_of_run));
    o.plain("system", system);
    o.text("instruction", &instruction);
    o.plain("input", "");
    o.text("chosen", better);
    o.text("rejected", worse);
    o.text("reason", &reason(source, chosen));
    o.text("chosen_run_id", &chosen_run);
    o.text("rejected_run_id", &rejected_run);
    o.texts("source_run_ids", [&chosen_run, &rejected_run]);
    o.plain("split", split_of(&group));
    o.text("split_group", &group);
    o.raw("provenance", &format!("[{},{}]", chosen.provenance(), rejected.provenance()));
    o.end();
    out.push('\n');
    Some(id)
}

fn vote_prompt(vote: &EvidenceView<'_>) -> Option<Prompt> {
    let claim = vote.claim.as_ref().map_or_else(String::new, |claim| format!(": {}", claim.escaped()));
    let settle = format!("Settle claim {} of pull request {}{claim}", vote.claim_idx?, vote.pr?);
    Some(Prompt {
        system: "You are an auditor. Say whether the claim holds, and why.",
        instruction: Escaped::from_escaped(settle),
    })
}

fn reason(source: Source, chosen: &EvidenceView<'_>) -> Escaped<'static> {
    let plain = |text: &'static str| Escaped::from_escaped(text);
    match source {
        Source::Vote(_) => plain("The auditors' votes were resolved for the chosen text."),
        Source::Correction(_) if chosen.stream.escaped() == "human_overrides" => match &chosen.reason {
            Some(reason) if crate::domain::link::facts::has_words(reason) => {
                Escaped::from_escaped(reason.escaped().to_owned())
            }
            _ => plain("A person corrected the rejected text."),
        },
        Source::Correction(_) => plain("An overseer corrected the rejected text."),
        Source::Input(_) => {
            plain("Of two answers to the same input the one was accepted and the other rejected.")
        }
    }
}
