//! Reading back what our own lines say, without parsing them: members are found by their key.
//!
//! A key in quotes cannot occur inside a string of the same line, where every quote is escaped.

use memchr::memmem;

use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::signal::{Code, SignalSet};

/// The row's hash, and whether an export may take the evidence up.
pub(super) fn evidence_facts(line: &[u8]) -> Option<(Sha256Hex, bool)> {
    let hash = string_member(line, b"\"sig_hash\":\"")?;
    let is_work = memmem::find(line, b"\"kind\":\"work\"").is_some();
    let has_text = memmem::find(line, b"\"text\":\"").is_some();
    Some((Sha256Hex::parse(hash)?, is_work && has_text))
}

/// The category and the signals of a score line.
pub(super) fn score_facts(line: &[u8]) -> Option<(Category, SignalSet)> {
    let category = Category::from_name(string_member(line, b"\"category\":\"")?)?;
    let from = memmem::find(line, b"\"reasons\":[")? + b"\"reasons\":[".len();
    let rest = line.get(from..)?;
    let reasons = std::str::from_utf8(rest.get(..memchr::memchr(b']', rest)?)?).ok()?;
    let named = |reason: &str| {
        let name = reason.trim_matches('"');
        Code::ALL.iter().copied().find(|code| code.name() == name)
    };
    Some((category, reasons.split(',').filter_map(named).collect()))
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

/// Goes over the lines of `[from, to)` of a file, in blocks; gives each its offset and its bytes with the newline.
pub(super) fn each_line(
    read: impl Fn(u64, u64) -> Result<Vec<u8>, crate::store::StoreError>,
    from: u64,
    to: u64,
    mut take: impl FnMut(u64, &[u8]),
) -> Result<(), crate::store::StoreError> {
    const BLOCK_BYTES: u64 = 4 << 20;
    let mut at = from;
    let mut block_bytes = BLOCK_BYTES;
    while at < to {
        let block = read(at, (at + block_bytes).min(to))?;
        let mut taken = 0;
        for line in block.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            take(at + taken as u64, line);
            taken += line.len();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_member_is_not_taken_for_one() {
        let hash = "ab".repeat(32);
        let line = format!(
            r#"{{"run_id":"\"sig_hash\":\"00","kind":"support","provenance":{{"sig_hash":"{hash}"}},"note":"\"text\":\"x"}}"#
        );
        assert_eq!(evidence_facts(line.as_bytes()), Some((Sha256Hex([0xab; 32]), false)));
    }

    #[test]
    fn a_score_line_gives_back_its_signals() {
        let line =
            br#"{"category":"accepted","reasons":["gate.passed","rule.passed","scrum.accept"],"x":[1]}"#;
        let signals = [Code::GatePassed, Code::ScrumAccept].into_iter().collect();
        assert_eq!(score_facts(line), Some((Category::Accepted, signals)));
    }

    #[test]
    fn lines_are_found_whatever_their_length() {
        let text = ["a\n".to_owned(), "b".repeat(9 << 20) + "\n", "c\n".to_owned()].concat().into_bytes();
        let mut lengths = Vec::new();
        let read = |from: u64, to: u64| Ok(text[from as usize..to as usize].to_vec());
        each_line(read, 0, text.len() as u64, |at, line| lengths.push((at, line.len()))).unwrap();
        assert_eq!(lengths, [(0, 2), (2, (9 << 20) + 1), ((9 << 20) + 3, 2)]);
    }
}
