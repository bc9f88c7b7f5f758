//! The rows of a story, one function for each kind of stream.

use serde_json::{Value, json};

use super::Teller;

impl Teller {
    fn gates(&mut self) -> Value {
        let names = ["g1", "g2", "g4", "lint"];
        let mut gates = json!({});
        for _ in 0..self.dice.usize(0..=2) {
            gates[self.pick(&names)] = match self.dice.u32(0..10) {
                0 => json!("yes"),
                1..3 => json!(false),
                _ => json!(true),
            };
        }
        gates
    }

    /// A row of a stream.
    pub(super) fn row(&mut self, stream: &str) -> Value {
        match stream {
            "audits" => self.audit(),
            "audit_facts" | "audit_lessons" => self.extract(stream),
            "audit_discrepancies" => self.discrepancy(),
            "scrum_reviews" => self.review(),
            "auto_apply" => self.apply(),
            "mode_experiments" => self.experiment(),
            "contract_analyses" => self.contract(),
            "distilled_facts" | "distilled_procedures" | "distilled_config_hints" => self.distilled(),
            "observer_reviews" | "human_overrides" | "overseer_corrections" => self.judge(stream),
            _ => self.note(stream),
        }
    }

    fn audit(&mut self) -> Value {
        let mut row = json!({"pr_number": self.pr(), "head_sha": self.sha(), "audited_at": self.time()});
        self.maybe(&mut row, 60, "overall", |t| json!(t.verdict()));
        self.maybe(&mut row, 20, "verdict", |t| json!(t.verdict()));
        self.maybe(&mut row, 80, "findings", |t| {
            let findings = (0..t.dice.usize(0..=3)).map(|_| {
                let mut finding = json!({
                    "check": t.pick(&["static", "dynamic", "inference", "kb_query"]),
                    "severity": t.pick(&["block", "warn", "warn", "info", "info", "info"]),
                });
                t.maybe(&mut finding, 60, "summary", |t| {
                    json!(if t.chance(10) { " \t".to_owned() } else { t.text() })
                });
                finding
            });
            findings.collect()
        });
        row
    }

    fn verified(&mut self, row: &mut Value) {
        self.maybe(row, 75, "verifier", |t| json!(t.model()));
        self.maybe(row, 40, "verified", |t| json!(t.chance(60)));
    }

    fn extract(&mut self, stream: &str) -> Value {
        let mut row = json!({
            "pr_number": self.pr(), "head_sha": self.sha(), "extracted_at": self.time(), "extractor": self.model(),
        });
        self.verified(&mut row);
        self.maybe(&mut row, 60, "llm_team_run_id", |t| json!(t.run()));
        if stream == "audit_facts" {
            self.maybe(&mut row, 85, "facts", |t| {
                (0..t.dice.usize(0..=2)).map(|_| json!(t.text())).collect()
            });
        } else {
            self.maybe(&mut row, 50, "lesson", |t| json!(t.text()));
            self.maybe(&mut row, 50, "lessons", |t| json!([t.text()]));
        }
        row
    }

    fn discrepancy(&mut self) -> Value {
        self.number += 1;
        let votes = |t: &mut Self| -> Value {
            let vote =
                |t: &mut Self| json!({"n": 1, "verdict": t.pick(&["backed", "BACKED ", "not_backed"])});
            (0..t.dice.usize(0..=3)).map(|_| vote(t)).collect()
        };
        let mut row = json!({
            "pr_number": self.pr(), "head_sha": self.sha(), "claim_idx": self.dice.i64(0..2), "votes": votes(self),
            "resolution": "backed",
        });
        self.maybe(&mut row, 60, "claim", |t| json!(t.pick(&["it compiles", "it is fast"])));
        self.maybe(&mut row, 85, "chosen", |t| json!(t.text()));
        self.maybe(&mut row, 85, "rejected", |t| json!(t.text()));
        self.maybe(&mut row, 70, "ts", |t| json!(t.time()));
        row
    }

