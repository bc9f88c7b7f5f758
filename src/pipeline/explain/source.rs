//! Whether the row that a record was made from still stands where the receipts say it stood.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::domain::canonical::Parser;
use crate::domain::schema::receipt::InputRange;
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::identity::Identity;
use crate::intake::lines::read_exact_or_less;
use crate::intake::packed::Packed;
use crate::intake::siblings;
use crate::pipeline::archive::copies;
use crate::pipeline::streams::StreamSpec;

const COPY_BLOCK_BYTES: u64 = 64 << 10;

/// What became of a source row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// It stands there, in this file.
    There(PathBuf, String),
    /// Its file is gone, and it stands in this copy.
    Archived(PathBuf, String),
    /// The file is there, but another row stands in its place.
    Changed(PathBuf),
    /// Its generation is gone.
    Gone,
}

/// Looks for a row of a stream whose file is `main`, in the file that a receipt's range names.
pub(super) fn look(spec: &StreamSpec, range: &InputRange, byte: u64, sig_hash: &Sha256Hex) -> Source {
    match look_in_files(&spec.path, range, byte, sig_hash) {
        there @ Source::There(..) => there,
        other => look_in_copies(spec, range, byte, sig_hash).unwrap_or(other),
    }
}

fn look_in_files(main: &Path, range: &InputRange, byte: u64, sig_hash: &Sha256Hex) -> Source {
    let Some(identity) = Identity::parse(&range.identity) else { return Source::Gone };
    let is_it = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|metadata| Identity::of(&metadata).is_same(&identity))
    };
    let named = [Path::new(&range.path), main].into_iter().find(|path| is_it(path)).map(Path::to_owned);
    let rotated = || {
        let siblings = siblings::find(main).unwrap_or_default();
        siblings.into_iter().find(|sibling| sibling.identity.is_same(&identity)).map(|sibling| sibling.path)
    };
    let Some(path) = named.or_else(rotated) else { return Source::Gone };
    let Some(row) = line_at(&path, byte, range.to) else { return Source::Changed(path) };
    match text_of(&row, byte, sig_hash) {
        Some(row) => Source::There(path, row),
        None => Source::Changed(path),
    }
}

/// The row as text, if it has that hash.
fn text_of(row: &[u8], byte: u64, sig_hash: &Sha256Hex) -> Option<String> {
    let row = if byte == 0 { row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row) } else { row };
    let mut parser = Parser::default();
    let same = parser.parse(row).is_ok_and(|doc| Sha256Hex(doc.hash()) == *sig_hash);
    same.then(|| String::from_utf8_lossy(row).into_owned())
}

/// Looks for the row in the copies of its stream; the one that has the number of its generation is asked first.
fn look_in_copies(spec: &StreamSpec, range: &InputRange, byte: u64, sig_hash: &Sha256Hex) -> Option<Source> {
    let mut named = copies::list(spec).ok()?;
    named.sort_by_key(|copy| copy.generation != range.generation);
    named.into_iter().find_map(|named| {
        let copy = Packed::open(&named.path).ok()?;
        let row = line_in_copy(&copy, byte, range.to.min(copy.len())).ok()?;
        Some(Source::Archived(named.path, text_of(&row, byte, sig_hash)?))
    })
}

fn line_in_copy(copy: &Packed, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let (mut line, mut block) = (Vec::new(), Vec::new());
    while line.len() as u64 + from < to {
        let at = from + line.len() as u64;
        read_exact_or_less(copy, at, COPY_BLOCK_BYTES.min(to - at), &mut block)?;
        let end = memchr::memchr(b'\n', &block);
        line.extend_from_slice(end.and_then(|end| block.get(..end)).unwrap_or(&block));
        if end.is_some() || block.is_empty() {
            break;
        }
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

/// The line that starts at a byte and ends before another.
fn line_at(path: &Path, from: u64, to: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(to.checked_sub(from)?)).read_until(b'\n', &mut line).ok()?;
    let row = line.strip_suffix(b"\n").unwrap_or(&line);
    Some(row.strip_suffix(b"\r").unwrap_or(row).to_vec())
}
