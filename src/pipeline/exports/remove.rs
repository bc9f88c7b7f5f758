//! What must leave the files of samples in the very commit of the row that causes it, and what is said of it.

use std::collections::BTreeMap;

use super::Desk;
use super::gather::Gathered;
use super::held::Held;
use crate::domain::exports::preference::{Sides, Source, sources};
use crate::domain::exports::{Dataset, RETRACTIONS, SampleId, Verdict, wanted_rag, wanted_sft};
use crate::domain::link::{Key, Links, Place, Touched};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::score::{Category, reasons, score};
use crate::pipeline::evidence_lines::EvidenceLines;
use crate::pipeline::known_rows::KnownRows;
use crate::pipeline::rescore::Change;
use crate::store::{Append, Piece, StoreError};

/// Texts and sources that a batch may have changed, each with a row that did.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Marks {
    texts: BTreeMap<Key, Place>,
    sources: BTreeMap<Source, Place>,
}

/// One sample that must go.
#[derive(Debug)]
pub(in crate::pipeline) struct Removal {
    dataset: Dataset,
    id: SampleId,
    /// The text it stands under; of a pair none.
    text: Option<Key>,
    /// The row that no longer stands behind it.
    place: Place,
    before: Category,
    cause: Place,
    /// Why, where it is not the row's own score.
    why: Option<&'static str>,
}

impl Marks {
    /// Marks what a new row may change.
    pub(in crate::pipeline) fn new_row(&mut self, links: &Links, place: Place, touched: &Touched) {
        let Some(row) = links.rows.get(place) else { return };
        let mut texts = Vec::new();
        if let Some((before, now)) = touched.signature {
            links.moved_texts(row.run, before, now, &mut texts);
        }
        if touched.task {
            // The others of its run are now of another type.
            let others: Vec<Place> = links.of_run(row.run).filter(|other| *other != place).collect();
            for other in others.into_iter().filter(|other| links.rows.text(*other).is_some()) {
                self.mark(links, other, place, Vec::new());
            }
        }
        self.mark(links, place, place, texts);
    }

    /// Marks what a changed score may change.
    pub(in crate::pipeline) fn change(&mut self, links: &Links, change: &Change) {
        self.mark(links, change.place, change.cause, Vec::new());
    }

    fn mark(&mut self, links: &Links, place: Place, cause: Place, mut texts: Vec<Key>) {
        texts.extend(links.rows.text(place).map(|text| text.facts.text));
        links.twin_texts(place, &mut texts);
        let mut marked = Vec::new();
        sources(links, place, &mut marked);
        for correction in links.corrections(place) {
            marked.push(Source::Correction(correction));
            texts.extend(links.rows.text(correction).map(|text| text.facts.text));
        }
        self.texts.extend(texts.into_iter().map(|text| (text, cause)));
        self.sources.extend(marked.into_iter().map(|source| (source, cause)));
    }
}

impl Desk {
    /// What must go because of a batch that is about to be committed; the marks stay behind, to be looked at later.
    pub(in crate::pipeline) fn removals(&mut self, marks: Marks, known: &KnownRows) -> Vec<Removal> {
        self.batches += 1;
        let mut removals = Vec::new();
        let links = &known.links;
        for (text, cause) in &marks.texts {
            if let Some(held) = self.files.rag(links, *text) {
                removals.extend(removal_of(
                    Dataset::Rag,
                    *text,
                    &held,
                    wanted_rag(links, *text),
                    *cause,
                    known,
                ));
            }
            let all: Vec<Held> = self.files.sft(links, *text).collect();
            if !all.is_empty() {
                let verdicts = wanted_sft(links, *text);
                for held in &all {
                    let verdict = verdicts.iter().find(|(of, _)| *of == held.instruction);
                    let verdict = verdict.map_or(Verdict::Nothing, |(_, verdict)| *verdict);
                    removals.extend(removal_of(Dataset::Sft, *text, held, verdict, *cause, known));
                }
            }
        }
        for (source, cause) in &marks.sources {
            if let Some((id, sides)) = self.files.pairs.broken(links, *source) {
                removals.push(removal_of_pair(id, sides, *cause, known));
            }
        }
        self.dirty_texts.extend(marks.texts.into_keys());
        self.dirty_sources.extend(marks.sources.into_keys());
        removals
    }