    fn review(&mut self) -> Value {
        let mut row =
            json!({"file": self.file(), "reviewed_at": self.time(), "accepted_model": self.model()});
        self.maybe(&mut row, 60, "accepted_on_attempt", |t| json!(t.dice.i64(1..=2)));
        self.maybe(&mut row, 40, "verdict", |t| json!(t.verdict()));
        self.maybe(&mut row, 85, "review", |t| {
            if t.chance(10) { json!({"b": t.text(), "a": 1}) } else { json!(t.text()) }
        });
        self.maybe(&mut row, 30, "prompt_hash", |t| json!(t.prompt_hash()));
        let gated = if self.alike { 75 } else { 35 };
        self.maybe(&mut row, gated, "gates", Self::gates);
        self.maybe(&mut row, 50, "run_id", |t| json!(t.run()));
        if self.alike && self.chance(20) {
            // A run that contradicts itself: one input, one answer that passed and one that did not.
            row["run_id"] = json!("run_twice");
            row["gates"] = json!({"g1": self.chance(50)});
            row["prompt_hash"] = Value::Null;
        }
        row
    }

    fn apply(&mut self) -> Value {
        let actions = ["committed", "applied", "Committed ", "reverted", "auto-revert", "skipped"];
        let mut row = json!({"file": self.file(), "ts": self.time(), "action": self.pick(&actions)});
        self.maybe(&mut row, 30, "gates", Self::gates);
        self.maybe(&mut row, 30, "patches_applied", |t| json!(t.dice.i64(0..3)));
        self.maybe(&mut row, 30, "patches_proposed", |t| json!(t.dice.i64(0..3)));
        self.maybe(&mut row, 50, "commit", |t| {
            if t.chance(70) { json!(t.sha()) } else { json!(t.pick(&["c1", "C1"])) }
        });
        row
    }

    fn experiment(&mut self) -> Value {
        let mut row = json!({
            "ts": self.time(), "task_class": self.pick(&["fix", "explain"]), "mode": "plain", "model": self.model(),
        });
        self.maybe(&mut row, 60, "file_path", |t| json!(t.file()));
        self.maybe(&mut row, 85, "response", |t| json!(t.text()));
        self.maybe(&mut row, 30, "prompt_hash", |t| json!(t.prompt_hash()));
        self.maybe(&mut row, 70, "grounding_pct", |t| json!(t.pick(&[80, 79, 50, 49, 100, 95])));
        self.maybe(&mut row, 10, "error", |_| json!("timeout"));
        self.maybe(&mut row, 80, "run_id", |t| json!(t.run()));
        row
    }

    fn contract(&mut self) -> Value {
        let mut row = json!({"ts": self.time(), "ok": self.chance(85)});
        self.maybe(&mut row, 60, "permit_id", |_| json!("P-1"));
        self.maybe(&mut row, 85, "analysis", |t| json!(t.text()));
        self.maybe(&mut row, 80, "matrix_hits", |t| json!(t.dice.i64(0..3)));
        self.maybe(&mut row, 50, "observer_verdict", |t| json!(t.verdict()));
        self.maybe(&mut row, 50, "observer_conf", |t| json!(t.pick(&[0.7, 0.69, 0.95])));
        self.maybe(&mut row, 70, "run_id", |t| json!(t.run()));
        row
    }

    fn distilled(&mut self) -> Value {
        let mut row = json!({"run_id": self.run(), "created_at": self.time(), "text": self.text()});
        self.maybe(&mut row, 50, "sig_hash", |t| json!(t.signature()));
        self.maybe(&mut row, 85, "extractor", |t| json!(t.model()));
        self.verified(&mut row);
        row
    }

