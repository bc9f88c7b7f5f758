//! `audit_discrepancies`: several auditors voted on one claim of a pull request.

use super::audits::sha12;
use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_text};
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `audit_discrepancies`.
pub(super) struct AuditDiscrepancies;

impl Stream for AuditDiscrepancies {
    fn name(&self) -> &'static str {
        "audit_discrepancies"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "pr_number",
            "head_sha",
            "claim_idx",
            "votes",
            "resolution",
            "claim",
            "chosen",
            "rejected",
            "prompt_hash",
            "ts",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Auditor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let pr = row.int("pr_number")?;
        let head_sha = row.sha40("head_sha")?;
        let claim_idx = row.int("claim_idx")?;
        let votes = row.array("votes")?;
        let resolution = row.text("resolution")?.plain().trim().to_lowercase();
        draft.time = row.opt_time("ts");
        let run = format!("audit:{pr}:{}:{claim_idx}", sha12(&head_sha));
        draft.run_and_task(Escaped::from_escaped(run), "pr:", Some(&digits(pr)));
        draft.record.pr_number = Some(pr);
        draft.record.head_sha = Some(head_sha);
        draft.record.claim_idx = Some(claim_idx);
        draft.record.text = row.opt_text("chosen");
        draft.record.input_hash = row.opt_hash("prompt_hash");
        let says_so = |vote: &Option<Escaped<'_>>| {
            vote.as_ref().is_some_and(|verdict| verdict.plain().trim().to_lowercase() == resolution)
        };
        let (mut cast, mut agreeing) = (0_u64, 0_u64);
        for vote in votes.items().map(|vote| vote.get("verdict").and_then(as_text)) {
            cast += 1;
            agreeing += u64::from(says_so(&vote));
        }
        draft.own.insert(if agreeing * 2 > cast { Code::ConsensusMajority } else { Code::ConsensusSplit });
        Ok(())
    }
}
