//! Lines for the ends of outputs: several files at a time, and each synced while the next ones are written.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::StoreError;
use super::commit::Store;
use crate::domain::schema::receipt::OutputRange;
use crate::domain::schema::scalars::Sha256Hex;

/// How many files are written at a time, where they are more than so many bytes: these are written sooner than threads begin.
const WRITE_THREADS: usize = 4;
const ALONE_BYTES: usize = 1 << 20;

/// Lines to append, with their number and hash; one range entry of the receipt.
#[derive(Debug)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Lines in them.
    pub rows: u64,
    /// Their SHA-256, where it is known already; else the commit takes it.
    pub sha256: Option<Sha256Hex>,
}

/// Pieces for the end of one output.
#[derive(Debug)]
pub struct Append {
    /// The file, relative to the output folder.
    pub path: String,
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
}

impl Store {
    /// Appends to all files: each is synced while the next ones are written, and where there is much to write, several are
    /// written at a time.
    pub(super) fn append_all(&self, appends: &[Append]) -> Result<Vec<OutputRange>, StoreError> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut syncs = self.syncs.begin(appends.len());
            let mut written = Vec::new();
            while let Some(append) = appends.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ranges = self.append(append);
                let go_on = ranges.is_ok();
                written.push(ranges);
                if !go_on {
                    break;
                }
                syncs.file(self.output.join(&append.path));
            }
            written.push(syncs.wait().map(|()| Vec::new()));
            all_of(written)
        };
        let bytes: usize =
            appends.iter().flat_map(|append| &append.pieces).map(|piece| piece.bytes.len()).sum();
        let threads = if bytes > ALONE_BYTES { appends.len().min(WRITE_THREADS) } else { 1 };
        let mut ranges = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut written = vec![work()];
            written.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| died())));
            all_of(written)
        })?;
        ranges.sort_by(|a, b| (&a.path, a.from).cmp(&(&b.path, b.from)));
        Ok(ranges)
    }

    fn append(&self, append: &Append) -> Result<Vec<OutputRange>, StoreError> {
        let path = self.output.join(&append.path);
        let mut at = self.receipts.state.output_len(&append.path);
        if at == 0
            && let Some(dir) = path.parent()
        {
            self.disk.make_dir(dir)?;
        }
        let mut ranges = Vec::with_capacity(append.pieces.len());
        for (piece, sha256) in append.pieces.iter().zip(hashes(&append.pieces)) {
            if memchr::memchr_iter(b'\n', &piece.bytes).count() as u64 != piece.rows {
                return Err(StoreError::CheckFailed(format!(
                    "{} lines for {} are not there",
                    piece.rows, append.path
                )));
            }
            self.disk.write(&path, at, &piece.bytes)?;
            let to = at + piece.bytes.len() as u64;
            let path = append.path.clone();
            ranges.push(OutputRange { path, from: at, to, rows: piece.rows, sha256, replaces: None });
            at = to;
        }
        Ok(ranges)
    }
}

/// The hash of each piece; those that nobody took yet are taken together.
fn hashes(pieces: &[Piece]) -> Vec<Sha256Hex> {
    let unhashed = pieces.iter().filter(|piece| piece.sha256.is_none());
    let mut taken = Sha256Hex::of_all(&unhashed.map(|piece| &*piece.bytes).collect::<Vec<_>>()).into_iter();
    pieces.iter().filter_map(|piece| piece.sha256.or_else(|| taken.next())).collect()
}

/// All ranges, or what went wrong. A failed sync matters more than a full disk: only the latter may be tried again.
pub(super) fn all_of(
    written: impl IntoIterator<Item = Result<Vec<OutputRange>, StoreError>>,
) -> Result<Vec<OutputRange>, StoreError> {
    let (mut ranges, mut no_space) = (Vec::new(), None);
    for one in written {
        match one {
            Ok(more) => ranges.extend(more),
            Err(error @ StoreError::NoSpace { .. }) => no_space = no_space.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    no_space.map_or(Ok(ranges), Err)
}

pub(super) fn died() -> Result<Vec<OutputRange>, StoreError> {
    Err(StoreError::CheckFailed("a writing thread panicked".to_owned()))
}
