//! The Merkle trees over committed evidence: one a stream, made anew from the evidence whenever somebody asks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::outputs::Outputs;
use crate::domain::exports::Dataset;
use crate::domain::merkle::Tree;
use crate::domain::proof::Leaf;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::skim;
use crate::store::StoreError;

/// Where the evidence lies, below the output folder.
const EVIDENCE: &str = "evidence/";

/// What identifies a row among those of all streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// None: the tree alone is wanted.
    Nothing,
    /// Rows with this run id, or with a hash that begins so.
    Id(String),
    /// Rows at these places: source file, generation, line.
    Places(BTreeSet<(String, u32, u64)>),
    /// Every row.
    All,
}

/// A row that was looked for.
#[derive(Debug)]
pub struct FoundRow {
    /// Its place in the tree.
    pub index: u64,
    /// What the tree holds of it.
    pub leaf: Leaf<'static>,
}

/// A stream's tree and the rows in it that were looked for; something can be proved about each of them.
#[derive(Debug)]
pub struct StreamTree {
    /// The tree.
    pub tree: Tree,
    /// The rows, in the order of the stream.
    pub found: Vec<FoundRow>,
}

impl Wanted {
    /// The rows behind an id: those of a sample, or those with this run id or a hash that begins so.
    pub fn by_id(outputs: &Outputs, id: &str) -> Result<Self, StoreError> {
        let mut places = BTreeSet::new();
        for export in Dataset::ALL.into_iter().filter(|export| id.starts_with(export.prefix())) {
            outputs.each_line(export.path(), |_, line| {
                let is_it = |(key, value): (&str, &str)| key == "sample_id" && value.trim_matches('"') == id;
                if skim::members(line).any(is_it) {
                    places.extend(sources(line));
                }
            })?;
        }
        Ok(if places.is_empty() { Self::Id(id.to_owned()) } else { Self::Places(places) })
    }

    fn holds(&self, run_id: &str, leaf: &Leaf<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Id(id) => {
                let is_hash = (HASH_DIGITS_MIN..=64).contains(&id.len());
                (is_hash && leaf.sig_hash.to_string().starts_with(&id.to_ascii_lowercase()))
                    || skim::text(run_id).is_some_and(|run| run.plain() == id.as_str())
            }
            Self::Places(places) => places.contains(&place(leaf)),
        }
    }
}

/// A hash may be shortened to this many digits.
const HASH_DIGITS_MIN: usize = 8;

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The evidence cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evidence is not what was committed.
    #[error("{} holds {found} rows, but {committed} are committed: nothing is signed; run `distilld verify`", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// Rows by the receipts.
        committed: u64,
        /// Rows that could be read.
        found: u64,
    },
}

/// The streams that have evidence, by name.
pub fn streams(outputs: &Outputs) -> Vec<String> {
    let name = |path: &String| Some(path.strip_prefix(EVIDENCE)?.strip_suffix(".jsonl")?.to_owned());
    outputs.state.outputs.keys().filter_map(name).collect()
}

/// Makes the tree of a stream and looks for rows. The tree can be shown to go on from size `grown_from`.
pub fn stream_tree(
    outputs: &Outputs,
    stream: &str,
    rules_version: &str,
    wanted: &Wanted,
    grown_from: u64,
) -> Result<StreamTree, TreeError> {
    let path = format!("{EVIDENCE}{stream}.jsonl");
    let mut made = StreamTree { tree: Tree::default(), found: Vec::new() };
    outputs.each_line(&path, |_, line| {
        let Some((run_id, leaf)) = row_of(line, rules_version) else { return };
        let index = made.tree.size();
        let is_wanted = wanted.holds(run_id, &leaf);
        if is_wanted || index + 1 == grown_from {
            made.tree.keep_next();
        }
        made.tree.push(leaf.hash());
        if is_wanted {
            made.found.push(FoundRow { index, leaf: leaf.into_owned() });
        }
    })?;
    let (committed, found) = (outputs.state.outputs.get(&path).map_or(0, |file| file.rows), made.tree.size());
    // A head must not be signed over what nobody committed.
    if found != committed {
        return Err(TreeError::Evidence { path: outputs.folder().join(&path), committed, found });
    }
    Ok(made)
}

/// The run id, as JSON, and the leaf of a line of evidence. Both stand in its first members.
fn row_of<'l>(line: &'l str, rules_version: &'l str) -> Option<(&'l str, Leaf<'l>)> {
    let mut run_id = None;
    for (key, value) in skim::members(line) {
        match key {
            "run_id" => run_id = Some(value),
            "provenance" => return Some((run_id?, leaf_of(value, rules_version)?)),
            _ => {}
        }
    }
    None
}

fn leaf_of<'l>(provenance: &str, rules_version: &'l str) -> Option<Leaf<'l>> {
    let (mut file, mut generation, mut line, mut hash) = (None, None, None, None);
    for (key, value) in skim::members(provenance) {
        match key {
            "source_file" => file = skim::text(value).map(|text| text.plain().into_owned()),
            "generation" => generation = value.parse().ok(),
            "line_offset" => line = value.parse().ok(),
            "sig_hash" => hash = Sha256Hex::parse(value.trim_matches('"')),
            _ => {}
        }
    }
    Some(Leaf {
        generation: generation?,
        line_offset: line?,
        rules_version: rules_version.into(),
        sig_hash: hash?,
        source_file: file?.into(),
    })
}

fn place(leaf: &Leaf<'_>) -> (String, u32, u64) {
    (leaf.source_file.to_string(), leaf.generation, leaf.line_offset)
}

/// The places that a sample's provenance names: one, or a list of them.
fn sources(sample: &str) -> Vec<(String, u32, u64)> {
    let provenance =
        skim::members(sample).find(|(key, _)| *key == "provenance").map_or("", |(_, value)| value);
    let leaves: Vec<_> = if provenance.starts_with('[') {
        skim::items(provenance).filter_map(|item| leaf_of(item, "")).collect()
    } else {
        leaf_of(provenance, "").into_iter().collect()
    };
    leaves.iter().map(place).collect()
}
