//! What the files of samples hold, read back from them line by line.

use super::Stamp;
use super::held::{Files, Held, id_of};
use super::pairs::asked_of;
use crate::domain::exports::preference::{Sides, Source};
use crate::domain::exports::{Dataset, SampleId};
use crate::domain::link::facts::key;
use crate::domain::link::map::KeySet;
use crate::domain::link::{Part, Place};
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};
use crate::domain::skim;
use crate::pipeline::known_rows::{KnownRows, sig_of};
use crate::pipeline::outputs::Committed;
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;

/// Samples that no known row stands behind.
pub(super) type Strangers = Vec<(Dataset, SampleId)>;

/// Reads what the files hold.
pub(super) fn load(
    committed: Committed<'_>,
    streams: &StreamSet,
    known: &KnownRows,
) -> Result<(Files, Strangers), StoreError> {
    let (mut files, mut strangers) = (Files::default(), Strangers::new());
    for dataset in Dataset::ALL {
        let mut ids = KeySet::default();
        let mut lines = committed.lines(dataset.path(), 0);
        while let Some(line) = lines.next()? {
            let Some(id) = id_of(line.as_bytes(), dataset) else { continue };
            if !ids.insert(id.0) || take(&mut files, dataset, id, line, streams, known).is_none() {
                strangers.push((dataset, id));
            }
        }
    }
    Ok((files, strangers))
}

fn take(
    files: &mut Files,
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
                let named =
                    |name: &str| Code::ALL.iter().copied().find(|code| code.name() == name.trim_matches('"'));
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
    if let (Dataset::Preference, [chosen, rejected]) = (dataset, places.as_slice()) {
        let sides = Sides { chosen: *chosen, rejected: *rejected };
        let source = match links.rows.get(owner)?.part() {
            Part::Claim => Source::Vote(owner),
            Part::Human | Part::Overseer => Source::Correction(owner),
            _ => Source::Input(links.rows.text(owner)?.facts.input),
        };
        files.pairs.found(id, source, sides, task);
        return Some(());
    }
    let text = links.rows.text(owner)?.facts.text;
    let instruction = if dataset == Dataset::Rag { 0 } else { links.instruction(owner) };
    let is_own = dataset != Dataset::Rag || id == SampleId(text);
    let held = Held { owner, stamp: Stamp { category, signals, task }, id, instruction };
    is_own.then(|| {
        files.put(links, dataset, held);
    })
}

/// The row that a provenance names.
fn find(provenance: &str, streams: &StreamSet, known: &KnownRows) -> Option<Place> {
    let member = |name: &str| skim::members(provenance).find(|(key, _)| *key == name).map(|(_, value)| value);
    let file = skim::text(member("source_file")?)?;
    let file = file.plain();
    let stream = streams.specs.iter().position(|spec| spec.source_file == file)?;
    known.find(stream, sig_of(&Sha256Hex::parse(member("sig_hash")?.trim_matches('"'))?))
}
