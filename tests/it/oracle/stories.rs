//! Small adversarial stories from a seed: few runs, files, pull requests, texts and times, so that rows meet in every
//! way, on both sides of every edge.

use fastrand::Rng;
use serde_json::{Value, json};

use super::read::{Kb, run_of};

mod rows;

/// Noon of the day around which everything happens, in milliseconds.
const NOON: i64 = 1_777_204_800_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What every secret that stories know starts with.
const SECRET: &str = "ghp_";

/// Whether a text has one of the secrets in it that stories know.
pub fn is_secret(text: &str) -> bool {
    text.contains(SECRET)
}

/// A token whose checksum is right, put together here so that none stands in this file.
pub fn secret(number: u32) -> String {
    let body = format!("{number:0>6}zQWBuTSOoRi4A9spHcVY5ncn");
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut checksum = Vec::new();
    for _ in 0..6 {
        checksum.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[rest as usize % 62]);
        rest /= 62;
    }
    checksum.reverse();
    format!("{SECRET}{body}{}", String::from_utf8(checksum).unwrap())
}

/// A time as rows write it.
pub fn stamp(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap();
    format!("{time:.3}")
}

/// The streams that a story is mostly about.
const THEMES: &[&[&str]] = &[
    &[
        "scrum_reviews",
        "auto_apply",
        "auto_apply",
        "observer_reviews",
        "human_overrides",
        "overseer_corrections",
    ],
    &["scrum_reviews", "auto_apply", "auto_apply", "auto_apply"],
    &["scrum_reviews", "scrum_reviews", "observer_reviews"],
    &["scrum_reviews", "auto_apply", "auto_apply", "human_overrides", "human_overrides"],
    &["scrum_reviews", "scrum_reviews", "scrum_reviews", "contract_analyses", "overseer_corrections"],
    &["scrum_reviews", "observer_reviews", "observer_reviews", "human_overrides"],
    &[
        "audits",
        "audits",
        "auto_apply",
        "human_overrides",
        "audit_discrepancies",
        "audit_facts",
        "audit_lessons",
    ],
    &[
        "mode_experiments",
        "contract_analyses",
        "outcomes",
        "model_trust",
        "pathway_recommendations",
        "observer_ops",
    ],
    &[
        "mode_experiments",
        "outcomes",
        "observer_escalations",
        "signatures",
        "classifications",
        "distilled_facts",
    ],
    &[
        "mode_experiments",
        "scrum_reviews",
        "contract_analyses",
        "distilled_facts",
        "distilled_procedures",
        "human_overrides",
    ],
    &["mode_experiments", "scrum_reviews", "human_overrides", "overseer_corrections", "outcomes"],
    &["audit_discrepancies", "audits", "human_overrides"],
    &[
        "signatures",
        "outcomes",
        "distilled_config_hints",
        "mode_experiments",
        "observer_escalations",
        "audit_facts",
    ],
    EVERY_STREAM,
    EVERY_STREAM,
];

const EVERY_STREAM: &[&str] = &[
    "audits",
    "audit_facts",
    "audit_lessons",
    "audit_discrepancies",
    "scrum_reviews",
    "auto_apply",
    "mode_experiments",
    "observer_escalations",
    "observer_reviews",
    "model_trust",
    "outcomes",
    "human_overrides",
    "overseer_corrections",
    "phase_sweep_findings",
    "doc_drift_corrections",
    "pathway_recommendations",
    "signatures",
    "classifications",
    "contract_analyses",
    "distilled_facts",
    "distilled_procedures",
    "distilled_config_hints",
    "observer_ops",
];

/// The story of a seed.
pub fn story(seed: u64) -> Kb {
    let mut teller = Teller::new(seed);
    let theme = teller.pick(THEMES);
    let mut kb = Kb::new();
    for _ in 0..teller.dice.usize(5..=60) {
        let stream = if teller.chance(85) { teller.pick(theme) } else { teller.pick(EVERY_STREAM) };
        let row = teller.row(stream);
        let line = teller.spell(&row);
        teller.note_run(stream, &line);
        let lines = kb.entry(stream.to_owned()).or_default();
        lines.push(line);
        if teller.chance(3) {
            lines.push(teller.bad_line(&row));
        }
    }
    for lines in kb.values_mut() {
        // Who judges often comes before what is judged, also within a stream.
        teller.dice.shuffle(lines);
        if teller.chance(25) {
            let again = serde_json::from_str(&teller.pick(lines)).ok().filter(Value::is_object);
            let respelled = teller.spell(&again.unwrap_or(json!({})));
            lines.push(respelled);
        }
    }
    kb
}

