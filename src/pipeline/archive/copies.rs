//! Which copies there are: `<archive>/<stream>/<stream>.<generation>.<first 16 digits of the SHA-256>.jsonl.zst`.
//!
//! The hash is that of the rows, so that `zstd -dc FILE | sha256sum` shows whether a file is what its name says. Which
//! generation a copy holds is told by what is in it: after a replay without some generations, others have their numbers.

use std::io;
use std::path::PathBuf;

use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::lines::read_anchor;
use crate::intake::packed::{Packed, is_damage};
use crate::pipeline::streams::StreamSpec;

const END: &str = ".jsonl.zst";

/// What the name of a copy in the making begins with; the rest is its generation.
pub(super) const IN_THE_MAKING: &str = ".new.";

/// A file that is called like a copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The generation in its name.
    pub generation: u32,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The name of a copy of a stream.
pub(super) fn name_of(stream: &str, generation: u32, sha256: &Sha256Hex) -> String {
    format!("{stream}.{generation}.{}{END}", sha256.first16())
}

fn generation_of(stream: &str, name: &str) -> Option<u32> {
    let (generation, hash) =
        name.strip_prefix(stream)?.strip_prefix('.')?.strip_suffix(END)?.split_once('.')?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    generation.parse().ok().filter(|number: &u32| is_hash && number.to_string() == generation)
}

/// The copies of a stream, in the order of their generations; none when there is no archive.
pub fn list(spec: &StreamSpec) -> io::Result<Vec<Named>> {
    let Some(folder) = &spec.archive else { return Ok(Vec::new()) };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let generation = entry.file_name().to_str().and_then(|name| generation_of(&spec.name, name));
        // A copy may be replaced by a longer one meanwhile.
        if let (Some(generation), Ok(metadata)) = (generation, entry.metadata()) {
            found.push(Named { generation, path: entry.path(), bytes: metadata.len() });
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// How a generation is told: its number, its length, and its last bytes.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Its number; a copy that has it in its name is asked first.
    pub generation: u32,
    /// Bytes committed of it.
    pub to: u64,
    /// SHA-256 of the up to 4 KiB before that.
    pub anchor: Sha256Hex,
}

impl Wanted {
    /// Whether a copy is as long, and ends alike. Whether the rest is right is for [`super::hold`] to say.
    pub fn fits(&self, copy: &Packed) -> io::Result<bool> {
        if copy.len() != self.to {
            return Ok(false);
        }
        Ok(self.to == 0 || Sha256Hex::of(&read_anchor(copy, self.to)?) == self.anchor)
    }
}

/// Finds the copy of a generation among those of its stream, under whatever number. What cannot be unpacked is none.
pub fn find(named: &[Named], wanted: &Wanted) -> io::Result<Option<Packed>> {
    let own = |copy: &&Named| copy.generation == wanted.generation;
    let others = named.iter().filter(|copy| !own(copy));
    for copy in named.iter().filter(own).chain(others) {
        let fitting = Packed::open(&copy.path).and_then(|copy| Ok(wanted.fits(&copy)?.then_some(copy)));
        match fitting {
            Ok(Some(copy)) => return Ok(Some(copy)),
            Ok(None) => {}
            Err(e) if is_damage(&e) || e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_they_are_written_are_those_of_copies() {
        let name = name_of("audits", 12, &Sha256Hex::of(b""));
        assert_eq!(name, "audits.12.e3b0c44298fc1c14.jsonl.zst");
        assert_eq!(generation_of("audits", &name), Some(12));
        for other in [
            "audit.12.e3b0c44298fc1c14.jsonl.zst",
            "audits.012.e3b0c44298fc1c14.jsonl.zst",
            "audits.12.e3b0.jsonl.zst",
            "audits.12.jsonl.zst",
            ".new.12",
            "audits.12.e3b0c44298fc1c14.jsonl.zst.bak",
        ] {
            assert_eq!(generation_of("audits", other), None, "{other}");
        }
    }
}
