//! What an id names: rows by hash or run, and the rows behind samples and items of views.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use faster_hex::hex_string;
use serde_json::Value;

use super::rows::{AllRows, Chosen};
use super::scan::{lines_with, needles};
use crate::domain::exports::{Dataset, RETRACTIONS};
use crate::domain::link::facts::key;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::skim;
use crate::domain::views::behind::{self, Item};
use crate::pipeline::known_rows::sig_of;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::row_scan::sig_hash;
use crate::pipeline::views::{ReadBack, committed_facts};
use crate::store::StoreError;

/// The fewest digits of a hash that name a row.
pub const HASH_DIGITS_MIN: usize = 6;
/// How many ids an answer offers where one was not enough.
pub const CANDIDATES_MAX: usize = 20;

/// Whether an item of a view is the one that is looked for.
type IsIt<'a> = &'a dyn Fn(&Value) -> bool;

/// What an id names.
#[derive(Debug)]
pub(super) enum Named {
    /// Rows, as what, and the item that they are the sources of.
    Rows { what: &'static str, item: Option<Value>, rows: Vec<Chosen> },
    /// Several things begin so.
    Several(BTreeSet<String>),
}

/// Rows to look for: of runs, with hashes, or with hashes that begin so.
#[derive(Debug, Default)]
struct Query {
    runs: BTreeSet<String>,
    hashes: BTreeSet<[u8; 16]>,
    hash_prefix: Option<HashPrefix>,
}

/// The first digits of a hash. Those beyond the part that rows are known by do not count.
#[derive(Debug)]
struct HashPrefix(Vec<u8>);

impl HashPrefix {
    /// Reads hexadecimal digits, in either case.
    fn parse(digits: &str) -> Option<Self> {
        let digit = |c: char| c.to_digit(16).map(|digit| digit as u8);
        digits.chars().map(digit).collect::<Option<Vec<u8>>>().map(Self)
    }

    fn begins(&self, sig: &[u8; 16]) -> bool {
        let digits = sig.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        self.0.iter().copied().zip(digits).all(|(wanted, found)| wanted == found)
    }
}

impl Query {
    fn rows(&self, all: &mut AllRows<'_>) -> Result<Vec<Chosen>, StoreError> {
        let runs: BTreeSet<u64> = self.runs.iter().map(|run| key(&Escaped::from_plain(run))).collect();
        let has = |sig: &[u8; 16]| {
            self.hashes.contains(sig) || self.hash_prefix.as_ref().is_some_and(|prefix| prefix.begins(sig))
        };
        all.select(
            &|_, line| {
                sig_hash(line.as_bytes()).is_some_and(|hash| has(&sig_of(&hash)))
                    || run_of(line).is_some_and(|run| runs.contains(&key(&run)))
            },
            &mut |row| runs.contains(&row.facts.run) || has(&row.sig),
        )
    }
}

/// The run of a line of evidence: its second member.
fn run_of(line: &str) -> Option<Escaped<'_>> {
    skim::members(line).find(|(key, _)| *key == "run_id").and_then(|(_, run)| skim::text(run))
}

/// Finds what an id names; nothing when nothing is called so.
pub(super) fn find(all: &mut AllRows<'_>, id: &str) -> Result<Option<Named>, StoreError> {
    if let Some(named) = sample(all, id)? {
        return Ok(Some(named));
    }
    let may_be_hash = (HASH_DIGITS_MIN..=64).contains(&id.len());
    let query = Query {
        runs: BTreeSet::from([id.to_owned()]),
        hash_prefix: may_be_hash.then(|| HashPrefix::parse(id)).flatten(),
        ..Query::default()
    };
    let mut rows = query.rows(all)?;
    let run = key(&Escaped::from_plain(id));
    if rows.iter().any(|chosen| chosen.row.facts.run == run) {
        rows.retain(|chosen| chosen.row.facts.run == run);
        return Ok(Some(Named::Rows { what: "run", item: None, rows }));
    }
    let sigs: BTreeSet<[u8; 16]> = rows.iter().map(|chosen| chosen.row.sig).collect();
    if sigs.len() > 1 {
        return Ok(Some(Named::Several(sigs.iter().map(|sig| hex_string(sig)).collect())));
    }
    if !rows.is_empty() {
        return Ok(Some(Named::Rows { what: "row", item: None, rows }));
    }
    if let Some(named) = item_of_view(all, id)? {
        return Ok(Some(named));
    }
    run_prefix(all, id)
}

