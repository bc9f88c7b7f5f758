//! A snapshot: the samples of all exports as one versioned dataset, with a folder for every trainer.
//!
//! What a snapshot holds is decided here, from samples alone: the rows of every view, what is said about them, and which
//! version they make. Equal samples give equal bytes.

pub mod card;
pub mod changes;
pub mod croissant;
pub mod feature;
pub mod manifest;
pub mod recipes;
pub mod rows;
pub mod version;
pub mod view;

pub use super::exports::Dataset;
use super::schema::published::{Published as _, Refusal, shape};
use super::schema::samples::{PreferenceSample, RagSample, SftSample, Split};
use super::schema::scalars::Sha256Hex;

/// One sample of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    /// Of the RAG export.
    Rag(Box<RagSample>),
    /// Of the SFT export.
    Sft(Box<SftSample>),
    /// Of the preference export.
    Preference(Box<PreferenceSample>),
}

impl Sample {
    /// Reads a line of an export, judged by its published shape.
    pub fn read(dataset: Dataset, line: &str) -> Result<Self, Refusal> {
        let name = match dataset {
            Dataset::Rag => RagSample::NAME,
            Dataset::Sft => SftSample::NAME,
            Dataset::Preference => PreferenceSample::NAME,
        };
        let refused = |reason: String| Refusal { path: String::new(), reason };
        shape(name).ok_or_else(|| refused("no published shape".to_owned()))?.judge(line)?;
        let sample = match dataset {
            Dataset::Rag => serde_json::from_str(line).map(Self::Rag),
            Dataset::Sft => serde_json::from_str(line).map(Self::Sft),
            Dataset::Preference => serde_json::from_str(line).map(Self::Preference),
        };
        sample.map_err(|e| refused(e.to_string()))
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Rag(sample) => sample.sample_id.as_str(),
            Self::Sft(sample) => sample.sample_id.as_str(),
            Self::Preference(sample) => sample.sample_id.as_str(),
        }
    }

    /// The part of the data it belongs to; there is only one to retrieve from.
    pub fn split(&self) -> Split {
        match self {
            Self::Rag(_) => Split::Train,
            Self::Sft(sample) => sample.split,
            Self::Preference(sample) => sample.split,
        }
    }

    /// What keeps it in its part.
    pub fn split_group(&self) -> Option<&str> {
        match self {
            Self::Rag(_) => None,
            Self::Sft(sample) => Some(sample.split_group.as_str()),
            Self::Preference(sample) => Some(sample.split_group.as_str()),
        }
    }

    /// The hash that its id is made of.
    pub fn content_hash(&self) -> Sha256Hex {
        match self {
            Self::Rag(sample) => hash_of(&[sample.text.as_str()]),
            Self::Sft(sample) => hash_of(&[sample.instruction.as_str(), sample.response.as_str()]),
            Self::Preference(sample) => {
                hash_of(&[sample.instruction.as_str(), sample.chosen.as_str(), sample.rejected.as_str()])
            }
        }
    }
}

/// The hash of a sample's content: its texts with a zero byte between.
pub fn hash_of(texts: &[&str]) -> Sha256Hex {
    Sha256Hex::of(texts.join("\0").as_bytes())
}
