//! How fast outputs are verified: megabytes of output a second, wall and CPU.
//!
//! `cargo bench --bench verify`. `DISTILLD_BENCH_ROWS` sets the rows of the corpus (200 000), `DISTILLD_BENCH_RUNS` how often
//! it is verified (5, after one that does not count). CPU time is that of the process, so it says how much a core does
//! on a machine that others use too.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot measure has nothing better to do than to say so"
)]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_distilld");

fn main() {
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench verify");
        return;
    }
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |value| value.parse().expect("a setting is a number"))
    };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify");
    let _ = fs::remove_dir_all(&scratch);
    let kb = scratch.join("in/kb");
    distilld::corpus::generate(42, setting("DISTILLD_BENCH_ROWS", 200_000), &kb).expect("a corpus");
    fs::write(scratch.join("config.toml"), "").expect("a config");
    let distilld = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.current_dir(&scratch).args(["--config", "config.toml", "--kb", "in/kb"]);
        command.args(["--output", "out", "--state", "state"]).args(arguments);
        let output = command.output().expect("distilld runs");
        assert!(output.status.success(), "distilld {arguments:?}: {output:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("an answer in JSON")
    };
    distilld(&["run", "--once", "--json"]);
    let mut figures: Vec<(f64, f64)> = Vec::new();
    let mut bytes = 0.0;
    let mut checked = Value::Null;
    for run in 0..=setting("DISTILLD_BENCH_RUNS", 5) {
        let (started, cpu) = (Instant::now(), children_cpu_seconds());
        let answer = distilld(&["verify", "--json", "--strict"]);
        checked = answer.get("checked").cloned().unwrap_or_default();
        bytes = checked.get("output_bytes").and_then(Value::as_f64).unwrap_or(0.0);
        if run > 0 {
            figures.push((started.elapsed().as_secs_f64(), children_cpu_seconds() - cpu));
        }
    }
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = figures.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (wall, cpu) = (median(|figure| figure.0), median(|figure| figure.1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("verified: {checked}");
    println!(
        "{:.0} MB/s of output on {cores} cores ({wall:.2} s, {:.0} MB)",
        bytes / 1e6 / wall,
        bytes / 1e6
    );
    println!("{:.0} MB of output a CPU second ({cpu:.2} s)", bytes / 1e6 / cpu);
    let _ = fs::remove_dir_all(&scratch);
}

/// CPU seconds of all children that have ended, from /proc.
fn children_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc is there");
    // Behind the name, which may hold anything: fields 16 and 17 are the children's user and system time in ticks.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
