//! Names that recur across streams: models, files, symbols, task classes.

use super::dice::Dice;

pub(crate) const MODELS: [&str; 12] = [
    "qwen3-coder:480b",
    "gpt-oss:120b",
    "kimi-k2:1t",
    "deepseek-v3.1:671b",
    "claude-sonnet-4-5",
    "llama3.3:70b",
    "mistral-large-3:675b",
    "gpt-oss:20b",
    "claude-opus-4-1",
    "qwen3.5:latest",
    "kimi-k2-thinking",
    "devstral-2:123b",
];

pub(crate) const TASK_CLASSES: [&str; 8] = [
    "scrum_review",
    "contract_analysis",
    "staffing_inference",
    "fact_extract",
    "doc_drift_check",
    "pr_audit",
    "codereview",
    "mistake_triage",
];

pub(crate) const MODES: [&str; 6] = [
    "codereview_lakehouse",
    "codereview_isolation",
    "codereview_null",
    "pathway_replay",
    "ladder",
    "consensus",
];

pub(crate) const CORPORA: [&str; 7] = [
    "lakehouse_arch_v1",
    "lakehouse_symbols_v1",
    "scrum_findings_v1",
    "llm_team_runs_v1",
    "kb_team_runs_v1",
    "chicago_permits_v1",
    "entity_brief_v1",
];

pub(crate) const COMMANDS: [&str; 8] = [
    "cargo check --workspace",
    "cargo test -p gateway --lib",
    "cargo clippy --all-targets -- -D warnings",
    "bun test tests/audit.test.ts",
    "pytest -q tests/test_matrix.py",
    "git revert --no-edit HEAD",
    "just smoke",
    "go vet ./...",
];

pub(crate) const SYMBOLS: [&str; 48] = [
    "execute_query",
    "flush_batch",
    "ModeRouter::decide",
    "resolve_alias",
    "TruthGate",
    "PathwayMemory::insert",
    "hot_swap",
    "score_candidates",
    "parse_manifest",
    "embed_batch",
    "JournalWriter",
    "compact_deltas",
    "load_index",
    "retry_with_backoff",
    "merge_schema",
    "ObserverClient::post",
    "decode_frame",
    "AccessPolicy",
    "mask_columns",
    "tombstone_rows",
    "spawn_worker",
    "ChunkCache",
    "list_objects",
    "promote_profile",
    "verify_claims",
    "LadderStep",
    "render_prompt",
    "truncate_context",
    "CatalogEntry",
    "resync_all",
    "read_parquet",
    "CostLedger",
    "drain_queue",
    "normalize_name",
    "GapSignal",
    "dedupe_hits",
    "BatchRunner",
    "tool_registry",
    "audit_one",
    "build_overlay",
    "is_stale",
    "cursor_for",
    "WorkspaceHandoff",
    "rank_playbooks",
    "apply_patch",
    "signature_of",
    "open_trace",
    "check_quota",
];

const CRATES: [&str; 16] = [
    "gateway",
    "queryd",
    "vectord",
    "catalogd",
    "ingestd",
    "journald",
    "aibridge",
    "truth",
    "storaged",
    "shared",
    "validator",
    "ui",
    "lance-bench",
    "proto",
    "mcp",
    "matrixd",
];

const MODULES: [&str; 28] = [
    "lib",
    "main",
    "service",
    "mode",
    "context",
    "executor",
    "cache",
    "index",
    "schema",
    "policy",
    "delta",
    "pathway_memory",
    "playbook",
    "trial",
    "agent",
    "harness",
    "stats",
    "promotion",
    "registry",
    "tools",
    "access",
    "workspace",
    "truth",
    "refresh",
    "supervisor",
    "embedding",
    "csv_ingest",
    "pdf_ingest",
];

/// Files beside the crates' sources, with the languages and scripts a repository gathers.
const OTHERS: [&str; 24] = [
    "auditor/audit.ts",
    "auditor/claim_parser.ts",
    "auditor/checks/static.ts",
    "auditor/checks/inference.ts",
    "mcp-server/observer.ts",
    "mcp-server/index.ts",
    "bot/propose.ts",
    "sidecar/lab_ui.py",
    "sidecar/sidecar/embed.py",
    "scripts/build_answers_corpus.py",
    "scripts/distillation/scorer.py",
    "tests/real-world/scrum_master_pipeline.ts",
    "tests/multi-agent/scenario.ts",
    "go/internal/vectord/index.go",
    "go/cmd/matrixd/main.go",
    "docs/PRD.md",
    "docs/DECISIONS.md",
    "docs/CONTROL_PLANE_PRD.md",
    "docs/données/modèle.md",
    "docs/設計/概要.md",
    "config/modes.toml",
    "ops/systemd/lakehouse.service",
    "sql/migrations/0042_permits.sql",
    "web/src/components/Übersicht.tsx",
];

/// A file of the repository; some far more often than others, as in life.
pub(crate) fn file(dice: &mut Dice) -> String {
    if dice.often(30) {
        return dice.word(&OTHERS).to_owned();
    }
    let folder = dice.word(&CRATES);
    let inner = if dice.often(25) { "v1/" } else { "" };
    let module = dice.word(&MODULES);
    if dice.often(20) {
        format!("crates/{folder}/src/{inner}{module}_{}.rs", dice.below(40))
    } else {
        format!("crates/{folder}/src/{inner}{module}.rs")
    }
}

/// A model of another family than `model`, or now and then any.
pub(crate) fn second_model(dice: &mut Dice, model: &str) -> &'static str {
    if dice.often(12) {
        return dice.word(&MODELS);
    }
    let mut second = dice.word(&MODELS);
    for _ in 0..8 {
        if family(second) != family(model) {
            break;
        }
        second = dice.word(&MODELS);
    }
    second
}

fn family(model: &str) -> &str {
    model.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or(model)
}
