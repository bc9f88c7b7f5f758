//! Generations that are known before reading begins: what a replay is given where a file is gone and its copy is not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::IntakeError;
use super::bytes::Bytes;
use super::identity::Identity;
use super::packed::Packed;
use super::tail::open;

/// One life of a stream's file that is to be read before those that are found beside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What the file was called.
    pub name: Arc<str>,
    /// Which file it was, whatever it is read from: receipts go on naming it.
    pub identity: Identity,
    /// Where its bytes are.
    pub place: Place,
}

/// Where the bytes of an earlier generation are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this file, up to this byte where one is given: the generation was left there, and another one begun.
    File(PathBuf, Option<u64>),
    /// In this copy.
    Copy(PathBuf),
    /// It never had any.
    Nowhere,
}

impl Earlier {
    pub(super) fn open(&self) -> Result<Bytes, IntakeError> {
        match &self.place {
            Place::File(path, end) => {
                let (file, _) = open(path)?.ok_or_else(|| gone(path))?;
                Ok(match end {
                    Some(end) => Bytes::Until(file, *end),
                    None => Bytes::File(file),
                })
            }
            Place::Copy(path) => {
                Packed::open(path).map(Bytes::Copy).map_err(|e| IntakeError::new("open", path, e))
            }
            Place::Nowhere => Ok(Bytes::Nothing),
        }
    }
}

fn gone(path: &Path) -> IntakeError {
    IntakeError::new("open", path, io::ErrorKind::NotFound.into())
}
