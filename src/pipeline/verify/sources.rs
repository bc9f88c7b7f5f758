//! Where the bytes of a stream's generations lie now: found by identity, wherever rotation has moved them, and failing
//! that by their content.
//!
//! A file that was restored from a copy has another identity and the same bytes; the receipts' hashes tell.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::ledger::{Generation, Taken};
use super::read::hash_range;
use crate::intake::bytes::Bytes;
use crate::intake::identity::Identity;
use crate::intake::packed::Packed;
use crate::intake::siblings;

/// The file of one generation.
#[derive(Debug)]
pub(in crate::pipeline) struct Source {
    pub(in crate::pipeline) path: PathBuf,
    pub(in crate::pipeline) file: Bytes,
    /// Its length, in bytes.
    pub(in crate::pipeline) len: u64,
    /// A copy in the archive has none.
    identity: Option<Identity>,
}

impl Source {
    fn open(path: &Path) -> Option<Self> {
        // A pipe would be waited for.
        if !std::fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let (len, identity) = (metadata.len(), Some(Identity::of(&metadata)));
        Some(Self { path: path.to_owned(), file: file.into(), len, identity })
    }

    /// A copy that was found to hold its generation.
    pub(in crate::pipeline) fn of_copy(copy: Packed) -> Self {
        let (path, len) = (copy.path().to_owned(), copy.len());
        Self { path, file: Bytes::Copy(copy), len, identity: None }
    }

    fn holds(&self, range: &Taken) -> bool {
        let hash = hash_range(&self.file, range.from, range.to, &mut Vec::new());
        range.to <= self.len && hash.is_ok_and(|hash| hash.is_some_and(|(hash, _)| hash == range.sha256))
    }
}

/// Finds the files of a stream's generations that are still there, by number.
pub(in crate::pipeline) fn find(
    main: &Path,
    generations: &[Generation],
    taken: &[Taken],
) -> BTreeMap<u32, Source> {
    let mut paths = vec![main.to_owned()];
    let rotated = siblings::find(main).unwrap_or_default();
    paths.extend(rotated.into_iter().filter(|sibling| !sibling.compressed).map(|sibling| sibling.path));
    paths.extend(generations.iter().map(|generation| PathBuf::from(&generation.path)));
    paths.sort_unstable();
    paths.dedup();
    let candidates: Vec<Source> = paths.iter().filter_map(|path| Source::open(path)).collect();
    let mut found = BTreeMap::new();
    for (place, generation) in generations.iter().enumerate() {
        let identity = Identity::parse(&generation.identity);
        let is_it = |identity: &Identity, other: &Generation| {
            Identity::parse(&other.identity).is_some_and(|other| other.is_same(identity))
        };
        // A file that was truncated and begun anew holds its last generation only.
        let later = generations.get(place + 1..).unwrap_or_default();
        let begun_anew = identity.is_some_and(|identity| later.iter().any(|later| is_it(&identity, later)));
        let by_identity = candidates.iter().find(|source| {
            let both = identity.zip(source.identity);
            !begun_anew && both.is_some_and(|(wanted, found)| wanted.is_same(&found))
        });
        let first = taken.iter().find(|range| range.generation == generation.number && range.to > range.from);
        let by_content = || first.and_then(|first| candidates.iter().find(|source| source.holds(first)));
        if let Some(source) = by_identity.or_else(by_content)
            && let Some(source) = Source::open(&source.path)
        {
            found.insert(generation.number, source);
        }
    }
    found
}
