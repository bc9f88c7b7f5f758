//! What the files of samples hold, read back from them at a start.

use super::Stamp;
use super::pairs::{Pairs, asked_of};
use crate::domain::exports::preference::{Sides, Source};
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::facts::key;
use crate::domain::link::map::{KeyMap, KeySet};
use crate::domain::link::{Key, Part, Place};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};
use crate::domain::skim;
use crate::pipeline::known_rows::{KnownRows, sig_of};
use crate::pipeline::outputs::Committed;
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;

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

/// The samples in the files, by the key of their text.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) rag: KeyMap<Held>,
    pub(super) sft: KeyMap<Vec<Held>>,
    pub(super) pairs: Pairs,
    /// Samples that no known row stands behind.
    pub(super) strangers: Vec<(Dataset, SampleId)>,
}

impl Files {
    /// Reads what the files hold.
    pub(super) fn load(
        committed: Committed<'_>,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Result<Self, StoreError> {
        let mut files = Self::default();
        for dataset in Dataset::ALL {
            let mut ids = KeySet::default();
            let mut lines = committed.lines(dataset.path(), 0);
            while let Some(line) = lines.next()? {
                let Some(id) = id_of(line.as_bytes(), dataset) else { continue };
                if !ids.insert(id.0) || files.take(dataset, id, line, streams, known).is_none() {
                    files.strangers.push((dataset, id));
                }
            }
        }
        Ok(files)
    }

    fn take(
        &mut self,
        dataset: Dataset,
        id: SampleId,
        line: &str,
        streams: &StreamSet,
        known: &KnownRows,
    ) -> Option<()> {
        let (mut category, mut signals, mut task, mut places) =
            (Category::Accepted, SignalSet::EMPTY, 0, Vec::new());
        for (member, value) in skim::members(line) {
            match member {
                "success_score" => category = Category::from_name(value.trim_matches('"'))?,
                "score_reasons" => {
                    let named = |name: &str| {
                        Code::ALL.iter().copied().find(|code| code.name() == name.trim_matches('"'))
                    };
                    signals = skim::items(value).filter_map(named).collect();
                }
                "task_type" => task = key(&skim::text(value)?) as u32,
                "provenance" if value.starts_with('[') => {
                    places =
                        skim::items(value).map(|place| find(place, streams, known)).collect::<Option<_>>()?;
                }
                "provenance" => places = vec![find(value, streams, known)?],
                _ => {}
            }
        }
        let owner = *places.first()?;
        let links = &known.links;
        // Only what a run gave is part of the stamp; a row's own task type cannot change.
        let asked = match (dataset, places.as_slice()) {
            (Dataset::Rag, _) => owner,
            (Dataset::Sft, _) => links.asked(owner),
            (Dataset::Preference, [chosen, rejected]) => asked_of(links, *chosen, *rejected),
            (Dataset::Preference, _) => return None,
        };
        if links.rows.get(asked)?.gives_task() {
            task = 0;
        }
        let stamp = Stamp { category, signals, task };
        match (dataset, places.as_slice()) {
            (Dataset::Rag, _) => {
                let stamp =
                    Stamp { task: if links.rows.get(owner)?.gives_task() { 0 } else { stamp.task }, ..stamp };
                let held = Held { owner, stamp, id, instruction: 0 };
                self.rag.insert(links.rows.text(owner)?.facts.text, held);
            }
            (Dataset::Sft, _) => {
                let held = Held { owner, stamp, id, instruction: links.instruction(owner) };
                self.sft.entry(links.rows.text(owner)?.facts.text).or_default().push(held);
            }
            (Dataset::Preference, [chosen, rejected]) => {
                let sides = Sides { chosen: *chosen, rejected: *rejected };
                let source = match links.rows.get(owner)?.part() {
                    Part::Claim => Source::Vote(owner),
                    Part::Human | Part::Overseer => Source::Correction(owner),
                    _ => Source::Input(links.rows.text(owner)?.facts.input),
                };
                self.pairs.found(id, source, sides, task);
            }
            (Dataset::Preference, _) => return None,
        }
        Some(())
    }
}

/// The row that a provenance names.
fn find(provenance: &str, streams: &StreamSet, known: &KnownRows) -> Option<Place> {
    let member = |name: &str| skim::members(provenance).find(|(key, _)| *key == name).map(|(_, value)| value);
    let file = skim::text(member("source_file")?)?.plain().into_owned();
    let stream = streams.specs.iter().position(|spec| spec.source_file == file)?;
    known.find(stream, sig_of(&Sha256Hex::parse(member("sig_hash")?.trim_matches('"'))?))
}

/// The id of a sample's line. Every sample starts alike.
pub(super) fn id_of(line: &[u8], dataset: Dataset) -> Option<SampleId> {
    let rest = line.strip_prefix(b"{\"schema_version\":1,\"sample_id\":\"")?;
    let rest = rest.strip_prefix(dataset.prefix().as_bytes())?;
    let digits = std::str::from_utf8(rest.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok().map(SampleId)
}
