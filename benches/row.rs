//! What a row costs, part by part, on one core: `cargo bench --bench row`.
//!
//! One chunk of 1 MiB of `mode_experiments` rows, 60 % of about 400 bytes, 30 % of 1.5 KiB and 10 % of 6 KiB. Every figure
//! is of that chunk, so that they can be added up: MB/s are of input, whatever the part reads.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a bench is no interface"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use sha2::{Digest as _, Sha256};

use distilld::domain::canonical::Parser;
use distilld::domain::distil::{Distilled, Distiller, Lines, Outcome, Place, StreamContext};
use distilld::domain::exports::secrets::find_escaped;
use distilld::domain::link::{Links, Moment, NewRow, Touched};
use distilld::domain::row::Warnings;
use distilld::domain::rules::Rules;
use distilld::domain::schema::scalars::Sha256Hex;
use distilld::domain::streams::STREAMS;

const CHUNK_BYTES: usize = 1 << 20;
const SENTENCE: &str = "The cache key leaves out the model, so an answer of the small one is served for the large one; \
    the doc comment says \\\"newest first\\\" and the code sorts ascending.\\n";

fn main() {
    divan::main();
}

/// The chunk, and what it is distilled to.
struct Chunk {
    bytes: Vec<u8>,
    texts: Vec<String>,
    lines: Lines,
    rows: Vec<Distilled>,
}

static CHUNK: LazyLock<Chunk> = LazyLock::new(|| {
    let (mut bytes, mut texts) = (Vec::new(), Vec::new());
    for nth in 0_usize.. {
        let text_bytes = match nth * 7 % 10 {
            0..6 => 150,
            6..9 => 1250,
            _ => 5750,
        };
        let text = SENTENCE.repeat(text_bytes / SENTENCE.len() + 1);
        // A cut within an escape would be no JSON.
        let text = format!("{nth}: {}", text.get(..text_bytes).unwrap().trim_end_matches('\\'));
        let mut row = String::new();
        writeln!(
            row,
            r#"{{"run_id": "mode-{nth:08x}-{:08x}", "ts": "2026-05-{:02}T{:02}:{:02}:07.{:03}Z", "task_class": "code_review", "mode": "native", "model": "qwen3-coder:480b", "file_path": "crates/queryd/src/m{}.rs", "sources": {{"matrix_corpus": ["code", "docs"], "chunks": {}}}, "latency_ms": {}, "response": "{text}", "grounding_pct": {}}}"#,
            nth * 2_654_435_761 % (1 << 32),
            nth % 28 + 1,
            nth % 24,
            nth % 60,
            nth % 1000,
            nth % 3000,
            nth % 20,
            nth % 60_000,
            nth % 101
        )
        .unwrap();
        if bytes.len() + row.len() > CHUNK_BYTES {
            break;
        }
        bytes.extend_from_slice(row.as_bytes());
        texts.push(text);
    }
    let (lines, rows) = distil(&bytes);
    Chunk { bytes, texts, lines, rows }
});

fn distil(bytes: &[u8]) -> (Lines, Vec<Distilled>) {
    let rules = Rules::default();
    let mut distiller = Distiller::new(&rules);
    let stream = *STREAMS.iter().find(|stream| stream.name() == "mode_experiments").unwrap();
    let context = StreamContext { stream, source_file: "data/_kb/mode_experiments.jsonl", settings: None };
    let (mut lines, mut rows, mut warnings) = (Lines::default(), Vec::new(), Warnings::new());
    lines.evidence.reserve(bytes.len() * 2);
    lines.scored.reserve(bytes.len() / 2);
    let mut place = Place { generation: 0, line_offset: 0, byte_offset: 0 };
    for row in rows_of(bytes) {
        match distiller.row(context, place, row, None, false, &mut lines, &mut warnings).unwrap() {
            Outcome::Evidence(distilled) => rows.push(distilled),
            other => panic!("{other:?}"),
        }
        place.line_offset += 1;
        place.byte_offset += row.len() as u64 + 1;
    }
    (lines, rows)
}

