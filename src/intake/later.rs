//! Which rotated files are lives of a stream that began after the one that was read last.
//!
//! A file that was born before the known one is not later. A younger one may be: to compress a file, or to bring a copy back,
//! makes a young file of an old life. It is not when its last row is older than the known file (programs that compress keep
//! that time), when both names say so, or when it holds what was read and no more.

use std::cmp::Ordering;
use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::identity::Identity;
use super::lines::read_anchor;
use super::siblings::Sibling;
use crate::domain::schema::scalars::Sha256Hex;

/// The life that was read last.
#[derive(Debug)]
pub(in crate::intake) struct Known {
    /// Which file it was.
    pub(in crate::intake) identity: Identity,
    /// When it was last written to; `None` when it is not there to be asked.
    pub(in crate::intake) modified: Option<SystemTime>,
    /// How far it was read, in bytes.
    pub(in crate::intake) offset: u64,
    /// SHA-256 of the up to 4 KiB before that.
    pub(in crate::intake) anchor: Sha256Hex,
}

/// Those of the rotated files of a stream that are later than a known one, in the order given. `read` were read before.
pub(super) fn later(
    known: &Known,
    main: Option<Identity>,
    read: &[Identity],
    siblings: Vec<Sibling>,
) -> Vec<Sibling> {
    let own = known.own_place(&siblings);
    // What is only guessed to be its own says nothing of others.
    let is_sure = |sibling: &&Sibling| known.modified.is_some() || !sibling.compressed;
    let age = own.and_then(|own| siblings.get(own)).filter(is_sure).map(|sibling| sibling.age.clone());
    let is_known = |sibling: &Sibling| {
        let is = |other: &Identity| other.is_same(&sibling.identity);
        main.as_ref().is_some_and(is) || read.iter().any(is)
    };
    let is_later = |sibling: &Sibling| {
        let by_name = age.as_ref().and_then(|own| sibling.age.compare(own));
        let by_birth = known.identity.is_older_than(&sibling.identity) && by_name.is_none_or(Ordering::is_lt);
        // Where nobody knows births, names are all there is.
        let is_young = by_birth || (known.identity.birth() == 0 && by_name.is_some_and(Ordering::is_lt));
        is_young && known.was_born_before(sibling.modified)
    };
    let found = siblings.into_iter().enumerate().filter(|(place, sibling)| {
        Some(*place) != own && !is_known(sibling) && is_later(sibling) && !known.is_copied_to(sibling)
    });
    found.map(|(_, sibling)| sibling).collect()
}

impl Known {
    /// Its own file under the name that it has now, or what compressing made of it.
    fn own_place(&self, siblings: &[Sibling]) -> Option<usize> {
        if let Some(own) = siblings.iter().position(|sibling| sibling.identity.is_same(&self.identity)) {
            return Some(own);
        }
        let packed = siblings.iter().enumerate().filter(|(_, sibling)| sibling.compressed);
        let own = match self.modified {
            // Some programs keep the time of the last row by the second alone.
            Some(at) => packed
                .filter(|(_, sibling)| seconds(sibling.modified) == seconds(at))
                .max_by_key(|(_, sibling)| (sibling.modified == at, sibling.modified)),
            // The first one that was written to since it was born.
            None => packed
                .filter(|(_, sibling)| self.was_born_before(sibling.modified))
                .min_by_key(|(_, sibling)| sibling.modified),
        };
        own.map(|(place, _)| place)
    }

    fn was_born_before(&self, at: SystemTime) -> bool {
        at.duration_since(UNIX_EPOCH).is_ok_and(|at| u128::from(self.identity.birth()) < at.as_nanos())
    }

    /// Whether a file is a copy of it and holds no more than was read.
    fn is_copied_to(&self, sibling: &Sibling) -> bool {
        !sibling.compressed && self.offset > 0 && self.ends(&sibling.path)
    }

    fn ends(&self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        file.metadata().is_ok_and(|metadata| metadata.len() == self.offset)
            && read_anchor(&file, self.offset).is_ok_and(|anchor| Sha256Hex::of(&anchor) == self.anchor)
    }
}

fn seconds(at: SystemTime) -> Option<u64> {
    at.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}
