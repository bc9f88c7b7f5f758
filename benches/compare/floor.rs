//! The floor that the others are held to: read, split, hash what comes in, parse, write a record, hash what goes out, on so
//! many threads, and nothing else: no order, no validation, no receipts, no sync.
//!
//! `floor IN OUT THREADS`. Each thread writes a file of its own, `OUT.0` and so on.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot measure has nothing better to do than to say so"
)]

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What is read at a time, and a little more: up to the end of a row.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    run_id: Cow<'a, str>,
    #[serde(borrow)]
    ts: Cow<'a, str>,
    #[serde(borrow)]
    task_class: Cow<'a, str>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    file_path: Cow<'a, str>,
    latency_ms: u64,
    #[serde(borrow)]
    response: Cow<'a, str>,
    grounding_pct: Option<f64>,
}

#[derive(Serialize)]
struct Record<'a> {
    run_id: &'a str,
    ts: &'a str,
    task_type: &'a str,
    mode: &'a str,
    model: &'a str,
    file: &'a str,
    latency_ms: u64,
    text: &'a str,
    category: &'static str,
}

/// The input, and the beginning of a row that the next chunk ends.
struct Source {
    file: File,
    rest: Vec<u8>,
}

impl Source {
    /// Whole rows; none at the end.
    fn next(&mut self, chunk: &mut Vec<u8>) {
        chunk.clear();
        chunk.append(&mut self.rest);
        while (&mut self.file).take(CHUNK_BYTES as u64).read_to_end(chunk).expect("bytes") > 0 {
            if let Some(end) = memchr::memrchr(b'\n', chunk) {
                self.rest.extend(chunk.drain(end + 1..));
                break;
            }
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().expect("the input");
    let output = arguments.next().expect("the output");
    let threads: usize = arguments.next().and_then(|text| text.parse().ok()).expect("how many threads");
    let source = Mutex::new(Source { file: File::open(input).expect("an input"), rest: Vec::new() });
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (source, path) = (&source, format!("{output}.{number}"));
            scope.spawn(move || work(source, File::create(path).expect("an output")));
        }
    });
}

fn work(source: &Mutex<Source>, mut output: File) {
    let (mut chunk, mut records) = (Vec::new(), Vec::new());
    loop {
        source.lock().expect("nobody panicked").next(&mut chunk);
        if chunk.is_empty() {
            return;
        }
        std::hint::black_box(Sha256::digest(&chunk));
        records.clear();
        for line in chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Row<'_> = serde_json::from_slice(line).expect("a row");
            let is_grounded = row.grounding_pct.is_some_and(|percent| percent >= 80.0);
            let record = Record {
                run_id: &row.run_id,
                ts: &row.ts,
                task_type: &row.task_class,
                mode: &row.mode,
                model: &row.model,
                file: &row.file_path,
                latency_ms: row.latency_ms,
                text: &row.response,
                category: if is_grounded { "grounded" } else { "review" },
            };
            serde_json::to_writer(&mut records, &record).expect("memory");
            records.push(b'\n');
        }
        std::hint::black_box(Sha256::digest(&records));
        output.write_all(&records).expect("space");
    }
}
