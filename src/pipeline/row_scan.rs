//! Reading back what our own lines say: evidence and scores to what is known of a row.

use memchr::memmem;

use super::row_code::Settled;
use crate::domain::exports::instruction::Asked;
use crate::domain::link::{Facts, RowText};
use crate::domain::schema::record::EvidenceRecord;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};
use crate::domain::skim;

/// The hash of the row that a line of ours comes from.
pub(super) fn sig_hash(line: &[u8]) -> Option<Sha256Hex> {
    Sha256Hex::parse(string_member(line, b"\"sig_hash\":\"")?)
}

/// What is known of a row, from its evidence and its first score.
pub(super) fn row_facts(evidence: &str, score: &str) -> Option<(Sha256Hex, Category, Facts)> {
    let record: EvidenceRecord<'_> = serde_json::from_str(evidence).ok()?;
    let (category, own, anchor_grounding) = score_facts(score)?;
    let markers = [&record.success_markers, &record.failure_markers].into_iter().flatten();
    let marked: SignalSet = markers.filter_map(|marker| code_of(marker)).collect();
    // Applies and outcomes say of others what they say of themselves; of all other streams the two are apart.
    let says = match &*record.source_stream {
        "auto_apply" | "outcomes" => own,
        _ => marked.without(own),
    };
    let asked = Asked::of_record(&record);
    let of = Facts::of(&record, own, says, asked.as_ref(), RowText::Unknown);
    let facts = Facts { anchor_grounding, ..of };
    Some((record.provenance.sig_hash, category, facts))
}

/// Category, signals and grounding of a score line.
fn score_facts(line: &str) -> Option<(Category, SignalSet, Option<f64>)> {
    let (mut category, mut signals, mut anchor) = (None, None, None);
    for (key, value) in skim::members(line) {
        match key {
            "category" => category = Category::from_name(value.trim_matches('"')),
            "reasons" => {
                let codes = skim::items(value).filter_map(|code| code_of(code.trim_matches('"')));
                signals = Some(codes.collect());
            }
            "anchor_grounding" => anchor = value.parse().ok(),
            _ => {}
        }
    }
    Some((category?, signals?, anchor))
}

/// What a superseding score says, and of which row.
pub(super) struct RescoredFacts {
    pub(super) source_file: String,
    pub(super) sig_hash: Sha256Hex,
    /// Its place is not known yet.
    pub(super) settled: Settled,
}

/// Reads a line of the superseding scores.
pub(super) fn rescored_facts(line: &str) -> Option<RescoredFacts> {
    let (category, current, _) = score_facts(line)?;
    let member = |of: &'_ str, name: &str| {
        skim::members(of).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let score_seq = member(line, "score_seq")?.parse().ok()?;
    let provenance = member(line, "provenance")?;
    let source_file =
        skim::text(&member(&provenance, "source_file")?).map(|file| file.plain().into_owned())?;
    let sig_hash = sig_hash(provenance.as_bytes())?;
    let settled = Settled { place: 0, current, category, score_seq };
    Some(RescoredFacts { source_file, sig_hash, settled })
}

fn code_of(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.name() == name)
}

/// The id of a sample line: the 16 hex digits behind `prefix`.
pub(super) fn sample_id(line: &[u8], prefix: &str) -> Option<u64> {
    let id = string_member(line, b"\"sample_id\":\"")?;
    u64::from_str_radix(id.strip_prefix(prefix)?, 16).ok()
}

fn string_member<'l>(line: &'l [u8], key: &[u8]) -> Option<&'l str> {
    let from = memmem::find(line, key)? + key.len();
    let rest = line.get(from..)?;
    std::str::from_utf8(rest.get(..memchr::memchr(b'"', rest)?)?).ok()
}
/// Goes over the lines of `[from, to)` of a file, in blocks that `read` reads over the last one; gives each its offset and
/// its bytes with the newline.
pub(super) fn each_line(
    read: impl Fn(u64, u64, &mut Vec<u8>) -> Result<(), crate::store::StoreError>,
    from: u64,
    to: u64,
    mut take: impl FnMut(u64, &[u8]),
) -> Result<(), crate::store::StoreError> {
    const BLOCK_BYTES: u64 = 256 << 10;
    let mut block = Vec::new();
    let mut at = from;
    let mut block_bytes = BLOCK_BYTES;
    while at < to {
        read(at, (at + block_bytes).min(to), &mut block)?;
        let mut taken = 0;
        for end in memchr::memchr_iter(b'\n', &block) {
            take(at + taken as u64, block.get(taken..=end).unwrap_or_default());
            taken = end + 1;
        }
        if taken == 0 {
            // A line longer than the block; committed files end with a newline, so there is more to read.
            if at + block_bytes >= to {
                return Ok(());
            }
            block_bytes *= 2;
        } else {
            at += taken as u64;
            block_bytes = BLOCK_BYTES;
        }
    }
    Ok(())
}
