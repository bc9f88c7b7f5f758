//! The earlier generations of a stream's file: what log rotation leaves beside it.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// Its length in bytes.
    pub len: u64,
    /// When it was last written to. Programs that compress a file keep its time.
    pub modified: SystemTime,
    /// What its name says of its age.
    pub age: Age,
}

/// How old a rotated file is by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Age {
    /// How many rotations ago.
    Rotations(u64),
    /// The digits of a date or time.
    Since(String),
}

impl Age {
    fn number(text: &str) -> Option<Self> {
        let is_number = text.len() < DATE_DIGITS_MIN && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).map(Self::Rotations)
    }

    fn date(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_date = digits.len() >= DATE_DIGITS_MIN
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b"-_.:TZ".contains(&b));
        is_date.then_some(Self::Since(digits))
    }

    /// Which one is older, where the two can be compared: `Less` when this one is younger.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Rotations(own), Self::Rotations(other)) => Some(own.cmp(other)),
            (Self::Since(own), Self::Since(other)) if own.len() == other.len() => Some(other.cmp(own)),
            _ => None,
        }
    }
}

/// Fewer digits are a number of rotations, and no date.
const DATE_DIGITS_MIN: usize = 6;

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
        let Some((age, compressed)) = entry.file_name().to_str().and_then(|other| rotated(name, other))
        else {
            continue;
        };
        if let Ok(metadata) = fs::metadata(entry.path())
            && metadata.is_file()
        {
            siblings.push(Sibling {
                path: entry.path(),
                identity: Identity::of(&metadata),
                compressed,
                len: metadata.len(),
                modified: metadata.modified().unwrap_or(UNIX_EPOCH),
                age,
            });
        }
    }
    // What is being compressed lies beside what it is made of.
    let plain: Vec<Age> = siblings.iter().filter(|s| !s.compressed).map(|s| s.age.clone()).collect();
    siblings.retain(|sibling| !(sibling.compressed && plain.contains(&sibling.age)));
    siblings.sort_by(|a, b| a.identity.birth().cmp(&b.identity.birth()).then_with(|| a.path.cmp(&b.path)));
    Ok(siblings)
}

/// `audits.jsonl.1`, `audits.jsonl-20260426`, `audits-2026-04-26.jsonl`, each also compressed: what the name says of the age,
/// and whether it is compressed. `None` for any other file.
fn rotated(main: &str, other: &str) -> Option<(Age, bool)> {
    let compressed_ends = [".gz", ".zst", ".xz", ".bz2", ".lz4"];
    let plain = compressed_ends.iter().find_map(|end| other.strip_suffix(end));
    let (name, compressed) = (plain.unwrap_or(other), plain.is_some());
    let stem = main.strip_suffix(".jsonl").unwrap_or(main);
    let behind = name.strip_prefix(main);
    let numbered =
        behind.and_then(|rest| rest.strip_prefix('.')).and_then(|n| Age::number(n).or_else(|| Age::date(n)));
    let dated_behind = || behind.and_then(|rest| rest.strip_prefix('-')).and_then(Age::date);
    let dated_before =
        || name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(".jsonl").and_then(Age::date);
    Some((numbered.or_else(dated_behind).or_else(dated_before)?, compressed))
}

/// Whether `other` is a rotated or compressed sibling of some stream file named `main`.
pub fn is_sibling(main: &str, other: &str) -> bool {
    rotated(main, other).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_recognised() {
        for name in ["audits.jsonl.1", "audits.jsonl.12", "audits.jsonl-20260426", "audits-2026-04-26.jsonl"]
        {
            let is_compressed = |name: &str| rotated("audits.jsonl", name).map(|(_, compressed)| compressed);
            assert_eq!(is_compressed(name), Some(false), "{name}");
            assert_eq!(is_compressed(&format!("{name}.gz")), Some(true), "{name}.gz");
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
            assert_eq!(rotated("audits.jsonl", name), None, "{name}");
        }
    }

    #[test]
    fn names_say_which_of_two_is_younger() {
        let age = |name: &str| rotated("audits.jsonl", name).unwrap().0;
        for (younger, older) in [
            ("audits.jsonl.1", "audits.jsonl.2.gz"),
            ("audits.jsonl.9", "audits.jsonl.10"),
            ("audits.jsonl-20260427", "audits-2026-04-26.jsonl"),
            ("audits.jsonl.20260427", "audits.jsonl.20260426"),
        ] {
            assert_eq!(age(younger).compare(&age(older)), Some(Ordering::Less), "{younger} {older}");
        }
        assert_eq!(age("audits.jsonl.1").compare(&age("audits.jsonl-20260426")), None);
        assert_eq!(age("audits.jsonl-2026042612").compare(&age("audits.jsonl-20260426")), None);
    }
}
