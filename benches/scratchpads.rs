//! How well scratchpads are read, by field, over the labelled texts; and how fast.
//!
//! `cargo bench --bench scratchpads`: precision and recall of the texts that the grammar was written with and of those held
//! out, what was missed in the former, and the time a megabyte takes. `-- --held-out` names what was missed in the latter
//! too: look only when the grammar is done, and say so.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench is no interface"
)]

#[path = "../tests/it/scratchpads/labels.rs"]
mod labels;

use std::hint::black_box;
use std::time::Instant;

use distilld::domain::scratchpad::summarise;
use labels::{FIELDS, labelled, measure};

const ROUNDS: usize = 9;

fn main() {
    let show_held_out = std::env::args().any(|argument| argument == "--held-out");
    let texts = labelled();
    for (title, held_out) in [("written with", false), ("held out", true)] {
        let part: Vec<_> = texts.iter().filter(|text| text.is_held_out() == held_out).collect();
        let (by_field, misses) = measure(part.iter().copied());
        println!("{title}: {} texts", part.len());
        println!(
            "  {:22} {:>9} {:>9} {:>8} {:>8} {:>8}",
            "field", "precision", "recall", "right", "read", "labelled"
        );
        for field in FIELDS {
            let found = by_field[field];
            println!(
                "  {field:22} {:>9.3} {:>9.3} {:>8} {:>8} {:>8}",
                found.precision(),
                found.recall(),
                found.right,
                found.read,
                found.labelled
            );
        }
        if held_out && !show_held_out {
            println!("  {} items are not as labelled (`-- --held-out` names them)", misses.len());
            continue;
        }
        for miss in misses {
            println!("  {} {} {}: {:?}", miss.sign, miss.name, miss.field, miss.item);
        }
    }
    speed("labelled texts", &texts.iter().map(|text| text.text.clone()).collect::<Vec<_>>());
    speed(
        "prose, long lines",
        &["Nothing bounds this channel. Under load the queue is the memory leak. ".repeat(900)],
    );
    speed("short steps", &["- [x] a\n- [ ] b\nTests: ok\n".repeat(2000)]);
    speed("dots and slashes", &["a.b/c.d ".repeat(8000)]);
}

fn speed(what: &str, texts: &[String]) {
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let repeats = (8 << 20) / bytes.max(1) + 1;
            let started = Instant::now();
            for _ in 0..repeats {
                texts.iter().for_each(|text| drop(black_box(summarise(black_box(text)))));
            }
            (bytes * repeats) as f64 / started.elapsed().as_secs_f64() / 1e6
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!("{what}: {:.0} MB/s", rates[ROUNDS / 2]);
}
