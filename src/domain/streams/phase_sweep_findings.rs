//! `phase_sweep_findings`: how many claims of a phase a sweep found true, half true or false. Feeds drift.

use super::{Draft, Stream, digits};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_int, as_text, join_lines};
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `phase_sweep_findings`.
pub(super) struct PhaseSweepFindings;

impl Stream for PhaseSweepFindings {
    fn name(&self) -> &'static str {
        "phase_sweep_findings"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "phase",
            "status",
            "discovered_at",
            "phase_name",
            "claims_verified",
            "claims_fake",
            "claims_partial",
            "findings",
            "evidence",
            "head_sha",
        ]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Auditor
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let phase = row.required("phase", "a whole number or a string", |value| {
            as_int(value).map(digits).or_else(|| as_text(value).filter(|text| !text.is_empty()))
        })?;
        let status = row.text("status")?.plain().to_lowercase();
        draft.time = Some(row.time("discovered_at")?);
        let run = row.sig_run(&format!("phase:{}", phase.escaped()));
        draft.run_and_task(run, "phase:", Some(&phase));
        draft.record.head_sha = row.opt_sha40("head_sha");
        draft.record.text = join_lines(row.opt_texts("findings"));
        let fake = row.opt_int("claims_fake", 0);
        let partial = row.opt_int("claims_partial", 0);
        let verified = row.opt_int("claims_verified", 0);
        let some = |count: Option<i64>| count.is_some_and(|n| n > 0);
        let counted = fake.or(partial).or(verified).is_some();
        if some(fake) || (!counted && status.contains("fake")) {
            draft.mark_failure("phase.fake");
        } else if some(partial) || (!counted && status.contains("partial")) {
            draft.mark_failure("phase.partial");
        } else if some(verified) || (!counted && status.contains("verified")) {
            draft.record.success_markers.push("phase.verified");
        }
        Ok(())
    }
}
