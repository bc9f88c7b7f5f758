//! A file written anew with ranges of the old one: while one thread copies, both are hashed beside it.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::disk::Disk;
use super::{Replace, StoreError};
use crate::domain::schema::scalars::Sha256Hex;

/// So much is read at a time: most files are a few of them, and memory that is touched first costs more than to copy it.
const BLOCK_BYTES: usize = 256 << 10;

/// A file that was written anew.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// Its length in bytes.
    pub(super) len: u64,
    /// SHA-256 of it.
    pub(super) sha256: Sha256Hex,
    /// SHA-256 of the old file.
    pub(super) replaces: Sha256Hex,
}

/// Writes and syncs the new file beside the old one.
pub(super) fn rewrite(
    disk: &dyn Disk,
    old: &Path,
    new: &Path,
    replace: &Replace,
) -> Result<Rewritten, StoreError> {
    let old_len = disk.len(old)?.unwrap_or(0);
    // What both begin with is hashed once.
    let common = replace.keep.first().filter(|(from, _)| *from == 0).map_or(0, |(_, to)| (*to).min(old_len));
    std::thread::scope(|scope| {
        let hashes = scope.spawn(move || {
            let mut hash = Sha256::new();
            each_block(disk, old, 0, common, |block| hash.update(block))?;
            let mut old_hash = hash.clone();
            let of_old = scope.spawn(move || {
                each_block(disk, old, common, old_len, |block| old_hash.update(block)).map(|()| old_hash)
            });
            for (from, to) in &replace.keep {
                each_block(disk, old, (*from).max(common), *to, |block| hash.update(block))?;
            }
            hash.update(&replace.then);
            let digest = |hash: Sha256| Sha256Hex(hash.finalize().into());
            Ok((digest(hash), digest(of_old.join().unwrap_or_else(|_| Err(died()))?)))
        });
        let mut at = 0;
        for (from, to) in &replace.keep {
            let mut written = Ok(());
            each_block(disk, old, *from, *to, |block| {
                if written.is_ok() {
                    written = disk.write(new, at, block);
                    at += block.len() as u64;
                }
            })?;
            written?;
        }
        disk.write(new, at, &replace.then)?;
        disk.sync(new)?;
        let (sha256, replaces) = hashes.join().unwrap_or_else(|_| Err(died()))?;
        Ok(Rewritten { len: at + replace.then.len() as u64, sha256, replaces })
    })
}

fn died() -> StoreError {
    StoreError::CheckFailed("a hashing thread panicked".to_owned())
}

/// Reads `[from, to)` of a file in blocks.
fn each_block(
    disk: &dyn Disk,
    path: &Path,
    from: u64,
    to: u64,
    mut take: impl FnMut(&[u8]),
) -> Result<(), StoreError> {
    let mut block = Vec::new();
    for at in (from..to).step_by(BLOCK_BYTES) {
        disk.read_over(path, at, (at + BLOCK_BYTES as u64).min(to), &mut block)?;
        take(&block);
    }
    Ok(())
}
