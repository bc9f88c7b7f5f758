//! A made-up but coherent corpus of all 23 streams, for benchmarks, drills and first steps.
//!
//! The corpus is told as *stories*: one push to one pull request, with its runs, reviews, applies, audits and
//! what people said of it later. A story draws everything from one seeded generator, so the same seed and row
//! count give the same bytes anywhere, and a longer corpus begins with the shorter one.
//!
//! Deliberately absent: rows that a stream's rules refuse, blank lines, and anything that looks like a secret.
//! Drills add those themselves.

mod desk;
mod dice;
mod later;
mod names;
mod out;
mod pen;
mod respell;
mod rows;
mod shelf;
mod story;
mod stream;
mod tell;
mod time;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use desk::Desk;

/// Stories that give every stream exactly one row come first, so that no stream of a small corpus is empty.
const EVEN_STORIES: u64 = 48;

/// What [`generate`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Rows written over all streams.
    pub rows: u64,
    /// Bytes written over all streams, newlines included.
    pub bytes: u64,
    /// Rows of each stream, in the order of the streams' table.
    pub streams: Vec<(&'static str, u64)>,
}

/// Why a corpus could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A folder of the corpus could not be made.
    #[error("cannot create folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stream's file could not be opened or written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes a coherent corpus of exactly `rows` rows: `into/<name>.jsonl` and `into/../_observer/ops.jsonl`.
///
/// Files that exist are truncated. Up to 1,104 rows the streams share evenly; beyond that the mix is that of a
/// busy project, mostly reviews, experiments, operations and distilled texts. Memory use does not grow with `rows`.
///
/// # Errors
///
/// [`CorpusError`] names the folder or file that could not be made or written; what was written before stays.
pub fn generate(seed: u64, rows: u64, into: &Path) -> Result<Summary, CorpusError> {
    let mut desk = Desk::open(seed, rows, into)?;
    let mut told = 0;
    while desk.rows_left() > 0 {
        if told < EVEN_STORIES {
            tell::even(&mut desk, told)?;
        } else {
            tell::natural(&mut desk)?;
        }
        told += 1;
    }
    desk.close()
}
