//! Row proofs (c2sp.org/tlog-proof): a row, its place in the tree of its stream, the path to the root, and the signed
//! head; and the proof that a head goes on where an older one ended, as a witness is sent it (c2sp.org/tlog-witness).

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, decimal, hash_line, parse_hash};
use super::merkle::{Hash, is_consistent, leaf_hash, root_by_inclusion};
use super::note::{NoteError, PublicKey};
use super::schema::scalars::Sha256Hex;

/// The first line of a proof.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path has a hash for each bit of a place, at most.
const PATH_MAX: usize = 64;

/// What a leaf says of a row. Its members stand in the order of RFC 8785, so that there is one way to write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf<'a> {
    /// Which life of the stream's file, from 0.
    pub generation: u32,
    /// Line within the generation, from 0.
    pub line_offset: u64,
    /// The rules by which the row became a record.
    pub rules_version: Cow<'a, str>,
    /// SHA-256 of the row's canonical JSON.
    pub sig_hash: Sha256Hex,
    /// The stream's logical name.
    pub source_file: Cow<'a, str>,
}

impl Leaf<'_> {
    /// The leaf, free of what it was read from.
    pub fn into_owned(self) -> Leaf<'static> {
        Leaf {
            generation: self.generation,
            line_offset: self.line_offset,
            rules_version: self.rules_version.into_owned().into(),
            sig_hash: self.sig_hash,
            source_file: self.source_file.into_owned().into(),
        }
    }

    /// The entry of the log.
    pub fn to_entry(&self) -> String {
        // Strings and whole numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads an entry; `None` when it is not written as [`Leaf::to_entry`] writes it.
    pub fn parse(entry: &[u8]) -> Option<Leaf<'static>> {
        let leaf: Leaf<'static> = serde_json::from_slice(entry).ok()?;
        (leaf.to_entry().as_bytes() == entry).then_some(leaf)
    }

    /// The leaf's hash in the tree.
    pub fn hash(&self) -> Hash {
        leaf_hash(self.to_entry().as_bytes())
    }
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text is no proof.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// The head is not signed by the key.
    #[error("the head is not to be trusted: {0}")]
    Head(#[from] NoteError),
    /// The head is of a log that is not the key's.
    #[error("the head is of the log {0}, which is none of this key's")]
    Origin(String),
    /// The path does not lead from the row to the root.
    #[error("the row is not in the tree that was signed: the path does not lead to its root")]
    NotIncluded,
    /// The old head is of another log.
    #[error("the heads are of two logs: {0} and {1}")]
    TwoLogs(String, String),
    /// The new tree does not begin with the old one.
    #[error(
        "the new head does not go on where the old one ended: rows were changed, removed or put in between"
    )]
    Inconsistent,
}

/// The proof that a row stands in the tree of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProof {
    /// The row.
    pub leaf: Leaf<'static>,
    /// The row's place in the tree, from 0.
    pub index: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub path: Vec<Hash>,
    /// The signed checkpoint, as it is.
    pub head: String,
}

impl RowProof {
    /// The proof as text.
    pub fn to_text(&self) -> String {
        let extra = STANDARD.encode(self.leaf.to_entry());
        let mut text = format!("{HEADER}\nextra {extra}\nindex {}\n", self.index);
        push_path(&mut text, &self.path);
        text.push_str(&self.head);
        text
    }

