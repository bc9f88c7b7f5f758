//! What trainers that do not find files by themselves need beside them: LLaMA-Factory's `dataset_info.json`, and the
//! dataset part of an Axolotl config.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::manifest::{DataFile, Facts, TextFile};
use super::view::{VIEWS, View};
use crate::domain::schema::samples::Split;

/// Every recipe that has data.
pub fn recipes(facts: &Facts<'_>) -> Vec<TextFile> {
    let mut files = Vec::new();
    let info = llama_factory(facts);
    if !info.is_empty() {
        let text = format!("{:#}\n", Value::from(info));
        files.push(TextFile { path: "llama_factory/dataset_info.json".to_owned(), text });
    }
    files.extend(axolotl(facts, "axolotl_sft", "axolotl/sft.yml", "", "chat_template"));
    files.extend(axolotl(facts, "axolotl_dpo", "axolotl/dpo.yml", "rl: dpo\n", "chat_template.default"));
    files
}

fn view(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

/// The entries of `dataset_info.json`: what `--dataset` may name, with `--dataset_dir` at the folder.
fn llama_factory(facts: &Facts<'_>) -> Map<String, Value> {
    let with = |more: &[(&str, &str)]| {
        let asked = [("prompt", "instruction"), ("query", "input"), ("system", "system")];
        let columns = asked.iter().chain(more);
        columns.map(|(key, column)| ((*key).to_owned(), Value::from(*column))).collect::<Map<_, _>>()
    };
    let kinds = [
        ("sft", json!({ "formatting": "alpaca", "columns": with(&[("response", "output")]) })),
        (
            "dpo",
            json!({ "formatting": "alpaca", "ranking": true,
                "columns": with(&[("chosen", "chosen"), ("rejected", "rejected")]) }),
        ),
        (
            "kto",
            json!({ "formatting": "alpaca",
                "columns": with(&[("response", "output"), ("kto_tag", "kto_tag")]) }),
        ),
    ];
    let mut info = Map::new();
    for (kind, entry) in kinds {
        for file in view(&format!("llama_factory_{kind}")).into_iter().flat_map(|view| facts.files_of(view)) {
            let name = match file.split {
                Split::Train => format!("distilld_{kind}"),
                Split::Validation | Split::Test => format!("distilld_{kind}_{}", file.split.name()),
            };
            let file_name = file.path.trim_start_matches("llama_factory/");
            let mut described = Map::new();
            described.insert("file_name".to_owned(), file_name.into());
            described.extend(entry.as_object().cloned().unwrap_or_default());
            info.insert(name, described.into());
        }
    }
    info
}

/// The part of an Axolotl config that names the data; its paths start at the version's folder.
fn axolotl(facts: &Facts<'_>, name: &str, path: &str, head: &str, kind: &str) -> Option<TextFile> {
    let mut files = facts.files_of(view(name)?).peekable();
    files.peek()?;
    let mut text = format!("# Run Axolotl in the folder above this one.\n{head}");
    let entry = |text: &mut String, key: &str, file: &DataFile| {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{key}:\n  - path: {}\n    ds_type: json\n    split: train\n    type: {kind}\n",
            file.path
        );
    };
    for file in files {
        match file.split {
            Split::Train => entry(&mut text, "datasets", file),
            Split::Validation => entry(&mut text, "test_datasets", file),
            Split::Test => {}
        }
    }
    Some(TextFile { path: path.to_owned(), text })
}
