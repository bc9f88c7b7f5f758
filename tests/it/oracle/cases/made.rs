//! The samples of SPEC section 7, and docs/exports.md.

use super::{Case, SHA, at, experiment, fact, human, made, outcome, overseer, review, run_of, signature};
use serde_json::{Value, json};

const REVIEW_A: &str = "Review the file `a`.";
const TASK: &str = "Do the task `t` in the mode `m`.";

pub(super) fn cases() -> Vec<Case> {
    [plain(), twins(), same_content(), corrections(), pairs()].into_iter().flatten().collect()
}

/// An answer of a run of its own, that a gate or an outcome need not speak for: grounded, and accepted when `ok`.
fn answer(run: &str, text: &str, percent: i64, more: Value) -> (&'static str, Value) {
    let row = json!({"run_id": run, "response": text, "grounding_pct": percent});
    experiment(0, super::with(row, more))
}

/// A person's word on a run.
fn word(action: &str, run: &str) -> (&'static str, Value) {
    human(9, action, json!({"run_id": run}))
}

fn plain() -> Vec<Case> {
    let token: &'static str = Box::leak(super::super::stories::secret(1).into_boxed_str());
    vec![
        made(
            "accepted work with an instruction is in RAG and SFT, partly accepted work in RAG, other work in none",
            vec![
                review(0, json!({"run_id": "1", "review": "x", "gates": {"g1": true}})),
                answer("2", "y", 80, json!({})),
                answer("3", "z", 20, json!({})),
                answer("4", "w", 50, json!({})),
            ],
            [("rag", "1", vec!["x"]), ("sft", "1", vec![REVIEW_A, "x"]), ("rag", "2", vec!["y"])],
        ),
        made(
            "the instruction is made from what the row names",
            vec![
                answer("1", "x", 80, json!({"file_path": "b"})),
                word("accept", "1"),
                (
                    "contract_analyses",
                    json!({
                        "ts": at(0), "ok": true, "analysis": "y", "matrix_hits": 1, "observer_verdict": "ok", "permit_id": "P", "run_id": "2",
                    }),
                ),
                (
                    "contract_analyses",
                    json!({
                        "ts": at(0), "ok": true, "analysis": "z", "matrix_hits": 1, "observer_verdict": "ok", "run_id": "3",
                    }),
                ),
            ],
            [
                ("rag", "1", vec!["x"]),
                ("rag", "2", vec!["y"]),
                ("rag", "3", vec!["z"]),
                ("sft", "1", vec!["Do the task `t` in the mode `m` on the file `b`.", "x"]),
                ("sft", "2", vec!["Analyse the contract of the permit `P`.", "y"]),
                ("sft", "3", vec!["Analyse the contract.", "z"]),
            ],
        ),
        made(
            "a text of white space is no sample",
            vec![answer("1", " \n", 80, json!({})), word("accept", "1")],
            [],
        ),
        made(
            "a sample with a secret in it is withheld",
            vec![
                answer("1", token, 80, json!({})),
                answer("2", "x", 80, json!({"file_path": token})),
                word("accept", "1"),
                word("accept", "2"),
            ],
            [],
        ),
    ]
}

