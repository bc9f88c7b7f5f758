//! What each stream's rows are evidence of, and which signals they carry: the table of SPEC section 3.

use serde_json::Value;

use super::read::{Codes, Row, Target, canonical, int, is_hex, sha, text};
use crate::support::sha256_hex;

/// What a verdict word says: for, against, or nothing.
fn word(row: &Value, field: &str) -> Option<bool> {
    match text(row, field)?.trim().to_lowercase().as_str() {
        "accept" | "accepted" | "approve" | "approved" | "pass" | "passed" | "ok" => Some(true),
        "reject" | "rejected" | "block" | "blocked" | "fail" | "failed" | "request_changes"
        | "needs_patch" | "cycle" => Some(false),
        _ => None,
    }
}

/// The failed gates as codes, and whether there are gates and all passed.
fn gates(row: &Value) -> (Codes, bool) {
    let Some(gates) = row["gates"].as_object() else { return (Codes::new(), false) };
    let code = |name: &String| match name.as_str() {
        "g1" | "g2" | "g3" | "g4" | "g5" => format!("gate.failed:{name}"),
        _ => "gate.failed:other".to_owned(),
    };
    let failed = gates.iter().filter(|(_, passed)| **passed == false).map(|(name, _)| code(name)).collect();
    (failed, !gates.is_empty() && gates.values().all(|passed| *passed == true))
}

fn lines(items: &[String]) -> Option<String> {
    if items.is_empty() { None } else { Some(items.join("\n")) }
}

fn texts(value: &Value) -> Vec<String> {
    let one = |item: &Value| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match value {
        Value::Array(items) => items.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

fn observer(row: &Value, verdict: &str, confidence: &str) -> Option<&'static str> {
    let sure = row[confidence].as_f64().is_none_or(|confidence| confidence >= 0.70);
    let word = word(row, verdict).filter(|_| sure)?;
    Some(if word { "observer.accept" } else { "observer.reject" })
}

/// The leading letters of a model's name.
fn family(model: &str) -> String {
    model.to_lowercase().chars().take_while(char::is_ascii_alphabetic).collect()
}

/// What extractor and verifier say together.
fn extraction(row: &Value, text: Option<&String>) -> Option<&'static str> {
    let extractor = self::text(row, "extractor").map(|model| family(&model));
    let verifier = self::text(row, "verifier").map(|model| family(&model));
    if text.is_none() {
        return Some("extract.failed");
    }
    if verifier.is_some() && verifier == extractor {
        return None;
    }
    if row["verified"] == false {
        return Some("extract.refuted");
    }
    (verifier.is_some() && extractor.is_some()).then_some("extract.verified")
}

fn add(codes: &mut Codes, code: impl Into<String>) {
    codes.insert(code.into());
}

