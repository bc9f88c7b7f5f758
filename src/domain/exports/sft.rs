//! SFT samples: accepted answers under their instruction.
//!
//! A line of this file can only be made from an `Accepted`, and an `Accepted` only from the category `accepted`.

use super::instruction::{self, Prompt};
use super::{CurrentScore, EvidenceView, Export, SampleId};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::score::Category;

/// `exports/sft/instruction_response.jsonl`
pub(super) struct Sft;

/// The proof that a score is `accepted`.
#[derive(Debug, Clone, Copy)]
struct Accepted<'a> {
    score: CurrentScore<'a>,
}

impl<'a> Accepted<'a> {
    fn prove(score: CurrentScore<'a>) -> Option<Self> {
        match score.category {
            Category::Accepted => Some(Self { score }),
            Category::PartiallyAccepted | Category::Rejected | Category::NeedsHumanReview => None,
        }
    }
}

/// One line of the file.
struct SftSample<'a> {
    evidence: &'a EvidenceView<'a>,
    prompt: Prompt,
    accepted: Accepted<'a>,
}

impl Export for Sft {
    fn path(&self) -> &'static str {
        "exports/sft/instruction_response.jsonl"
    }

    fn prefix(&self) -> &'static str {
        "sft_"
    }

    fn allows(&self, category: Category) -> bool {
        category == Category::Accepted
    }

    fn sample(
        &self,
        evidence: &EvidenceView<'_>,
        score: CurrentScore<'_>,
        out: &mut String,
    ) -> Option<SampleId> {
        let accepted = Accepted::prove(score)?;
        let prompt = instruction::of(&evidence.instruction_fields())?;
        Some(SftSample { evidence, prompt, accepted }.render(out))
    }
}

impl SftSample<'_> {
    fn render(&self, out: &mut String) -> SampleId {
        let evidence = self.evidence;
        let content = content_hash(&self.prompt.instruction, &evidence.text);
        let group = evidence.split_group();
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.plain("sample_id", &format!("{}{}", Sft.prefix(), content.first16()));
        o.text("task_type", evidence.task_type());
        o.plain("system", self.prompt.system);
        o.text("instruction", &self.prompt.instruction);
        o.plain("input", "");
        o.text("response", &evidence.text);
        o.plain("quality_score", Category::Accepted.name());
        o.codes("score_reasons", self.accepted.score.reasons.iter().copied());
        o.plain("scorer_version", self.accepted.score.scorer_version);
        o.texts("source_run_ids", [&evidence.run_id]);
        o.plain("split", split_of(&group));
        o.text("split_group", &group);
        evidence.render_origin(&mut o);
        o.end();
        out.push('\n');
        SampleId::of(&content)
    }
}

/// The hash of a sample's content: instruction, a zero byte, response.
fn content_hash(instruction: &Escaped<'_>, response: &Escaped<'_>) -> Sha256Hex {
    Sha256Hex::of([instruction.plain().as_bytes(), b"\0", response.plain().as_bytes()].concat().as_slice())
}

/// 90 % of the groups train, 5 % validate, 5 % test; a group is always on one side.
pub(super) fn split_of(group: &Escaped<'_>) -> &'static str {
    let hash = group.hash();
    let bucket = hash.0.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes) % 100);
    match bucket {
        0..90 => "train",
        90..95 => "validation",
        _ => "test",
    }
}
