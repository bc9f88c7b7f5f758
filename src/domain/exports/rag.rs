//! RAG samples: work with a text, accepted or partially accepted.

use super::{CurrentScore, EvidenceView, Export, SampleId};
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::scalars::Escaped;
use crate::domain::score::Category;

/// `exports/rag/samples.jsonl`
pub(super) struct Rag;

/// A category that retrieval may use; no other value can be made.
#[derive(Debug, Clone, Copy)]
struct Retrievable(&'static str);

impl Retrievable {
    fn prove(category: Category) -> Option<Self> {
        match category {
            Category::Accepted | Category::PartiallyAccepted => Some(Self(category.name())),
            Category::Rejected | Category::NeedsHumanReview => None,
        }
    }
}

impl Export for Rag {
    fn path(&self) -> &'static str {
        "exports/rag/samples.jsonl"
    }

    fn prefix(&self) -> &'static str {
        "rag_"
    }

    fn allows(&self, category: Category) -> bool {
        Retrievable::prove(category).is_some()
    }

    fn sample(
        &self,
        evidence: &EvidenceView<'_>,
        score: CurrentScore<'_>,
        out: &mut String,
    ) -> Option<SampleId> {
        let success_score = Retrievable::prove(score.category)?;
        let content = evidence.text_hash;
        let title = format!("{} · {}", evidence.stream.escaped(), evidence.task_id.escaped());
        let mut tags = vec![evidence.stream.prefixed("stream:")];
        tags.extend(evidence.task_type.as_ref().map(|task| task.prefixed("task:")));
        tags.extend(evidence.file.as_ref().map(|file| file.prefixed("file:")));
        tags.extend(evidence.pr.map(|pr| Escaped::from_escaped(format!("pr:{pr}"))));
        tags.extend(evidence.model_name.as_ref().map(|model| model.prefixed("model:")));
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.plain("sample_id", &format!("{}{}", self.prefix(), content.first16()));
        o.text("title", &Escaped::from_escaped(title));
        o.text("text", &evidence.text);
        o.text("task_type", evidence.task_type());
        o.plain("success_score", success_score.0);
        o.texts("source_run_ids", [&evidence.run_id]);
        o.texts("tags", &tags);
        o.hash("content_sha256", &content);
        evidence.render_origin(&mut o);
        o.end();
        out.push('\n');
        Some(SampleId::of(&content))
    }
}
