//! The labelled scratchpads, and how well what is read from them agrees with their labels. Shared by a test and a bench.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use distilld::domain::scratchpad::summarise;
use serde_json::Value;
use sha2::Digest as _;

/// The fields that are measured.
pub const FIELDS: [&str; 9] = [
    "current_objective",
    "completed_steps",
    "failed_steps",
    "pending_steps",
    "important_paths",
    "decisions",
    "unresolved_questions",
    "validation_status",
    "next_command",
];

/// One text and what a reader takes from it, by field.
pub struct Labelled {
    pub name: String,
    pub text: String,
    pub expected: BTreeMap<String, Vec<String>>,
}

impl Labelled {
    /// Whether the text is held out: nobody looks at what the grammar makes of it while writing the grammar.
    pub fn is_held_out(&self) -> bool {
        sha2::Sha256::digest(self.name.as_bytes())[0] % 3 == 0
    }
}

/// All labelled texts, by name.
pub fn labelled() -> Vec<Labelled> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/scratchpads");
    let labels = fs::read_to_string(folder.join("labels.jsonl")).unwrap();
    let of_line = |line: &str| {
        let label: Value = serde_json::from_str(line).unwrap();
        let name = label["name"].as_str().unwrap().to_owned();
        let unknown =
            label.as_object().unwrap().keys().find(|key| *key != "name" && !FIELDS.contains(&key.as_str()));
        assert_eq!(unknown, None, "{name}");
        Labelled { text: fs::read_to_string(folder.join(&name)).unwrap(), expected: items(&label), name }
    };
    labels.lines().map(of_line).collect()
}

/// The items of each field; `not_run` is what a text says that says nothing, and no item.
fn items(summary: &Value) -> BTreeMap<String, Vec<String>> {
    let of_field = |field: &str| {
        let texts = match &summary[field] {
            Value::String(text) if text == "not_run" => Vec::new(),
            Value::String(text) => vec![text.clone()],
            Value::Array(texts) => texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
            _ => Vec::new(),
        };
        (field.to_owned(), texts)
    };
    FIELDS.iter().map(|field| of_field(field)).collect()
}

/// What is read from a text, by field.
pub fn read(text: &str) -> BTreeMap<String, Vec<String>> {
    let source = distilld::domain::scratchpad::Source {
        run_id: &distilld::domain::schema::scalars::Escaped::from_escaped("run"),
        text_hash: distilld::domain::schema::scalars::Sha256Hex::of(text.as_bytes()),
        provenance: "{}",
    };
    let mut line = String::new();
    summarise(text).render(source, &mut line);
    items(&serde_json::from_str(&line).unwrap())
}

/// Items of one field over many texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Read and labelled.
    pub right: usize,
    /// Read.
    pub read: usize,
    /// Labelled.
    pub labelled: usize,
}

impl Agreement {
    pub fn precision(&self) -> f64 {
        share(self.right, self.read)
    }

    pub fn recall(&self) -> f64 {
        share(self.right, self.labelled)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// One item that was read and not labelled (`+`), or labelled and not read (`-`).
pub struct Miss {
    pub name: String,
    pub field: String,
    pub sign: char,
    pub item: String,
}

/// How well texts are read, by field, and every item that is not as labelled.
pub fn measure<'l>(texts: impl Iterator<Item = &'l Labelled>) -> (BTreeMap<String, Agreement>, Vec<Miss>) {
    let mut by_field: BTreeMap<String, Agreement> = BTreeMap::new();
    let mut misses = Vec::new();
    for text in texts {
        let found = read(&text.text);
        for field in FIELDS {
            let (found, expected) = (&found[field], &text.expected[field]);
            let agreement = by_field.entry(field.to_owned()).or_default();
            agreement.read += found.len();
            agreement.labelled += expected.len();
            agreement.right += found.iter().filter(|item| expected.contains(item)).count();
            let miss = |sign, item: &String| Miss {
                name: text.name.clone(),
                field: field.to_owned(),
                sign,
                item: item.clone(),
            };
            misses.extend(found.iter().filter(|item| !expected.contains(item)).map(|item| miss('+', item)));
            misses.extend(expected.iter().filter(|item| !found.contains(item)).map(|item| miss('-', item)));
        }
    }
    (by_field, misses)
}
