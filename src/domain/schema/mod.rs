//! The published shapes and the checked scalars they are made of.

pub mod checked;
pub mod codes;
pub mod cross;
pub mod drift;
mod express;
pub mod model_ledger;
pub mod playbook;
pub mod provenance;
pub mod published;
pub mod quarantine;
pub mod receipt;
pub mod record;
pub mod retraction;
pub mod samples;
pub mod scalars;
pub mod scored_run;
pub mod scratchpad;
pub mod strict;
pub mod typescript;

/// The version of every shape distilld writes.
pub const SCHEMA_VERSION: u32 = 1;
