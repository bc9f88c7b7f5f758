//! What links cost as rows grow: the same story at n and at 2n rows, in every order of arrival; and what a known row weighs.
//!
//! `cargo bench --bench links`. `DISTILLD_BENCH_PART` is how much of the full stories is told (1 is all, 10 a tenth),
//! `DISTILLD_BENCH_RUNS` how often (3); `-- weight` weighs rows alone, `-- TITLE` tells the stories with TITLE in
//! their names.
//!
//! Every row that comes in is followed by what a commit does: what it touched is asked for what reaches it, and settled.
//! "One by one" is a commit a row, the hardest there is; "batches" are of 4,096 rows.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench is no interface"
)]

use std::time::Instant;

use distilld::domain::exports::preference::{Source, sides};
use distilld::domain::exports::{wanted_rag, wanted_sft};
use distilld::domain::link::facts::TextFacts;
use distilld::domain::link::{Facts, Judged, Key, Links, Moment, NewRow, Part, Place, Touched};
use distilld::domain::schema::scalars::EventTime;
use distilld::domain::score::{Category, score};
use distilld::domain::signal::{Code, SignalSet};

const WINDOW_MS: i64 = 24 * 3600 * 1000;
const MINUTE: i64 = 60_000;
const BATCH: usize = 4096;

/// One row as it will be handed in.
#[derive(Clone, Copy)]
struct Told {
    stream: u16,
    facts: Facts,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !arguments.any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench links");
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let setting = |name: &str, default: usize| {
        std::env::var(name).ok().map_or(default, |value| value.parse().expect("a setting is a number"))
    };
    let (part, runs) = (setting("DISTILLD_BENCH_PART", 1).max(1), setting("DISTILLD_BENCH_RUNS", 3).max(1));
    let weighs = wanted.iter().any(|wanted| wanted.starts_with("weight"));
    if !weighs {
        println!(
            "{:<48} {:>7}  {:>8} {:>8} {:>5}   {:>8} {:>8} {:>5}  {:>8}",
            "story, ms", "rows", "1 by 1", "twice", "ratio", "batches", "twice", "ratio", "rescored"
        );
        for (title, n, tell) in stories() {
            if wanted.is_empty() || wanted.iter().any(|wanted| title.contains(wanted.as_str())) {
                measure(title, n / part, tell, runs);
            }
        }
    }
    if weighs || wanted.is_empty() {
        weigh(1_000_000 / part, &wanted);
    }
}

/// Tells one story of n and of 2n, one by one and in batches, by turns; prints the medians.
fn measure(title: &str, n: usize, tell: fn(usize) -> Vec<Told>, runs: usize) {
    let (once, twice) = (tell(n), tell(2 * n));
    let mut seconds = [const { Vec::new() }; 4];
    let mut rescored = 0;
    for _ in 0..runs {
        for (nth, (rows, batch)) in
            [(&once, 1), (&twice, 1), (&once, BATCH), (&twice, BATCH)].into_iter().enumerate()
        {
            let started = Instant::now();
            let scores = drive(rows, batch).1;
            seconds[nth].push(started.elapsed().as_secs_f64());
            rescored = if nth == 0 { scores } else { rescored };
        }
    }
    let [a, b, c, d] = seconds.map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    });
    let ms = |seconds: f64| seconds * 1e3;
    println!(
        "{title:<48} {:>7}  {:>8.1} {:>8.1} {:>5.2}   {:>8.1} {:>8.1} {:>5.2}  {rescored:>8}",
        once.len(),
        ms(a),
        ms(b),
        b / a,
        ms(c),
        ms(d),
        d / c
    );
}

/// Takes rows in, in commits of `batch` rows; how many scores took the place of others.
fn drive(rows: &[Told], batch: usize) -> (Links, u64) {
    let mut links = Links::new(WINDOW_MS);
    let mut touched = Touched::default();
    let (mut due, mut texts, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rescored, mut at) = (0, [0_u64; 32]);
    for (nth, told) in rows.iter().enumerate() {
        let new = new_row(nth, told, &mut at);
        links.insert(&new, &told.facts, &mut touched);
        due.extend_from_slice(&touched.work);
        texts.extend(told.facts.text.map(|text| text.text));
        inputs.extend(told.facts.text.map(|text| text.input));
        if nth % batch == batch - 1 || nth == rows.len() - 1 {
            rescored += settle(&mut links, &mut due, &mut texts);
            inputs.sort_unstable();
            inputs.dedup();
            for input in inputs.drain(..) {
                std::hint::black_box(sides(&links, Source::Input(input)));
            }
        }
    }
    (links, rescored)
}

