//! distilld from outside: the real binary on real files, and the laws of the house.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::iter_over_hash_type,
    unreachable_pub,
    reason = "a test that cannot go on must fail, and say why"
)]

mod in_process;
mod support;

mod archive;
mod bad_rows;
mod batches;
mod cli;
mod crash;
mod explain;
mod forge;
mod golden;
mod judges;
mod laws;
mod live;
mod no_leak;
mod oracle;
mod override_;
mod probe;
mod proofs;
mod repair;
mod replay;
mod retraction;
mod rows;
mod samples_copy;
mod schemas;
mod scratchpads;
mod secrets;
mod service;
mod snapshot;
mod state;
mod verify;
mod views;
mod views_kept;
