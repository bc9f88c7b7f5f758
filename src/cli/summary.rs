//! What `distilld run --once` did, as a table or as JSON.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::table::{print, print_json, table, thousands};
use crate::domain::schema::receipt::{CommittedState, RecordCounts};
use crate::domain::score::Category;
use crate::pipeline::Shared;
use crate::store::Store;

/// What one pass did. Bytes are of input, MB are 10^6 bytes.
#[derive(Debug, serde::Serialize)]
pub(super) struct Summary {
    /// Rows in, and what became of them, by stream; streams with new rows only.
    streams: BTreeMap<String, RecordCounts>,
    /// The same over all streams.
    totals: RecordCounts,
    /// New evidence by category.
    categories: BTreeMap<&'static str, u64>,
    input_bytes: u64,
    seconds: f64,
    mb_per_second: f64,
    /// Whether it was stopped before it had read everything.
    interrupted: bool,
    /// Number of the last receipt.
    last_seq: u64,
}

impl Summary {
    pub(super) fn new(store: &Store, before: &CommittedState, shared: &Shared, took: Duration) -> Self {
        let after = store.state();
        let mut streams = BTreeMap::new();
        for (name, stream) in &after.streams {
            let old = before.streams.get(name).map_or_else(RecordCounts::default, |stream| stream.counts);
            let new = stream.counts.minus(&old);
            if new.rows_in > 0 {
                streams.insert(name.clone(), new);
            }
        }
        let category = |category: Category| {
            (
                category.name(),
                shared.categories.get(category as usize).map_or(0, |n| n.load(Ordering::Relaxed)),
            )
        };
        let input_bytes = shared.committed_bytes.load(Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        Self {
            streams,
            totals: after.totals.minus(&before.totals),
            categories: Category::ALL.into_iter().map(category).collect(),
            input_bytes,
            seconds,
            mb_per_second: input_bytes as f64 / 1e6 / seconds.max(f64::EPSILON),
            interrupted: shared.interrupted.load(Ordering::Relaxed),
            last_seq: store.next_seq().saturating_sub(1),
        }
    }

    pub(super) fn print(&self, json: bool) {
        if json {
            return print_json(self);
        }
        if self.interrupted {
            print("stopped before the end; the rest is for the next run");
        }
        if self.totals.rows_in == 0 && self.totals.exported == 0 && !self.interrupted {
            return print("nothing new: every row was distilled before");
        }
        let mut table = table(&["stream", "rows in", "evidence", "quarantined", "duplicate", "blank"]);
        let row = |name: &str, counts: &RecordCounts| {
            let numbers =
                [counts.rows_in, counts.evidence, counts.quarantined, counts.duplicate, counts.blank];
            std::iter::once(name.to_owned()).chain(numbers.map(thousands)).collect::<Vec<_>>()
        };
        for (name, counts) in &self.streams {
            table.add_row(row(name, counts));
        }
        table.add_row(row("total", &self.totals));
        print(table);
        let categories: Vec<_> =
            self.categories.iter().map(|(name, count)| format!("{name} {}", thousands(*count))).collect();
        print(format_args!("by category: {}", categories.join(", ")));
        print(format_args!(
            "{} samples added; {} of input in {:.2} s, {:.1} MB/s; last receipt {}",
            thousands(self.totals.exported),
            bytesize::ByteSize(self.input_bytes),
            self.seconds,
            self.mb_per_second,
            self.last_seq
        ));
    }
}
