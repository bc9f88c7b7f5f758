//! Whether rows cost the same at the end as at the beginning, and in one stream as in 23.
//!
//! `DISTILLD_SCALE_MIB` (2048; 10240 for 10 GiB) is distilled by `run --once`, and the receipts tell how fast the first and the
//! last tenth of the rows went. `DISTILLD_SCALE_SPREAD_MIB` (256) of like rows are distilled as one stream and as 23, by turns.
//! Output takes two to three times as much disk as input.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::support::{Report, Took, clear, corpus, distilld, median, timed};
use crate::{note, setting};

const STREAMS: usize = 23;
const ROUNDS: usize = 3;

pub(super) fn measure(scratch: &Path, report: &mut Report) {
    let wanted = setting("DISTILLD_SCALE_MIB", 2048, 16) << 20;
    let kb = scratch.join("in/kb");
    let bytes = corpus(42, &kb, wanted);
    note(&format!("distilling {} MiB", bytes >> 20));
    let took = timed(distilld(scratch, &kb).args(["run", "--once", "--json"]));
    tell_tenths(&scratch.join("out"), bytes, &took, report);
    clear(scratch);
    let _ = fs::remove_dir_all(scratch.join("in"));

    let bytes = setting("DISTILLD_SCALE_SPREAD_MIB", 256, 8) << 20;
    let (one, many) = (scratch.join("one"), scratch.join("many"));
    spread(&one, bytes, 1);
    spread(&many, bytes, STREAMS);
    let mut seconds = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (place, seconds) in [&one, &many].into_iter().zip(&mut seconds) {
            clear(place);
            let took = timed(distilld(place, &place.join("kb")).args(["run", "--once", "--json"]));
            if round > 0 {
                seconds.push(took.seconds);
            }
        }
    }
    let [one, many] = seconds.map(|seconds| median(&seconds));
    let (what, ratio) = (format!("{} MiB as {STREAMS} streams / as one, time", bytes >> 20), many / one);
    report.hold(what, format!("{many:.2} / {one:.2} s = {ratio:.2}"), "≤ 1.1", ratio <= 1.1);
}

/// How fast the rows of the first and of the last tenth were committed.
fn tell_tenths(output: &Path, bytes: u64, took: &Took, report: &mut Report) {
    let mut files: Vec<_> = fs::read_dir(output.join("receipts"))
        .expect("there are receipts")
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("receipts"))
        .collect();
    // The seq of its first receipt orders a file.
    let seq = |line: &str| {
        serde_json::from_str::<Value>(line).ok().and_then(|receipt| receipt.get("seq")?.as_u64())
    };
    files.sort_by_key(|text| text.lines().next().and_then(seq));
    let millis = |time: &str| time.parse::<jiff::Timestamp>().expect("a time").as_millisecond() as f64;
    let (mut rows, mut read) = (0_u64, 0_u64);
    // Rows, bytes of input and the wall clock after each commit that took in any.
    let mut marks: Vec<(u64, u64, f64)> = Vec::new();
    for line in files.iter().flat_map(|text| text.lines()) {
        let receipt: Value = serde_json::from_str(line).expect("a receipt");
        let text = |name: &str| receipt.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let taken = receipt.pointer("/record_counts/in").and_then(Value::as_u64).unwrap_or(0);
        if marks.is_empty() {
            marks.push((0, 0, millis(&text("ended_at"))));
        }
        if taken > 0 {
            rows += taken;
            read += input_bytes(&receipt);
            marks.push((rows, read, millis(&text("ended_at"))));
        }
    }
    let speed = |from: u64, to: u64| {
        let first = marks.iter().rev().find(|(rows, ..)| *rows <= from).copied().unwrap_or_default();
        let last = marks.iter().find(|(rows, ..)| *rows >= to).copied().unwrap_or_default();
        let seconds = (last.2 - first.2).max(1.0) / 1e3;
        ((last.0 - first.0) as f64 / seconds, (last.1 - first.1) as f64 / 1e6 / seconds)
    };
    let ((first, first_mb), (last, last_mb)) = (speed(0, rows / 10), speed(rows - rows / 10, rows));
    report.tell(
        format!("`run --once` of {} MiB, {rows} rows", bytes >> 20),
        format!(
            "{:.1} s, {:.1} s of CPU, {} MiB at the peak",
            took.seconds,
            took.cpu_seconds,
            took.peak_rss_kib >> 10
        ),
    );
    let ratio = last / first;
    report.hold(
        "rows/s, last tenth / first",
        format!("{last:.0} / {first:.0} = {ratio:.2}"),
        "≥ 0.9",
        ratio >= 0.9,
    );
    // Streams of short rows come to their end first, so that what is read last are fewer and longer rows, with more scored anew.
    let found = format!("{last_mb:.0} / {first_mb:.0} = {:.2}", last_mb / first_mb);
    report.tell("MB/s of input, last tenth / first", found);
}

fn input_bytes(receipt: &Value) -> u64 {
    let inputs = receipt.get("input_files").and_then(Value::as_array).into_iter().flatten();
    let at = |input: &Value, name: &str| input.get(name).and_then(Value::as_u64).unwrap_or(0);
    inputs.map(|input| at(input, "to") - at(input, "from")).sum()
}

/// Rows of about 1.3 KB, in so many files that are streams of their own.
fn spread(place: &Path, bytes: u64, streams: usize) {
    fs::create_dir_all(place.join("kb")).expect("a folder");
    let words =
        "the cache key leaves out the model so an answer of the small one is served for the large one; ";
    let text = words.repeat(90);
    let (mut config, mut number) = (String::new(), 0_u64);
    for stream in 0..streams {
        let path = place.join(format!("kb/evals_{stream}.jsonl"));
        let mut file = BufWriter::new(fs::File::create(&path).expect("a stream"));
        let mut written = 0;
        while written < bytes / streams as u64 {
            let length = match number % 10 {
                0..6 => 150,
                6..9 => 1250,
                _ => 5750,
            };
            let answer = text.get(..length).unwrap_or_default();
            let (minute, second) = (number / 60 % 60, number % 60);
            let row = format!(
                "{{\"run\":\"run-{number}\",\"at\":\"2026-01-01T00:{minute:02}:{second:02}.000Z\",\"model\":\"qwen3-coder:480b\",\"answer\":\"{number}: {answer}\"}}\n"
            );
            file.write_all(row.as_bytes()).expect("space");
            written += row.len() as u64;
            number += 1;
        }
        file.flush().expect("space");
        let _ = write!(
            config,
            "[stream.evals_{stream}]\npath = \"{}\"\ntime = \"/at\"\nrun_id = \"/run\"\nmodel = \"/model\"\ntext = \"/answer\"\n",
            path.display()
        );
    }
    fs::write(place.join("config.toml"), config).expect("the config");
}
