//! What a tail hands out: ranges of whole lines, and gaps between them.

use std::sync::Arc;

use super::bytes::Bytes;
use super::identity::Identity;
use super::lines::OversizeLine;
use crate::domain::schema::scalars::Sha256Hex;

/// Where a stream was committed to.
#[derive(Debug, Clone)]
pub struct Position {
    /// Which life of the stream's file.
    pub generation: u32,
    /// Which file that is.
    pub identity: Identity,
    /// Bytes before this are committed.
    pub offset: u64,
    /// Lines before the offset.
    pub line: u64,
    /// SHA-256 of the up to 4 KiB before the offset.
    pub anchor: Sha256Hex,
}

/// Where a chunk was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file, as it is named.
    pub path: Arc<str>,
    /// Which life of the stream's file.
    pub generation: u32,
    /// Which file that is.
    pub identity: Identity,
}

/// Rows, or one row too long.
#[derive(Debug)]
pub enum Content {
    /// Whole lines; they are in the caller's buffer.
    Lines,
    /// A line that was measured and not kept.
    Oversize(OversizeLine),
}

/// A contiguous range of whole lines.
#[derive(Debug)]
pub struct Chunk {
    /// Where it was read.
    pub source: Source,
    /// First byte.
    pub from: u64,
    /// The byte behind the last.
    pub to: u64,
    /// Lines before `from` in the generation.
    pub first_line: u64,
    /// Lines in the range.
    pub lines: u64,
    /// SHA-256 of the up to 4 KiB before `to`.
    pub anchor: Sha256Hex,
    /// Whether the last line ends with its file rather than with a newline.
    pub unterminated: bool,
    /// What it holds.
    pub content: Content,
}

/// Bytes that were gone before they could be read, and where reading goes on.
#[derive(Debug, Clone)]
pub struct GapFound {
    /// The generation they belonged to, if it was ever begun.
    pub generation: Option<u32>,
    /// First unread byte.
    pub from: u64,
    /// The byte behind the last, as far as it was ever seen.
    pub to: u64,
    /// What happened.
    pub reason: String,
    /// The generation that is read next, from its start; `None` when nothing changes.
    pub next: Option<Source>,
}

/// What one step of a tail came to.
#[derive(Debug)]
pub enum Step {
    /// Nothing to read now.
    Idle,
    /// A very long line is being measured; there is more of it.
    Working,
    /// Lines.
    Chunk(Chunk),
    /// A gap.
    Gap(GapFound),
    /// A generation came to its end, and all of it was handed out.
    Finished(Finished),
}

/// A generation that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// Which life of the stream's file.
    pub generation: u32,
    /// The file, still open: its name may be gone by now.
    pub file: Bytes,
}
