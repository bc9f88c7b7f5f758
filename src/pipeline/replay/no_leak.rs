//! Promise 3 of what a replay made: every row behind a sample has, by the score that counts now, a category that the file
//! allows. Read from the files, and from nothing that the replay knew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use super::ReplayError;
use crate::domain::exports::Dataset;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::score::Category;
use crate::domain::skim;
use crate::pipeline::known_rows::{hash as hash_of, sig_of};
use crate::pipeline::outputs::{Outputs, RESCORED};
use crate::pipeline::row_scan::{rescored_facts, sig_hash};
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;

/// The category of each row of a stream, by the part of its hash that rows are known by.
#[derive(Debug, Default)]
struct Categories(HashTable<([u8; 16], Category)>);

impl Categories {
    fn get(&self, sig: [u8; 16]) -> Option<Category> {
        self.0.find(hash_of(sig), |(other, _)| *other == sig).map(|(_, category)| *category)
    }

    /// Sets the category of a row that is there.
    fn set(&mut self, sig: [u8; 16], category: Category) {
        if let Some(row) = self.0.find_mut(hash_of(sig), |(other, _)| *other == sig) {
            row.1 = category;
        }
    }

    fn insert(&mut self, sig: [u8; 16], category: Category) {
        self.0.insert_unique(hash_of(sig), (sig, category), |(other, _)| hash_of(*other));
    }
}

/// Reads every score and every sample; names the first sample that must not be there.
pub fn check_no_leak(outputs: &Outputs, streams: &StreamSet) -> Result<(), ReplayError> {
    let queue = Mutex::new(streams.specs.iter());
    let read = || -> Result<Vec<(&str, Categories)>, StoreError> {
        let mut read = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(spec) = next else { return Ok(read) };
            read.push((spec.source_file.as_str(), first_scores(outputs, &spec.output("scored-runs"))?));
        }
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(read);
        let died = |_| Err(StoreError::CheckFailed("a thread of the check panicked".to_owned()));
        (read(), other.join().unwrap_or_else(died))
    });
    let mut rows: HashMap<&str, Categories> = one?.into_iter().chain(other?).collect();
    outputs.each_line(RESCORED, |_, line| {
        let Some(later) = rescored_facts(line) else { return };
        if let Some(of_stream) = rows.get_mut(&*later.source_file) {
            // The later line is the later score.
            of_stream.set(sig_of(&later.sig_hash), later.settled.category);
        }
    })?;
    for dataset in Dataset::ALL {
        let mut first = None;
        outputs.each_line(dataset.path(), |_, line| {
            if first.is_none()
                && let Err(why) = hold(dataset, line, &rows)
            {
                let sample = skim::members(line).find(|(key, _)| *key == "sample_id");
                let sample = sample.map_or("", |(_, id)| id.trim_matches('"')).to_owned();
                first = Some(ReplayError::Leaks { sample, export: dataset.path(), why });
            }
        })?;
        if let Some(leak) = first {
            return Err(leak);
        }
    }
    Ok(())
}

fn first_scores(outputs: &Outputs, path: &str) -> Result<Categories, StoreError> {
    let mut categories = Categories::default();
    outputs.each_line(path, |_, line| {
        let category = skim::members(line).find(|(key, _)| *key == "category");
        let category = category.and_then(|(_, name)| Category::from_name(name.trim_matches('"')));
        if let (Some(hash), Some(category)) = (sig_hash(line.as_bytes()), category) {
            categories.insert(sig_of(&hash), category);
        }
    })?;
    Ok(categories)
}

