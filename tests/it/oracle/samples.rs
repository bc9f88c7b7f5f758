//! Which samples stand in the exports: SPEC section 7 and docs/exports.md, as loops over all rows.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::links::{Links, run_signature, run_task_type};
use super::read::{Row, text};
use super::score::Score;
use super::stories::is_secret;
use crate::support::sha256_hex;

/// The samples of the three exports, one line each, so that sets of them can be compared and read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    pub rag: BTreeSet<String>,
    pub sft: BTreeSet<String>,
    pub preference: BTreeSet<String>,
}

/// How a RAG sample is told.
pub fn rag_line(id: &str, score: &str, run: &str, task_type: &str, place: &str) -> String {
    format!("{id} {score} of {run} ({task_type}) from {place}")
}

/// How an SFT sample is told.
pub fn sft_line(id: &str, run: &str, reasons: &[String], place: &str) -> String {
    format!("{id} of {run} for {} from {place}", reasons.join(", "))
}

/// How a preference pair is told.
pub fn preference_line(id: &str, runs: [&str; 2], task_type: &str, places: [&str; 2]) -> String {
    let [chosen, rejected] = runs;
    format!("{id} of {chosen} over {rejected} ({task_type}) from {} and {}", places[0], places[1])
}

/// How the place of a row is told.
pub fn place(source_file: &str, line: u64) -> String {
    format!("{source_file}:{line}")
}

fn place_of(row: &Row) -> String {
    place(&row.source_file, row.line)
}

fn id(prefix: &str, parts: &[&str]) -> String {
    format!("{prefix}_{}", &sha256_hex(parts.join("\0").as_bytes())[..16])
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// All rows with what was decided of them.
struct All<'a> {
    rows: &'a [Row],
    links: &'a Links,
    scores: &'a [Score],
}

/// The samples, and how often each fate met a row or pair.
pub struct Made {
    pub samples: Samples,
    pub fates: BTreeMap<String, u64>,
}

/// A sample's line, or why there is none.
type Fate = Result<String, &'static str>;

/// Makes all samples.
pub fn samples(rows: &[Row], links: &Links, scores: &[Score]) -> Made {
    let all = All { rows, links, scores };
    let mut fates = BTreeMap::new();
    let mut keep = |export: &str, of_export: Vec<Fate>| {
        let mut lines = BTreeSet::new();
        for fate in of_export {
            let name = format!("{export} {}", fate.as_ref().err().unwrap_or(&"made"));
            *fates.entry(name).or_default() += 1;
            lines.extend(fate);
        }
        lines
    };
    let rag = keep("rag", all.rag());
    let sft = keep("sft", all.sft());
    let preference = keep("preference", all.preference());
    Made { samples: Samples { rag, sft, preference }, fates }
}

