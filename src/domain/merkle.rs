//! The Merkle tree of RFC 6962, section 2.1: leaves one after the other in, roots and proofs out.
//!
//! A tree keeps the nodes over every 256 leaves and above (a quarter of a byte a row), and the nodes below of those tiles
//! alone in which somebody wants to prove something.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// SHA-256 of a leaf, of a node, or of a whole tree.
pub type Hash = [u8; 32];

/// Levels of a tile: the leaves, and what is below its root.
const TILE_LEVELS: usize = 8;

/// The hashes of full nodes, level by level.
type Levels = Vec<Vec<Hash>>;

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
    size: u64,
    /// The roots of full tiles, and the full nodes above them.
    above: Levels,
    /// The leaves behind the last full tile, and the full nodes above them.
    open: Levels,
    /// Whether the open tile stays when it is full.
    keeping: bool,
    /// Full tiles that stay, by their number.
    kept: BTreeMap<u64, Levels>,
}

impl Tree {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Sees to it that something can be proved about the leaf that is pushed next.
    pub fn keep_next(&mut self) {
        self.keeping = true;
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let number = self.size >> TILE_LEVELS;
        self.size += 1;
        if let Some(root) = carry(&mut self.open, TILE_LEVELS, leaf) {
            carry(&mut self.above, usize::MAX, root);
            let tile = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.keeping) {
                self.kept.insert(number, tile);
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
        if len.is_power_of_two() {
            let level = len.ilog2() as usize;
            return self.node(level, from >> level);
        }
        let middle = from + split(len);
        Some(node_hash(&self.range(from, middle)?, &self.range(middle, to)?))
    }

    /// A full node: the `number`-th of those over `2^level` leaves.
    fn node(&self, level: usize, number: u64) -> Option<Hash> {
        let (levels, level, number) = if level >= TILE_LEVELS {
            (&self.above, level - TILE_LEVELS, number)
        } else {
            let nodes = TILE_LEVELS - level;
            let tile = number >> nodes;
            let is_open = tile == self.size >> TILE_LEVELS;
            let levels = if is_open { &self.open } else { self.kept.get(&tile)? };
            (levels, level, number - (tile << nodes))
        };
        levels.get(level)?.get(usize::try_from(number).ok()?).copied()
    }
}

/// Appends a node to the lowest of `height` levels, and what it completes to those above; gives what it completes above
/// them all.
fn carry(levels: &mut Levels, height: usize, mut hash: Hash) -> Option<Hash> {
    for level in 0..height {
        if level == levels.len() {
            levels.push(Vec::new());
        }
        let nodes = levels.get_mut(level)?;
        nodes.push(hash);
        match nodes.as_slice() {
            [.., left, right] if nodes.len().is_multiple_of(2) => hash = node_hash(left, right),
            _ => return None,
        }
    }
    Some(hash)
}

/// Where a tree of `len > 1` leaves is split: the largest power of two below `len`.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
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
