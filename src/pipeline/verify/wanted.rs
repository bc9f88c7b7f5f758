//! What lines about rows ask of the rows: gathered from exports and later scores first, answered in one pass over the
//! evidence.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use super::finding::{Finding, Findings};
use super::lines::read;
use super::links::{Later, Relinked, digest_of};
use super::read::Reader;
use super::remade::Said;
use crate::domain::link::Place;
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::Escaped;
use crate::domain::schema::scored_run::ScoredRun;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::row_scan::sample_id;

/// The kind of a file whose lines name rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Rag,
    Sft,
    Preference,
    Retractions,
    Rescored,
}

impl About {
    pub(super) const ALL: [Self; 5] =
        [Self::Rag, Self::Sft, Self::Preference, Self::Retractions, Self::Rescored];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Rag => "exports/rag/samples.jsonl",
            Self::Sft => "exports/sft/instruction_response.jsonl",
            Self::Preference => "exports/preference/chosen_rejected.jsonl",
            Self::Retractions => "exports/retractions.jsonl",
            Self::Rescored => crate::pipeline::outputs::RESCORED,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Rag => "rag_",
            Self::Sft => "sft_",
            Self::Preference => "pref_",
            Self::Retractions | Self::Rescored => "",
        }
    }
}

/// One line that names a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    pub(super) place: Place,
    /// The row's stream, and where its evidence starts, in bytes.
    pub(super) evidence: (u16, u64),
    /// The hash of what the line repeats of the row, where that is all there is to hold.
    pub(super) repeats: u64,
    pub(super) about: About,
    /// Which of the rows that the line names: chosen and rejected, scored and causing.
    pub(super) side: u8,
    /// Which line it is, from 0, where it starts, and its length.
    pub(super) line: u64,
    pub(super) at: u64,
    pub(super) len: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) wants: Vec<Want>,
    /// Of each row with superseding scores, the latest.
    pub(super) later: HashMap<Place, Later>,
    /// All superseding scores.
    pub(super) said: Said,
    pub(super) lines: u64,
    pub(super) samples: u64,
}

/// Goes over the lines of one file; gives what they ask for. Lines that are none are findings.
pub(super) fn gather(
    about: About,
    file: Option<&File>,
    (from, line, to): (u64, u64, u64),
    rows: &Relinked,
    findings: &Findings,
) -> io::Result<Wanted> {
    let mut reader = Reader::new(file, from, line, to);
    let mut wanted = Wanted::default();
    let mut ids = Vec::new();
    loop {
        let (at, line) = (reader.at, reader.line);
        let Some(bytes) = reader.peek_line()? else { break };
        let len = bytes.len();
        let text = std::str::from_utf8(bytes.strip_suffix(b"\n").unwrap_or(bytes));
        let wrong = |what: String| findings.add(Finding::of_line(about.path(), line, at, what));
        let named = text.map_err(|_| "not text".to_owned()).and_then(|text| match about {
            About::Rescored => rescored_rows(text, (at, len as u32), rows, &mut wanted),
            About::Retractions => retraction_rows(text, rows),
            About::Rag | About::Sft | About::Preference => {
                let id = sample_id(text.as_bytes(), about.prefix());
                let id = id.ok_or_else(|| format!("no sample_id that starts with {}", about.prefix()))?;
                ids.push((id, line, at));
                sample_rows(text, rows)
            }
        });
        match named {
            Ok(named) => {
                for (side, (place, repeats)) in named.into_iter().enumerate() {
                    let Some(row) = rows.row(place) else { continue };
                    let (evidence, side) = ((row.stream, row.evidence_at()), side as u8);
                    let len = u32::try_from(len).unwrap_or(u32::MAX);
                    wanted.wants.push(Want { place, evidence, repeats, about, side, line, at, len });
                }
            }
            Err(what) => wrong(what),
        }
        reader.advance(len as u64, 1);
        wanted.lines += 1;
    }
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if let [(a, first, _), (b, line, at)] = pair
            && a == b
        {
            let what = "a sample_id that stands in the file twice";
            let finding = Finding::of_line(about.path(), *line, *at, what);
            findings.add(finding.but("once", format!("on line {} too", first + 1)));
        }
    }
    wanted.samples = ids.len() as u64;
    Ok(wanted)
}

/// A row that a line names, and the hash of what the line repeats of it.
type Named = (Place, u64);

/// The hash of what a line repeats of a row: its provenance, and its run where the line says that too.
pub(super) fn repeated(provenance: &str, run_id: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (provenance, run_id).hash(&mut hasher);
    hasher.finish()
}