/// The rows behind a sample that is there, or was.
fn sample(all: &mut AllRows<'_>, id: &str) -> Result<Option<Named>, StoreError> {
    let long = |rest: &str| rest.len() >= HASH_DIGITS_MIN;
    let Some(dataset) = Dataset::ALL.into_iter().find(|d| id.strip_prefix(d.prefix()).is_some_and(long))
    else {
        return Ok(None);
    };
    let whole = id.len() == dataset.prefix().len() + 16;
    let needle = format!("\"sample_id\":\"{id}{}", if whole { "\"" } else { "" });
    let Some(needle) = needles([needle]) else { return Ok(None) };
    let mut lines = lines_with(all.outputs, dataset.path(), 0, &needle)?;
    let there = !lines.is_empty();
    if !there {
        lines = lines_with(all.outputs, RETRACTIONS, 0, &needle)?;
    }
    let items: Vec<Value> = lines.iter().filter_map(|(_, line)| serde_json::from_str(line).ok()).collect();
    let ids: BTreeSet<String> = items.iter().map(|item| text(item, "sample_id")).collect();
    if ids.len() > 1 {
        return Ok(Some(Named::Several(ids)));
    }
    let hashes: BTreeSet<[u8; 16]> = items.iter().flat_map(hashes_of).collect();
    let Some(item) = items.into_iter().next_back() else { return Ok(None) };
    let rows = Query { hashes, ..Query::default() }.rows(all)?;
    let what = if there { "sample" } else { "retracted sample" };
    Ok(Some(Named::Rows { what, item: Some(item), rows }))
}

