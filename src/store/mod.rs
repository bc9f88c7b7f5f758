//! What is durable: outputs, receipts, cursors. Speaks bytes and lengths, never records.

pub mod append;
pub mod around;
mod before;
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

pub use append::{Append, Piece};
pub use commit::{Commit, Replace, Store};
pub use error::StoreError;
pub use prepared::Prepared;
