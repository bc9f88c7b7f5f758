//! A copy held to the receipts of the rows in it.

use std::io;

use crate::domain::schema::receipt::InputRange;
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::packed::{Packed, is_damage};
use crate::pipeline::verify::ledger::Taken;
use crate::pipeline::verify::read::hash_range;

/// A range of a generation, as its receipt has it.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The receipt.
    pub seq: u64,
    /// First byte.
    pub from: u64,
    /// The byte behind the last.
    pub to: u64,
    /// SHA-256 of the bytes.
    pub sha256: Sha256Hex,
}

impl Range {
    pub(in crate::pipeline) fn of_taken(range: &Taken) -> Self {
        Self { seq: range.seq, from: range.from, to: range.to, sha256: range.sha256 }
    }

    pub(in crate::pipeline) fn of_input(seq: u64, range: &InputRange) -> Self {
        Self { seq, from: range.from, to: range.to, sha256: range.sha256 }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Every range is there, and nothing more.
    Whole,
    /// The first ranges are there, and rows came to the generation since.
    Begun,
    /// It holds something else: what is wrong.
    Wrong(String),
}

/// Holds a copy to the ranges of one generation, in their order.
pub fn hold(copy: &Packed, ranges: impl IntoIterator<Item = Range>) -> io::Result<Held> {
    let (mut buffer, mut end) = (Vec::new(), 0);
    for range in ranges {
        if range.to > copy.len() {
            let is_begun = range.from == copy.len() && end == copy.len();
            let short = || format!("it ends at byte {}, and receipt {} goes on", copy.len(), range.seq);
            return Ok(if is_begun { Held::Begun } else { Held::Wrong(short()) });
        }
        end = range.to;
        let found = match hash_range(copy, range.from, range.to, &mut buffer) {
            Ok(found) => found.map(|(hash, _)| hash),
            Err(e) if is_damage(&e) => return Ok(Held::Wrong(e.to_string())),
            Err(e) => return Err(e),
        };
        if found != Some(range.sha256) {
            let (from, to, seq) = (range.from, range.to, range.seq);
            return Ok(Held::Wrong(format!(
                "its bytes {from} to {to} do not have the hash of receipt {seq}"
            )));
        }
    }
    let more = || format!("it goes on behind byte {end}, where the receipts end");
    Ok(if copy.len() > end { Held::Wrong(more()) } else { Held::Whole })
}
