//! The streams' files: one large buffer each, rows counted down, a few rows delivered twice.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::dice::Dice;
use super::stream::Stream;
use super::{CorpusError, Summary, respell};

const BUFFER_BYTES: usize = 256 * 1024;

/// Where rows go until there are enough of them.
#[derive(Debug)]
pub(crate) struct Out {
    sinks: Vec<Sink>,
    rows_left: u64,
    respelt: String,
}

#[derive(Debug)]
struct Sink {
    stream: Stream,
    path: PathBuf,
    file: BufWriter<File>,
    rows: u64,
    bytes: u64,
    /// A row to be delivered again after `kept_for` more rows; empty when there is none.
    kept: String,
    kept_for: u64,
}

impl Out {
    pub(crate) fn create(rows: u64, kb: &Path) -> Result<Self, CorpusError> {
        let sinks = Stream::ALL.iter().map(|&stream| Sink::create(stream, kb)).collect::<Result<_, _>>()?;
        Ok(Self { sinks, rows_left: rows, respelt: String::new() })
    }

    pub(crate) fn rows_left(&self) -> u64 {
        self.rows_left
    }

    /// Appends one row; beyond the last row wanted it does nothing.
    pub(crate) fn append(&mut self, stream: Stream, row: &str) -> Result<(), CorpusError> {
        if self.rows_left == 0 {
            return Ok(());
        }
        if let Some(sink) = self.sinks.get_mut(stream as usize) {
            self.rows_left -= 1;
            sink.append(row)?;
        }
        Ok(())
    }

    /// Remembers a row that its producer will deliver a second time.
    pub(crate) fn keep(&mut self, stream: Stream, row: &str, rows_between: u64) {
        if let Some(sink) = self.sinks.get_mut(stream as usize)
            && sink.kept.is_empty()
        {
            sink.kept.push_str(row);
            sink.kept_for = rows_between;
        }
    }

    /// Delivers the kept row when its time has come, mostly to the byte, sometimes respelt.
    pub(crate) fn repeat(&mut self, stream: Stream, dice: &mut Dice) -> Result<(), CorpusError> {
        let Some(sink) = self.sinks.get_mut(stream as usize).filter(|sink| !sink.kept.is_empty()) else {
            return Ok(());
        };
        if sink.kept_for > 0 {
            sink.kept_for -= 1;
            return Ok(());
        }
        self.respelt.clear();
        match dice.below(5) {
            0 => respell::spaced(&sink.kept, &mut self.respelt),
            1 => respell::rotated(&sink.kept, &mut self.respelt),
            _ => self.respelt.push_str(&sink.kept),
        }
        sink.kept.clear();
        if self.rows_left > 0 {
            self.rows_left -= 1;
            sink.append(&self.respelt)?;
        }
        Ok(())
    }

    /// Writes out the buffers.
    pub(crate) fn close(self) -> Result<Summary, CorpusError> {
        let mut summary = Summary { rows: 0, bytes: 0, streams: Vec::with_capacity(self.sinks.len()) };
        for mut sink in self.sinks {
            sink.file.flush().map_err(|source| CorpusError::Write { path: sink.path.clone(), source })?;
            summary.rows += sink.rows;
            summary.bytes += sink.bytes;
            summary.streams.push((sink.stream.name(), sink.rows));
        }
        Ok(summary)
    }
}

impl Sink {
    fn create(stream: Stream, kb: &Path) -> Result<Self, CorpusError> {
        let path = stream.path(kb);
        let folder = path.parent().unwrap_or(kb);
        std::fs::create_dir_all(kb).map_err(|source| CorpusError::Folder { path: kb.to_owned(), source })?;
        std::fs::create_dir_all(folder)
            .map_err(|source| CorpusError::Folder { path: folder.to_owned(), source })?;
        match File::create(&path) {
            Ok(file) => Ok(Self {
                stream,
                path,
                file: BufWriter::with_capacity(BUFFER_BYTES, file),
                rows: 0,
                bytes: 0,
                kept: String::new(),
                kept_for: 0,
            }),
            Err(source) => Err(CorpusError::Write { path, source }),
        }
    }

    fn append(&mut self, row: &str) -> Result<(), CorpusError> {
        self.rows += 1;
        self.bytes += row.len() as u64 + 1;
        self.file
            .write_all(row.as_bytes())
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|source| CorpusError::Write { path: self.path.clone(), source })
    }
}