/// Reads everything but time and place.
#[allow(clippy::too_many_lines, reason = "one arm a stream, as the table of SPEC section 3")]
pub fn fill(row: &mut Row, sig16: &str) {
    let value = row.value.clone();
    let v = &value;
    let of_row = |prefix: &str| text(v, "run_id").unwrap_or_else(|| format!("{prefix}:{sig16}"));
    let sha12 = |row: &Row| row.sha.as_ref().map(|sha| sha[..12].to_owned()).unwrap_or_default();
    match row.stream.as_str() {
        "audits" => {
            (row.pr, row.sha) = (v["pr_number"].as_i64(), sha(v));
            row.run = format!("audit:{}:{}:{sig16}", row.pr.unwrap(), sha12(row));
            row.target = Target { pr: row.pr, sha: row.sha.clone(), ..Target::default() };
            let findings = v["findings"].as_array().cloned().unwrap_or_default();
            row.text =
                lines(&findings.iter().filter_map(|finding| text(finding, "summary")).collect::<Vec<_>>());
            let has = |severity: &str, check: &str| {
                findings.iter().any(|f| f["severity"] == severity && f["check"] == check)
            };
            let ran = findings.iter().any(|f| f["check"] == "static" || f["check"] == "dynamic");
            if ran {
                add(&mut row.own, "audit.backed");
            }
            for check in ["static", "dynamic"] {
                if has("block", check) {
                    add(&mut row.says, format!("auditor.block:{check}"));
                }
            }
            if has("block", "inference") || has("block", "kb_query") {
                add(&mut row.says, "auditor.block.model");
            }
            if row.says.is_empty() {
                if has("warn", "static") || has("warn", "dynamic") {
                    add(&mut row.says, "auditor.warn");
                } else if word(v, "overall").or(word(v, "verdict")) == Some(true) {
                    add(&mut row.says, if ran { "auditor.approve" } else { "auditor.approve.model" });
                }
            }
        }
        "audit_facts" | "audit_lessons" => {
            (row.pr, row.sha) = (v["pr_number"].as_i64(), sha(v));
            let (prefix, fields) = if row.stream == "audit_facts" {
                ("facts", ["facts", ""])
            } else {
                ("lesson", ["lesson", "lessons"])
            };
            row.run = text(v, "llm_team_run_id").unwrap_or_else(|| format!("{prefix}:{sig16}"));
            row.text = lines(&fields.iter().flat_map(|field| texts(&v[*field])).collect::<Vec<_>>());
            row.own.extend(extraction(v, row.text.as_ref()).map(str::to_owned));
        }
        "audit_discrepancies" => {
            (row.pr, row.sha) = (v["pr_number"].as_i64(), sha(v));
            row.run = format!("audit:{}:{}:{}", row.pr.unwrap(), sha12(row), v["claim_idx"]);
            row.text = text(v, "chosen");
            let fold = |word: &Value| word.as_str().map(|word| word.trim().to_lowercase());
            let votes = v["votes"].as_array().unwrap();
            let agree = votes.iter().filter(|vote| fold(&vote["verdict"]) == fold(&v["resolution"])).count();
            add(&mut row.own, if agree * 2 > votes.len() { "consensus.majority" } else { "consensus.split" });
        }
        "scrum_reviews" => {
            row.run = of_row("scrum");
            row.file = text(v, "file");
            row.attempt = int(v, "accepted_on_attempt", 1);
            row.text =
                if v["review"].is_object() { Some(canonical(&v["review"])) } else { text(v, "review") };
            match (text(v, "verdict"), word(v, "verdict")) {
                (None, _) | (_, Some(true)) => add(&mut row.own, "scrum.accept"),
                (_, Some(false)) => add(&mut row.own, "scrum.reject"),
                _ => {}
            }
            let (failed, all_passed) = gates(v);
            row.own.extend(failed);
            if all_passed {
                add(&mut row.own, "gate.passed");
            }
            row.instruction = Some(format!("Review the file `{}`.", row.file.as_ref().unwrap()));
        }
        "auto_apply" => {
            row.run = format!("apply:{sig16}");
            row.file = text(v, "file");
            row.target.file.clone_from(&row.file);
            row.commit = text(v, "commit").map(|commit| commit.to_lowercase());
            let action = text(v, "action").unwrap().trim().to_lowercase();
            let (failed, _) = gates(v);
            if action.contains("revert") {
                add(&mut row.own, "apply.reverted");
            } else if ["committed", "applied"].contains(&action.as_str()) && failed.is_empty() {
                let counts = int(v, "patches_applied", 0).zip(int(v, "patches_proposed", 0));
                let partial = counts.is_some_and(|(applied, proposed)| applied < proposed);
                add(&mut row.own, if partial { "apply.partial" } else { "apply.committed" });
            }
            row.own.extend(failed);
            row.says = row.own.clone();
        }
        "mode_experiments" => {
            row.run = of_row("mode");
            row.text = text(v, "response");
            row.task_type = text(v, "task_class");
            if let Some(percent) =
                v["grounding_pct"].as_f64().filter(|percent| (0.0..=100.0).contains(percent))
            {
                let code = match percent / 100.0 {
                    grounding if grounding >= 0.80 => "grounding.high",
                    grounding if grounding < 0.50 => "grounding.low",
                    _ => "grounding.mid",
                };
                add(&mut row.own, code);
            }
            if text(v, "error").is_some() {
                add(&mut row.own, "call.error");
            }
            let file = text(v, "file_path").map_or_else(String::new, |file| format!(" on the file `{file}`"));
            let (task, mode) = (text(v, "task_class").unwrap(), text(v, "mode").unwrap());
            row.instruction = Some(format!("Do the task `{task}` in the mode `{mode}`{file}."));
        }
        "observer_escalations" => {
            row.run = format!("escalation:{sig16}");
            row.signature = text(v, "sig_hash");
            row.target.signature.clone_from(&row.signature);
            row.text = text(v, "analysis");
            if row.text.is_some() {
                add(&mut row.own, "escalation.analysed");
            }
            add(&mut row.says, "observer.escalated");
        }
        "observer_reviews" => {
            row.work = false;
            row.run = format!("observer:{sig16}");
            row.target = Target { run: text(v, "run_id"), file: text(v, "file"), ..Target::default() };
            row.attempt = int(v, "attempt", 1);
            row.says.extend(observer(v, "verdict", "conf").map(str::to_owned));
        }
        "model_trust" => {
            row.work = false;
            row.run = of_row("");
            row.target.run = text(v, "run_id");
            row.task_type = text(v, "task_type");
            if v["errors"].as_i64().is_some_and(|errors| errors > 0) {
                add(&mut row.says, "call.error");
            }
        }
        "outcomes" => {
            row.run = of_row("");
            row.target.run = text(v, "run_id");
            row.signature = text(v, "sig_hash");
            let (total, ok) = (v["total_events"].as_i64().unwrap(), v["ok_events"].as_i64().unwrap());
            let gaps = int(v, "total_gap_signals", 0).unwrap_or(0);
            let code = match (total, ok) {
                (1.., _) if ok == total && gaps == 0 => "outcome.complete",
                (1.., _) if ok * 2 >= total => "outcome.partial",
                _ => "outcome.failed",
            };
            add(&mut row.own, code);
            row.says = row.own.clone();
        }
        "human_overrides" => human(row, v, sig16),
        "overseer_corrections" => {
            row.work = false;
            row.run = format!("overseer:{sig16}");
            row.target = Target { run: text(v, "run_id"), file: text(v, "file"), ..Target::default() };
            let known = ["run_id", "file", "overseer_model", "original", "corrected", "reason"];
            if known.iter().any(|field| !v[*field].is_null()) {
                add(&mut row.says, "overseer.corrected");
            }
        }
        "phase_sweep_findings" => {
            row.work = false;
            row.run = format!("phase:{}:{sig16}", text(v, "phase").unwrap_or_else(|| v["phase"].to_string()));
        }
        "doc_drift_corrections" => {
            row.work = false;
            row.run = format!("drift:{sig16}");
        }
        "pathway_recommendations" => {
            row.work = false;
            row.run = of_row("");
            row.target.run = text(v, "run_id");
            let counts = int(v, "replays", 0).zip(int(v, "replay_ok", 0));
            if let Some((replays, ok)) = counts.filter(|(replays, _)| *replays >= 3) {
                if ok * 10 >= replays * 8 {
                    add(&mut row.says, "replay.high");
                } else if ok * 2 < replays {
                    add(&mut row.says, "replay.low");
                }
            }
        }
        "signatures" => {
            row.work = false;
            row.run = of_row("signature");
            row.signature = text(v, "sig_hash");
        }
        "classifications" => {
            row.work = false;
            row.run = of_row("class");
            row.signature = text(v, "sig_hash");
            row.task_type = text(v, "task_type");
        }
        "contract_analyses" => {
            row.run = of_row("contract");
            row.text = text(v, "analysis");
            if v["ok"] == false {
                add(&mut row.own, "call.error");
            } else if row.text.is_some() && v["matrix_hits"].as_i64().is_some_and(|hits| hits >= 1) {
                add(&mut row.own, "contract.complete");
            }
            row.own.extend(observer(v, "observer_verdict", "observer_conf").map(str::to_owned));
            let of_permit =
                text(v, "permit_id").map_or_else(String::new, |id| format!(" of the permit `{id}`"));
            row.instruction = Some(format!("Analyse the contract{of_permit}."));
        }
        "distilled_facts" | "distilled_procedures" | "distilled_config_hints" => {
            row.run = of_row("");
            row.text = text(v, "text");
            row.signature = text(v, "sig_hash");
            row.own.extend(extraction(v, row.text.as_ref()).map(str::to_owned));
        }
        "observer_ops" => {
            row.work = false;
            row.run = of_row("op");
            row.target.run = text(v, "run_id");
            if v["ok"] == false || text(v, "error").is_some() {
                add(&mut row.says, "call.error");
            }
        }
        other => panic!("the oracle does not know the stream {other}"),
    }
    let prompt_hash = text(v, "prompt_hash").filter(|hash| is_hex(hash, 64)).map(|hash| hash.to_lowercase());
    row.input_hash = prompt_hash.or_else(|| row.instruction.as_ref().map(|text| sha256_hex(text.as_bytes())));
}

/// A person names the work in the row or in its `target`.
fn human(row: &mut Row, v: &Value, sig16: &str) {
    let target = &v["target"];
    row.run = format!("human:{sig16}");
    row.pr = v["pr_number"].as_i64().or(target["pr_number"].as_i64());
    row.sha = sha(v).or(sha(target));
    row.target = Target {
        run: text(v, "run_id").or(text(target, "run_id")),
        signature: None,
        pr: row.pr,
        sha: row.sha.clone(),
        file: text(v, "file").or(text(target, "file")),
    };
    let action = text(v, "action").unwrap().trim().to_lowercase();
    let known = ["accept", "partial", "reject", "review", "correct"].contains(&action.as_str());
    let fields = ["actor", "reason", "run_id", "target", "pr_number", "head_sha", "file", "corrected_text"];
    if fields.iter().any(|field| !v[*field].is_null()) {
        add(&mut row.says, format!("human.{}", if known { action.as_str() } else { "review" }));
    }
    row.text = text(v, "corrected_text");
    row.work = action == "correct" && row.text.is_some();
    if row.work {
        add(&mut row.own, "human.accept");
    }
}
