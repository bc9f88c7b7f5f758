//! RAG samples: work with a text, accepted or partially accepted.

use super::{Dataset, EvidenceView, SampleId, Standing};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::samples::SuccessScore;
use crate::domain::schema::scalars::Escaped;

/// Appends the sample of a piece of work to `out`, if its category allows one; gives its id.
pub fn sample(evidence: &EvidenceView<'_>, standing: Standing<'_>, out: &mut String) -> Option<SampleId> {
    let success_score = SuccessScore::prove(standing.category)?;
    let content = evidence.text_hash;
    let title = format!("{} · {}", evidence.stream.escaped(), evidence.task_id.escaped());
    let task_type = evidence.task_type(standing.task_of_run);
    let mut tags = vec![evidence.stream.prefixed("stream:")];
    tags.extend(evidence.task_type.as_ref().map(|task| task.prefixed("task:")));
    tags.extend(evidence.file.as_ref().map(|file| file.prefixed("file:")));
    tags.extend(evidence.pr.map(|pr| Escaped::from_escaped(format!("pr:{pr}"))));
    tags.extend(evidence.model_name.as_ref().map(|model| model.prefixed("model:")));
    let id = SampleId::of(&content);
    let mut o = Object::new(out);
    o.int("schema_version", SCHEMA_VERSION);
    o.plain("sample_id", &Dataset::Rag.sample_id(id));
    o.text("title", &Escaped::from_escaped(title));
    o.text("text", &evidence.text);
    o.text("task_type", task_type);
    o.plain("success_score", success_score.name());
    o.texts("source_run_ids", [&evidence.run_id]);
    o.texts("tags", &tags);
    o.hash("content_sha256", &content);
    evidence.render_origin(&mut o);
    o.end();
    out.push('\n');
    Some(id)
}