    /// Reads a proof. Nothing of it is known to be true before [`RowProof::check`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (header, rest) = line_of(text)?;
        if header != HEADER {
            return Err(ProofError::Malformed("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let (extra, rest) = line_of(rest)?;
        let entry = extra.strip_prefix("extra ").and_then(|extra| STANDARD.decode(extra).ok());
        let leaf = entry.and_then(|entry| Leaf::parse(&entry));
        let leaf = leaf.ok_or(ProofError::Malformed("the line `extra` does not hold a row"))?;
        let (index, rest) = line_of(rest)?;
        let index = index.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or(ProofError::Malformed("the line `index` does not hold a number"))?;
        let (path, head) = path_of(rest)?;
        Ok(Self { leaf, index, path, head: head.to_owned() })
    }

    /// Holds that the row is in a tree whose head was signed by the key; gives that head.
    pub fn check(&self, key: &PublicKey) -> Result<Checkpoint, ProofError> {
        let head = open_head(&self.head, key)?;
        let root = root_by_inclusion(self.index, head.size, self.leaf.hash(), &self.path);
        if root == Some(head.root) { Ok(head) } else { Err(ProofError::NotIncluded) }
    }
}

/// The proof that a tree begins with an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrowthProof {
    /// Rows of the old tree.
    pub old_size: u64,
    /// The hashes of the proof.
    pub path: Vec<Hash>,
    /// The signed checkpoint of the new tree, as it is.
    pub head: String,
}

impl GrowthProof {
    /// What the first line of such a proof starts with.
    pub const START: &str = "old ";

    /// The proof as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}{}\n", Self::START, self.old_size);
        push_path(&mut text, &self.path);
        text.push_str(&self.head);
        text
    }

    /// Reads a proof.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (old, rest) = line_of(text)?;
        let old_size = old.strip_prefix(Self::START).and_then(decimal);
        let old_size = old_size.ok_or(ProofError::Malformed("the line `old` does not hold a number"))?;
        let (path, head) = path_of(rest)?;
        Ok(Self { old_size, path, head: head.to_owned() })
    }

    /// Holds that the new head goes on where the old one, a signed checkpoint, ended; gives both.
    pub fn check(&self, old_head: &str, key: &PublicKey) -> Result<(Checkpoint, Checkpoint), ProofError> {
        let (old, new) = (open_head(old_head, key)?, open_head(&self.head, key)?);
        if old.origin != new.origin {
            return Err(ProofError::TwoLogs(old.origin, new.origin));
        }
        let sizes_agree = old.size == self.old_size;
        if sizes_agree && is_consistent((old.size, &old.root), (new.size, &new.root), &self.path) {
            Ok((old, new))
        } else {
            Err(ProofError::Inconsistent)
        }
    }
}

/// Reads a signed checkpoint of one of the key's logs.
pub fn open_head(note: &str, key: &PublicKey) -> Result<Checkpoint, ProofError> {
    let text = key.open(note)?;
    let head = Checkpoint::parse(text).ok_or(ProofError::Malformed("the head is not a checkpoint"))?;
    let is_ours = head.origin.strip_prefix(key.name()).is_some_and(|rest| rest.starts_with('/'));
    if is_ours { Ok(head) } else { Err(ProofError::Origin(head.origin)) }
}

/// The proofs of a text that holds one after the other.
pub fn split_proofs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // A header inside a proof would be a line of its head that no head has.
        let next = rest.find(&format!("\n{HEADER}\n")).map_or(rest.len(), |at| at + 1);
        let (proof, behind) = rest.split_at_checked(next)?;
        rest = behind;
        Some(proof)
    })
}

fn push_path(text: &mut String, path: &[Hash]) {
    for hash in path {
        let _ = writeln!(text, "{}", hash_line(hash));
    }
    text.push('\n');
}

/// The hashes up to the empty line, and what stands behind it.
fn path_of(mut rest: &str) -> Result<(Vec<Hash>, &str), ProofError> {
    let mut path = Vec::new();
    loop {
        let (line, behind) = line_of(rest)?;
        rest = behind;
        if line.is_empty() {
            return Ok((path, rest));
        }
        path.push(parse_hash(line).ok_or(ProofError::Malformed("a line of the path is not a hash"))?);
        if path.len() > PATH_MAX {
            return Err(ProofError::Malformed("the path is longer than any tree is high"));
        }
    }
}

/// The first line without its newline, and what stands behind it.
fn line_of(text: &str) -> Result<(&str, &str), ProofError> {
    text.split_once('\n').ok_or(ProofError::Malformed("it ends in the middle"))
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