    /// Takes the samples out of what the files hold; gives the changes of the files.
    pub(in crate::pipeline) fn remove(&mut self, removals: &[Removal], known: &KnownRows) -> Gathered {
        let mut gathered = Gathered::default();
        for removal in removals {
            gathered.drop_line(removal.dataset, removal.id);
            match (removal.dataset, removal.text) {
                (Dataset::Rag, Some(text)) => {
                    self.files.remove_rag(&known.links, text);
                }
                (Dataset::Sft, Some(text)) => self.files.remove_sft(text, removal.id),
                _ => self.files.pairs.removed(removal.id),
            }
        }
        gathered
    }
}

/// What has to be said of a sample that stands, when it no longer may.
fn removal_of(
    dataset: Dataset,
    text: Key,
    held: &Held,
    verdict: Verdict,
    cause: Place,
    known: &KnownRows,
) -> Option<Removal> {
    let row = known.get(held.owner)?;
    let before = held.stamp.category;
    let fits = dataset.allows(row.category) && row.category <= before;
    let why = match verdict {
        Verdict::Withheld(withheld, _) if fits => Some(withheld.code()),
        _ if !fits => None,
        _ if dataset == Dataset::Rag && known.links.is_superseded(held.owner) => Some("superseded_by_twin"),
        _ if dataset == Dataset::Sft && known.links.instruction(held.owner) != held.instruction => {
            Some("target.moved")
        }
        Verdict::Sample(_) => return None,
        _ => None,
    };
    Some(Removal { dataset, id: held.id, text: Some(text), place: held.owner, before, cause, why })
}

fn removal_of_pair(id: SampleId, sides: Sides, cause: Place, known: &KnownRows) -> Removal {
    let now = |place: Place| known.get(place).map(|row| row.category);
    // The side that moved is the one to name: the better answer was accepted, the worse one rejected.
    let is_vote = sides.chosen == sides.rejected;
    let worse_moved = !is_vote && now(sides.rejected) != Some(Category::Rejected);
    let (place, before) =
        if worse_moved { (sides.rejected, Category::Rejected) } else { (sides.chosen, Category::Accepted) };
    let why = (now(place) == Some(before)).then_some("sides.moved");
    Removal { dataset: Dataset::Preference, id, text: None, place, before, cause, why }
}

/// The lines that say what was taken back.
pub(in crate::pipeline) fn retractions(
    removals: &[Removal],
    known: &KnownRows,
    evidence: &EvidenceLines<'_>,
) -> Result<Option<Append>, StoreError> {
    let mut lines = String::new();
    for removal in removals {
        let (Some(row), Some(cause)) = (known.get(removal.place), known.get(removal.cause)) else { continue };
        let (of, by) = (evidence.head(row)?, evidence.head(cause)?);
        let judgement = known.links.reach(removal.place).judgement();
        let reasons = removal.why.map_or_else(|| reasons(judgement, score(judgement)), |why| vec![why]);
        let mut o = Object::new(&mut lines);
        o.int("schema_version", SCHEMA_VERSION);
        o.plain("sample_id", &removal.dataset.sample_id(removal.id));
        o.plain("dataset", removal.dataset.name());
        o.text("run_id", &of.run_id);
        o.plain("old_category", removal.before.name());
        o.plain("new_category", row.category.name());
        o.codes("reasons", reasons.iter().copied());
        o.raw("caused_by", &by.provenance);
        o.raw("provenance", &of.provenance);
        o.end();
        lines.push('\n');
    }
    let piece = Piece { bytes: lines.into_bytes(), rows: removals.len() as u64, sha256: None };
    Ok((!removals.is_empty()).then(|| Append { path: RETRACTIONS.to_owned(), pieces: vec![piece] }))
}
