//! SFT samples: accepted answers under their instruction.
//!
//! A line of this file can only be made from an `AcceptedOnly`, and that only from the category `accepted`.

use super::instruction;
use super::{Dataset, EvidenceView, SampleId, Standing};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::samples::AcceptedOnly;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};

/// Appends the sample of a piece of work to `out`, if it is accepted and answers an instruction; gives its id.
pub fn sample(evidence: &EvidenceView<'_>, standing: Standing<'_>, out: &mut String) -> Option<SampleId> {
    let quality = AcceptedOnly::prove(standing.category)?;
    // A correction answers what its target was asked, and stays on its target's side of every split.
    let asked = standing.corrects.unwrap_or(evidence);
    let prompt = instruction::of(&asked.instruction_fields())?;
    let content = content_hash(&prompt.instruction, &evidence.text);
    let id = SampleId::of(&content);
    let group = asked.split_group();
    let mut o = Object::new(out);
    o.int("schema_version", SCHEMA_VERSION);
    o.plain("sample_id", &Dataset::Sft.sample_id(id));
    o.text("task_type", asked.task_type(standing.task_of_run));
    o.plain("system", prompt.system);
    o.text("instruction", &prompt.instruction);
    o.plain("input", "");
    o.text("response", &evidence.text);
    o.plain("quality_score", quality.name());
    o.codes("score_reasons", standing.reasons.iter().copied());
    o.plain("scorer_version", standing.scorer_version);
    o.texts("source_run_ids", [&evidence.run_id]);
    o.plain("split", split_of(&group));
    o.text("split_group", &group);
    evidence.render_origin(&mut o);
    o.end();
    out.push('\n');
    Some(id)
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
