//! The desk on which tails are tested: a folder with a stream's file, and what was handed out of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a part of the tests")]

use std::fs::OpenOptions;
use std::io::Write as _;

use super::*;
use crate::domain::schema::scalars::Sha256Hex;

pub(in crate::intake) const LIMITS: ReadLimits =
    ReadLimits { chunk_bytes: 1 << 16, chunk_rows: 1000, line_bytes_max: 1 << 16 };

/// A folder with the file `s.jsonl`, and everything that its tail handed out.
pub(in crate::intake) struct Desk {
    pub(in crate::intake) dir: tempfile::TempDir,
    pub(in crate::intake) tail: Tail,
    pub(in crate::intake) position: Option<Position>,
    /// What each gap was said to be.
    pub(in crate::intake) gaps: Vec<String>,
}

impl Desk {
    pub(in crate::intake) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tail = Tail::new(dir.path().join("s.jsonl"), None, Duration::ZERO);
        Self { dir, tail, position: None, gaps: Vec::new() }
    }

    pub(in crate::intake) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(in crate::intake) fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Renames a file, so that its name is free for another. Birth times are only as fine as the kernel's clock tick.
    pub(in crate::intake) fn rename(&self, from: &str, to: &str) {
        std::thread::sleep(Duration::from_millis(20));
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Copies a file over another name, so that the other is a young file; it keeps the time of its last row.
    pub(in crate::intake) fn copy(&self, from: &str, to: &str) {
        std::thread::sleep(Duration::from_millis(20));
        let at = fs::metadata(self.path(from)).unwrap().modified().unwrap();
        fs::copy(self.path(from), self.path("copying")).unwrap();
        fs::rename(self.path("copying"), self.path(to)).unwrap();
        OpenOptions::new().write(true).open(self.path(to)).unwrap().set_modified(at).unwrap();
    }

    /// As `gzip` does, but for the content, which nobody looks at.
    pub(in crate::intake) fn compress(&self, name: &str) {
        self.copy(name, &format!("{name}.gz"));
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(in crate::intake) fn truncate(&self, name: &str) {
        OpenOptions::new().write(true).truncate(true).open(self.path(name)).unwrap();
    }

    /// A new process that goes on where everything read so far was committed.
    pub(in crate::intake) fn restart(&mut self) {
        self.tail = Tail::new(self.path("s.jsonl"), self.position.clone(), Duration::ZERO);
    }

    /// Reads until there is nothing more; each line as `generation:line text`, gaps in brackets.
    pub(in crate::intake) fn read(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut buffer = Vec::new();
        for _ in 0..100 {
            match self.tail.step(LIMITS, &mut buffer).unwrap() {
                Step::Working | Step::Finished(_) => {}
                Step::Idle => return seen,
                Step::Chunk(chunk) => {
                    let text = String::from_utf8(buffer.clone()).unwrap();
                    let end = if chunk.unterminated { "…" } else { "" };
                    assert_eq!(text.lines().count() as u64, chunk.lines);
                    for (line, text) in text.lines().enumerate() {
                        let line = chunk.first_line + line as u64;
                        seen.push(format!("{}:{line} {text}{end}", chunk.source.generation));
                    }
                    self.position = Some(Position {
                        generation: chunk.source.generation,
                        identity: chunk.source.identity,
                        offset: chunk.to,
                        line: chunk.first_line + chunk.lines,
                        anchor: chunk.anchor,
                    });
                }
                Step::Gap(gap) => {
                    self.gaps.push(gap.reason);
                    let next = gap.next.as_ref().map(|next| next.generation);
                    seen.push(format!("[{:?} {}..{} then {next:?}]", gap.generation, gap.from, gap.to));
                    if let Some(next) = gap.next {
                        self.position = Some(Position {
                            generation: next.generation,
                            identity: next.identity,
                            offset: 0,
                            line: 0,
                            anchor: Sha256Hex::of(b""),
                        });
                    }
                }
            }
        }
        panic!("the tail never comes to rest: {seen:?}");
    }
}
