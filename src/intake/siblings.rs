//! The earlier generations of a stream's file: what log rotation leaves beside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::IntakeError;
use super::identity::Identity;

/// A rotated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Where it is.
    pub path: PathBuf,
    /// Which file it is.
    pub identity: Identity,
    /// Whether it is compressed, so that its rows cannot be read.
    pub compressed: bool,
}

/// What a file name beside `<stem>.jsonl` is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Stranger,
    Rotated,
    Compressed,
}

/// The rotated siblings of a stream's file, oldest first.
pub fn find(main: &Path) -> Result<Vec<Sibling>, IntakeError> {
    let (Some(dir), Some(name)) = (main.parent(), main.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(IntakeError::new("list", dir, e)),
    };
    let mut siblings = Vec::new();
    for entry in entries.flatten() {
        let relation = entry.file_name().to_str().map_or(Relation::Stranger, |other| relation(name, other));
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if relation != Relation::Stranger && metadata.is_file() {
            siblings.push(Sibling {
                path: entry.path(),
                identity: Identity::of(&metadata),
                compressed: relation == Relation::Compressed,
            });
        }
    }
    siblings.sort_by(|a, b| a.identity.birth().cmp(&b.identity.birth()).then_with(|| a.path.cmp(&b.path)));
    Ok(siblings)
}

/// `audits.jsonl.1`, `audits.jsonl-20260426`, `audits-2026-04-26.jsonl`, each also compressed.
fn relation(main: &str, other: &str) -> Relation {
    let compressed_ends = [".gz", ".zst", ".xz", ".bz2", ".lz4"];
    let (plain, compressed) = match compressed_ends.iter().find_map(|end| other.strip_suffix(end)) {
        Some(plain) => (plain, true),
        None => (other, false),
    };
    let stem = main.strip_suffix(".jsonl").unwrap_or(main);
    let numbered = plain.strip_prefix(main).and_then(|rest| rest.strip_prefix('.'));
    let dated_behind = plain.strip_prefix(main).and_then(|rest| rest.strip_prefix('-'));
    let dated_before =
        plain.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".jsonl"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_date = |text: &str| {
        text.bytes().filter(u8::is_ascii_digit).count() >= 6
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b"-_.:TZ".contains(&b))
    };
    let related = numbered.is_some_and(|n| is_number(n) || is_date(n))
        || dated_behind.is_some_and(is_date)
        || dated_before.is_some_and(is_date);
    match (related, compressed) {
        (false, _) => Relation::Stranger,
        (true, false) => Relation::Rotated,
        (true, true) => Relation::Compressed,
    }
}

/// Whether `other` is a rotated or compressed sibling of some stream file named `main`.
pub fn is_sibling(main: &str, other: &str) -> bool {
    relation(main, other) != Relation::Stranger
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_recognised() {
        for name in ["audits.jsonl.1", "audits.jsonl.12", "audits.jsonl-20260426", "audits-2026-04-26.jsonl"]
        {
            assert_eq!(relation("audits.jsonl", name), Relation::Rotated, "{name}");
            assert_eq!(relation("audits.jsonl", &format!("{name}.gz")), Relation::Compressed, "{name}.gz");
        }
    }

    #[test]
    fn other_names_are_strangers() {
        for name in [
            "audits.jsonl",
            "audits.jsonl.bak",
            "audits.jsonl.gz",
            "audits-old.jsonl",
            "audit_facts.jsonl",
            "audits.jsonl.tmp1",
            "audits-1.jsonl",
        ] {
            assert_eq!(relation("audits.jsonl", name), Relation::Stranger, "{name}");
        }
    }
}