fn settle(links: &mut Links, due: &mut Vec<Place>, texts: &mut Vec<Key>) -> u64 {
    let mut rescored = 0;
    due.sort_unstable();
    due.dedup();
    for place in due.drain(..) {
        let reached = links.reach(place);
        links.note_person(place, &reached);
        let verdict = score(reached.judgement());
        let row = links.rows.get(place).unwrap();
        if verdict.category != row.category || reached.signals != links.rows.current(row) {
            links.settle(place, &reached, verdict.category);
            rescored += 1;
            texts.extend(links.rows.text(place).map(|text| text.facts.text));
        }
    }
    texts.sort_unstable();
    texts.dedup();
    for text in texts.drain(..) {
        let rows = links.of_text(text).take(1);
        rows.for_each(|place| _ = std::hint::black_box(links.task_giver(place)));
        std::hint::black_box((wanted_rag(links, text), wanted_sft(links, text)));
    }
    rescored
}

fn new_row(nth: usize, told: &Told, at: &mut [u64; 32]) -> NewRow {
    let evidence_at = at[told.stream as usize];
    at[told.stream as usize] += 700;
    let mut sig = [0; 16];
    sig[..8].copy_from_slice(&hash(nth as u64).to_le_bytes());
    NewRow {
        sig,
        moment: Moment::new(told.facts.time, told.stream, evidence_at),
        evidence_len: 700,
        stream: told.stream,
        category: Category::NeedsHumanReview,
    }
}

