//! distilld distils the JSONL streams that LLM agents leave behind: every row becomes scored, traceable evidence, exactly
//! once, and what is accepted becomes training and retrieval data. ARCHITECTURE.md is the map; the modules stand here
//! in reading order.

pub mod cli;
pub mod corpus;
pub mod domain;
pub mod edge;
pub mod intake;
pub mod pipeline;
pub mod store;
