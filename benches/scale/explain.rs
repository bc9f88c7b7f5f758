//! How long `explain` takes on `DISTILLD_SCALE_EXPLAIN_MIB` (1024) of outputs: a row, a run, a sample, and a row's first digits; with
//! everything in the page cache, and with nothing of the outputs and of `state/` in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::setting;
use crate::support::{Report, corpus, distilld, median, timed};

const ROUNDS: usize = 5;
/// The generated corpus has about this many bytes of output a byte of input.
const OUTPUT_OF_INPUT: f64 = 2.0;

pub(super) fn measure(scratch: &Path, report: &mut Report) {
    let wanted = (setting("DISTILLD_SCALE_EXPLAIN_MIB", 1024, 16) << 20) as f64 / OUTPUT_OF_INPUT;
    let kb = scratch.join("in/kb");
    corpus(42, &kb, wanted as u64);
    timed(distilld(scratch, &kb).args(["run", "--once", "--json"]));
    // The row cache is not synced by distilld, and what is not on the disk yet cannot leave the page cache.
    assert!(Command::new("sync").status().expect("sync").success(), "sync failed");
    let out = scratch.join("out");
    report.tell("outputs", format!("{} MiB", size(&out) >> 20));
    let evidence = middle(&out.join("evidence/scrum_reviews.jsonl"));
    let text =
        |pointer: &str, of: &Value| of.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
    let hash = text("/provenance/sig_hash", &evidence);
    let ids = [
        ("a run", text("/run_id", &evidence)),
        ("a row", hash.clone()),
        ("a row by 10 digits", hash.chars().take(10).collect()),
        ("a sample", text("/sample_id", &middle(&out.join("exports/rag/samples.jsonl")))),
        ("nothing", "no-such-thing".to_owned()),
    ];
    for (what, id) in ids {
        let once = || {
            let mut command = distilld(scratch, &kb);
            command.args(["explain", &id, "--json"]);
            // What is not there is an answer too, and ends with 1.
            if what == "nothing" {
                let mut shell = Command::new("sh");
                shell.args(["-c", "\"$@\" 2>/dev/null; [ $? = 1 ]", "sh"]).arg(command.get_program());
                shell.args(command.get_args());
                return timed(&mut shell).seconds;
            }
            timed(&mut command).seconds
        };
        once();
        let warm: Vec<f64> = (0..ROUNDS).map(|_| once()).collect();
        let cold: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                forget(&out);
                forget(&scratch.join("state"));
                once()
            })
            .collect();
        let (warm, cold) = (median(&warm), median(&cold));
        report.hold(
            format!("explain {what}, warm"),
            format!("{:.0} ms", warm * 1e3),
            "≤ 100 ms",
            warm <= 0.1,
        );
        report.hold(format!("explain {what}, cold"), format!("{cold:.2} s"), "≤ 2 s", cold <= 2.0);
    }
}

/// A line from the middle of a file.
fn middle(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("an output");
    let count = text.lines().count();
    serde_json::from_str(text.lines().nth(count / 2).expect("a line")).expect("a record")
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn size(folder: &Path) -> u64 {
    files(folder).iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len())).sum()
}

/// Takes the files of a folder out of the page cache, as far as the kernel listens.
fn forget(folder: &Path) {
    for path in files(folder) {
        let mut dd = Command::new("dd");
        dd.arg(format!("if={}", path.display())).args(["iflag=nocache", "count=0", "status=none"]);
        assert!(dd.status().expect("dd").success(), "dd failed");
    }
}
