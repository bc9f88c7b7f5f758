//! What stays cheap however much there is, and how soon a row is durable: tables that a page of documentation takes.
//!
//! `cargo bench --bench scale`, or some parts of it: `cargo bench --bench scale -- start flat live replay explain`.
//! Each part says in its file which settings of the environment it takes; with `DISTILLD_SCALE_SMALL=1` all of them are
//! small, which shows that the bench works and nothing else.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot measure has nothing better to do than to say so"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod explain;
mod flat;
mod live;
mod replay;
mod start;

use std::path::{Path, PathBuf};

use support::Report;

/// Measures in an empty folder.
type Measure = fn(&Path, &mut Report);

const PARTS: [(&str, Measure); 5] = [
    ("start", start::measure),
    ("flat", flat::measure),
    ("live", live::measure),
    ("replay", replay::measure),
    ("explain", explain::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench scale");
        return;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    for name in &wanted {
        assert!(PARTS.iter().any(|(part, _)| part == name), "there is no part {name}");
    }
    for (name, measure) in PARTS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| *wanted == name) {
            continue;
        }
        let scratch = scratch(name);
        let mut report = Report::default();
        measure(&scratch, &mut report);
        println!("{name}\n\n{report}");
        let _ = std::fs::remove_dir_all(&scratch);
    }
}

/// An empty folder; where `DISTILLD_SCALE_DIR` says, or below the target folder.
fn scratch(name: &str) -> PathBuf {
    let place =
        std::env::var("DISTILLD_SCALE_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let scratch = Path::new(&place).join("scale").join(name);
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("a scratch folder");
    scratch
}

/// A setting, with its default and what it is when everything is small.
fn setting(name: &str, default: u64, small: u64) -> u64 {
    support::setting(name, if support::setting("DISTILLD_SCALE_SMALL", 0) > 0 { small } else { default })
}

/// Says what goes on, beside the tables.
fn note(what: &str) {
    eprintln!("scale: {what}");
}
