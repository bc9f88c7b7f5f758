//! Copies of finished generations, so that a replay or a check can read rows whose file is gone.
//!
//! ```text
//!   committer ── a generation ended, all of it committed ──▶ keeper (a thread of its own)
//!                                                              │ source → .new → held to the receipts → synced → renamed
//!   replay, verify, repair, explain ◀── copies, by content ────┘
//! ```
//!
//! A copy has no receipt, because it needs none: the receipts of the rows have the hash of every range of it, and whether
//! there is a copy is no promise. What does not have those hashes is no copy, whatever it is called.

pub mod check;
pub mod copies;
mod hold;
pub(super) mod keeper;
pub mod lost;
mod making;

pub use hold::{Held, Range, hold};
pub use keeper::{Ended, Word};
