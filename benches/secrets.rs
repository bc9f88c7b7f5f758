//! How fast texts are looked through for secrets.
//!
//! `cargo bench --bench secrets`: texts of some kilobytes, as rows have them; the best of several rounds over the same texts.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench is no interface")]

use std::hint::black_box;
use std::time::Instant;

use distilld::domain::canonical::push_escaped;
use distilld::domain::exports::secrets::{find, find_escaped};

const ROUNDS: usize = 9;
const TEXTS: usize = 4096;
const TEXT_BYTES: usize = 4096;

const PROSE: &str = "The reviewer ran the static checks again after the rebase, and the second finding went away; what is \
    left is the error path of the writer, which returns before the lock is released. Both callers retry, so nobody has \
    seen it yet.\n\n";
const CODE: &str = "    fn take(&mut self, at: usize) -> Result<Option<Chunk>, TailError> {\n        let Some(end) = \
    memchr::memrchr(b'\\n', &self.block[at..]) else { return Ok(None) };\n        self.read_bytes += end as u64;\n    }\n";
const LINKS: &str = "See https://docs.rs/memchr/latest/memchr/memmem/index.html and task-1182 in the risk-register; \
    commit 5f2b8c1de0a94f6e7b3c2a1d9e8f70615243a0b1 of https://git.internal/team/repo has it, asked by ann@team.org.\n";
/// Something to look at in every line: all of it without a secret.
const CANDIDATES: &str = "export AWS_SECRET_ACCESS_KEY=${KEY}; npm_config_registry=https://user:password@host/ sk-proj-... \
    Authorization: Bearer <token>, ghp_xxxx, xoxb-your-token, hf_hub_download, AKIAIOSFODNN7EXAMPLE, a.eyJ9.\n";

fn main() {
    // `cargo test --all-targets` runs benches too, and wants no benchmark.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: cargo bench --bench secrets");
        return;
    }
    for (name, piece) in
        [("prose", PROSE), ("code", CODE), ("links and ids", LINKS), ("candidates only", CANDIDATES)]
    {
        let mixed = [PROSE, CODE, PROSE, piece];
        let text: String = if name == "links and ids" { mixed.concat() } else { piece.to_owned() };
        // Every text starts elsewhere, so that no two are alike.
        let long = text.repeat((TEXT_BYTES + text.len()) / text.len() + 2);
        let texts: Vec<String> =
            (0..TEXTS).map(|n| long.chars().skip(n % text.len()).take(TEXT_BYTES).collect()).collect();
        let escaped: Vec<String> = texts
            .iter()
            .map(|text| {
                let mut escaped = String::new();
                push_escaped(&mut escaped, text);
                escaped
            })
            .collect();
        let (plain, in_json) = (
            speed(&texts, |text| find(text).is_some()),
            speed(&escaped, |text| find_escaped(text).is_some()),
        );
        println!("{name:16} {plain:6.0} MB/s, as it stands in JSON {in_json:6.0} MB/s");
    }
}

/// Megabytes a second.
fn speed(texts: &[String], look: impl Fn(&str) -> bool) -> f64 {
    let bytes: usize = texts.iter().map(String::len).sum();
    let best = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let found = texts.iter().filter(|text| look(black_box(text))).count();
            assert_eq!(found, 0, "the texts of this bench hold no secret");
            started.elapsed().as_secs_f64()
        })
        .fold(f64::MAX, f64::min);
    bytes as f64 / best / 1e6
}
