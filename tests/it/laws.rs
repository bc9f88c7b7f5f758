//! The laws of the house: what imports what, how long a file may be, and that nothing is left undone.
//!
//! They are read from the text of src/: `use` lines and paths through `crate::`, `super::` or the name of a crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// No file of src/ is longer.
const LINES_MAX: usize = 450;

/// Every room, and the rooms it may name beside itself.
const ROOMS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("intake", &["domain"]),
    ("pipeline", &["domain", "store", "intake"]),
    ("edge", &["domain", "store", "intake", "pipeline"]),
    ("cli", &["domain", "store", "intake", "pipeline", "edge", "corpus"]),
    ("corpus", &[]),
];

/// Crates that only some files may name: the crate, and what their paths start with.
const CRATES: [(&str, &str); 5] = [
    ("sled", "store/cursors.rs"),
    ("notify", "intake/watch.rs"),
    ("tokio", "edge/"),
    ("ed25519_dalek", "domain/note.rs"),
    ("zstd", "intake/packed.rs"),
];

/// The source files by their path below src/.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut sources = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        let paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                sources.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(sources.len() > 80, "src/ was not found whole");
    sources
}

/// The text without line comments and without what stands in string and character literals.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_len(rest),
            'r' if !code.ends_with(is_word) && (rest.starts_with("r\"") || rest.starts_with("r#")) => {
                raw_len(rest)
            }
            '\'' if rest.starts_with("'\\") => 2 + rest[2..].find('\'').unwrap_or(0) + 1,
            '\'' if rest.chars().nth(2) == Some('\'') => 2 + rest.chars().nth(1).unwrap().len_utf8(),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.push('␣');
            rest = &rest[skipped..];
        }
    }
    code
}

/// Length of the string literal that `text` starts with, quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Length of the raw string literal (or 0 for a raw identifier) that `text` starts with.
fn raw_len(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = 2 + hashes;
    text[from..].find(&end).map_or(text.len(), |at| from + at + end.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What follows each path that starts with `head`: `domain` of `crate::domain::row`, for the head `crate`. A list in
/// braces gives each of its names.
fn followers(code: &str, head: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find(&format!("{head}::")) {
        let start = from + at;
        let rest = &code[start + head.len() + 2..];
        from = start + head.len() + 2;
        if code[..start].chars().next_back().is_some_and(|c| is_word(c) || c == ':') {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(list) => found.extend(heads_of_list(list)),
            None => found.push(rest.chars().take_while(|c| is_word(*c)).collect()),
        }
    }
    found
}

/// The first word of each item of `{a::{b, c}, d}`, given without its first brace.
fn heads_of_list(list: &str) -> Vec<String> {
    let (mut depth, mut item, mut heads) = (0, String::new(), Vec::new());
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(std::mem::take(&mut item)),
            c if depth == 0 => item.push(c),
            _ => {}
        }
    }
    heads.push(item);
    let first = |item: String| item.trim().chars().take_while(|c| is_word(*c)).collect::<String>();
    heads.into_iter().map(first).filter(|head| !head.is_empty()).collect()
}

/// How many modules a file lies below the crate: 1 for `domain/mod.rs`, 3 for `domain/streams/audits.rs`.
fn depth(name: &str) -> usize {
    name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count()
}

/// The rooms that a file names.
fn rooms_named(name: &str, code: &str) -> Vec<String> {
    let mut named = followers(code, "crate");
    named.extend(followers(code, "distilld"));
    // `super` as often as the file lies deep leads to the crate itself; test modules inside a file lie one deeper.
    for more in 0..=1 {
        named.extend(followers(code, &vec!["super"; depth(name) + more].join("::")));
    }
    named.retain(|first| ROOMS.iter().any(|(room, _)| room == first));
    named
}