/// Whether the rows that a sample names allow it.
fn hold(dataset: Dataset, line: &str, rows: &HashMap<&str, Categories>) -> Result<(), String> {
    // Both stand behind the texts, which nobody need read.
    let provenance = skim::last(line, "\"provenance\":").unwrap_or("");
    let says = skim::last(line, "\"success_score\":");
    let says = says.and_then(|says| Category::from_name(says.trim_matches('"')));
    let sides: Vec<&str> =
        if provenance.starts_with('[') { skim::items(provenance).collect() } else { vec![provenance] };
    let of = |side: &str| category_of(side, rows);
    let is_fit = match (dataset, sides.as_slice()) {
        (Dataset::Rag, [row]) => {
            let category = of(row)?;
            // A success score may be late to rise.
            dataset.allows(category) && (says == Some(category) || category == Category::Accepted)
        }
        (Dataset::Sft, [row]) => dataset.allows(of(row)?),
        (Dataset::Preference, [chosen, rejected]) if chosen == rejected => of(chosen)? != Category::Rejected,
        (Dataset::Preference, [chosen, rejected]) => {
            let overseer = chosen.contains("/overseer_corrections.jsonl\"");
            (overseer || of(chosen)? == Category::Accepted) && of(rejected)? == Category::Rejected
        }
        _ => return Err("it names other than the rows that it is made of".to_owned()),
    };
    if is_fit { Ok(()) } else { Err("the category that counts now does not allow it".to_owned()) }
}

fn category_of(provenance: &str, rows: &HashMap<&str, Categories>) -> Result<Category, String> {
    let member = |name: &str| skim::members(provenance).find(|(key, _)| *key == name).map(|(_, value)| value);
    let file = member("source_file").and_then(skim::text).map(|file| file.plain().into_owned());
    let hash = member("sig_hash").and_then(|hash| Sha256Hex::parse(hash.trim_matches('"')));
    let row = file.zip(hash).and_then(|(file, hash)| rows.get(&*file)?.get(sig_of(&hash)));
    row.ok_or_else(|| format!("there is no score of the row it names, {provenance}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dataset: Dataset, hashes: &[u8], more: &str) -> String {
        let of = |hash: &u8| {
            let hash = Sha256Hex([*hash; 32]);
            format!("{{\"source_file\":\"data/_kb/audits.jsonl\",\"sig_hash\":\"{hash}\"}}")
        };
        let rows: Vec<String> = hashes.iter().map(of).collect();
        let rows =
            if dataset == Dataset::Preference { format!("[{}]", rows.join(",")) } else { rows.concat() };
        format!("{{\"sample_id\":\"x\"{more},\"provenance\":{rows}}}")
    }

    #[test]
    fn a_sample_stands_by_the_category_of_its_rows() {
        let categories = Category::ALL.into_iter().zip(0_u8..);
        let mut of_stream = Categories::default();
        categories.for_each(|(category, hash)| of_stream.insert([hash; 16], category));
        let rows = HashMap::from([("data/_kb/audits.jsonl", of_stream)]);
        let number = |wanted| Category::ALL.iter().position(|category| *category == wanted).unwrap() as u8;
        let [good, partial, bad, open] =
            [Category::Accepted, Category::PartiallyAccepted, Category::Rejected, Category::NeedsHumanReview]
                .map(number);
        let fits =
            |dataset, hashes: &[u8], more: &str| hold(dataset, &line(dataset, hashes, more), &rows).is_ok();
        let allowed: Vec<u8> = (0..4).filter(|row| fits(Dataset::Sft, &[*row], "")).collect();
        assert_eq!(allowed, [good]);
        let partly = ",\"success_score\":\"partially_accepted\"";
        let whole = ",\"success_score\":\"accepted\"";
        assert!(fits(Dataset::Rag, &[good], whole) && fits(Dataset::Rag, &[good], partly));
        assert!(fits(Dataset::Rag, &[partial], partly) && !fits(Dataset::Rag, &[partial], whole));
        assert!(!fits(Dataset::Rag, &[bad], partly) && !fits(Dataset::Rag, &[open], partly));
        assert!(fits(Dataset::Preference, &[good, bad], "") && !fits(Dataset::Preference, &[bad, good], ""));
        assert!(!fits(Dataset::Preference, &[partial, bad], ""));
        assert!(fits(Dataset::Preference, &[open, open], "") && !fits(Dataset::Preference, &[bad, bad], ""));
        assert!(!fits(Dataset::Sft, &[9], ""), "nobody scored that row");
    }
}
