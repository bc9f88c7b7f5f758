//! The table of views: one folder a trainer, each with only the keys that this trainer reads.
//!
//! Line N of every view of a dataset is line N of its canonical file; KTO has two lines a pair.

use super::feature::{Feature, FeatureKind, object, objects, text, texts, whole};
use super::{Dataset, Sample, rows};
use crate::domain::schema::samples::Split;
use crate::domain::schema::scalars::Sha256Hex;

/// One file a split, in the shape that one reader takes.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Its name: the config's name in the card.
    pub name: &'static str,
    /// What its samples are taken from.
    pub dataset: Dataset,
    /// What the paths of its files start with.
    pub prefix: &'static str,
    /// Its columns, in order.
    pub features: &'static [Feature],
    /// Appends the lines of a sample.
    pub rows: fn(&Sample, &mut String),
    /// How many lines a sample has.
    pub rows_a_sample: u64,
    /// Whether the card offers it; what only goes with another file is not offered.
    pub offered: bool,
    /// A name that its one file must have; else it is named by split and content.
    pub file: Option<&'static str>,
}

const PROVENANCE: &[Feature] = &[
    text("source_file"),
    whole("generation"),
    whole("line_offset"),
    whole("byte_offset"),
    text("sig_hash"),
    text("recorded_at"),
];
const MESSAGE: &[Feature] = &[text("role"), text("content")];
const MESSAGES_ONLY: &[Feature] = &[objects("messages", MESSAGE)];
const IDS: &[Feature] = &[text("sample_id")];

const RAG: &[Feature] = &[
    whole("schema_version"),
    text("sample_id"),
    text("title"),
    text("text"),
    text("task_type"),
    text("success_score"),
    texts("source_run_ids"),
    texts("tags"),
    text("content_sha256"),
    object("provenance", PROVENANCE),
];
const SFT: &[Feature] = &[
    whole("schema_version"),
    text("sample_id"),
    text("task_type"),
    text("system"),
    text("instruction"),
    text("input"),
    text("response"),
    text("quality_score"),
    texts("score_reasons"),
    text("scorer_version"),
    texts("source_run_ids"),
    text("split"),
    text("split_group"),
    object("provenance", PROVENANCE),
];
const PREFERENCE: &[Feature] = &[
    whole("schema_version"),
    text("sample_id"),
    text("task_type"),
    text("system"),
    text("instruction"),
    text("input"),
    text("chosen"),
    text("rejected"),
    text("reason"),
    text("chosen_run_id"),
    text("rejected_run_id"),
    texts("source_run_ids"),
    text("split"),
    text("split_group"),
    objects("provenance", PROVENANCE),
];
const BEIR: &[Feature] = &[
    text("_id"),
    text("title"),
    text("text"),
    object(
        "metadata",
        &[
            text("task_type"),
            text("success_score"),
            texts("source_run_ids"),
            texts("tags"),
            text("content_sha256"),
        ],
    ),
];
const TRL_SFT: &[Feature] = &[objects("prompt", MESSAGE), objects("completion", MESSAGE)];
const TRL_DPO: &[Feature] =
    &[objects("prompt", MESSAGE), objects("chosen", MESSAGE), objects("rejected", MESSAGE)];
const TRL_KTO: &[Feature] = &[
    objects("prompt", MESSAGE),
    objects("completion", MESSAGE),
    Feature { name: "label", kind: FeatureKind::Flag },
];
const AXOLOTL_DPO: &[Feature] =
    &[objects("messages", MESSAGE), object("chosen", MESSAGE), object("rejected", MESSAGE)];
const LLAMA_SFT: &[Feature] = &[text("instruction"), text("input"), text("output"), text("system")];
const LLAMA_DPO: &[Feature] =
    &[text("instruction"), text("input"), text("chosen"), text("rejected"), text("system")];
const LLAMA_KTO: &[Feature] = &[
    text("instruction"),
    text("input"),
    text("output"),
    text("system"),
    Feature { name: "kto_tag", kind: FeatureKind::Flag },
];
const OPENAI_DPO: &[Feature] = &[
    object("input", MESSAGES_ONLY),
    objects("preferred_output", MESSAGE),
    objects("non_preferred_output", MESSAGE),
];

const fn view(
    name: &'static str,
    dataset: Dataset,
    prefix: &'static str,
    features: &'static [Feature],
    rows: fn(&Sample, &mut String),
) -> View {
    View { name, dataset, prefix, features, rows, rows_a_sample: 1, offered: true, file: None }
}

const fn pairs(view: View) -> View {
    View { rows_a_sample: 2, ..view }
}

const fn beside(view: View) -> View {
    View { offered: false, ..view }
}

/// Every view; those of one dataset in the order in which the card lists them.
pub static VIEWS: [View; 16] = [
    view("sft", Dataset::Sft, "canonical/sft/", SFT, rows::canonical),
    view("trl_sft", Dataset::Sft, "trl/sft/", TRL_SFT, rows::trl_sft),
    view("axolotl_sft", Dataset::Sft, "axolotl/sft/", MESSAGES_ONLY, rows::messages),
    view("llama_factory_sft", Dataset::Sft, "llama_factory/sft_", LLAMA_SFT, rows::llama_sft),
    view("openai_sft", Dataset::Sft, "openai/sft/", MESSAGES_ONLY, rows::messages),
    beside(view("openai_sft_ids", Dataset::Sft, "openai/ids/sft_", IDS, rows::id)),
    view("preference", Dataset::Preference, "canonical/preference/", PREFERENCE, rows::canonical),
    view("trl_dpo", Dataset::Preference, "trl/dpo/", TRL_DPO, rows::trl_dpo),
    pairs(view("trl_kto", Dataset::Preference, "trl/kto/", TRL_KTO, rows::trl_kto)),
    view("axolotl_dpo", Dataset::Preference, "axolotl/dpo/", AXOLOTL_DPO, rows::axolotl_dpo),
    view("llama_factory_dpo", Dataset::Preference, "llama_factory/dpo_", LLAMA_DPO, rows::llama_dpo),
    pairs(view("llama_factory_kto", Dataset::Preference, "llama_factory/kto_", LLAMA_KTO, rows::llama_kto)),
    view("openai_dpo", Dataset::Preference, "openai/dpo/", OPENAI_DPO, rows::openai_dpo),
    beside(view("openai_dpo_ids", Dataset::Preference, "openai/ids/dpo_", IDS, rows::id)),
    view("rag", Dataset::Rag, "canonical/rag/", RAG, rows::canonical),
    // The loaders of BEIR and MTEB open a file of this name.
    View { file: Some("corpus.jsonl"), ..view("beir", Dataset::Rag, "beir/", BEIR, rows::beir) },
];

impl View {
    /// The path of one of its files, below the version's folder; `content` is the hash of the file's bytes.
    ///
    /// The name holds a part of the hash because Axolotl keeps what it has prepared by path, whatever the file holds.
    pub fn path(&self, split: Split, content: &Sha256Hex) -> String {
        if let Some(file) = self.file {
            return format!("{}{file}", self.prefix);
        }
        let hash = content.first16();
        let short = hash.get(..12).unwrap_or_default();
        format!("{}{}-{short}.jsonl", self.prefix, split.name())
    }
}
