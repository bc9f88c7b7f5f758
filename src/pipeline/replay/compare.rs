//! Equal rules give equal bytes: the promise-2 files of a replay begin with those of the live output.

use super::ReplayError;
use crate::domain::schema::receipt::RecordCounts;
use crate::pipeline::outputs::{Outputs, RESCORED};

/// Small enough that both blocks stay in a core's cache.
const BLOCK_BYTES: u64 = 256 << 10;

/// The folders of promise 2.
const FOLDERS: [&str; 4] = ["evidence", "scored-runs", "quarantine", "scratchpads"];

/// Holds the files of these streams to the live ones, up to what is committed there; gives how many there were.
pub fn check_bytes(live: &Outputs, replayed: &Outputs, streams: &[&str]) -> Result<usize, ReplayError> {
    let (mut compared, mut ours, mut theirs) = (0, Vec::new(), Vec::new());
    for (path, committed) in live.state.outputs.iter().filter(|(path, _)| path.as_str() != RESCORED) {
        let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
        let stream = name.and_then(|name| name.strip_suffix(".jsonl"));
        if !stream.is_some_and(|stream| streams.contains(&stream)) {
            continue;
        }
        compared += 1;
        for from in (0..committed.len).step_by(BLOCK_BYTES as usize) {
            let to = (from + BLOCK_BYTES).min(committed.len);
            live.read_over(path, from, to, &mut ours)?;
            replayed.read_over(path, from, to, &mut theirs)?;
            let differs =
                |at: usize, why| Err(ReplayError::Differs { path: path.clone(), at: from + at as u64, why });
            // Whole blocks are compared as fast as they are read; where they differ is looked for only when they do.
            if ours == theirs && ours.len() as u64 == to - from {
                continue;
            }
            if let Some(at) = ours.iter().zip(&theirs).position(|(a, b)| a != b) {
                return differs(at, "other bytes");
            }
            if (ours.len() as u64) < to - from {
                return differs(ours.len(), "the live file is shorter than its receipts say");
            }
            if theirs.len() < ours.len() {
                return differs(theirs.len(), "the replay ends there");
            }
        }
    }
    Ok(compared)
}

/// Holds the counts of these streams to those of the live output: there may be more rows since, but not fewer. Under
/// `equal_rules` that goes for what became of them too.
pub fn check_counts(
    live: &Outputs,
    replayed: &Outputs,
    streams: &[&str],
    equal_rules: bool,
) -> Result<(), ReplayError> {
    for (name, stream) in live.state.streams.iter().filter(|(name, _)| streams.contains(&name.as_str())) {
        let ours = stream.counts;
        let theirs =
            replayed.state.streams.get(name).map_or_else(RecordCounts::default, |stream| stream.counts);
        let figures = [
            ("rows", ours.rows_in, theirs.rows_in),
            ("pieces of evidence", ours.evidence, theirs.evidence),
            ("quarantined rows", ours.quarantined, theirs.quarantined),
            ("duplicates", ours.duplicate, theirs.duplicate),
            ("blank rows", ours.blank, theirs.blank),
        ];
        let held = if equal_rules { figures.len() } else { 1 };
        if let Some((what, live, replayed)) =
            figures.into_iter().take(held).find(|(_, live, replayed)| replayed < live)
        {
            return Err(ReplayError::Fewer { stream: name.clone(), what, replayed, live });
        }
    }
    Ok(())
}
