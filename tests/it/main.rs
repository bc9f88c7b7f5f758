//! distilld from outside: the real binary on real files, and the laws of the house.

mod support;

mod bad_rows;
mod batches;
mod cli;
mod crash;
mod golden;
mod laws;
mod live;
mod service;
mod state;