fn rows_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', bytes).map(move |end| &bytes[std::mem::replace(&mut from, end + 1)..end])
}

fn bench(bencher: Bencher<'_, '_>, mut part: impl FnMut(&Chunk)) {
    let chunk = &*CHUNK;
    bencher.counter(BytesCount::from(chunk.bytes.len())).bench_local(|| part(chunk));
}

#[divan::bench]
fn a_split_into_lines(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        black_box(memchr::memchr_iter(b'\n', &chunk.bytes).count());
    });
}

#[divan::bench]
fn b_hash_of_the_input(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        black_box(Sha256::digest(&chunk.bytes));
    });
}

#[divan::bench]
fn c_parse_and_canonical_text(bencher: Bencher<'_, '_>) {
    let mut parser = Parser::default();
    bench(bencher, |chunk| {
        for row in rows_of(&chunk.bytes) {
            black_box(parser.parse(row).unwrap().root());
        }
    });
}

#[divan::bench]
fn d_parse_and_hash_of_each_row(bencher: Bencher<'_, '_>) {
    let mut parser = Parser::default();
    bench(bencher, |chunk| {
        for row in rows_of(&chunk.bytes) {
            black_box(parser.parse(row).unwrap().hash());
        }
    });
}

#[divan::bench]
fn e_hash_of_each_text(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        for text in &chunk.texts {
            black_box(Sha256::digest(text));
        }
    });
}

/// As d and e, without the parse: what a worker does.
#[divan::bench]
fn e_hashes_of_each_row_and_its_text_in_turns(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        for (row, text) in rows_of(&chunk.bytes).zip(&chunk.texts) {
            black_box(Sha256Hex::of_each([row, text.as_bytes()]));
        }
    });
}

#[divan::bench]
fn f_secrets_in_each_text(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        for text in &chunk.texts {
            black_box(find_escaped(text));
        }
    });
}

/// All that is done with a row: c to f, its fields, score, facts and lines.
#[divan::bench]
fn g_distilled(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        black_box(distil(&chunk.bytes));
    });
}

#[divan::bench]
fn h_hash_of_the_lines(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        black_box((Sha256::digest(&chunk.lines.evidence), Sha256::digest(&chunk.lines.scored)));
    });
}

/// As b and h: what a worker does.
#[divan::bench]
fn h_hashes_of_the_input_and_the_lines_in_turns(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        let lines = [chunk.lines.evidence.as_bytes(), &chunk.bytes, chunk.lines.scored.as_bytes()];
        black_box(Sha256Hex::of_each(lines));
    });
}

/// What the committer does with each row before it appends its lines.
#[divan::bench]
fn i_linked(bencher: Bencher<'_, '_>) {
    bench(bencher, |chunk| {
        let (mut links, mut touched, mut evidence_at) = (Links::new(86_400_000), Touched::default(), 0);
        for row in &chunk.rows {
            let new = NewRow {
                sig: *row.sig_hash.0.first_chunk().unwrap(),
                moment: Moment::new(row.facts.time, 0, evidence_at),
                evidence_len: 1900,
                stream: 0,
                category: row.category,
            };
            evidence_at += 1900;
            let place = links.insert(&new, &row.facts, &mut touched);
            black_box(links.reach(place));
        }
    });
}

/// For comparison: serde into borrowed fields, and nothing done with them.
#[divan::bench]
fn z_serde_alone(bencher: Bencher<'_, '_>) {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(borrow)]
        run_id: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        response: std::borrow::Cow<'a, str>,
        latency_ms: u64,
    }
    bench(bencher, |chunk| {
        for row in rows_of(&chunk.bytes) {
            let row: Typed<'_> = serde_json::from_slice(row).unwrap();
            black_box((row.run_id.len(), row.response.len(), row.latency_ms));
        }
    });
}
