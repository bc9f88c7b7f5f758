//! The caches in the state folder when another output takes its place.

use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::cursors::CursorCache;
use crate::store::disk::{Disk, RealDisk};

/// The index of rows.
const INDEX: &str = "rows";
/// The name of the index of an output that is not in its place yet; nobody reads it under that.
const INDEX_TO_COME: &str = "rows.replayed";

/// The caches know the old output's commits; both outputs do without them.
pub(super) fn forget(state: &Path) -> Result<(), StoreError> {
    CursorCache::forget(state)?;
    [INDEX, INDEX_TO_COME].into_iter().try_for_each(|name| RealDisk::default().remove(&state.join(name)))
}

/// Brings the replay's index of rows beside where it is to be, so that the first to come need not read all evidence. Where that
/// cannot be done it is made anew then.
pub(super) fn bring_index(from: &Path, state: &Path) -> Option<PathBuf> {
    let beside = state.join(INDEX_TO_COME);
    std::fs::rename(from.join(INDEX), &beside).ok().map(|()| beside)
}

/// Puts it in its place. Not before the swap: of the same rows the old output may have counted other scores.
pub(super) fn put_index_in_place(index: &Path, state: &Path) {
    let _ = std::fs::rename(index, state.join(INDEX));
}
