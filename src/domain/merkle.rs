//! The Merkle tree of RFC 6962, section 2.1: leaves one after the other in, roots and proofs out.
//!
//! A tree keeps one hash for every 256 leaves (an eighth of a byte a row), and the leaves of those tiles alone that
//! somebody wants to prove something about.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// SHA-256 of a leaf, of a node, or of a whole tree.
pub type Hash = [u8; 32];

/// Leaves under one kept hash.
const TILE: u64 = 256;

/// The hash of a leaf.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of the node above two others.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest(b"").into()
}

/// An append-only tree.
#[derive(Debug, Default)]
pub struct Tree {
    /// The roots of all full tiles.
    tiles: Vec<Hash>,
    /// The leaves behind the last full tile.
    open: Vec<Hash>,
    /// Whether the open tile stays when it is full.
    keeping: bool,
    /// Full tiles whose leaves stay.
    kept: BTreeMap<u64, Vec<Hash>>,
}

impl Tree {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.tiles.len() as u64 * TILE + self.open.len() as u64
    }

    /// Sees to it that something can be proved about the leaf that is pushed next.
    pub fn keep_next(&mut self) {
        self.keeping = true;
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.open.push(leaf);
        if self.open.len() as u64 == TILE {
            let number = self.tiles.len() as u64;
            self.tiles.push(root_of(&self.open));
            let leaves = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.keeping) {
                self.kept.insert(number, leaves);
            }
        }
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.root_at(self.size()).unwrap_or_else(empty_root)
    }

    /// The root as it was at `size` leaves; `None` when there are fewer, or when leaf `size - 1` was not kept.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(empty_root()),
            size if size > self.size() => None,
            size => self.range(0, size),
        }
    }

    /// The hashes that lead from a leaf to the root; `None` when there is no such leaf, or when it was not kept.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        let (mut from, mut to) = (0, self.size());
        if index >= to {
            return None;
        }
        let mut path = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The hashes that show that the tree of `size` leaves is the beginning of this one; `None` when there are fewer
    /// leaves, or when leaf `size - 1` was not kept.
    pub fn consistency(&self, size: u64) -> Option<Vec<Hash>> {
        let mut path = Vec::new();
        if size == 0 || size == self.size() {
            return Some(path);
        }
        if size > self.size() {
            return None;
        }
        let (mut from, mut to) = (0, self.size());
        while to != size {
            let middle = from + split(to - from);
            if size <= middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        // What the old root itself says is left out.
        if from > 0 {
            path.push(self.range(from, to)?);
        }
        path.reverse();
        Some(path)
    }

    /// The hash over leaves `[from, to)`, a range that occurs in the tree of some size.
    fn range(&self, from: u64, to: u64) -> Option<Hash> {
        let len = to - from;
        if len == TILE {
            return self.tiles.get(usize::try_from(from / TILE).ok()?).copied();
        }
        if len > TILE {
            let middle = from + split(len);
            return Some(node_hash(&self.range(from, middle)?, &self.range(middle, to)?));
        }
        let number = from / TILE;
        let tile = if number == self.tiles.len() as u64 { &self.open } else { self.kept.get(&number)? };
        let start = (from % TILE) as usize;
        Some(root_of(tile.get(start..start + len as usize)?))
    }
}

/// Where a tree of `len > 1` leaves is split: the largest power of two below `len`.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The root that leaf, index and path lead to in a tree of `size` leaves; `None` when the path is not as long as such a
/// path is (RFC 9162, section 2.1.3.2).
pub fn root_by_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut root = leaf;
    for hash in path {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            root = node_hash(hash, &root);
            while place.is_multiple_of(2) && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            root = node_hash(&root, hash);
        }
        (place, last) = (place / 2, last / 2);
    }
    (last == 0).then_some(root)
}

/// Whether the tree of `old.0` leaves with root `old.1` is the beginning of the tree of `new.0` leaves with root `new.1`
/// (RFC 9162, section 2.1.4.2).
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == 0 {
        return path.is_empty() && *old_root == empty_root();
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    // A full old tree is a node of the new one, and stands for itself.
    let known = old_size.is_power_of_two().then_some(old_root);
    let mut hashes = known.into_iter().chain(path);
    let Some(first) = hashes.next() else { return false };
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place % 2 == 1 {
        (place, last) = (place / 2, last / 2);
    }
    let (mut before, mut after) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            before = node_hash(hash, &before);
            after = node_hash(hash, &after);
            while place.is_multiple_of(2) && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            after = node_hash(&after, hash);
        }
        (place, last) = (place / 2, last / 2);
    }
    last == 0 && before == *old_root && after == *new_root
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
