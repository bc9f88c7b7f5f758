//! One file a family of streams: each function adds the members of one row, in its producer's order.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod distilled;
pub(crate) mod docs;
pub(crate) mod human;
pub(crate) mod observer;
mod prose;
pub(crate) mod review;
pub(crate) mod run;
