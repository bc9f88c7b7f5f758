//! What can go wrong with what is durable. Each is ours: distilld stops, so that recovery starts from a known state.

use std::io;
use std::path::{Path, PathBuf};

/// Trouble with outputs, receipts or state.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation on a file failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no room for now: space, quota, or file handles. Nothing partial was left behind.
    #[error("no room for now to write {}", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A sync failed: what is in the page cache can no longer be trusted.
    #[error("cannot sync {}; restart distilld, it recovers by itself", path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// An output is not as long as the receipts say.
    #[error(
        "{} has {found} bytes, but {expected} are committed: somebody else changed it; {}",
        path.display(),
        advice(path)
    )]
    OutputChanged {
        /// The file.
        path: PathBuf,
        /// Committed bytes.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A committed range does not have its hash.
    #[error("{} differs from its receipt {seq} in bytes {from} to {to}; {}", path.display(), advice(path))]
    OutputDamaged {
        /// The file.
        path: PathBuf,
        /// The receipt.
        seq: u64,
        /// First byte of the range.
        from: u64,
        /// The byte behind the range.
        to: u64,
    },
    /// The receipts are damaged before their end.
    #[error("{} is damaged at byte {offset}: {what}; nothing was touched, restore it from a copy", path.display())]
    ReceiptsDamaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged line starts.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// There are outputs or cursors that no receipt covers.
    #[error("{what}; restore {}, or start over with an empty output and state folder", path.display())]
    ReceiptsLost {
        /// The receipts.
        path: PathBuf,
        /// How it was seen.
        what: String,
    },
    /// Records of one output must follow one set of rules.
    #[error("{what} changed from {committed} to {configured} since the last commit; run `distilld replay`")]
    RulesChanged {
        /// Which version.
        what: &'static str,
        /// What the receipts say.
        committed: String,
        /// What is configured.
        configured: String,
    },
    /// Another distilld is at work.
    #[error("another distilld holds {}", path.display())]
    Locked {
        /// What it holds.
        path: PathBuf,
    },
    /// A replayed output is being put in place, or was when its replay was killed.
    #[error(
        "the output in {} is being replaced by a replay; try again, or let `distilld run --once` finish it",
        path.display()
    )]
    BeingReplaced {
        /// The output folder.
        path: PathBuf,
    },
    /// A folder that a replay would have to move cannot be.
    #[error(
        "{} is a link, a mount or no folder, so a replay cannot put another in its place; use `--into`",
        path.display()
    )]
    NotMovable {
        /// The folder.
        path: PathBuf,
    },
    /// A check of a commit failed: distilld's own fault.
    #[error("a commit was not made because a check failed: {0}")]
    CheckFailed(String),
}

/// What helps an output that is not what was committed. Later scores and retractions are made of history, all others of rows.
fn advice(path: &Path) -> &'static str {
    if path.ends_with("scored-runs/rescored.jsonl") || path.ends_with("exports/retractions.jsonl") {
        "restore it from a copy, or run `distilld replay`"
    } else {
        "run `distilld repair`"
    }
}

impl StoreError {
    /// Wraps an I/O error, telling "no space" apart.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        // EMFILE and ENFILE have no kind of their own.
        let no_handles = matches!(source.raw_os_error(), Some(23 | 24));
        let path = path.to_owned();
        match source.kind() {
            _ if no_handles => Self::NoSpace { path, source },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { path, source }
            }
            _ => Self::Io { action, path, source },
        }
    }
}
