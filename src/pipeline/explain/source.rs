//! Whether the row that a record was made from still stands where the receipts say it stood.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::domain::canonical::Parser;
use crate::domain::schema::receipt::InputRange;
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::identity::Identity;
use crate::intake::siblings;

/// What became of a source row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// It stands there, in this file.
    There(PathBuf, String),
    /// The file is there, but another row stands in its place.
    Changed(PathBuf),
    /// Its generation is gone.
    Gone,
}

/// Looks for a row of a stream whose file is `main`, in the file that a receipt's range names.
pub(super) fn look(main: &Path, range: &InputRange, byte: u64, sig_hash: &Sha256Hex) -> Source {
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
    let row = if byte == 0 { row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&row) } else { &row };
    let mut parser = Parser::default();
    let same = parser.parse(row).is_ok_and(|doc| Sha256Hex(doc.hash()) == *sig_hash);
    if same { Source::There(path, String::from_utf8_lossy(row).into_owned()) } else { Source::Changed(path) }
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
