//! What the files of samples hold: of each sample no more than tells whether it is still what it should be.

use hashbrown::HashTable;

use super::Stamp;
use super::pairs::Pairs;
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::map::{KeyMap, spread};
use crate::domain::link::{Key, Links, Part, Place, Rows};
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;

/// One sample in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The row it was made from.
    pub(super) owner: Place,
    /// What it says beside the evidence.
    pub(super) stamp: Stamp,
    /// Its id.
    pub(super) id: SampleId,
    /// The instruction it answers; 0 in RAG.
    pub(super) instruction: Key,
}

/// A sample of the RAG file. Its text is its owner's, and its id is of the text alone: no text has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RagHeld {
    pub(super) owner: Place,
    pub(super) task: u32,
    pub(super) category: Category,
}

/// A sample of the SFT file. Its text is its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SftHeld {
    pub(super) owner: Place,
    pub(super) task: u32,
    pub(super) signals: SignalSet,
    pub(super) id: SampleId,
}

/// The samples in the files, by their texts.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) rag: HashTable<RagHeld>,
    pub(super) sft: HashTable<SftHeld>,
    /// What samples of corrections answer, by their ids: of all others that is their owner's own.
    pub(super) corrects: KeyMap<Key>,
    pub(super) pairs: Pairs,
}

fn text_of(rows: &Rows, place: Place) -> Key {
    rows.text(place).map_or(0, |text| text.facts.text)
}

impl Files {
    /// What the RAG file holds of a text.
    pub(super) fn rag(&self, links: &Links, text: Key) -> Option<Held> {
        let rows = &links.rows;
        let held = self.rag.find(spread(text), |held| text_of(rows, held.owner) == text)?;
        let stamp = Stamp { category: held.category, signals: SignalSet::EMPTY, task: held.task };
        Some(Held { owner: held.owner, stamp, id: SampleId(text), instruction: 0 })
    }

    /// What the SFT file holds of a text: one sample an instruction.
    pub(super) fn sft<'f>(&'f self, links: &'f Links, text: Key) -> impl Iterator<Item = Held> + use<'f> {
        let of_text =
            self.sft.iter_hash(spread(text)).filter(move |held| text_of(&links.rows, held.owner) == text);
        of_text.map(move |held| Held {
            owner: held.owner,
            stamp: Stamp { category: Category::Accepted, signals: held.signals, task: held.task },
            id: held.id,
            instruction: self
                .corrects
                .get(&held.id.0)
                .copied()
                .unwrap_or_else(|| links.instruction(held.owner)),
        })
    }

    /// Puts a sample in; gives the one whose place it takes.
    pub(super) fn put(&mut self, links: &Links, dataset: Dataset, held: Held) -> Option<SampleId> {
        let (rows, text) = (&links.rows, text_of(&links.rows, held.owner));
        if dataset == Dataset::Rag {
            let before = self.remove_rag(links, text);
            let Stamp { category, task, .. } = held.stamp;
            self.put_rag(links, RagHeld { owner: held.owner, task, category });
            return before;
        }
        let before = self.sft(links, text).find(|other| other.instruction == held.instruction);
        if let Some(before) = before {
            self.remove_sft(text, before.id);
        }
        let Stamp { signals, task, .. } = held.stamp;
        self.put_sft(links, SftHeld { owner: held.owner, task, signals, id: held.id });
        if rows.get(held.owner).is_some_and(|row| row.part() == Part::Human) {
            self.corrects.insert(held.id.0, held.instruction);
        }
        before.map(|before| before.id)
    }

    /// Puts a sample in of whose text the RAG file holds nothing.
    pub(super) fn put_rag(&mut self, links: &Links, held: RagHeld) {
        let hash = |held: &RagHeld| spread(text_of(&links.rows, held.owner));
        self.rag.insert_unique(hash(&held), held, hash);
    }

    /// Puts a sample in where the SFT file holds nothing of that text and instruction.
    pub(super) fn put_sft(&mut self, links: &Links, held: SftHeld) {
        let hash = |held: &SftHeld| spread(text_of(&links.rows, held.owner));
        self.sft.insert_unique(hash(&held), held, hash);
    }

    /// Forgets what the RAG file holds of a text.
    pub(super) fn remove_rag(&mut self, links: &Links, text: Key) -> Option<SampleId> {
        let same = |held: &RagHeld| text_of(&links.rows, held.owner) == text;
        self.rag.find_entry(spread(text), same).ok()?.remove();
        Some(SampleId(text))
    }

    /// Forgets a sample of the SFT file.
    pub(super) fn remove_sft(&mut self, text: Key, id: SampleId) {
        if let Ok(entry) = self.sft.find_entry(spread(text), |held| held.id == id) {
            entry.remove();
            self.corrects.remove(&id.0);
        }
    }
}

/// The id of a sample's line. Every sample starts alike.
pub(super) fn id_of(line: &[u8], dataset: Dataset) -> Option<SampleId> {
    let rest = line.strip_prefix(b"{\"schema_version\":1,\"sample_id\":\"")?;
    let rest = rest.strip_prefix(dataset.prefix().as_bytes())?;
    let digits = std::str::from_utf8(rest.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok().map(SampleId)
}
