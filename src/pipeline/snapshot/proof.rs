//! The proof that nothing leaks: one pass over the evidence with the scores that count now. On the way it finds every run
//! that holds the content of a sample.

use std::collections::{HashMap, HashSet};

use super::SnapshotError;
use super::selection::{Entry, Place, Selection};
use crate::domain::exports::{EvidenceView, holds_secret, instruction, rejected_text};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::domain::snapshot::{Dataset, hash_of};
use crate::pipeline::outputs::{CommittedRow, provenance_key};
use crate::store::StoreError;

/// What a score says of a sample; many samples share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CurrentScore {
    pub(super) category: Category,
    pub(super) reasons: Vec<String>,
    pub(super) scorer_version: String,
}

/// The samples, all of them proved.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) selection: Selection,
    /// The scores that [`Entry::score`] names.
    pub(super) scores: Vec<CurrentScore>,
}

/// What the pass looks for.
#[derive(Debug, Default)]
struct Wanted {
    /// By row: entries, and which side of each it is.
    rows: HashMap<Place, Vec<(u32, u8)>>,
    /// By content: RAG and SFT entries.
    rag: HashMap<Sha256Hex, u32>,
    sft: HashMap<Sha256Hex, u32>,
    /// The runs noted, by entry: the hash of the run's id.
    runs: HashSet<(u32, Sha256Hex)>,
    /// Sides found, by entry: one bit a side.
    found: Vec<u8>,
    /// The categories of the sides of each entry; one that was not found keeps `None`.
    categories: Vec<[Option<Category>; 2]>,
}

impl Proof {
    /// Proves every sample, or names the first that leaks.
    pub(super) fn of(selection: Selection) -> Result<Self, SnapshotError> {
        let mut proof = Self { selection, scores: Vec::new() };
        let mut wanted = Wanted::of(&proof.selection.entries);
        let rescored = proof.selection.outputs.rescored()?;
        let mut numbers = HashMap::new();
        for stream in proof.streams()? {
            // Rows are read through the outputs while faults are noted beside them.
            let mut faults = Vec::new();
            let Self { selection, scores } = &mut proof;
            let Selection { outputs, sources, entries, .. } = selection;
            outputs.each_row(&stream, &rescored, |row| {
                let Some(score) = current(row.score) else { return };
                let place = provenance_key(row.evidence)
                    .map(|(file, generation, line)| (sources.number(&file), generation, line));
                let sides = place.and_then(|place| wanted.rows.get(&place)).cloned().unwrap_or_default();
                for (entry, side) in &sides {
                    let at = *entry as usize;
                    let said = entries.get(at).and_then(|entry| entry.sides.get(usize::from(*side)));
                    let why = said.and_then(|said| differs(said, row));
                    faults.extend(why.map(|why| (at, why)));
                    wanted.note(at, *side, score.category);
                    if *side == 0
                        && let Some(entry) = entries.get_mut(at)
                    {
                        let next = scores.len() as u32;
                        entry.score = *numbers.entry(score.clone()).or_insert_with(|| {
                            scores.push(score.clone());
                            next
                        });
                    }
                }
                let own: Vec<_> = sides.iter().map(|(entry, _)| *entry).collect();
                note_run(&mut wanted, entries, row.evidence, score.category, &own);
            })?;
            for (entry, why) in faults {
                proof.selection.fault(entry, why);
            }
        }
        proof.judge(&wanted);
        proof.conclude()
    }

    /// The streams with evidence, in the order of their source files.
    fn streams(&self) -> Result<Vec<String>, StoreError> {
        let outputs = &self.selection.outputs;
        let mut streams = Vec::new();
        for path in outputs.state.outputs.keys() {
            let name = path.strip_prefix("evidence/").and_then(|file| file.strip_suffix(".jsonl"));
            let Some(name) = name else { continue };
            streams.push((self.source_file(path)?, name.to_owned()));
        }
        streams.sort_unstable();
        Ok(streams.into_iter().map(|(_, name)| name).collect())
    }

    /// The source file that the first line of some evidence names; empty when there is none.
    fn source_file(&self, path: &str) -> Result<String, StoreError> {
        let outputs = &self.selection.outputs;
        let mut to = 64 << 10;
        loop {
            let head = outputs.read(path, 0, to)?;
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let source = std::str::from_utf8(line).ok().and_then(provenance_key);
            if source.is_some() || to >= outputs.state.output_len(path) {
                return Ok(source.map(|(file, ..)| file).unwrap_or_default());
            }
            to *= 4;
        }
    }

    /// Holds every sample to the categories that its export allows.
    fn judge(&mut self, wanted: &Wanted) {
        for at in 0..self.selection.entries.len() {
            let (found, [first, second]) = (
                wanted.found.get(at).copied().unwrap_or_default(),
                wanted.categories.get(at).copied().unwrap_or_default(),
            );
            let Some(entry) = self.selection.entries.get(at) else { break };
            let missing = (0_u8..).zip(&entry.sides).find(|(side, _)| found & (1 << side) == 0);
            let why = if let Some((_, side)) = missing {
                let (source, generation, line) = side.place;
                let source = self.selection.sources.name(source);
                Some(format!("its row, line {line} of generation {generation} of {source}, is no evidence"))
            } else {
                let file = entry.sides.first().map_or(0, |side| side.place.0);
                forbidden(entry.dataset, self.selection.sources.name(file), first, second)
            };
            if let Some(why) = why {
                self.selection.fault(at, why);
            }
        }
    }

