//! How bytes become rows: files are watched, followed through rotation and truncation, and cut into whole lines.
//! Knows nothing of what is stored.

pub mod bytes;
pub mod chunk;
pub mod earlier;
pub mod identity;
mod later;
pub mod lines;
pub mod packed;
pub mod sample;
pub mod siblings;
pub mod tail;
pub mod unread;
pub mod watch;

use std::io;
use std::path::{Path, PathBuf};

/// Trouble with one stream's file, for now: logged and tried again.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct IntakeError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl IntakeError {
    fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_owned(), source }
    }
}
