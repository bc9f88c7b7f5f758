//! What a replay does without only when it is told to: generations whose files are gone, streams that left the config.

use crate::cli::{Exit, Failure};
use crate::domain::schema::receipt::CommittedState;
use crate::pipeline::replay::sources::Generation;
use crate::pipeline::streams::StreamSet;

/// A generation, for people.
pub(super) fn describe(generation: &Generation) -> String {
    let Generation { stream, generation, path, to, .. } = generation;
    format!("generation {generation} of {stream} ({to} bytes, last known as {path})")
}

/// Streams that have rows in an output and are none of those that are configured.
pub(super) fn unnamed(committed: &CommittedState, streams: &StreamSet) -> Vec<String> {
    let known = streams.names();
    let others = committed.streams.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let with_rows = others.filter(|(_, stream)| stream.counts.rows_in > 0);
    with_rows.map(|(name, stream)| format!("stream {name} ({} rows)", stream.counts.rows_in)).collect()
}

/// Refuses a replay that would lose the rows of such streams.
pub(super) fn refuse_unnamed(first: &str, others: usize) -> Failure {
    let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    let what = format!(
        "{first} is no longer in the config{more}; bring its section back, or give --without-missing to go on without its rows"
    );
    Failure::new(Exit::Refused, anyhow::anyhow!(what))
}

/// Refuses a replay that would lose the rows of generations.
pub(super) fn refuse_missing(first: &Generation, others: usize) -> Failure {
    let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    let what = format!(
        "{} is gone{more}; bring it back, or give --without-missing to go on without its rows",
        describe(first)
    );
    Failure::new(Exit::Refused, anyhow::anyhow!(what))
}
