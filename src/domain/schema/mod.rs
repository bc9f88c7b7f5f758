//! The published shapes and the checked scalars they are made of.

pub mod checked;
pub mod cross;
mod express;
pub mod provenance;
pub mod published;
pub mod quarantine;
pub mod receipt;
pub mod record;
pub mod scalars;
pub mod scored_run;
pub mod strict;

/// The version of every shape distilld writes.
pub const SCHEMA_VERSION: u32 = 1;
