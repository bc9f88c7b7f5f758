//! The caches in `state/` over a swap: those of the old output go, and the known rows of the new one come.

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::cursors::CursorCache;
use crate::store::disk::{Disk, RealDisk};

const ROWS: &str = "rows";

/// The known rows of the new output, under a name that nobody looks for until the output has taken its place.
pub(super) struct Aside {
    aside: PathBuf,
    place: PathBuf,
}

/// Removes the caches that know the old output's commits; both outputs do without them. Reading all rows again is what makes a start
/// or an `explain` slow, so those of the new output are laid aside, from the work folder that goes with the swap.
pub(super) fn exchange(state: &Path, new_state: &Path) -> Result<Aside, StoreError> {
    CursorCache::forget(state)?;
    let place = state.join(ROWS);
    RealDisk::default().remove(&place)?;
    let aside = state.join("rows.replayed");
    // From one file system to another there is no renaming; then they are read again.
    let _ = fs::rename(new_state.join(ROWS), &aside);
    Ok(Aside { aside, place })
}

impl Aside {
    /// Puts them in their place, once the output is.
    pub(super) fn put_in_place(self) {
        let _ = fs::rename(self.aside, self.place);
    }
}
