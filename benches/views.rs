//! What the views cost: a first build, the upkeep of a tenth more, one more row, and the memory between refreshes.
//!
//! `cargo bench --bench views`. `DISTILLD_BENCH_VIEW_RUNS` says over how many runs, about (`10000,100000`). CPU time is that
//! of the process, in hundredths of a second; that of a replay is of `run --once` over the same rows, views included.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot measure has nothing better to do than to say so"
)]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use distilld::domain::schema::receipt::OutputState;
use distilld::domain::streams::STREAMS;
use distilld::pipeline::outputs::Outputs;
use distilld::pipeline::review::Special;
use distilld::pipeline::views::Views;

const BINARY: &str = env!("CARGO_BIN_EXE_distilld");
/// Rows for every hundred runs of a corpus.
const ROWS_PER_100_RUNS: u64 = 175;
const SINGLE_ROWS: u64 = 3;

fn main() {
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench views");
        return;
    }
    let sizes = std::env::var("DISTILLD_BENCH_VIEW_RUNS").unwrap_or_else(|_| "10000,100000".to_owned());
    for runs in sizes.split(',').map(|runs| runs.trim().parse().expect("a setting is a number")) {
        measure(runs);
    }
}

fn measure(runs: u64) {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("views");
    let _ = fs::remove_dir_all(&scratch);
    let mut bench = Bench::new(&scratch, runs * ROWS_PER_100_RUNS / 100);
    let (replay, rows) = bench.hand_over(9);
    let (build, wall_ms) = bench.refresh();
    let views = bench.views.as_ref().expect("views were made");
    let (memory, known) = (views.memory() as f64, views.runs().max(1) as f64);
    println!("{known} runs, {rows} rows");
    println!("  first build: {build:.2} s of CPU, {wall_ms:.0} ms");
    println!("  kept: {:.1} MiB, {:.0} MiB a million runs", memory / MIB, memory / MIB / known * 1e6);
    let (_, more) = bench.hand_over(10);
    let (upkeep, wall_ms) = bench.refresh();
    let per = 1e5 / more.max(1) as f64;
    let replay = replay * 1e5 / rows.max(1) as f64;
    println!("  {more} more rows: {upkeep:.2} s of CPU, {wall_ms:.0} ms");
    println!("  per 100000 rows: {:.2} s of CPU, and a replay {replay:.2} s", upkeep * per);
    let mut single: Vec<f64> = (0..SINGLE_ROWS).map(|number| bench.one_row(number)).collect();
    single.sort_unstable_by(f64::total_cmp);
    let bytes: u64 = bench.files.values().map(|file| file.len).sum();
    let median = single.get(single.len() / 2).copied().unwrap_or(f64::NAN);
    println!("  one more row: {median:.0} ms, with {:.0} MB of files", bytes as f64 / 1e6);
    let _ = fs::remove_dir_all(&scratch);
}

const MIB: f64 = 1_048_576.0;

struct Bench {
    scratch: PathBuf,
    files: std::collections::BTreeMap<String, OutputState>,
    views: Option<Views>,
}

impl Bench {
    fn new(scratch: &Path, rows: u64) -> Self {
        distilld::corpus::generate(42, rows, &scratch.join("all/kb")).expect("a corpus");
        for folder in ["in/kb", "in/_observer", "views/views", "out"] {
            fs::create_dir_all(scratch.join(folder)).expect("a folder");
        }
        for folder in ["evidence", "scored-runs"] {
            symlink(scratch.join("out").join(folder), scratch.join("views").join(folder)).expect("a link");
        }
        fs::write(scratch.join("config.toml"), "").expect("a config");
        Self { scratch: scratch.to_owned(), files: std::collections::BTreeMap::new(), views: None }
    }

    /// Brings every stream up to so many tenths, and distils; gives the CPU time of that, and the rows that were new.
    fn hand_over(&self, tenths: usize) -> (f64, u64) {
        let mut rows = 0;
        for stream in STREAMS {
            let name = match stream.name() {
                "observer_ops" => "_observer/ops.jsonl".to_owned(),
                name => format!("kb/{name}.jsonl"),
            };
            let read =
                |root: &str| fs::read_to_string(self.scratch.join(root).join(&name)).unwrap_or_default();
            let (all, known) = (read("all"), read("in"));
            let lines: Vec<&str> = all.split_inclusive('\n').collect();
            let to: usize = lines.iter().take(lines.len() * tenths / 10).map(|line| line.len()).sum();
            let new = all.get(known.len()..to).unwrap_or_default();
            rows += new.lines().count() as u64;
            self.append(&name, new);
        }
        (self.run(), rows)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.scratch.join("in").join(name);
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("a stream");
        file.write_all(text.as_bytes()).expect("rows");
    }

    fn run(&self) -> f64 {
        let before = cpu(2);
        let mut command = Command::new(BINARY);
        command.current_dir(&self.scratch).args(["--config", "config.toml", "--kb", "in/kb"]);
        command.args(["--output", "out", "--state", "state", "run", "--once", "--json"]);
        let output = command.output().expect("distilld runs");
        assert!(output.status.success(), "{output:?}");
        cpu(2) - before
    }

    /// One refresh and its commit; gives its CPU time in seconds, and how long it took in milliseconds.
    fn refresh(&mut self) -> (f64, f64) {
        let mut committed = Outputs::open(&self.scratch.join("out")).expect("outputs").state;
        committed.outputs.retain(|path, _| !path.starts_with("views/"));
        committed.outputs.extend(self.files.clone());
        let streams: Vec<&str> = STREAMS.iter().map(|stream| stream.name()).collect();
        let folder = self.scratch.join("views");
        let (began, before) = (Instant::now(), cpu(0));
        let views = self.views.take().unwrap_or_else(|| Views::new(&streams, &committed));
        let made = views.refresh(Vec::new(), &folder, &committed, &mut || Ok(Special::new())).expect("views");
        let took = (cpu(0) - before, began.elapsed().as_secs_f64() * 1e3);
        for file in &made.files {
            fs::rename(&file.file, folder.join(&file.path)).expect("a view in its place");
            self.files.insert(file.path.clone(), OutputState { len: file.len, rows: file.rows });
        }
        self.views = Some(made.views);
        took
    }

    fn one_row(&mut self, number: u64) -> f64 {
        let row = format!(
            "{{\"file\":\"src/new.rs\",\"reviewed_at\":\"2026-04-26T14:00:0{number}.000Z\",\"accepted_model\":\"qwen3-coder:480b\",\"review\":\"new {number}\"}}\n"
        );
        self.append("kb/scrum_reviews.jsonl", &row);
        self.run();
        self.refresh().1
    }
}

/// CPU time in seconds: of this process (0), or of those that it waited for (2).
fn cpu(first: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("a process of its own");
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    // User time is the twelfth field behind the name, then that of the system, then both of children.
    let ticks =
        fields.split_whitespace().skip(11 + first).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
