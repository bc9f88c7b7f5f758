//! What lines about rows ask of the rows: gathered from exports and later scores first, answered in one pass over the
//! evidence.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;

use super::finding::{Finding, Findings};
use super::lines::read;
use super::links::RowKey;
use super::read::Reader;
use crate::domain::schema::provenance::Provenance;
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
    /// Generation and line of the row.
    pub(super) row: (u32, u64),
    pub(super) about: About,
    /// Which of the rows that the line names: chosen and rejected, scored and causing.
    pub(super) side: u8,
    /// Which line it is, from 0, where it starts, and its length.
    pub(super) line: u64,
    pub(super) at: u64,
    pub(super) len: u32,
}

/// All of them, by the stream of the row.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) by_stream: BTreeMap<u16, Vec<Want>>,
    pub(super) lines: u64,
    pub(super) samples: u64,
}

/// Goes over the lines of one file; gives what they ask for. Lines that are none are findings.
pub(super) fn gather(
    about: About,
    file: Option<&File>,
    (from, line, to): (u64, u64, u64),
    streams: &HashMap<&str, u16>,
    findings: &Findings,
) -> io::Result<Wanted> {
    let mut reader = Reader::new(file, from, line, to);
    let mut wanted = Wanted::default();
    let mut ids = Vec::new();
    let mut scores: HashMap<(u16, u32, u64), (u32, Category, usize)> = HashMap::new();
    loop {
        let (at, line) = (reader.at, reader.line);
        let Some(bytes) = reader.peek_line()? else { break };
        let len = bytes.len();
        let text = std::str::from_utf8(bytes.strip_suffix(b"\n").unwrap_or(bytes));
        let wrong = |what: String| findings.add(Finding::of_line(about.path(), line, at, what));
        let rows = text.map_err(|_| "not text".to_owned()).and_then(|text| match about {
            About::Rescored => rescored_rows(text, streams, &mut scores),
            About::Retractions => retraction_rows(text, streams),
            About::Rag | About::Sft | About::Preference => {
                let id = sample_id(text.as_bytes(), about.prefix());
                let id = id.ok_or_else(|| format!("no sample_id that starts with {}", about.prefix()))?;
                ids.push((id, line, at));
                sample_rows(text, streams)
            }
        });
        match rows {
            Ok(rows) => {
                for (side, (stream, generation, row)) in rows.into_iter().enumerate() {
                    let len = u32::try_from(len).unwrap_or(u32::MAX);
                    let want = Want { row: (generation, row), about, side: side as u8, line, at, len };
                    wanted.by_stream.entry(stream).or_default().push(want);
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

/// The rows that a sample names: one provenance, or the two of a pair.
fn sample_rows(text: &str, streams: &HashMap<&str, u16>) -> Result<Vec<RowKey>, String> {
    let provenance = skim::members(text).find(|(key, _)| *key == "provenance");
    let (_, provenance) = provenance.ok_or("a sample without provenance")?;
    if provenance.starts_with('[') {
        return skim::items(provenance).map(|item| row_of(item, streams)).collect();
    }
    Ok(vec![row_of(provenance, streams)?])
}

fn row_of(provenance: &str, streams: &HashMap<&str, u16>) -> Result<RowKey, String> {
    let provenance: Provenance<'static> =
        serde_json::from_str(provenance).map_err(|e| format!("not a provenance: {e}"))?;
    key_of(&provenance, streams)
}

fn key_of(provenance: &Provenance<'_>, streams: &HashMap<&str, u16>) -> Result<RowKey, String> {
    let stream = streams.get(&*provenance.source_file).copied();
    let stream = stream.ok_or_else(|| format!("{} is no stream's file", provenance.source_file))?;
    Ok((stream, provenance.generation, provenance.line_offset))
}

/// The row that a later score is about, and the one that caused it. It must follow the score before it.
fn rescored_rows(
    text: &str,
    streams: &HashMap<&str, u16>,
    scores: &mut HashMap<RowKey, (u32, Category, usize)>,
) -> Result<Vec<RowKey>, String> {
    let score: ScoredRun = read(text.as_bytes())?;
    let key = key_of(&score.provenance, streams)?;
    let caused_by = score.caused_by.as_ref().ok_or("a later score that nothing caused")?;
    if score.scored_at != caused_by.recorded_at {
        return Err("scored_at is not the time of the row that caused it".to_owned());
    }
    let reasons = score.reasons.as_slice();
    if !reasons.is_sorted() {
        return Err("reasons are not sorted".to_owned());
    }
    // The reasons themselves are not kept; that they are others is seen by their hash.
    let digest = {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        reasons.hash(&mut hasher);
        hasher.finish() as usize
    };
    let before = scores.insert(key, (score.score_seq, score.category, digest));
    let expected = before.map_or(1, |(seq, _, _)| seq + 1);
    if score.score_seq != expected {
        return Err(format!("score_seq is {}, but {expected} follows for its row", score.score_seq));
    }
    if score.supersedes != expected.checked_sub(1) {
        return Err(format!("supersedes is not {}, the score before", expected - 1));
    }
    if before.is_some_and(|(_, category, reasons)| category == score.category && reasons == digest) {
        return Err("a later score that says what the one before said".to_owned());
    }
    Ok(vec![key, key_of(caused_by, streams)?])
}

/// The row that caused a sample to be taken back.
fn retraction_rows(text: &str, streams: &HashMap<&str, u16>) -> Result<Vec<RowKey>, String> {
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
    match value.get("caused_by") {
        Some(caused_by) => Ok(vec![row_of(&caused_by.to_string(), streams)?]),
        None => Err("a retraction that nothing caused".to_owned()),
    }
}
