//! What is durable: outputs, receipts, cursors. Speaks bytes and lengths, never records.

pub mod around;
pub mod behind;
pub mod commit;
pub mod cursors;
pub mod disk;
pub mod error;
pub mod lock;
pub mod prepared;
pub mod receipts;
pub mod recover;
mod rewrite;
pub mod swap;
mod syncs;

pub use commit::{Append, Commit, Piece, Replace, Store};
pub use error::StoreError;
pub use prepared::Prepared;
