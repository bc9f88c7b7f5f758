//! The derived views of what is committed: what they remember of the rows, and the files that hold them.
//!
//! ```text
//! outlines of new rows ─▶ facts ─▶ ledger, playbooks, drift ─▶ rewrite ─▶ prepared files ─▶ the committer
//! (or read from lines)    64 B a row      what changed         lines that stay are copied
//! ```

mod direct;
mod files;
mod hashing;
mod prepare;
mod queue;
mod read;
mod read_back;
mod receipted;
mod render;
mod rewrite;
mod run_file;
mod state;

use crate::domain::schema::published::Refusal;
use crate::store::StoreError;

pub use files::VIEW_PATHS;
pub use read::{Fresh, committed_facts};
pub use read_back::ReadBack;
pub(super) use state::died;
pub use state::{AskSpecial, Made, Views};

/// Why there are no views.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The outputs cannot be read, or a file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item is not of its published shape: a fault of ours.
    #[error("an item of {view} is refused at {path:?}: {reason}; nothing was written")]
    Refused {
        /// The view.
        view: &'static str,
        /// Where in the item.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file of a view is not what was committed.
    #[error("{0} was changed by somebody else; it is made anew")]
    Changed(String),
}

impl ViewError {
    fn refused(view: &'static str, refusal: Refusal) -> Self {
        Self::Refused { view, path: refusal.path, reason: refusal.reason }
    }
}
