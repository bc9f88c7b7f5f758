//! The exports: one file each. A sample is made from evidence and its current score, and from nothing else.

pub mod instruction;
pub mod preference;
pub mod rag;
pub mod secrets;
pub mod sft;
mod view;
mod wanted;

pub use view::{EvidenceView, rejected_text};
pub use wanted::{
    Verdict, Withheld, rag as wanted_rag, rag_of as wanted_rag_of, sft as wanted_sft, sft_of as wanted_sft_of,
};

use super::schema::scalars::{Escaped, Sha256Hex};
use super::score::Category;

/// The files of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dataset {
    /// Texts to retrieve.
    Rag,
    /// Answers to train on.
    Sft,
    /// Pairs to prefer by.
    Preference,
}

impl Dataset {
    /// Every dataset, in the order of the variants.
    pub const ALL: [Self; 3] = [Self::Rag, Self::Sft, Self::Preference];

    /// Its name in retractions and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rag => "rag",
            Self::Sft => "sft",
            Self::Preference => "preference",
        }
    }

    /// The file, below the output folder.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Rag => "exports/rag/samples.jsonl",
            Self::Sft => "exports/sft/instruction_response.jsonl",
            Self::Preference => "exports/preference/chosen_rejected.jsonl",
        }
    }

    /// What its sample ids start with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Rag => "rag_",
            Self::Sft => "sft_",
            Self::Preference => "pref_",
        }
    }

    /// The id of a sample as it is written.
    pub fn sample_id(self, id: SampleId) -> String {
        format!("{}{:016x}", self.prefix(), id.0)
    }

    /// Whether it may hold the text of work of that category. (A pair holds work of either kind, and is proved by its sides.)
    pub const fn allows(self, category: Category) -> bool {
        match self {
            Self::Rag => matches!(category, Category::Accepted | Category::PartiallyAccepted),
            Self::Sft => matches!(category, Category::Accepted),
            Self::Preference => true,
        }
    }
}

/// What was taken back, below the output folder.
pub const RETRACTIONS: &str = "exports/retractions.jsonl";

/// What a sample needs to know beside its evidence.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The category that counts now.
    pub category: Category,
    /// The reasons for it, sorted.
    pub reasons: &'a [&'static str],
    /// The scorer that gave it.
    pub scorer_version: &'a str,
    /// The task type that its run was given, for a row that names none.
    pub task_of_run: Option<&'a Escaped<'a>>,
    /// The work whose instruction it answers, where that is not its own.
    pub corrects: Option<&'a EvidenceView<'a>>,
}

/// The id of a sample: 64 bits of its content's hash, printed behind the dataset's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleId(pub u64);

impl SampleId {
    /// From the content's hash.
    pub fn of(content: &Sha256Hex) -> Self {
        Self(content.0.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }
}

/// Whether a text holds a secret, and so must not leave.
pub fn holds_secret<'t>(text: &'t Escaped<'t>) -> bool {
    secrets::find_escaped(text.escaped()).is_some()
}