/// Every breach of the import law in a file.
fn breaches(name: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut breaches = Vec::new();
    if let Some((room, may_name)) = ROOMS.iter().find(|(room, _)| name.starts_with(&format!("{room}/"))) {
        for named in rooms_named(name, &code) {
            if named != *room && !may_name.contains(&named.as_str()) {
                breaches.push(format!("{name}: {room} must not know {named}"));
            }
        }
    }
    for (krate, place) in CRATES {
        let word = |at: usize| code[..at].chars().next_back().is_none_or(|c| !is_word(c));
        let named = code.match_indices(&format!("{krate}::")).any(|(at, _)| word(at))
            || code.contains(&format!("use {krate};"));
        if named && !name.starts_with(place) {
            breaches.push(format!("{name}: only {place} names {krate}"));
        }
    }
    breaches
}

#[test]
fn imports_point_down() {
    let breaches: Vec<_> = sources().iter().flat_map(|(name, text)| breaches(name, text)).collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn every_file_lies_in_a_room() {
    for name in sources().keys().filter(|name| !["lib.rs", "main.rs"].contains(&name.as_str())) {
        let room = name.split('/').next().unwrap();
        assert!(ROOMS.iter().any(|(known, _)| *known == room), "{name} lies in no room");
    }
}

#[test]
fn the_crates_held_to_a_place_are_there() {
    let sources = sources();
    for (krate, place) in CRATES.into_iter().filter(|(krate, _)| *krate != "tokio") {
        assert!(
            sources[place].contains(&format!("{krate}::")),
            "{place} does not name {krate}: is the law out of date?"
        );
    }
}

/// A law that cannot be broken holds nothing: each of these is a breach, and each of those is none.
#[test]
fn a_breach_is_seen_however_it_is_written() {
    for (name, text) in [
        ("domain/row.rs", "use crate::store::Store;"),
        ("domain/row.rs", "use crate::{domain::row, pipeline::Shared};"),
        ("domain/row.rs", "fn f() { crate::cli::main(); }"),
        ("domain/row.rs", "use super::super::store::Store;"),
        ("domain/streams/audits.rs", "use super::super::super::corpus;"),
        ("store/commit.rs", "use crate::intake::tail::Tail;"),
        ("intake/tail.rs", "    let x = crate::store::disk::RealDisk;"),
        ("intake/tail.rs", "use crate::{\n    domain::rules,\n    store::{disk, lock},\n};"),
        ("pipeline/mod.rs", "use crate::edge::systemd;"),
        ("edge/http.rs", "use crate::cli::Exit;"),
        ("corpus/mod.rs", "use crate::domain::canonical;"),
        ("store/commit.rs", "use sled::Db;"),
        ("store/recover.rs", "fn f(e: sled::Error) {}"),
        ("intake/tail.rs", "use notify;"),
        ("pipeline/mod.rs", "let q = '\"'; tokio::spawn(f());"),
    ] {
        assert_eq!(breaches(name, text).len(), 1, "{name}: {text}");
    }
    for (name, text) in [
        ("domain/streams/audits.rs", "use super::super::row;\nuse crate::domain::score;\nuse super::store;"),
        (
            "store/commit.rs",
            "use crate::domain::rules; // not crate::intake\n/// [`crate::cli`]\n// use crate::edge;",
        ),
        ("store/cursors.rs", "use sled::Db;"),
        ("edge/systemd.rs", "use sd_notify::NotifyState;\nuse tokio::time;"),
        ("cli/run.rs", "use crate::{corpus, domain, edge, intake, pipeline, store};"),
        (
            "domain/row.rs",
            "let a = \"crate::store::x\\\"\"; let b = r#\"\"tokio::spawn\"\"#; let c: &'a str = '\"'; let d = '\\'';",
        ),
        ("domain/row.rs", "let crate_store = \"crate\"; mycrate::store::x();"),
    ] {
        assert_eq!(breaches(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn no_file_is_long() {
    let long: Vec<_> = sources()
        .iter()
        .map(|(name, text)| (text.lines().count(), name.clone()))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

#[test]
fn nothing_is_left_undone() {
    for (name, text) in sources() {
        let code = code_of(&text);
        for word in ["todo!", "unimplemented!", "dbg!"] {
            assert!(!code.contains(word), "{name} has a {word}");
        }
    }
}

#[test]
fn every_file_opens_with_its_place() {
    for (name, text) in sources().iter().filter(|(name, _)| *name != "intake/tail_tests.rs") {
        assert!(text.starts_with("//! "), "{name} does not say what it is");
    }
}
