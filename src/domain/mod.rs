//! What the data means. Pure: values in, values out; no file, clock, environment, thread or hash order.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod schema;

pub mod canonical;
pub mod checkpoint;
pub mod distil;
pub mod exports;
pub mod link;
pub mod merkle;
pub mod note;
pub mod probe;
pub mod proof;
pub mod reject;
pub mod render;
pub mod review_queue;
pub mod row;
pub mod rules;
pub mod score;
pub mod scratchpad;
mod sha256;
pub mod signal;
pub mod skim;
pub mod snapshot;
pub mod streams;
pub mod views;
