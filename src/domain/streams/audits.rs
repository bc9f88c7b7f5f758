//! `audits`: an auditor's findings on one pull request at one commit.

use super::{Draft, Stream, digits};
use crate::domain::canonical::Value;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, Word, as_text, join_lines};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `audits`.
pub(super) struct Audits;

impl Stream for Audits {
    fn name(&self) -> &'static str {
        "audits"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["pr_number", "head_sha", "audited_at", "overall", "verdict", "findings", "model", "duration_ms"]
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
        draft.time = Some(row.time("audited_at")?);
        let run = format!("audit:{pr}:{}:{}", sha12(&head_sha), row.sig_hash().first16());
        draft.run_and_task(Escaped::from_escaped(run), "pr:", Some(&digits(pr)));
        draft.record.pr_number = Some(pr);
        draft.record.head_sha = Some(head_sha);
        draft.record.model_name = row.opt_text("model");
        draft.record.latency_ms = row.opt_amount("duration_ms");
        let overall = match row.word("overall") {
            Word::None => row.word("verdict"),
            word => word,
        };
        let findings = row.opt_array("findings");
        let results: Vec<_> = findings.into_iter().flat_map(Value::items).filter_map(finding).collect();
        let lines = results.iter().filter_map(|result| result.explanation.clone()).collect();
        draft.record.text = join_lines(lines);
        if results.iter().any(|result| result.deterministic) {
            draft.own.insert(Code::AuditBacked);
        }
        say(&results, overall, draft);
        draft.record.validation_results = results;
        Ok(())
    }
}

/// The first 12 digits of a commit.
pub(super) fn sha12<'s>(head_sha: &'s Escaped<'_>) -> &'s str {
    head_sha.escaped().get(..12).unwrap_or_default()
}

fn finding(item: Value<'_>) -> Option<ValidationResult<'_>> {
    let check = item.get("check").and_then(as_text)?;
    let severity = item.get("severity").and_then(as_text);
    Some(ValidationResult {
        passed: severity.as_ref().is_none_or(|s| s.escaped() != "block"),
        deterministic: matches!(check.escaped(), "static" | "dynamic"),
        explanation: item.get("summary").and_then(as_text).filter(|text| !text.is_empty()),
        name: check,
        severity,
    })
}

/// What the audit says of the audited work: blocks first, then warnings, then the overall word.
fn say(results: &[ValidationResult<'_>], overall: Word, draft: &mut Draft<'_>) {
    let has = |severity: &str, check: &str| {
        let is = |r: &&ValidationResult<'_>| r.severity.as_ref().is_some_and(|s| s.escaped() == severity);
        results.iter().filter(is).any(|r| r.name.escaped() == check)
    };
    let backed = results.iter().any(|result| result.deterministic);
    let mut blocked = false;
    for (check, code) in [("static", Code::AuditorBlockStatic), ("dynamic", Code::AuditorBlockDynamic)] {
        if has("block", check) {
            draft.says.insert(code);
            blocked = true;
        }
    }
    if has("block", "inference") || has("block", "kb_query") {
        draft.says.insert(Code::AuditorBlockModel);
        blocked = true;
    }
    if blocked {
        return;
    }
    if has("warn", "static") || has("warn", "dynamic") {
        draft.says.insert(Code::AuditorWarn);
    } else if overall == Word::For {
        draft.says.insert(if backed { Code::AuditorApprove } else { Code::AuditorApproveModel });
    }
}
