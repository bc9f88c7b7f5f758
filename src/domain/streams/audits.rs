//! `audits`: an auditor's findings on one pull request at one commit.

use super::field::{Field, FieldShape, optional, required};
use super::{Draft, Stream, digits};
use crate::domain::canonical::{Kind as JsonKind, Value};
use crate::domain::reject::Reject;
use crate::domain::row::{Row, Word, as_filled_text, join_lines};
use crate::domain::schema::record::{Kind, ModelRole, ValidationResult};
use crate::domain::schema::scalars::Escaped;
use crate::domain::signal::Code;

/// The stream `audits`.
pub(super) struct Audits;

/// The documented fields of its rows.
const FIELDS: &[Field] = &[
    required("pr_number", FieldShape::WHOLE, "The pull request that was audited."),
    required("head_sha", FieldShape::Commit, "The commit that was audited."),
    required("audited_at", FieldShape::Time, "When the audit ended."),
    optional("overall", FieldShape::Verdict, "What the audit comes to."),
    optional("verdict", FieldShape::Verdict, "The same, when `overall` is absent or no verdict."),
    optional(
        "findings",
        FieldShape::Findings,
        "What was found: `check` (static, dynamic, inference, kb_query), `severity` (block, warn, info), `claim_idx`, `summary`, `evidence`.",
    ),
    optional("model", FieldShape::Text, "The model that audited."),
    optional("duration_ms", FieldShape::AMOUNT, "How long it took.").unit("ms"),
];

impl Stream for Audits {
    fn name(&self) -> &'static str {
        "audits"
    }

    fn about(&self) -> &'static str {
        "An auditor's findings on one pull request at one commit."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
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
        let (overall, verdict) = (row.word("overall"), row.word("verdict"));
        let overall = if overall == Word::None { verdict } else { overall };
        let mut lines = Vec::new();
        let mut results = Vec::new();
        for item in row.opt_array("findings").into_iter().flat_map(Value::items) {
            lines.extend(summary(item));
            let severity = severity(item);
            let result = finding(item, severity.unwrap_or_default());
            if severity.is_err() || result.is_none() {
                row.warn("wrong_type", "findings");
            }
            results.extend(result);
        }
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

