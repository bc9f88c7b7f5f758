//! How long a start takes with so many receipts and so many known rows: until READY, and until `status` answers.
//!
//! The rows (`DISTILLD_SCALE_ROWS`, 10⁷, a run each) are distilled by `run --once`; they take about 1 KB of disk each. The receipts
//! (`DISTILLD_SCALE_RECEIPTS`, 10⁶, about 1.3 KB each) are committed by the store itself, which hashes, chains and seals
//! as ever, on a disk that leaves out the syncs: each takes in an empty range of a stream.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use distilld::domain::schema::receipt::{InputRange, Receipt, ReceiptKind, RecordCounts};
use distilld::domain::schema::scalars::Sha256Hex;
use distilld::store::around::Around;
use distilld::store::disk::{Disk, RealDisk};
use distilld::store::{Commit, Store, StoreError};

use crate::support::{Daemon, Report, distilld, median, status_figure, timed};
use crate::{note, setting};

const ROUNDS: usize = 5;

pub(super) fn measure(scratch: &Path, report: &mut Report) {
    let rows = setting("DISTILLD_SCALE_ROWS", 10_000_000, 20_000);
    let receipts = setting("DISTILLD_SCALE_RECEIPTS", 1_000_000, 20_000);
    let empty = scratch.join("empty");
    fs::create_dir_all(empty.join("kb")).expect("a folder");
    timed(distilld(&empty, &empty.join("kb")).args(["run", "--once"]));
    let nothing = starts(&empty);

    note(&format!("distilling {rows} rows"));
    write_rows(&scratch.join("kb"), rows);
    let made = timed(distilld(scratch, &scratch.join("kb")).args(["run", "--once"]));
    report.tell(
        format!("`run --once` of {rows} rows"),
        format!("{:.1} s, {} MiB at the peak", made.seconds, made.peak_rss_kib >> 10),
    );
    let many_rows = starts(scratch);
    note(&format!("committing {receipts} receipts"));
    let started = Instant::now();
    write_receipts(scratch, receipts);
    note(&format!("in {:.1} s", started.elapsed().as_secs_f64()));
    let many_receipts = starts(scratch);

    report.tell("start with nothing", nothing.to_string());
    report.hold(
        format!("start with {rows} rows"),
        many_rows.to_string(),
        "READY ≤ 2 s",
        many_rows.ready_s <= 2.0,
    );
    report.hold(
        format!("start with {rows} rows and {receipts} receipts"),
        many_receipts.to_string(),
        "READY ≤ 2 s",
        many_receipts.ready_s <= 2.0,
    );
    let of_a_row = (many_receipts.rss_kib.saturating_sub(nothing.rss_kib) * 1024) as f64 / rows as f64;
    report.hold("memory of a known row", format!("{of_a_row:.0} B"), "≤ 100 B", of_a_row <= 100.0);
}

/// Rows without a text, each a run of its own.
fn write_rows(kb: &Path, rows: u64) {
    fs::create_dir_all(kb).expect("a folder");
    let mut file = BufWriter::new(fs::File::create(kb.join("outcomes.jsonl")).expect("a stream"));
    for row in 0..rows {
        let (day, second) = (1 + row / 86_400 % 28, row % 86_400);
        let time =
            format!("2026-01-{day:02}T{:02}:{:02}:{:02}.000Z", second / 3600, second / 60 % 60, second % 60);
        writeln!(
            file,
            "{{\"run_id\":\"run-{row:08}\",\"created_at\":\"{time}\",\"total_events\":1,\"ok_events\":1}}"
        )
        .expect("space");
    }
    file.flush().expect("space");
}

/// A disk that does everything but sync: what is made here is read by the kernel that wrote it.
#[derive(Debug, Default)]
struct Unsynced(RealDisk);

impl Around for Unsynced {
    fn beneath(&self) -> &dyn Disk {
        &self.0
    }

    fn sync(&self, _path: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> Result<(), StoreError> {
        Ok(())
    }
}

fn write_receipts(scratch: &Path, receipts: u64) {
    let disk = Box::new(Unsynced::default());
    let recovered = Store::recover(disk, &scratch.join("out"), &scratch.join("state"), &[]);
    let mut store = recovered.expect("the output is whole").store;
    let (stream, like) = (
        store.state().streams.get("outcomes").expect("its rows are committed").clone(),
        store.last_receipt().expect("there are receipts").clone(),
    );
    let input = InputRange {
        path: stream.path,
        stream: "outcomes".to_owned(),
        generation: stream.generation,
        identity: stream.identity,
        from: stream.offset,
        to: stream.offset,
        rows: 0,
        sha256: Sha256Hex::of(b""),
        anchor: stream.anchor,
        evidence: 0,
        quarantined: 0,
        duplicate: 0,
        blank: 0,
        last_timestamp: stream.last_timestamp,
    };
    for number in 1..=receipts {
        // The last one says that the views are fresh, so that a start has nothing to do.
        let kind = if number == receipts { ReceiptKind::View } else { ReceiptKind::Batch };
        let receipt = Receipt {
            kind,
            input_files: vec![input.clone()],
            output_files: Vec::new(),
            record_counts: RecordCounts::default(),
            warnings: Vec::new(),
            ..like.clone()
        };
        store.commit(&Commit { appends: Vec::new(), replaces: Vec::new(), receipt }).expect("a commit");
    }
    store.close();
}

/// Medians of some starts.
struct Starts {
    ready_s: f64,
    status_s: f64,
    rss_kib: u64,
}

impl std::fmt::Display for Starts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ready_s, status_s, rss_kib } = self;
        write!(f, "READY after {ready_s:.3} s, {} MiB; `status` answers in {status_s:.3} s", rss_kib >> 10)
    }
}

fn starts(scratch: &Path) -> Starts {
    let (mut ready, mut status, mut rss) = (Vec::new(), Vec::new(), Vec::new());
    let kb = scratch.join("kb");
    for _ in 0..ROUNDS {
        let path = scratch.join("notify");
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_mins(10))).expect("a timeout");
        let started = Instant::now();
        let mut command = distilld(scratch, &kb);
        command.arg("run").env("NOTIFY_SOCKET", &path).stderr(Stdio::null());
        let daemon = Daemon(command.spawn().expect("the binary"));
        let mut said = [0; 512];
        loop {
            let length = socket.recv(&mut said).expect("the daemon says that it is ready");
            if String::from_utf8_lossy(said.get(..length).unwrap_or_default()).contains("READY=1") {
                break;
            }
        }
        ready.push(started.elapsed().as_secs_f64());
        rss.push(status_figure(daemon.0.id(), "VmRSS:") as f64);
        status.push(timed(distilld(scratch, &kb).args(["status", "--json"])).seconds);
    }
    Starts { ready_s: median(&ready), status_s: median(&status), rss_kib: median(&rss) as u64 }
}