/// A number that looks like part of a hash.
fn hash(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn set(codes: &[Code]) -> SignalSet {
    codes.iter().copied().collect()
}

const FILE: Key = 0xf11e;
const RUN: Key = 0x0a11;

/// A row of its own run, at a minute.
fn told(stream: u16, part: Part, work: bool, minute: i64, run: u64) -> Told {
    let facts = Facts {
        part,
        work,
        time: EventTime::from_millis(1_700_000_000_000 + minute * MINUTE),
        run: hash(run << 8 | u64::from(stream)),
        judged: Judged::Nothing,
        signature: None,
        pull: None,
        commit: None,
        file: None,
        attempt: None,
        own: SignalSet::EMPTY,
        says: SignalSet::EMPTY,
        task: None,
        text: None,
        secret: false,
        secret_in_pair: false,
        makes_pair: false,
        anchor_grounding: None,
    };
    Told { stream, facts }
}

fn review(n: usize) -> Told {
    let mut told = told(0, Part::Review, true, 2 * n as i64, n as u64);
    told.facts.file = Some(FILE);
    told.facts.own = set(&[Code::ScrumAccept]);
    told
}

fn judge(stream: u16, part: Part, n: usize, work: bool, code: Code) -> Told {
    let mut told = told(stream, part, work, 2 * n as i64 + 1, n as u64);
    told.facts.file = Some(FILE);
    told.facts.judged = Judged::File(FILE);
    told.facts.says = set(&[code]);
    told
}

fn apply(n: usize) -> Told {
    let mut told = judge(1, Part::Apply, n, true, Code::ApplyCommitted);
    told.facts.own = told.facts.says;
    told.facts.commit = Some(hash(n as u64));
    told
}

/// Reviews of one file, each followed by one that judges it.
fn of_file(n: usize, judge: impl Fn(usize) -> Told) -> Vec<Told> {
    (0..n).flat_map(|n| [review(n), judge(n)]).collect()
}

fn reversed(mut rows: Vec<Told>) -> Vec<Told> {
    rows.reverse();
    rows
}

fn shuffled(mut rows: Vec<Told>) -> Vec<Told> {
    fastrand::Rng::with_seed(7).shuffle(&mut rows);
    rows
}

/// Those of the first stream behind all others.
fn reviews_last(mut rows: Vec<Told>) -> Vec<Told> {
    rows.sort_by_key(|told| told.stream == 0);
    rows
}

fn observers(n: usize) -> Vec<Told> {
    of_file(n, |n| {
        let code = if n % 3 == 0 { Code::ObserverReject } else { Code::ObserverAccept };
        judge(5, Part::Observer, n, false, code)
    })
}

fn people(n: usize) -> Vec<Told> {
    of_file(n, |n| {
        let code = if n % 3 == 0 { Code::HumanReject } else { Code::HumanAccept };
        judge(6, Part::Human, n, false, code)
    })
}

/// Applies that are undone again, by the commit or without one.
fn reverts(n: usize) -> Vec<Told> {
    let revert = |n: usize| {
        let mut told = judge(1, Part::Apply, n, true, Code::ApplyReverted);
        told.facts.time = EventTime::from_millis(told.facts.time.millis() + 1000);
        told.facts.own = told.facts.says;
        told.facts.commit = n.is_multiple_of(2).then(|| hash(n as u64));
        told
    };
    (0..n).flat_map(|n| [review(n), apply(n), revert(n)]).collect()
}

/// A long run, of which a person and many outcomes speak.
fn long_run(n: usize, fails: impl Fn(usize) -> bool, person_at: Option<usize>) -> Vec<Told> {
    let mut rows = Vec::new();
    for n in 0..n {
        let mut work = told(2, Part::Other, true, 2 * n as i64, 0);
        work.facts.run = RUN;
        let mut outcome = told(3, Part::Other, true, 2 * n as i64 + 1, 0);
        outcome.facts.run = RUN;
        outcome.facts.own =
            if fails(n) { set(&[Code::OutcomeFailed]) } else { set(&[Code::OutcomeComplete]) };
        outcome.facts.says = outcome.facts.own;
        outcome.facts.judged = Judged::Run(RUN);
        rows.extend([work, outcome]);
        if person_at == Some(n) {
            rows.push(person_of_run(2 * n as i64 + 1, 0));
        }
    }
    rows
}

fn person_of_run(minute: i64, run: u64) -> Told {
    let mut person = told(6, Part::Human, false, minute, run);
    person.facts.says = set(&[Code::HumanAccept]);
    person.facts.judged = Judged::Run(RUN);
    person
}

/// A run whose every second row names its task type, and the other ones have texts.
fn one_run_of_tasks(n: usize) -> Vec<Told> {
    let row = |n: usize| {
        let mut work = told(2, Part::Other, true, n as i64, 0);
        work.facts.run = RUN;
        if n.is_multiple_of(2) {
            work.facts.task = Some(5);
        } else {
            work.facts.text = Some(TextFacts { text: hash(n as u64), instruction: 0, input: 0 });
        }
        work
    };
    (0..n).map(row).collect()
}

/// One text, by many rows under two instructions.
fn one_text(n: usize) -> Vec<Told> {
    let row = |n: usize| {
        let mut work = told(2, Part::Other, true, n as i64, n as u64);
        let instruction = 77 + (n % 2) as u64;
        work.facts.text = Some(TextFacts { text: 4711, instruction, input: instruction });
        work.facts.own = set(&[Code::GroundingHigh, Code::ScrumAccept]);
        work
    };
    (0..n).map(row).collect()
}

/// Ten pieces of work of one signature to each escalation.
fn signature(n: usize) -> Vec<Told> {
    let row = |n: usize| {
        let escalates = n % 11 == 10;
        let mut row = told(4, Part::Escalation, true, n as i64, n as u64);
        row.facts.signature = Some(99);
        if escalates {
            row.facts.says = set(&[Code::ObserverEscalated]);
            row.facts.judged = Judged::Signature(99);
        } else {
            (row.stream, row.facts.part) = (2, Part::Other);
        }
        row
    };
    (0..n).map(row).collect()
}

/// Audits of one head, which say the same but every `differs`th time.
fn audits(n: usize, differs: usize) -> Vec<Told> {
    let row = |n: usize| {
        let mut audit = told(7, Part::Audit, true, n as i64, n as u64);
        (audit.facts.pull, audit.facts.commit) = (Some(12), Some(34));
        audit.facts.judged = Judged::Pull(12, Some(34));
        let code = if n % differs == differs - 1 { Code::AuditorWarn } else { Code::AuditorApprove };
        audit.facts.says = set(&[code]);
        audit
    };
    (0..n).map(row).collect()
}

type Story = (&'static str, usize, fn(usize) -> Vec<Told>);

fn stories() -> Vec<Story> {
    vec![
        ("applies: in time order", 100_000, |n| of_file(n, apply)),
        ("applies: in reverse", 100_000, |n| reversed(of_file(n, apply))),
        ("applies: all applies first", 100_000, |n| reviews_last(of_file(n, apply))),
        ("applies: at random", 100_000, |n| shuffled(of_file(n, apply))),
        ("reverts: in time order", 50_000, reverts),
        ("reverts: in reverse", 50_000, |n| reversed(reverts(n))),
        ("reverts: at random", 50_000, |n| shuffled(reverts(n))),
        ("observers: in time order", 100_000, observers),
        ("observers: all observers first", 100_000, |n| reviews_last(observers(n))),
        ("observers: at random", 100_000, |n| shuffled(observers(n))),
        ("people: in time order", 100_000, people),
        ("people: all people first", 100_000, |n| reviews_last(people(n))),
        ("people: at random", 100_000, |n| shuffled(people(n))),
        ("one run: 10,000 outcomes", 10_000, |n| long_run(n, |_| false, None)),
        ("one run: some fail, at random", 10_000, |n| shuffled(long_run(n, |n| n % 10 == 9, None))),
        ("one run: some fail after a person", 10_000, |n| long_run(n, |n| n % 10 == 9, Some(100))),
        ("one run: some fail before a person", 10_000, |n| {
            let mut rows = vec![person_of_run(1 << 24, 0)];
            rows.extend(long_run(n, |n| n % 10 == 9, None));
            rows
        }),
        ("one run: 10,000 people", 10_000, |n| {
            let rows = long_run(n, |_| false, None);
            let people = (0..n).map(|n| person_of_run(2 * n as i64 + 1, n as u64));
            rows.into_iter().step_by(2).zip(people).flat_map(|(row, person)| [row, person]).collect()
        }),
        ("one text: 20,000 times", 20_000, one_text),
        ("one run: 10,000 name its task", 20_000, one_run_of_tasks),
        ("one signature: 10,000 works, 1,000 escalations", 11_000, signature),
        ("one signature: at random", 11_000, |n| shuffled(signature(n))),
        ("one pull request: 5,000 audits", 5_000, |n| audits(n, usize::MAX)),
        ("one pull request: at random", 5_000, |n| shuffled(audits(n, usize::MAX))),
        ("one pull request: every 100th differs", 5_000, |n| audits(n, 100)),
    ]
}

/// The kinds of rows to weigh.
type Kind = (&'static str, fn(usize) -> Told);
const KINDS: [Kind; 4] = [
    ("weight: of runs of their own, no text", plain),
    ("weight: work of runs of their own, with texts", with_text),
    ("weight: reviews with texts, 20 a file", |n| {
        let mut told = with_text(n);
        (told.stream, told.facts.part) = (0, Part::Review);
        told.facts.file = Some(hash((n / 20) as u64));
        told
    }),
    ("weight: ten rows a run", |n| plain(n / 10)),
];

fn plain(n: usize) -> Told {
    told(9, Part::Other, false, n as i64, n as u64)
}

fn with_text(n: usize) -> Told {
    let mut work = told(2, Part::Other, true, n as i64, n as u64);
    let n = n as u64;
    work.facts.text = Some(TextFacts { text: hash(n), instruction: hash(!n), input: hash(n ^ 0xff_0000) });
    work
}

/// What a known row weighs: what the process holds more when it knows so many. Each kind in a process of its own, for
/// memory that was let go may stay.
fn weigh(rows: usize, of: &[String]) {
    if let [kind] = of
        && let Some((title, make)) = KINDS.iter().find(|(title, _)| title == kind)
    {
        let before = resident_bytes();
        let mut links = Links::new(WINDOW_MS);
        let (mut touched, mut at) = (Touched::default(), [0; 32]);
        for n in 0..rows {
            let told = make(n);
            links.insert(&new_row(n, &told, &mut at), &told.facts, &mut touched);
        }
        let each = resident_bytes().saturating_sub(before) as f64 / rows as f64;
        println!("{title:<48} {:>7}  {each:>8.1} bytes a row", links.rows.len());
        return;
    }
    for (kind, _) in KINDS {
        let bench = std::env::current_exe().expect("a path of its own");
        let status = std::process::Command::new(bench).args(["--bench", kind]).status();
        assert!(status.expect("a process").success());
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