    fn conclude(mut self) -> Result<Self, SnapshotError> {
        self.selection.faults.sort();
        let others = self.selection.faults.len().saturating_sub(1);
        match self.selection.faults.first() {
            Some((dataset, sample, why)) => Err(SnapshotError::Leak {
                sample: sample.clone(),
                export: dataset.path(),
                why: why.clone(),
                others,
            }),
            None => Ok(self),
        }
    }
}

impl Wanted {
    fn of(entries: &[Entry]) -> Self {
        let mut wanted = Self {
            found: vec![0; entries.len()],
            categories: vec![[None; 2]; entries.len()],
            ..Self::default()
        };
        for (at, entry) in (0_u32..).zip(entries) {
            for (side, said) in (0_u8..).zip(&entry.sides) {
                wanted.rows.entry(said.place).or_default().push((at, side));
            }
            match entry.dataset {
                Dataset::Rag => drop(wanted.rag.insert(entry.content, at)),
                Dataset::Sft => drop(wanted.sft.insert(entry.content, at)),
                Dataset::Preference => {}
            }
        }
        wanted
    }

    fn note(&mut self, entry: usize, side: u8, category: Category) {
        if let Some(found) = self.found.get_mut(entry) {
            *found |= 1 << side;
        }
        let categories = self.categories.get_mut(entry);
        if let Some(noted) = categories.and_then(|sides| sides.get_mut(usize::from(side))) {
            *noted = Some(category);
        }
    }
}

/// The score that a line holds.
fn current(line: &str) -> Option<CurrentScore> {
    let (mut category, mut reasons, mut scorer_version) = (None, Vec::new(), None);
    for (key, value) in skim::members(line) {
        match key {
            "category" => category = Category::from_name(value.trim_matches('"')),
            "reasons" => {
                reasons = skim::items(value).map(|reason| reason.trim_matches('"').to_owned()).collect();
            }
            "scorer_version" => scorer_version = Some(value.trim_matches('"').to_owned()),
            _ => {}
        }
    }
    Some(CurrentScore { category: category?, reasons, scorer_version: scorer_version? })
}

/// What the evidence says otherwise than the sample.
fn differs(said: &super::selection::Side, row: CommittedRow<'_>) -> Option<String> {
    let (mut text, mut rejected, mut sig_hash) = (None, None, None);
    for (key, value) in skim::members(row.evidence) {
        match key {
            "text" => text = skim::text(value).map(|text| text.hash()),
            "validation_results" => rejected = rejected_text(value).map(|text| text.hash()),
            "provenance" => {
                let of = skim::members(value).find(|(key, _)| *key == "sig_hash");
                sig_hash = of.and_then(|(_, value)| Sha256Hex::parse(value.trim_matches('"')));
            }
            _ => {}
        }
    }
    if sig_hash != Some(said.sig_hash) {
        return Some("the row that it names has another sig_hash".to_owned());
    }
    let text = if said.lost_vote { rejected } else { text };
    let holds = said.text.is_none_or(|expected| text == Some(expected));
    (!holds).then(|| "its text is not what the evidence holds".to_owned())
}

/// Why a sample must not be published with the categories that its rows have now.
fn forbidden(
    dataset: Dataset,
    source_file: &str,
    first: Option<Category>,
    second: Option<Category>,
) -> Option<String> {
    use Category::{Accepted, PartiallyAccepted, Rejected};
    let is = |category: Option<Category>| category.map_or("unknown", Category::name);
    let allowed = match dataset {
        Dataset::Rag => matches!(first, Some(Accepted | PartiallyAccepted)),
        Dataset::Sft => first == Some(Accepted),
        // Who settles or corrects is not judged by the same rules as who is settled or corrected.
        Dataset::Preference if source_file.ends_with("/audit_discrepancies.jsonl") => first != Some(Rejected),
        Dataset::Preference if source_file.ends_with("/overseer_corrections.jsonl") => {
            second == Some(Rejected)
        }
        Dataset::Preference => first == Some(Accepted) && second == Some(Rejected),
    };
    match dataset {
        _ if allowed => None,
        Dataset::Rag | Dataset::Sft => Some(format!("its row is {}, which must not be here", is(first))),
        Dataset::Preference => {
            Some(format!("its chosen row is {}, its rejected row is {}", is(first), is(second)))
        }
    }
}

/// Adds the run of a row to the samples whose content it holds, when its category would let it be one of them.
fn note_run(wanted: &mut Wanted, entries: &mut [Entry], evidence: &str, category: Category, own: &[u32]) {
    if !matches!(category, Category::Accepted | Category::PartiallyAccepted) {
        return;
    }
    let Some(view) = EvidenceView::read(evidence) else { return };
    if holds_secret(&view.run_id) {
        return;
    }
    let mut of = vec![wanted.rag.get(&view.text_hash).copied()];
    if category == Category::Accepted {
        let prompt = instruction::of(&view.instruction_fields());
        let content = prompt.map(|prompt| hash_of(&[&prompt.instruction.plain(), &view.text.plain()]));
        of.push(content.and_then(|content| wanted.sft.get(&content).copied()));
    }
    // A correction stands under its target's instruction, so its own row does not tell.
    of.extend(own.iter().copied().map(Some));
    let run = view.run_id.plain();
    for at in of.into_iter().flatten() {
        let entry = entries.get_mut(at as usize).filter(|entry| entry.dataset != Dataset::Preference);
        let Some(entry) = entry else { continue };
        if wanted.runs.insert((at, Sha256Hex::of(run.as_bytes()))) {
            entry.runs.push(run.as_ref().into());
        }
    }
}
