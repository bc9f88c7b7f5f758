//! A rotated file that waits for its turn. Its name may go over to another file meanwhile, or it may be removed.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::open;
use crate::intake::IntakeError;
use crate::intake::identity::Identity;
use crate::intake::siblings::{self, Sibling};

/// So many are held open while they wait; those behind them are looked for by identity when it is their turn.
const OPEN_MAX: usize = 16;

/// A rotated file to be read.
#[derive(Debug)]
pub(super) struct Queued {
    /// What it was called when it was found.
    pub(super) path: PathBuf,
    /// Which file it is.
    pub(super) identity: Identity,
    file: Option<File>,
}

impl Queued {
    /// A file behind so many others.
    pub(super) fn of(sibling: Sibling, before: usize) -> Self {
        let Sibling { path, identity, .. } = sibling;
        let opened = if before < OPEN_MAX { open(&path).ok().flatten() } else { None };
        let file = opened.filter(|(_, found)| found.is_same(&identity)).map(|(file, _)| file);
        Self { path, identity, file }
    }

    /// The file, under whatever name it has by now; `None` when it is gone.
    pub(super) fn open(&mut self, main: &Path) -> Result<Option<File>, IntakeError> {
        if let Some(file) = self.file.take() {
            return Ok(Some(file));
        }
        let is_it = |sibling: &Sibling| sibling.identity.is_same(&self.identity);
        let Some(found) = siblings::find(main)?.into_iter().find(is_it) else { return Ok(None) };
        self.path = found.path;
        let opened = open(&self.path)?;
        Ok(opened.filter(|(_, found)| found.is_same(&self.identity)).map(|(file, _)| file))
    }
}
