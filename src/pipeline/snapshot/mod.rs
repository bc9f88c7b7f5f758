//! Snapshots: the committed samples are read, proved against the evidence, written as a dataset, and published whole.
//!
//! ```text
//!   selection  the samples of the exports: places and hashes, no texts
//!   proof      one pass over the evidence: every sample stands on it, and nothing leaks; who else said the same
//!   shards     samples in canonical order → the files of every view
//!   publish    which version it is, card and manifest → one rename
//! ```

mod proof;
mod publish;
mod selection;
mod shards;

use std::path::Path;

pub use publish::{Outcome, Published, Request, publish};

use crate::store::StoreError;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Outputs or the folder of the snapshots cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sample does not stand on what it says it stands on.
    #[error("nothing was published: {sample} in {export}: {why}{}; run `distilld verify`", more(*others))]
    Leak {
        /// The sample.
        sample: String,
        /// The file it stands in.
        export: &'static str,
        /// What is wrong with it.
        why: String,
        /// How many other samples are wrong.
        others: usize,
    },
    /// The exports were replaced while they were read, time and again.
    #[error("the exports changed while they were read; nothing was published, try again")]
    Moved,
}

fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

fn io<T>(result: std::io::Result<T>, action: &'static str, path: &Path) -> Result<T, StoreError> {
    result.map_err(|e| StoreError::io(action, path, e))
}
