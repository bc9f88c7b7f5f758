//! Whether a replay is as fast as distilling the same rows for the first time, by turns, and where it spends the rest.
//!
//! `DISTILLD_SCALE_REPLAY_MIB` (1024) of a generated corpus, `DISTILLD_SCALE_ROUNDS` (5) rounds after one that does not count.
//! It takes five to six times as much disk as the corpus.

use std::path::Path;

use serde_json::Value;

use crate::support::{Report, clear, corpus, distilld, median, timed};
use crate::{note, setting};

/// The parts of a replay, by their names in its answer.
const PARTS: [&str; 4] = ["sources", "distilled", "checked", "put_in_place"];

pub(super) fn measure(scratch: &Path, report: &mut Report) {
    let kb = scratch.join("in/kb");
    let bytes = corpus(42, &kb, setting("DISTILLD_SCALE_REPLAY_MIB", 1024, 16) << 20);
    let rounds = setting("DISTILLD_SCALE_ROUNDS", 5, 1);
    let (mut once, mut replays, mut rss) = (Vec::new(), Vec::new(), Vec::new());
    let mut parts = PARTS.map(|_| Vec::new());
    for round in 0..=rounds {
        clear(scratch);
        let first = timed(distilld(scratch, &kb).args(["run", "--once", "--json"]));
        let again = timed(distilld(scratch, &kb).args(["replay", "--json"]));
        note(&format!("round {round}: run --once {:.2} s, replay {:.2} s", first.seconds, again.seconds));
        if round == 0 {
            continue;
        }
        let answer: Value = serde_json::from_str(&again.stdout).expect("its answer");
        for (name, seconds) in PARTS.iter().zip(&mut parts) {
            seconds.push(answer.pointer(&format!("/took/{name}")).and_then(Value::as_f64).expect("a part"));
        }
        once.push((first.seconds, first.cpu_seconds));
        replays.push((again.seconds, again.cpu_seconds));
        rss.push(again.peak_rss_kib as f64);
    }
    let of = |runs: &[(f64, f64)]| {
        let (seconds, cpu): (Vec<f64>, Vec<f64>) = runs.iter().copied().unzip();
        (median(&seconds), median(&cpu))
    };
    let ((first, first_cpu), (again, again_cpu)) = (of(&once), of(&replays));
    let speed = |seconds: f64, cpu: f64| {
        format!("{seconds:.2} s, {:.1} MB/s, {:.1} s of CPU", bytes as f64 / 1e6 / seconds, cpu)
    };
    report.tell(format!("`run --once` of {} MiB", bytes >> 20), speed(first, first_cpu));
    report.tell("`replay` of the same", speed(again, again_cpu));
    report.hold("speed, replay / run --once", format!("{:.2}", first / again), "≥ 0.9", first / again >= 0.9);
    for (name, seconds) in PARTS.iter().zip(&parts) {
        let share = median(seconds) / again * 100.0;
        report.tell(
            format!("of the replay: {}", name.replace('_', " ")),
            format!("{:.2} s, {share:.0} %", median(seconds)),
        );
    }
    report.tell("peak of the replay", format!("{:.0} MiB", median(&rss) / 1024.0));
}