impl All<'_> {
    fn is(&self, row: usize, categories: &[&str]) -> bool {
        self.rows[row].work && categories.contains(&self.scores[row].category)
    }

    fn task_type(&self, row: usize) -> String {
        let row = &self.rows[row];
        let of_row = row.task_type.clone();
        of_row.or_else(|| run_task_type(self.rows, &row.run)).unwrap_or_else(|| row.stream.clone())
    }

    fn rag(&self) -> Vec<Fate> {
        let superseded = self.superseded();
        let mut seen = BTreeSet::new();
        (0..self.rows.len()).map(|row| self.rag_of(row, &superseded, &mut seen)).collect()
    }

    fn rag_of<'s>(&'s self, i: usize, superseded: &BTreeSet<usize>, seen: &mut BTreeSet<&'s String>) -> Fate {
        let allowed = ["accepted", "partially_accepted"];
        let row = &self.rows[i];
        let text = row.text.as_ref().filter(|text| !is_blank(text)).ok_or("no text")?;
        if !self.is(i, &allowed) {
            return Err("category");
        }
        if superseded.contains(&i) {
            return Err("superseded_by_twin");
        }
        if names_a_secret(row) {
            return Err("secret");
        }
        if !seen.insert(text) {
            return Err("repeated");
        }
        if self.conflicts(&allowed, |other| self.rows[other].text.as_ref() == Some(text)) {
            return Err("conflict.content");
        }
        let (id, task) = (id("rag", &[text]), self.task_type(i));
        Ok(rag_line(&id, self.scores[i].category, &row.run, &task, &place_of(row)))
    }

    /// Whether the same content is allowed in one run and rejected in another.
    fn conflicts(&self, allowed: &[&str], same: impl Fn(usize) -> bool) -> bool {
        let same: Vec<usize> = (0..self.rows.len()).filter(|i| same(*i)).collect();
        same.iter().any(|a| {
            let other_run = |b: &usize| self.rows[*a].run != self.rows[*b].run;
            self.is(*a, allowed) && same.iter().any(|b| self.is(*b, &["rejected"]) && other_run(b))
        })
    }

    /// Raw work whose twin is exportable.
    fn superseded(&self) -> BTreeSet<usize> {
        let is_distilled = |row: &Row| row.stream.starts_with("distilled_");
        let mut superseded = BTreeSet::new();
        for (t, twin) in self.rows.iter().enumerate().filter(|(_, row)| is_distilled(row)) {
            let raw = |fits: &dyn Fn(&Row) -> bool| -> Vec<usize> {
                let is_raw = |row: &Row| row.work && row.text.is_some() && !is_distilled(row);
                (0..self.rows.len()).filter(|i| is_raw(&self.rows[*i]) && fits(&self.rows[*i])).collect()
            };
            let mut mine = raw(&|row| row.run == twin.run);
            let signature = run_signature(self.rows, &twin.run);
            if mine.is_empty() && signature.is_some() {
                mine = raw(&|row| run_signature(self.rows, &row.run) == signature);
            }
            // A twin that is withheld stands for nothing.
            if self.is(t, &["accepted", "partially_accepted"]) && !names_a_secret(twin) {
                superseded.extend(mine);
            }
        }
        superseded
    }

    /// The first work that a correction reaches and that has an instruction, and a text where one is asked for.
    fn target(&self, correction: usize, with_text: bool) -> Option<usize> {
        let fits = |i: &&usize| {
            let row = &self.rows[**i];
            row.instruction.is_some() && (row.text.is_some() || !with_text)
        };
        self.links.reach[correction].iter().filter(fits).min_by_key(|i| self.rows[**i].place()).copied()
    }

    /// What a response was given to: the row's own instruction, or that of the work it corrects.
    fn instruction(&self, row: usize) -> Option<&str> {
        if self.rows[row].stream == "human_overrides" {
            return self.rows[self.target(row, false)?].instruction.as_deref();
        }
        self.rows[row].instruction.as_deref()
    }

    fn sft(&self) -> Vec<Fate> {
        let mut seen = BTreeSet::new();
        (0..self.rows.len()).map(|row| self.sft_of(row, &mut seen)).collect()
    }

    fn sft_of<'s>(&'s self, i: usize, seen: &mut BTreeSet<(&'s str, &'s String)>) -> Fate {
        let row = &self.rows[i];
        let response = row.text.as_ref().filter(|text| !is_blank(text)).ok_or("no text")?;
        if !self.is(i, &["accepted"]) {
            return Err("category");
        }
        let instruction = self.instruction(i).ok_or("no instruction")?;
        if names_a_secret(row) || is_secret(instruction) {
            return Err("secret");
        }
        if !seen.insert((instruction, response)) {
            return Err("repeated");
        }
        let same = |other: usize| {
            self.rows[other].text.as_ref() == Some(response) && self.instruction(other) == Some(instruction)
        };
        if self.conflicts(&["accepted"], same) {
            return Err("conflict.content");
        }
        let id = id("sft", &[instruction, response]);
        Ok(sft_line(&id, &row.run, &self.scores[i].reasons, &place_of(row)))
    }

    fn preference(&self) -> Vec<Fate> {
        let mut pairs = self.discrepancies();
        pairs.extend(self.corrections());
        pairs.extend(self.same_input());
        pairs.sort_by_key(|pair| self.rows[pair.owner].place());
        let mut seen = BTreeSet::new();
        pairs.iter().map(|pair| self.preference_of(pair, &mut seen)).collect()
    }

    fn preference_of(&self, pair: &Pair, seen: &mut BTreeSet<String>) -> Fate {
        pair.check()?;
        let texts = [pair.instruction.as_str(), &pair.chosen, &pair.rejected];
        let id = id("pref", &texts);
        if !seen.insert(id.clone()) {
            return Err("repeated");
        }
        if texts.into_iter().any(is_secret) {
            return Err("secret");
        }
        let runs = [pair.chosen_run.as_str(), pair.rejected_run.as_str()];
        let places = [pair.owner, pair.loser].map(|row| place_of(&self.rows[row]));
        Ok(preference_line(&id, runs, &self.task_type(pair.typed_as), [&places[0], &places[1]]))
    }

    fn discrepancies(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (i, row) in self.rows.iter().enumerate().filter(|(_, row)| row.stream == "audit_discrepancies") {
            let texts = row.text.clone().zip(text(&row.value, "rejected"));
            let Some((chosen, rejected)) = texts.filter(|_| !self.is(i, &["rejected"])) else { continue };
            let claim = text(&row.value, "claim").map_or_else(String::new, |claim| format!(": {claim}"));
            let (pr, number) = (&row.value["pr_number"], &row.value["claim_idx"]);
            pairs.push(Pair {
                instruction: format!("Settle claim {number} of pull request {pr}{claim}"),
                chosen,
                rejected,
                chosen_run: format!("{}:v1", row.run),
                rejected_run: format!("{}:v2", row.run),
                owner: i,
                loser: i,
                typed_as: i,
            });
        }
        pairs
    }

    fn corrections(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            let corrected = match row.stream.as_str() {
                "human_overrides" => row.text.clone().filter(|_| self.is(i, &["accepted"])),
                "overseer_corrections" => text(&row.value, "corrected"),
                _ => None,
            };
            let target = self.target(i, true).filter(|target| self.is(*target, &["rejected"]));
            let Some((chosen, t)) = corrected.zip(target) else { continue };
            pairs.push(Pair {
                instruction: self.rows[t].instruction.clone().unwrap(),
                chosen,
                rejected: self.rows[t].text.clone().unwrap(),
                chosen_run: row.run.clone(),
                rejected_run: self.rows[t].run.clone(),
                owner: i,
                loser: t,
                typed_as: t,
            });
        }
        pairs
    }

    fn same_input(&self) -> Vec<Pair> {
        let mut inputs: BTreeMap<&str, [Option<usize>; 2]> = BTreeMap::new();
        for (i, row) in self.rows.iter().enumerate() {
            let Some(input) = row.input_hash.as_deref() else { continue };
            if row.instruction.is_none() || row.text.is_none() {
                continue;
            }
            let [accepted, rejected] = inputs.entry(input).or_default();
            if self.is(i, &["accepted"]) {
                accepted.get_or_insert(i);
            } else if self.is(i, &["rejected"]) {
                rejected.get_or_insert(i);
            }
        }
        let both = inputs.values().filter_map(|[accepted, rejected]| accepted.zip(*rejected));
        both.map(|(c, r)| Pair {
            instruction: self.rows[c].instruction.clone().unwrap(),
            chosen: self.rows[c].text.clone().unwrap(),
            rejected: self.rows[r].text.clone().unwrap(),
            chosen_run: self.rows[c].run.clone(),
            rejected_run: self.rows[r].run.clone(),
            owner: c,
            loser: r,
            typed_as: c,
        })
        .collect()
    }
}

/// A pair in the making.
struct Pair {
    instruction: String,
    chosen: String,
    rejected: String,
    chosen_run: String,
    rejected_run: String,
    /// The row that the chosen text is of, which is also whose turn it is among equal pairs.
    owner: usize,
    loser: usize,
    typed_as: usize,
}

impl Pair {
    /// Whether both sides differ in what they say and in who says it.
    fn check(&self) -> Result<(), &'static str> {
        let folded = |text: &str| {
            let nfc: String = text.nfc().collect();
            nfc.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        if is_blank(&self.chosen) || is_blank(&self.rejected) {
            return Err("no text");
        }
        if folded(&self.chosen) == folded(&self.rejected) {
            return Err("alike");
        }
        if self.chosen_run == self.rejected_run { Err("of one run") } else { Ok(()) }
    }
}

/// Whether there is a secret in the row's text, or in a name that goes into titles and instructions.
fn names_a_secret(row: &Row) -> bool {
    let names = ["file", "file_path"].into_iter().filter_map(|name| row.value[name].as_str());
    row.text.as_deref().into_iter().chain(names).any(is_secret)
}
