//! `audit_lessons`: lessons an extractor drew from one pull request.

use super::extraction::read_verified;
use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, join_lines};
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `audit_lessons`.
pub(super) struct AuditLessons;

impl Stream for AuditLessons {
    fn name(&self) -> &'static str {
        "audit_lessons"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "pr_number",
            "head_sha",
            "extracted_at",
            "extractor",
            "verifier",
            "llm_team_run_id",
            "lesson",
            "lessons",
            "severity",
            "verified",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Extractor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let pr = row.int("pr_number")?;
        draft.record.pr_number = Some(pr);
        draft.record.head_sha = Some(row.sha40("head_sha")?);
        draft.time = Some(row.time("extracted_at")?);
        row.text("extractor")?;
        let run = row.opt_text("llm_team_run_id").unwrap_or_else(|| row.sig_run("lesson"));
        draft.run_and_task(run, "pr:", Some(&digits(pr)));
        let mut lines = row.opt_texts("lesson");
        lines.extend(row.opt_texts("lessons"));
        draft.record.text = join_lines(lines);
        read_verified(row, draft);
        Ok(())
    }
}