/// The story in the making: the dice, and what this story has to choose from.
struct Teller {
    dice: Rng,
    times: Vec<i64>,
    files: Vec<&'static str>,
    runs: Vec<String>,
    /// Whether texts are of very few, so that the same one turns up everywhere.
    alike: bool,
    /// Rows that can be told apart only by a number.
    number: u64,
}

impl Teller {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let near = [0, 0, 1, -1, HOUR, 2 * HOUR, 3 * HOUR, -HOUR, -2 * HOUR, 7 * HOUR];
        let far = [DAY, DAY + 1, DAY - 1, -DAY, -DAY - 1, 2 * DAY, DAY + HOUR, DAY + 2 * HOUR];
        let mut edges: Vec<i64> = near.into_iter().chain(far).collect();
        dice.shuffle(&mut edges);
        let times = edges[..dice.usize(3..=14)].iter().map(|edge| NOON + edge).collect();
        let files = ["src/a.rs", "src/b.rs"][..dice.usize(1..=2)].to_vec();
        let runs = ["run_1", "run_2", "run_3", "run_4"][..dice.usize(2..=4)].iter().map(ToString::to_string);
        let (runs, alike) = (runs.collect(), dice.u32(0..100) < 30);
        Self { times, files, runs, alike, number: 0, dice }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.dice.u32(0..100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.dice.usize(0..of.len())].clone()
    }

    fn time(&mut self) -> String {
        let times = self.times.clone();
        let time = self.pick(&times);
        match self.dice.u32(0..12) {
            0 => stamp(time).trim_end_matches('Z').to_owned(),
            1 => stamp(time + 2 * HOUR).replace('Z', "+02:00"),
            _ => stamp(time),
        }
    }

    fn run(&mut self) -> String {
        let runs = self.runs.clone();
        self.pick(&runs)
    }

    /// Rows that name no run have one of their own, which others may name.
    fn note_run(&mut self, stream: &str, line: &str) {
        let run = run_of(stream, line);
        if !run.is_empty() && self.runs.len() < 14 && self.chance(30) {
            self.runs.push(run);
        }
    }

    fn file(&mut self) -> &'static str {
        let files = self.files.clone();
        self.pick(&files)
    }

    fn pr(&mut self) -> i64 {
        self.dice.i64(1..=2)
    }

    fn sha(&mut self) -> String {
        let sha = if self.chance(70) {
            "abcdef0123456789abcdef0123456789abcdef01"
        } else {
            "12345678901234567890123456789012345678ff"
        };
        if self.chance(20) { sha.to_uppercase() } else { sha.to_owned() }
    }

    fn signature(&mut self) -> &'static str {
        self.pick(&["sig_1", "sig_2"])
    }

    /// A text of few, some alike but for white space or composition, some with a secret.
    fn text(&mut self) -> String {
        if self.alike && self.chance(80) {
            return self.pick(&["the lock is held", "the lock is held", "the loop never ends"]).to_owned();
        }
        match self.dice.u32(0..16) {
            0 => "Caf\u{e9} is fine".to_owned(),
            1 => "Cafe\u{301} is fine".to_owned(),
            2 => "the lock  is\nheld".to_owned(),
            3..6 => "the lock is held".to_owned(),
            6..8 => "the loop never ends".to_owned(),
            8..10 => "the file is not closed".to_owned(),
            10 => format!("use {} to log in", secret(self.dice.u32(1..3))),
            _ => {
                self.number += 1;
                format!("finding {}", self.number)
            }
        }
    }

    fn model(&mut self) -> &'static str {
        self.pick(&["qwen3-coder:480b", "gpt-oss:20b", "kimi-k2:1t", "QWEN2.5"])
    }

    fn verdict(&mut self) -> &'static str {
        self.pick(&["accept", "Approved", "ok", "reject", "needs_patch", "cycle", "maybe"])
    }

    fn prompt_hash(&mut self) -> String {
        let digit = self.pick(&["a", "b", "A"]);
        digit.repeat(64)
    }

    /// Adds a member with some chance.
    fn maybe(&mut self, row: &mut Value, percent: u32, key: &str, value: impl FnOnce(&mut Self) -> Value) {
        if self.chance(percent) {
            row[key] = value(self);
        }
    }

    /// The row as a line, its members in any order.
    fn spell(&mut self, row: &Value) -> String {
        let mut members: Vec<(String, Value)> =
            row.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.dice.shuffle(&mut members);
        serde_json::to_string(&Value::Object(members.into_iter().collect())).unwrap()
    }

    /// A line that is no row, blank, or a row of a version nobody knows.
    fn bad_line(&mut self, row: &Value) -> String {
        match self.dice.u32(0..4) {
            0 => "{\"half\": ".to_owned(),
            1 => "[1]".to_owned(),
            2 => "  ".to_owned(),
            _ => {
                let mut row = row.clone();
                row["schema_version"] = json!(2);
                row.to_string()
            }
        }
    }
}