    /// Rows that judge others by one of several keys.
    fn judge(&mut self, stream: &str) -> Value {
        let mut row = json!({"ts": self.time()});
        self.maybe(&mut row, 40, "run_id", |t| json!(t.run()));
        self.maybe(&mut row, 75, "file", |t| json!(t.file()));
        match stream {
            "observer_reviews" => {
                self.maybe(&mut row, 90, "verdict", |t| json!(t.verdict()));
                self.maybe(&mut row, 60, "attempt", |t| json!(t.dice.i64(1..=2)));
                self.maybe(&mut row, 40, "conf", |t| json!(t.pick(&[0.7, 0.69, 0.9])));
            }
            "overseer_corrections" => {
                self.maybe(&mut row, 85, "corrected", |t| json!(t.text()));
                self.maybe(&mut row, 20, "overseer_model", |t| json!(t.model()));
            }
            _ => {
                let actions =
                    ["accept", "accept", "Reject", "partial", "review", "correct", "correct", "burn"];
                row["action"] = json!(self.pick(&actions));
                self.maybe(&mut row, 30, "pr_number", |t| json!(t.pr()));
                self.maybe(&mut row, 25, "head_sha", |t| json!(t.sha()));
                self.maybe(&mut row, 50, "corrected_text", |t| json!(t.text()));
                self.maybe(&mut row, 30, "actor", |_| json!("ann"));
                if self.chance(25) {
                    let keys = ["run_id", "file", "pr_number", "head_sha"];
                    let mut target = json!({});
                    for key in keys {
                        let named = row.as_object_mut().unwrap().shift_remove(key);
                        target[key] = named.unwrap_or(Value::Null);
                    }
                    row["target"] = target;
                }
            }
        }
        row
    }

    /// Rows that say one thing of a run.
    fn note(&mut self, stream: &str) -> Value {
        self.number += 1;
        let mut row = json!({});
        match stream {
            "observer_escalations" => {
                row = json!({"ts": self.time(), "sig_hash": self.signature()});
                self.maybe(&mut row, 80, "analysis", |t| json!(t.text()));
            }
            "model_trust" => {
                row = json!({"run_id": self.run(), "task_type": self.pick(&["fix", "ask"]), "accepted_model": "m"});
                self.maybe(&mut row, 60, "errors", |t| json!(t.dice.i64(0..2)));
                self.maybe(&mut row, 60, "ts", |t| json!(t.time()));
            }
            "outcomes" => {
                let total = self.dice.i64(0..=4);
                row = json!({
                    "run_id": self.run(), "created_at": self.time(), "total_events": total,
                    "ok_events": if self.chance(50) { total } else { self.dice.i64(0..=total) },
                });
                self.maybe(&mut row, 40, "sig_hash", |t| json!(t.signature()));
                self.maybe(&mut row, 20, "total_gap_signals", |t| json!(t.dice.i64(0..2)));
            }
            "pathway_recommendations" => {
                row = json!({"run_id": self.run(), "replays": self.dice.i64(2..=10)});
                self.maybe(&mut row, 90, "replay_ok", |t| json!(t.dice.i64(0..=8)));
                self.maybe(&mut row, 60, "ts", |t| json!(t.time()));
            }
            "signatures" => {
                self.maybe(&mut row, 90, "run_id", |t| json!(t.run()));
                self.maybe(&mut row, 90, "sig_hash", |t| json!(t.signature()));
                self.maybe(&mut row, 60, "created_at", |t| json!(t.time()));
            }
            "classifications" => {
                self.maybe(&mut row, 90, "run_id", |t| json!(t.run()));
                self.maybe(&mut row, 90, "task_type", |t| json!(t.pick(&["fix", "ask"])));
                self.maybe(&mut row, 30, "sig_hash", |t| json!(t.signature()));
                self.maybe(&mut row, 60, "ts", |t| json!(t.time()));
            }
            "phase_sweep_findings" => {
                row = json!({"phase": 3, "status": "fake", "discovered_at": self.time()})
            }
            "doc_drift_corrections" => row = json!({"ts": self.time(), "doc": "README.md"}),
            _ => {
                row = json!({"ts": self.time(), "ok": self.chance(50)});
                self.maybe(&mut row, 85, "run_id", |t| json!(t.run()));
                self.maybe(&mut row, 20, "error", |_| json!("no route"));
            }
        }
        row
    }
}