/// The rows behind a playbook, an entry of the ledger (`TASK/MODEL`, or the model alone), or a snapshot of the drift.
fn item_of_view(all: &mut AllRows<'_>, id: &str) -> Result<Option<Named>, StoreError> {
    let begins = |name: &str| name == id || (id.len() >= HASH_DIGITS_MIN && name.starts_with(id));
    let playbook = |item: &Value| begins(&text(item, "playbook_id"));
    let entry = |item: &Value| {
        let (task, model) = (text(item, "task_type"), text(item, "model_name"));
        model == id || format!("{task}/{model}") == id
    };
    let snapshot = |item: &Value| begins(&text(item, "snapshot"));
    let views: [(_, _, IsIt<'_>); 3] = [
        ("playbook", "views/playbooks.jsonl", &playbook),
        ("ledger entry", "views/model_ledger.jsonl", &entry),
        ("drift snapshot", "views/drift.jsonl", &snapshot),
    ];
    for (what, path, is_it) in views {
        let mut items: Vec<Value> = Vec::new();
        all.outputs.each_line(path, |_, line| {
            items.extend(serde_json::from_str(line).ok().filter(|item| is_it(item)));
        })?;
        let names: BTreeSet<String> = items.iter().map(name_of).collect();
        if names.len() > 1 {
            return Ok(Some(Named::Several(names)));
        }
        if let Some(item) = items.pop() {
            let runs = item.get("source_run_ids").and_then(Value::as_array).into_iter().flatten();
            let runs = runs.filter_map(|run| run.as_str().map(str::to_owned)).collect();
            let mut hashes = hashes_of(&item);
            hashes.extend(hashes_behind(all.outputs, &item)?);
            let rows = Query { runs, hashes, hash_prefix: None }.rows(all)?;
            return Ok(Some(Named::Rows { what, item: Some(item), rows }));
        }
    }
    Ok(None)
}

/// The hashes of all rows behind an item of a view; its line names sixteen of them at most.
fn hashes_behind(outputs: &Outputs, item: &Value) -> Result<BTreeSet<[u8; 16]>, StoreError> {
    let [id, snapshot, task, model] =
        ["playbook_id", "snapshot", "task_type", "model_name"].map(|name| text(item, name));
    let wanted = match (&*id, &*snapshot) {
        ("", "") => Item::Entry(&task, &model),
        ("", name) => Item::Snapshot(name),
        (id, _) => Item::Playbook(id),
    };
    let facts = committed_facts(outputs)?;
    let mut lines = ReadBack::of(&facts, outputs);
    let hashes = behind::hashes(&facts, wanted, &mut lines).iter().map(sig_of).collect();
    lines.check()?;
    Ok(hashes)
}

fn name_of(item: &Value) -> String {
    let single = ["playbook_id", "snapshot"].into_iter().map(|name| text(item, name)).find(|n| !n.is_empty());
    single.unwrap_or_else(|| format!("{}/{}", text(item, "task_type"), text(item, "model_name")))
}

/// The rows of the one run whose id begins so.
fn run_prefix(all: &mut AllRows<'_>, id: &str) -> Result<Option<Named>, StoreError> {
    let escaped = Escaped::from_plain(id);
    let Some(needle) = needles([format!("\"run_id\":\"{}", escaped.escaped())]) else { return Ok(None) };
    let mut runs = BTreeSet::new();
    for line in lines_of_evidence(all, &needle)? {
        let run = run_of(&line).map(|run| run.plain().into_owned());
        runs.extend(run.filter(|run| run.starts_with(id) && runs.len() <= CANDIDATES_MAX));
    }
    if runs.len() > 1 {
        return Ok(Some(Named::Several(runs)));
    }
    if runs.is_empty() {
        return Ok(None);
    }
    let rows = Query { runs, ..Query::default() }.rows(all)?;
    Ok(Some(Named::Rows { what: "run", item: None, rows }))
}

/// The lines of evidence that hold a needle, stream by stream; two threads look for them, in the longest files first.
fn lines_of_evidence(all: &AllRows<'_>, needle: &AhoCorasick) -> Result<Vec<String>, StoreError> {
    let outputs = all.outputs;
    let paths: Vec<String> = all.streams.specs.iter().map(|spec| spec.output("evidence")).collect();
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|stream| paths.get(*stream).map(|path| Reverse(outputs.state.output_len(path))));
    let queue = Mutex::new(order.into_iter());
    let look = || -> Result<Vec<(usize, Vec<String>)>, StoreError> {
        let mut found = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((stream, path)) = next.and_then(|stream| Some((stream, paths.get(stream)?))) else {
                return Ok(found);
            };
            let lines = lines_with(outputs, path, 0, needle)?;
            found.push((stream, lines.into_iter().map(|(_, line)| line).collect()));
        }
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(look);
        let died = |_| Err(StoreError::CheckFailed("the thread that looks for lines panicked".to_owned()));
        (look(), other.join().unwrap_or_else(died))
    });
    let mut found = one?;
    found.extend(other?);
    found.sort_unstable_by_key(|(stream, _)| *stream);
    Ok(found.into_iter().flat_map(|(_, lines)| lines).collect())
}

fn text(item: &Value, name: &str) -> String {
    item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The hashes of the rows that an item names as its sources.
fn hashes_of(item: &Value) -> BTreeSet<[u8; 16]> {
    let provenance = item.get("provenance");
    let one = provenance.into_iter().filter(|provenance| provenance.is_object());
    let several = provenance.and_then(Value::as_array).into_iter().flatten();
    let hash = |of: &Value| Sha256Hex::parse(of.get("sig_hash")?.as_str()?).map(|hash| sig_of(&hash));
    one.chain(several).filter_map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_begins_with_its_digits_in_either_case() {
        let mut sig = [0; 16];
        faster_hex::hex_decode(b"1bc35540c0c9cb0275ccf87a4bd1df9f", &mut sig).unwrap();
        let begins = |digits: &str| HashPrefix::parse(digits).is_some_and(|prefix| prefix.begins(&sig));
        assert!(begins("1bc355") && begins("1BC35540C") && begins("1bc35540c0c9cb0275ccf87a4bd1df9f"));
        // Rows are known by the first half of their hash.
        assert!(begins("1bc35540c0c9cb0275ccf87a4bd1df9fd3d05980"));
        assert!(!begins("1bc356") && !begins("bc3554") && !begins("1bc35540c0c9cb0275ccf87a4bd1df9e"));
        assert!(!begins("1bc355x") && !begins("1bc35540c0c9cb0275ccf87a4bd1df9fx"));
    }
}
