//! What must leave the files of samples in the very commit of the row that causes it, and what is said of it.

use super::Desk;
use super::gather::Gathered;
use super::held::Held;
use crate::domain::exports::preference::{Sides, Source, sources};
use crate::domain::exports::{Dataset, RETRACTIONS, SampleId, Verdict, wanted_rag_of, wanted_sft_of};
use crate::domain::link::{Key, Links, Place, Touched};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::score::{Category, reasons, score};
use crate::pipeline::evidence_lines::EvidenceLines;
use crate::pipeline::known_rows::KnownRows;
use crate::pipeline::latest::Latest;
use crate::pipeline::rescore::Change;
use crate::store::{Append, Piece, StoreError};

/// Texts and sources that a batch may have changed, each with the row that did, the last of several.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Marks {
    noted: u64,
    /// With a row that has the text.
    texts: Latest<Key, (u64, Place, Place)>,
    /// Signatures of which all texts are meant; looked up once a batch, however many rows mean them.
    signatures: Latest<Key, (u64, Place)>,
    sources: Latest<Source, (u64, Place)>,
    /// New rows whose texts nobody had before, so that no file holds anything of them.
    new_texts: Vec<Place>,
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
            for other in links.run_mates(place).filter(|other| *other != place) {
                let has_text = |place: &Place| links.rows.text(*place).is_some();
                let texts = if has_text(&other) { vec![other] } else { links.corrections(other) };
                let texts: Vec<Place> = texts.into_iter().filter(has_text).collect();
                if !texts.is_empty() {
                    self.mark(links, other, place, None, texts);
                }
            }
        }
        if links.rows.text(place).is_some() {
            if !links.has_own_text(place) {
                texts.push(place);
            } else if is_for_samples(row.category) {
                self.new_texts.push(place);
            }
        }
        self.mark(links, place, place, None, texts);
    }

    /// Marks what a changed score may change.
    pub(in crate::pipeline) fn change(&mut self, links: &Links, change: &Change) {
        let Change { place, cause, before, now } = *change;
        let mut texts = Vec::new();
        // A text of one row that neither was nor is fit for a file stands in none.
        let may_matter = is_for_samples(before) || is_for_samples(now) || !links.has_own_text(place);
        if may_matter && links.rows.text(place).is_some() {
            texts.push(place);
        }
        self.mark(links, place, cause, Some(before), texts);
    }

    /// Marks the texts of some rows, and what hangs on a row.
    fn mark(
        &mut self,
        links: &Links,
        place: Place,
        cause: Place,
        before: Option<Category>,
        mut texts: Vec<Place>,
    ) {
        let signature = links.twin_texts(place, &mut texts);
        let mut marked = Vec::new();
        sources(links, place, before, &mut marked);
        for correction in links.corrections(place) {
            marked.push(Source::Correction(correction));
            texts.push(correction);
        }
        self.noted += 1;
        for place in texts {
            if let Some(text) = links.rows.text(place) {
                self.texts.note(text.facts.text, (self.noted, place, cause));
            }
        }
        if let Some(signature) = signature {
            self.signatures.note(signature, (self.noted, cause));
        }
        for source in marked {
            self.sources.note(source, (self.noted, cause));
        }
    }

    /// Marks the texts of all signatures that were meant.
    fn look_up_signatures(&mut self, links: &Links) {
        for (signature, (noted, cause)) in std::mem::take(&mut self.signatures).into_sorted() {
            for place in links.texts_of_signature(signature) {
                if let Some(text) = links.rows.text(place) {
                    self.texts.note(text.facts.text, (noted, place, cause));
                }
            }
        }
    }
}

/// Whether work of a category may stand in a file of samples under its own text.
fn is_for_samples(category: Category) -> bool {
    Dataset::Rag.allows(category) || Dataset::Sft.allows(category)
}

impl Desk {
    /// What must go because of a batch that is about to be committed; the marks stay behind, to be looked at later.
    pub(in crate::pipeline) fn removals(&mut self, mut marks: Marks, known: &KnownRows) -> Vec<Removal> {
        self.batches += 1;
        let mut removals = Vec::new();
        let links = &known.links;
        marks.look_up_signatures(links);
        let (texts, sources) = (marks.texts.into_sorted(), marks.sources.into_sorted());
        for (text, (_, place, cause)) in &texts {
            if let Some(held) = self.files.rag(links, *text) {
                removals.extend(removal_of(
                    Dataset::Rag,
                    *text,
                    &held,
                    wanted_rag_of(links, *text, *place),
                    *cause,
                    known,
                ));
            }
            let all: Vec<Held> = self.files.sft(links, *text).collect();
            if !all.is_empty() {
                let verdicts = wanted_sft_of(links, *text, *place);
                for held in &all {
                    let verdict = verdicts.iter().find(|(of, _)| *of == held.instruction);
                    let verdict = verdict.map_or(Verdict::Nothing, |(_, verdict)| *verdict);
                    removals.extend(removal_of(Dataset::Sft, *text, held, verdict, *cause, known));
                }
            }
        }
        for (source, (_, cause)) in &sources {
            if let Some((id, sides)) = self.files.pairs.broken(links, *source) {
                removals.push(removal_of_pair(id, sides, *cause, known));
            }
        }
        self.dirty_texts.extend(texts.into_iter().map(|(_, (_, place, _))| place).chain(marks.new_texts));
        self.dirty_sources.extend(sources.into_iter().map(|(source, _)| source));
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
