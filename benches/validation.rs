//! What it costs to validate every record when it is made, as a share of distilling its row.
//!
//! `cargo bench --bench validation`: rows of a generated corpus are distilled (parse, hash, read, check, render), and the records
//! they became are held to the rules of their shape alone; medians of several rounds over the same rows.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench is no interface")]

use std::hint::black_box;
use std::time::Instant;

use distilld::domain::distil::{Distiller, Lines, Place, StreamContext};
use distilld::domain::row::Warnings;
use distilld::domain::rules::Rules;
use distilld::domain::schema::record::EvidenceRecord;
use distilld::domain::streams::{STREAMS, source_file};

const ROUNDS: usize = 9;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let kb = dir.path().join("kb");
    distilld::corpus::generate(5, 20_000, &kb).unwrap();
    let rules = Rules::default();
    let mut distiller = Distiller::new(&rules);
    let (mut distil_ns, mut check_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut distilling, mut checking, mut rows) = (0, 0, 0_u128);
        for stream in STREAMS {
            let Ok(text) = std::fs::read(kb.join(format!("{}.jsonl", stream.name()))) else { continue };
            let name = source_file(stream.name());
            let context = StreamContext { stream, source_file: &name, settings: None };
            let (mut lines, mut warnings) = (Lines::default(), Warnings::new());
            let started = Instant::now();
            for (number, row) in text.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()).enumerate() {
                let place = Place { generation: 0, line_offset: number as u64, byte_offset: 1 };
                let made = distiller.row(context, place, row, None, false, &mut lines, &mut warnings);
                black_box(made.unwrap());
                rows += 1;
            }
            distilling += started.elapsed().as_nanos();
            let records: Vec<EvidenceRecord<'_>> =
                lines.evidence.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let started = Instant::now();
            for record in &records {
                black_box(black_box(record).check()).unwrap();
            }
            checking += started.elapsed().as_nanos();
        }
        distil_ns.push(distilling / rows);
        check_ns.push(checking / rows);
    }
    let median = |mut times: Vec<u128>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap()
    };
    let (distil, check) = (median(distil_ns), median(check_ns));
    println!(
        "distilling a row: {distil} ns; of these checking its record: {check} ns ({:.1} %)",
        check as f64 * 100.0 / distil as f64
    );
}
