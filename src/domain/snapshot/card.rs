//! The dataset card: `README.md`, whose YAML header tells `datasets` what there is and of which types.

use std::fmt::Write as _;

use serde_json::Value;

use super::Dataset;
use super::feature::push_yaml;
use super::manifest::Facts;
use super::view::VIEWS;

/// A hosted trainer takes no fewer conversations.
const OPENAI_MIN: u64 = 10;

/// The card.
pub fn card(facts: &Facts<'_>) -> String {
    let mut out = header(facts);
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "# {}, version {}\n\nWork of LLM agents, selected by checks that do not depend on a model's opinion alone. Every sample \
         names the row it was made from (`provenance`) and the runs that said the same (`source_run_ids`).\n\n",
        one_line(facts.name),
        facts.version
    );
    counts(&mut out, facts);
    let _ = write!(
        out,
        "\nRows are in canonical order (source file, generation, line). One `split_group` (a pull request, a file) is never in two \
         splits. `manifest.json` holds the SHA-256 of every file and the selection rules word for word; rules version `{}`, scorer \
         version `{}`. The newest row is of {}.\n\n",
        facts.rules.rules_version(),
        facts.rules.scorer_version(),
        facts.newest
    );
    usage(&mut out, facts);
    if facts.previous.is_some() {
        out.push_str(
            "\n## Changes\n\n`CHANGES.md` and `changes.json` name every sample that came, went or changed.\n",
        );
    }
    out
}

fn header(facts: &Facts<'_>) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut out = format!("---\nlicense: {}\npretty_name: {}\n", quoted(facts.license), quoted(facts.name));
    let offered: Vec<_> =
        VIEWS.iter().filter(|view| view.offered && facts.files_of(view).next().is_some()).collect();
    if !offered.is_empty() {
        out.push_str("configs:\n");
    }
    for (place, view) in offered.iter().enumerate() {
        let _ = writeln!(out, "- config_name: {}", view.name);
        if place == 0 {
            out.push_str("  default: true\n");
        }
        out.push_str("  data_files:\n");
        for file in facts.files_of(view) {
            let _ = writeln!(out, "  - split: {}\n    path: {}", file.split.name(), file.path);
        }
    }
    if !offered.is_empty() {
        out.push_str("dataset_info:\n");
    }
    for view in offered {
        let _ = writeln!(out, "- config_name: {}\n  features:", view.name);
        push_yaml(&mut out, view.features, 2);
        out.push_str("  splits:\n");
        for file in facts.files_of(view) {
            let _ = writeln!(
                out,
                "  - name: {}\n    num_bytes: {}\n    num_examples: {}",
                file.split.name(),
                file.bytes,
                file.rows
            );
        }
    }
    out.push_str("---\n\n");
    out
}

fn counts(out: &mut String, facts: &Facts<'_>) {
    out.push_str("| dataset | train | validation | test |\n|---|---|---|---|\n");
    for dataset in Dataset::ALL {
        let of = |name: &str| {
            facts.samples(dataset).find(|(split, _)| split.name() == name).map_or(0, |(_, rows)| rows)
        };
        let _ =
            writeln!(out, "| {} | {} | {} | {} |", dataset.name(), of("train"), of("validation"), of("test"));
    }
    out.push('\n');
    for dataset in Dataset::ALL.into_iter().filter(|dataset| facts.count(*dataset) == 0) {
        let _ = writeln!(out, "There are no {} samples yet, so there is no file of them.", dataset.name());
    }
    let sft = facts.count(Dataset::Sft);
    if (1..OPENAI_MIN).contains(&sft) {
        let _ = writeln!(
            out,
            "OpenAI's fine-tuning takes no fewer than {OPENAI_MIN} conversations; there are {sft}."
        );
    }
}

fn usage(out: &mut String, facts: &Facts<'_>) {
    out.push_str(
        "## Use it\n\n| for | how |\n|---|---|\n\
         | `datasets` | `load_dataset(\"<this folder>\", \"sft\")`; the config's names stand in the header |\n",
    );
    let mut row = |dataset: Dataset, text: &str| {
        if facts.count(dataset) > 0 {
            out.push_str(text);
        }
    };
    row(
        Dataset::Sft,
        "| TRL, SFTTrainer | config `trl_sft` (prompt and completion: the loss is on the completion) |\n\
         | Axolotl, SFT | `axolotl/sft.yml` |\n\
         | LLaMA-Factory, SFT | `--dataset_dir llama_factory --dataset distilld_sft` |\n\
         | OpenAI-style, SFT | `openai/sft/`; line N of `openai/ids/` names the sample of line N |\n",
    );
    row(
        Dataset::Preference,
        "| TRL, DPOTrainer and KTOTrainer | configs `trl_dpo` and `trl_kto` |\n\
         | Axolotl, DPO | `axolotl/dpo.yml` |\n\
         | LLaMA-Factory, DPO and KTO | `--dataset distilld_dpo`, `--dataset distilld_kto` |\n\
         | OpenAI-style, DPO | `openai/dpo/` |\n",
    );
    row(Dataset::Rag, "| retrieval | `beir/corpus.jsonl` (BEIR, MTEB), or the config `rag` |\n");
    out.push_str(
        "\nLine N of a trainer's file is line N of the canonical file of the same split, which has the sample's id and its \
         provenance (KTO: lines 2N and 2N + 1, from 0).\n",
    );
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