fn twins() -> Vec<Case> {
    let raw = || answer("r", "raw", 80, json!({}));
    vec![
        made(
            "while a twin is exportable it is the sample",
            vec![raw(), fact(0, "twin", json!({}))],
            [("rag", "r", vec!["twin"])],
        ),
        made(
            "for SFT the raw text stays",
            vec![raw(), fact(0, "twin", json!({})), human(9, "accept", json!({"run_id": "r"}))],
            [("rag", "r", vec!["twin"]), ("sft", "r", vec![TASK, "raw"])],
        ),
        made(
            "a twin that is not exportable takes nothing",
            vec![raw(), fact(0, "twin", json!({"verifier": null}))],
            [("rag", "r", vec!["raw"])],
        ),
        made(
            "two twins of one run are both samples",
            vec![raw(), fact(0, "twin", json!({})), fact(0, "other", json!({}))],
            [("rag", "r", vec!["twin"]), ("rag", "r", vec!["other"])],
        ),
        made(
            "a run without raw text has its twins by signature",
            vec![raw(), fact(0, "twin", json!({"run_id": "d", "sig_hash": "s"})), signature(0, "r", "s")],
            [("rag", "d", vec!["twin"])],
        ),
        made(
            "but only then",
            vec![
                raw(),
                answer("d", "nearer", 80, json!({})),
                fact(0, "twin", json!({"run_id": "d", "sig_hash": "s"})),
                signature(0, "r", "s"),
            ],
            [("rag", "d", vec!["twin"]), ("rag", "r", vec!["raw"])],
        ),
    ]
}

fn same_content() -> Vec<Case> {
    vec![
        made(
            "one sample a content, of the first run in canonical order",
            vec![
                answer("2", "x", 80, json!({"latency_ms": 1})),
                answer("1", "x", 80, json!({"latency_ms": 2})),
            ],
            [("rag", "2", vec!["x"])],
        ),
        made(
            "the next takes its place when that one goes",
            vec![answer("2", "x", 80, json!({})), answer("1", "x", 80, json!({})), word("review", "2")],
            [("rag", "1", vec!["x"])],
        ),
        made(
            "what is allowed in one run and rejected in another is withheld",
            vec![
                answer("1", "x", 80, json!({})),
                answer("2", "x", 80, json!({"mode": "other"})),
                word("accept", "1"),
                word("reject", "2"),
            ],
            // Under another instruction it may well be right.
            [("sft", "1", vec![TASK, "x"])],
        ),
        made(
            "from SFT when the instruction is the same",
            vec![
                answer("1", "x", 80, json!({})),
                answer("2", "x", 80, json!({})),
                word("accept", "1"),
                word("reject", "2"),
            ],
            [],
        ),
    ]
}

fn corrections() -> Vec<Case> {
    let corrected = || human(5, "correct", json!({"run_id": "1", "corrected_text": "good"}));
    let bad = || answer("1", "bad", 80, json!({}));
    let (run, by_file) =
        (run_of(&corrected()), human(5, "correct", json!({"file": "a", "corrected_text": "good"})));
    let overseen = overseer(5, json!({"run_id": "1", "corrected": "good"}));
    let (run, file_run, overseer_run): (&str, &str, &str) = (&run, &run_of(&by_file), &run_of(&overseen));
    vec![
        made(
            "a correction is the answer to what it corrects, and better than that",
            vec![bad(), corrected()],
            [
                ("rag", run, vec!["good"]),
                ("sft", run, vec![TASK, "good"]),
                ("pref", run, vec![TASK, "good", "bad"]),
            ],
        ),
        made(
            "also of a review that it finds by its file",
            vec![review(0, json!({"run_id": "1", "review": "bad"})), by_file.clone()],
            [
                ("rag", file_run, vec!["good"]),
                ("sft", file_run, vec![REVIEW_A, "good"]),
                ("pref", file_run, vec![REVIEW_A, "good", "bad"]),
            ],
        ),
        made("while it is accepted", vec![bad(), corrected(), word("reject", run)], []),
        made(
            "no pair when a later word accepts what it corrects",
            vec![bad(), corrected(), word("accept", "1")],
            [
                ("rag", run, vec!["good"]),
                ("sft", run, vec![TASK, "good"]),
                ("rag", "1", vec!["bad"]),
                ("sft", "1", vec![TASK, "bad"]),
            ],
        ),
        made("without a target it waits", vec![corrected()], [("rag", run, vec!["good"])]),
        made(
            "its target is the first work with an instruction",
            vec![
                outcome(0, 1, 0, json!({"run_id": "1"})),
                review(0, json!({"run_id": "1", "review": "worse"})),
                bad(),
                corrected(),
            ],
            [
                ("rag", run, vec!["good"]),
                ("sft", run, vec![TASK, "good"]),
                ("pref", run, vec![TASK, "good", "bad"]),
            ],
        ),
        made(
            "an overseer's correction is a pair while its target is rejected",
            vec![answer("1", "bad", 20, json!({})), overseen.clone()],
            [("pref", overseer_run, vec![TASK, "good", "bad"])],
        ),
        made("and none while it is not", vec![answer("1", "bad", 50, json!({})), overseen], []),
    ]
}

