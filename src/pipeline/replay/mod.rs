//! What a replay is held to before it takes the place of the live output: its sources are all there, equal rules gave
//! equal bytes, other rules moved rows between categories that are told, and nothing leaks.
//!
//! ```text
//!   sources      which generations the receipts name, and where each is read: its file, its copy, or nowhere
//!   compare      promise-2 files byte by byte; counts
//!   no_leak      every sample against the category that counts now
//!   transitions  which category each row had, and has
//! ```

pub mod compare;
pub mod no_leak;
pub mod sources;
pub mod transitions;

use std::path::{Path, PathBuf};

use crate::intake::IntakeError;
use crate::store::StoreError;
use crate::store::swap::FOLDERS;

/// Why a replay does not take the place of the live output.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An output cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder with streams cannot be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A copy in the archive would be read, and is not what the receipts say.
    #[error(
        "{} is not generation {generation} of {stream}: {what}; bring the stream's file back or another copy, or remove this one and give --without-missing",
        path.display()
    )]
    DamagedCopy {
        /// The stream.
        stream: String,
        /// Which life of its file.
        generation: u32,
        /// The copy.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Equal rules must give equal bytes.
    #[error(
        "nothing was replaced: the replay of {path} differs from the live file at byte {at}: {why}; `distilld verify` tells which is right, `--into` keeps the other"
    )]
    Differs {
        /// The file, relative to the output folder.
        path: String,
        /// The first byte that differs.
        at: u64,
        /// How.
        why: &'static str,
    },
    /// A replay has every row that the live output has.
    #[error(
        "nothing was replaced: {stream} has {replayed} {what} by the replay, but {live} in the live output"
    )]
    Fewer {
        /// The stream.
        stream: String,
        /// What was counted.
        what: &'static str,
        /// In the replay.
        replayed: u64,
        /// In the live output.
        live: u64,
    },
    /// A sample stands where it must not.
    #[error("nothing was replaced: the replay leaks {sample} in {export}: {why}")]
    Leaks {
        /// The sample.
        sample: String,
        /// The export.
        export: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// A file in the folders that move which is none of distilld's: the old output is then kept whatever was asked for.
pub fn stranger(output: &Path, own: &[String]) -> Result<Option<PathBuf>, StoreError> {
    let mut folders: Vec<PathBuf> = FOLDERS.map(|name| output.join(name)).into();
    while let Some(dir) = folders.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(StoreError::io("list", &dir, e)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !is_own(output, &path, own) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn is_own(output: &Path, path: &Path, own: &[String]) -> bool {
    let Some(name) = path.strip_prefix(output).ok().and_then(Path::to_str) else { return false };
    let plain =
        [".undo.", ".new."].iter().find_map(|beside| Some(name.rsplit_once(beside)?.0)).unwrap_or(name);
    let receipts = plain.strip_prefix("receipts/receipts").is_some_and(|rest| rest.contains(".jsonl"));
    receipts || own.iter().any(|path| path == plain)
}
