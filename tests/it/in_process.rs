//! One `run --once` inside the test's own process, on a disk of the test's choice.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use distilld::domain::rules::Rules;
use distilld::domain::schema::checked::{GitSha, SchemaVersion};
use distilld::domain::schema::receipt::{Receipt, ReceiptKind, RecordCounts};
use distilld::domain::schema::scalars::{EventTime, Sha256Hex};
use distilld::pipeline::streams::StreamSet;
use distilld::pipeline::{Plan, Shared, Tuning};
use distilld::store::Store;
use distilld::store::disk::Disk;

/// How a run cuts its input.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub batch_bytes_max: u64,
    pub batch_rows_max: u64,
    pub workers: usize,
}

/// Distils what is in `kb`, as `run --once` does.
pub fn run_once(disk: Box<dyn Disk>, kb: &Path, output: &Path, state: &Path, cut: Cut) -> Result<(), String> {
    let rules = Rules::default();
    let streams = StreamSet::new(kb, &rules, &[]);
    let receipt = receipt(&rules);
    disk.make_dir(&output.join("receipts")).unwrap();
    let recovered =
        Store::recover(disk, output, state, &streams.output_files()).map_err(|e| e.to_string())?;
    let mut store = recovered.store;
    store.ensure_genesis(receipt.clone()).map_err(|e| e.to_string())?;
    if !recovered.lost_exports.is_empty() {
        return Err(format!("lost exports after a clean end: {:?}", recovered.lost_exports));
    }
    let shared = Shared::new(Tuning {
        batch_bytes_max: cut.batch_bytes_max,
        batch_rows_max: cut.batch_rows_max,
        poll_min: Duration::from_millis(1),
        poll_max: Duration::from_millis(1),
        rotated_wait: Duration::ZERO,
        export_refresh: Duration::ZERO,
        export_lag_max: 64 << 20,
        archive_rotated: false,
    });
    let plan = Plan {
        store,
        streams: &streams,
        rules: &rules,
        state_dir: state.to_owned(),
        receipt,
        workers: cut.workers,
        earlier: BTreeMap::new(),
        once: true,
        shared,
        settled: None,
        reload: Box::new(|| None),
        on_ready: Box::new(|_| ()),
    };
    distilld::pipeline::run(plan).map(drop).map_err(|e| e.to_string())
}

/// A receipt such as all of a run are made from.
pub fn receipt(rules: &Rules) -> Receipt {
    Receipt {
        schema_version: SchemaVersion,
        seq: 0,
        prev_sha256: Sha256Hex([0; 32]),
        command: "run --once".to_owned(),
        kind: ReceiptKind::Batch,
        git_sha: GitSha::default(),
        git_dirty: false,
        rules_version: rules.rules_version(),
        scorer_version: rules.scorer_version(),
        config_sha256: Sha256Hex::of(b""),
        input_files: Vec::new(),
        output_files: Vec::new(),
        record_counts: RecordCounts::default(),
        validation_pass: true,
        errors: Vec::new(),
        warnings: Vec::new(),
        duration_ms: 0,
        started_at: EventTime::EPOCH,
        ended_at: EventTime::EPOCH,
        gaps: Vec::new(),
        export_cursors: BTreeMap::new(),
        replaces_head: None,
        state: None,
        check: None,
    }
}
