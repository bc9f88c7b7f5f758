//! The file that a tail is reading.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::IntakeError;
use crate::intake::bytes::Bytes;
use crate::intake::chunk::{Chunk, Content, Position, Source};
use crate::intake::identity::Identity;
use crate::intake::later::Known;
use crate::intake::lines::{Found, LineReader, read_anchor};

#[derive(Debug)]
pub(super) struct Current {
    pub(super) source: Source,
    pub(super) reader: LineReader,
    pub(super) line: u64,
    /// Whether its number stands in a receipt, or will: with its first row, or with a gap before it.
    pub(super) is_numbered: bool,
    pub(super) seen_size: u64,
    /// Since when the name belongs to another file.
    pub(super) left_since: Option<Instant>,
    /// Whether it was found under another name than the stream's.
    pub(super) found_rotated: bool,
    /// The file's modification time when its anchor was last found to hold.
    pub(super) checked: Option<SystemTime>,
}

impl Current {
    /// What is known of it, once it is to be left.
    pub(super) fn known(&self) -> io::Result<Known> {
        let (_, modified) = self.reader.file().look()?;
        let (identity, offset) = (self.source.identity, self.reader.offset);
        Ok(Known { identity, modified, offset, anchor: Sha256Hex::of(self.reader.anchor()) })
    }

    /// Why the file is no longer the one that was read up to the cursor, if it is not.
    pub(super) fn changed_under_us(
        &mut self,
        size: u64,
        modified: Option<SystemTime>,
    ) -> io::Result<Option<&'static str>> {
        if size < self.reader.offset {
            return Ok(Some("the file was truncated; what was not read of it is gone"));
        }
        // A file that was written anew up to the very cursor shows only in its time.
        let touched = modified.is_none() || modified != self.checked;
        if (size > self.reader.offset || touched) && !self.reader.anchor_holds()? {
            return Ok(Some("the file was truncated and written anew; what was not read is gone"));
        }
        self.checked = modified;
        Ok(None)
    }

    /// Whether the file was a rotated one when it was found, and had not been written to for `wait`.
    pub(super) fn is_long_quiet(&self, modified: Option<SystemTime>, wait: Duration) -> bool {
        let quiet_for = modified.and_then(|at| at.elapsed().ok());
        self.found_rotated && quiet_for.is_some_and(|quiet_for| quiet_for >= wait)
    }

    pub(super) fn chunk(&mut self, found: Found, from: u64, unterminated: bool) -> Option<Chunk> {
        let (lines, content) = match found {
            Found::Nothing | Found::More => return None,
            Found::Lines { lines } => (lines, Content::Lines),
            Found::Oversize(line) => (1, Content::Oversize(line)),
        };
        self.is_numbered = true;
        let first_line = self.line;
        self.line += lines;
        Some(Chunk {
            source: self.source.clone(),
            from,
            to: self.reader.offset,
            first_line,
            lines,
            anchor: Sha256Hex::of(self.reader.anchor()),
            unterminated,
            content,
        })
    }
}

/// The file of a committed position, where it was left.
pub(super) fn resumed(
    position: &Position,
    path: Arc<str>,
    file: Bytes,
    identity: Identity,
    found_rotated: bool,
) -> Result<Current, IntakeError> {
    let anchor =
        read_anchor(&file, position.offset).map_err(|e| IntakeError::new("read", Path::new(&*path), e))?;
    // A wrong anchor is noticed at the first step, as for a file that changes while it is tailed.
    let anchor = if Sha256Hex::of(&anchor) == position.anchor { anchor } else { vec![0; anchor.len() + 1] };
    Ok(Current {
        source: Source { path, generation: position.generation, identity },
        reader: LineReader::new(file, position.offset, anchor),
        line: position.line,
        is_numbered: true,
        seen_size: position.offset,
        left_since: None,
        found_rotated,
        checked: None,
    })
}
