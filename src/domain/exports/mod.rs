//! The exports: one file each. A sample is made from evidence and its current score, and from nothing else.

pub mod instruction;
pub mod rag;
pub mod secrets;
pub mod sft;
mod view;

pub use view::EvidenceView;

use super::schema::scalars::Sha256Hex;
use super::score::Category;

/// What an export needs to know of the score of a piece of evidence.
#[derive(Debug, Clone, Copy)]
pub struct CurrentScore<'a> {
    /// The category that counts now.
    pub category: Category,
    /// The reasons for it, sorted.
    pub reasons: &'a [&'static str],
    /// The scorer that gave it.
    pub scorer_version: &'a str,
}

/// The id of a sample: 64 bits of its content's hash, printed behind the export's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleId(pub u64);

impl SampleId {
    /// From the content's hash.
    pub fn of(content: &Sha256Hex) -> Self {
        Self(content.0.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }
}

/// One export: a file of samples.
pub trait Export: Sync {
    /// The file, below the output folder.
    fn path(&self) -> &'static str;
    /// What its sample ids start with.
    fn prefix(&self) -> &'static str;
    /// Whether it may hold work of that category.
    fn allows(&self, category: Category) -> bool;
    /// Appends the evidence's sample to `out`, if it has one here; `Some` with its id when it does.
    fn sample(
        &self,
        evidence: &EvidenceView<'_>,
        score: CurrentScore<'_>,
        out: &mut String,
    ) -> Option<SampleId>;
}

/// Every export.
pub const EXPORTS: [&dyn Export; 2] = [&rag::Rag, &sft::Sft];