/// The rows that a sample names: one provenance, or the two of a pair.
fn sample_rows(text: &str, rows: &Relinked) -> Result<Vec<Named>, String> {
    let provenance = skim::members(text).find(|(key, _)| *key == "provenance");
    let (_, provenance) = provenance.ok_or("a sample without provenance")?;
    let named = |item| Ok((row_of(item, rows)?, 0));
    if provenance.starts_with('[') {
        return skim::items(provenance).map(named).collect();
    }
    Ok(vec![named(provenance)?])
}

fn row_of(provenance: &str, rows: &Relinked) -> Result<Place, String> {
    let provenance: Provenance<'_> =
        serde_json::from_str(provenance).map_err(|e| format!("not a provenance: {e}"))?;
    find(&provenance, rows)
}

fn find(provenance: &Provenance<'_>, rows: &Relinked) -> Result<Place, String> {
    let Provenance { source_file, generation, line_offset, .. } = provenance;
    rows.find(source_file, &provenance.sig_hash).ok_or_else(|| {
        if rows.is_source(source_file) {
            format!("there is no evidence of line {line_offset} of generation {generation} of {source_file}")
        } else {
            format!("{source_file} is no stream's file")
        }
    })
}

/// The row that a later score is about, and the one that caused it. It must follow the score before it.
fn rescored_rows(
    text: &str,
    (at, len): (u64, u32),
    rows: &Relinked,
    wanted: &mut Wanted,
) -> Result<Vec<Named>, String> {
    let score: ScoredRun = read(text.as_bytes())?;
    let place = find(&score.provenance, rows)?;
    let caused_by = score.caused_by.as_ref().ok_or("a later score that nothing caused")?;
    if score.scored_at != caused_by.recorded_at {
        return Err("scored_at is not the time of the row that caused it".to_owned());
    }
    let reasons = score.reasons.as_slice();
    if !reasons.is_sorted() {
        return Err("reasons are not sorted".to_owned());
    }
    // The reasons themselves are not kept; that they are others is seen by their hash.
    let digest = digest_of(score.category, reasons.iter().map(|reason| reason.name()));
    let score_seq = score.score_seq;
    wanted.said.insert((place, digest));
    let before = wanted.later.insert(place, Later { score_seq, digest, at, len });
    let expected = before.map_or(1, |before| before.score_seq + 1);
    if score_seq != expected {
        return Err(format!("score_seq is {score_seq}, but {expected} follows for its row"));
    }
    if score.supersedes != expected.checked_sub(1) {
        return Err(format!("supersedes is not {}, the score before", expected - 1));
    }
    if before.is_some_and(|before| before.digest == digest) {
        return Err("a later score that says what the one before said".to_owned());
    }
    let member = |name: &str| skim::members(text).find(|(key, _)| *key == name).map(|(_, value)| value);
    let run_id = member("evidence_run_id").and_then(skim::text);
    let of = repeated(member("provenance").unwrap_or_default(), run_id.as_ref().map(Escaped::escaped));
    let by = repeated(member("caused_by").unwrap_or_default(), None);
    Ok(vec![(place, of), (find(caused_by, rows)?, by)])
}

/// The row that caused a sample to be taken back.
fn retraction_rows(text: &str, rows: &Relinked) -> Result<Vec<Named>, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| format!("not a retraction: {e}"))?;
    let member = |name: &str| value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let id = member("sample_id");
    let known = [About::Rag, About::Sft, About::Preference].iter().any(|about| {
        id.strip_prefix(about.prefix())
            .is_some_and(|id| id.len() == 16 && u64::from_str_radix(id, 16).is_ok())
    });
    if !known {
        return Err("a retraction without the sample_id of a sample".to_owned());
    }
    if member("dataset").is_empty() {
        return Err("a retraction without its dataset".to_owned());
    }
    for name in ["old_category", "new_category"] {
        if value.get(name).is_some() && Category::from_name(member(name)).is_none() {
            return Err(format!("a retraction whose {name} is no category"));
        }
    }
    let reasons = value.get("reasons").and_then(serde_json::Value::as_array);
    if !reasons.is_some_and(|reasons| !reasons.is_empty() && reasons.iter().all(serde_json::Value::is_string))
    {
        return Err("a retraction without reasons".to_owned());
    }
    let caused_by = skim::members(text).find(|(key, _)| *key == "caused_by");
    let (_, caused_by) = caused_by.ok_or("a retraction that nothing caused")?;
    Ok(vec![(row_of(caused_by, rows)?, repeated(caused_by, None))])
}