fn pairs() -> Vec<Case> {
    let voted = |more: Value| {
        let row = json!({
            "pr_number": 7, "head_sha": SHA, "claim_idx": 3, "votes": [{"verdict": "no"}], "resolution": "yes", "chosen": "x",
            "rejected": "y",
        });
        ("audit_discrepancies", super::with(row, more))
    };
    let by_votes = "audit:7:abcdef012345:3:v1";
    let two = |good: &str, bad: &str, more: Value| {
        vec![answer("1", good, 80, more.clone()), answer("2", bad, 20, more), word("accept", "1")]
    };
    let hash = "ab".repeat(32);
    vec![
        made(
            "a discrepancy is a pair of votes",
            vec![voted(json!({}))],
            [("pref", by_votes, vec!["Settle claim 3 of pull request 7", "x", "y"])],
        ),
        made(
            "about its claim, when it names one",
            vec![voted(json!({"claim": "it works"}))],
            [("pref", by_votes, vec!["Settle claim 3 of pull request 7: it works", "x", "y"])],
        ),
        made(
            "unless it is rejected",
            vec![voted(json!({})), human(9, "reject", json!({"pr_number": 7, "head_sha": SHA}))],
            [],
        ),
        made(
            "texts that differ in composition and white space alone are no pair",
            vec![voted(json!({"chosen": "Caf\u{e9}  is\nfine", "rejected": "Cafe\u{301} is fine"}))],
            [],
        ),
        made(
            "accepted and rejected work of one instruction is a pair",
            two("good", "bad", json!({})),
            [
                ("rag", "1", vec!["good"]),
                ("sft", "1", vec![TASK, "good"]),
                ("pref", "1", vec![TASK, "good", "bad"]),
            ],
        ),
        made(
            "or of one prompt, under the instruction of what is chosen",
            vec![
                answer("1", "good", 80, json!({"prompt_hash": hash})),
                review(
                    0,
                    json!({"run_id": "2", "review": "bad", "gates": {"g1": false}, "prompt_hash": hash.to_uppercase()}),
                ),
                word("accept", "1"),
            ],
            [
                ("rag", "1", vec!["good"]),
                ("sft", "1", vec![TASK, "good"]),
                ("pref", "1", vec![TASK, "good", "bad"]),
            ],
        ),
        made(
            "one pair an input: of the first accepted and the first rejected",
            two("good", "bad", json!({}))
                .into_iter()
                .chain([
                    answer("3", "worse", 10, json!({})),
                    answer("4", "better", 80, json!({})),
                    word("accept", "4"),
                ])
                .collect(),
            [
                ("rag", "1", vec!["good"]),
                ("sft", "1", vec![TASK, "good"]),
                ("rag", "4", vec!["better"]),
                ("sft", "4", vec![TASK, "better"]),
                ("pref", "1", vec![TASK, "good", "bad"]),
            ],
        ),
        made(
            "both of one run are no pair",
            vec![
                review(0, json!({"run_id": "1", "review": "bad", "gates": {"g1": false}})),
                review(1, json!({"run_id": "1", "review": "good", "gates": {"g1": true}})),
            ],
            [("rag", "1", vec!["good"]), ("sft", "1", vec![REVIEW_A, "good"])],
        ),
    ]
}