fn summary(finding: Value<'_>) -> Option<Escaped<'_>> {
    finding.get("summary").and_then(as_filled_text)
}

/// How grave a finding is, if it says so, in capitals or not; `Err` when what it says is none of the three.
pub(super) fn severity(finding: Value<'_>) -> Result<Option<&'static str>, ()> {
    let said = finding.get("severity").filter(|said| said.kind() != JsonKind::Null && said.text() != "\"\"");
    let Some(said) = said else { return Ok(None) };
    let known = ["block", "warn", "info"];
    let known =
        known.into_iter().find(|known| said.escaped().is_some_and(|said| said.eq_ignore_ascii_case(known)));
    known.map(Some).ok_or(())
}

/// A finding as the result of a check; `None` when it does not say which check.
fn finding<'a>(item: Value<'a>, severity: Option<&'static str>) -> Option<ValidationResult<'a>> {
    let check = item.get("check").and_then(as_filled_text)?;
    Some(ValidationResult {
        passed: severity != Some("block"),
        deterministic: matches!(check.escaped(), "static" | "dynamic"),
        explanation: summary(item),
        name: check,
        severity: severity.map(Escaped::from_escaped),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{SHA, check, check_ignored, check_required, with};

    fn row() -> Value {
        json!({"pr_number": 42, "head_sha": SHA, "audited_at": "2026-04-26T14:03:11.482Z"})
    }

    /// A row with findings, each given as its check and its severity.
    fn found(overall: &str, findings: &[(&str, &str)]) -> Value {
        let finding =
            |(check, severity): &(&str, &str)| json!({"check": check, "severity": severity, "summary": "s"});
        with(
            &row(),
            json!({"overall": overall, "findings": findings.iter().map(finding).collect::<Vec<_>>()}),
        )
    }

    #[test]
    fn an_audit_is_work_of_its_pull_request() {
        let full = with(
            &row(),
            json!({
                "overall": "approved", "model": "anthropic/claude-opus-4-1", "duration_ms": 1200.5,
                "findings": [
                    {"check": "static", "severity": "warn", "claim_idx": 1, "summary": "one", "evidence": ["a.rs:1"]},
                    {"check": "inference", "severity": "info", "summary": "two\nlines"},
                    {"check": "kb_query", "summary": ""},
                ],
            }),
        );
        check(
            "audits",
            &full,
            &json!({
                "run_id": "audit:42:0123456789ab:{sig16}", "task_id": "pr:42", "timestamp": "2026-04-26T14:03:11.482Z",
                "timestamp_origin": "row", "pr_number": 42, "head_sha": SHA, "model_name": "anthropic/claude-opus-4-1",
                "model_provider": "anthropic", "latency_ms": 1200.5, "text": "one\ntwo\nlines", "warnings": {},
                "validation_results": [
                    {"name": "static", "passed": true, "severity": "warn", "deterministic": true, "explanation": "one"},
                    {"name": "inference", "passed": true, "severity": "info", "deterministic": false, "explanation": "two\nlines"},
                    {"name": "kb_query", "passed": true, "deterministic": false},
                ],
                "own": ["audit.backed"], "says": ["auditor.warn"], "scored": "accepted",
                "reasons": ["audit.backed", "rule.passed"], "input_hash": null,
            }),
        );
        check(
            "audits",
            &row(),
            &json!({"text": null, "output_hash": null, "own": [], "says": [], "model_name": null}),
        );
        check_required("audits", &full, &["pr_number", "head_sha", "audited_at"]);
        check_ignored(
            "audits",
            &full,
            &json!({"model": 7, "duration_ms": -1, "findings": "none", "overall": ["ok"]}),
        );
    }

    #[test]
    fn a_commit_has_forty_hex_digits() {
        let upper = with(&row(), json!({"head_sha": SHA.to_uppercase()}));
        check("audits", &upper, &json!({"head_sha": SHA, "run_id": "audit:42:0123456789ab:{sig16}"}));
        for bad in [&SHA[1..], "0123456789abcdef0123456789abcdef0123456g", ""] {
            check(
                "audits",
                &with(&row(), json!({"head_sha": bad})),
                &json!({"refused": "wrong_type:head_sha"}),
            );
        }
        for bad in [json!("42"), json!(4.5), json!(true)] {
            check(
                "audits",
                &with(&row(), json!({"pr_number": bad})),
                &json!({"refused": "wrong_type:pr_number"}),
            );
        }
    }

    #[test]
    fn a_block_outweighs_a_warning_and_a_warning_the_word() {
        for check_name in ["static", "dynamic"] {
            let blocked = found("approved", &[(check_name, "block"), ("static", "warn")]);
            check(
                "audits",
                &blocked,
                &json!({"says": [format!("auditor.block:{check_name}")], "own": ["audit.backed"]}),
            );
            let warned = found("approved", &[(check_name, "warn")]);
            check("audits", &warned, &json!({"says": ["auditor.warn"]}));
        }
        for check_name in ["inference", "kb_query"] {
            let blocked = found("approved", &[(check_name, "block"), ("static", "warn")]);
            check("audits", &blocked, &json!({"says": ["auditor.block.model"]}));
            let warned = found("rejected", &[(check_name, "warn")]);
            check("audits", &warned, &json!({"says": [], "own": []}));
        }
        let both = found("pass", &[("inference", "block"), ("dynamic", "block"), ("static", "block")]);
        check(
            "audits",
            &both,
            &json!({"says": ["auditor.block:static", "auditor.block:dynamic", "auditor.block.model"]}),
        );
    }

    #[test]
    fn an_approval_is_worth_what_ran() {
        check("audits", &found("OK", &[("dynamic", "info")]), &json!({"says": ["auditor.approve"]}));
        check(
            "audits",
            &found("passed", &[("inference", "info")]),
            &json!({"says": ["auditor.approve.model"]}),
        );
        check("audits", &found("accept", &[]), &json!({"says": ["auditor.approve.model"]}));
        check(
            "audits",
            &with(&row(), json!({"verdict": "approve"})),
            &json!({"says": ["auditor.approve.model"]}),
        );
        check(
            "audits",
            &found("needs_patch", &[("static", "info")]),
            &json!({"says": [], "own": ["audit.backed"]}),
        );
        let unknown = json!({"says": [], "warnings": {"unknown_verdict:overall": 1}});
        check("audits", &found("splendid", &[("static", "info")]), &unknown);
    }

    #[test]
    fn a_severity_is_read_in_any_case_and_another_word_is_none() {
        let blocked = found("approved", &[("static", "BLOCK")]);
        check("audits", &blocked, &json!({"says": ["auditor.block:static"], "warnings": {}}));
        let critical = json!({
            "warnings": {"wrong_type:findings": 1},
            "validation_results": [{"name": "static", "passed": true, "deterministic": true, "explanation": "s"}],
        });
        check("audits", &found("approved", &[("static", "critical")]), &critical);
    }

    #[test]
    fn a_finding_without_a_check_is_text_and_no_result() {
        let odd = with(
            &row(),
            json!({"findings": [{"summary": "loose"}, "x", {"check": "static", "summary": "s"}]}),
        );
        check(
            "audits",
            &odd,
            &json!({
                "text": "loose\ns", "warnings": {"wrong_type:findings": 2},
                "validation_results": [{"name": "static", "passed": true, "deterministic": true, "explanation": "s"}],
            }),
        );
    }
}
