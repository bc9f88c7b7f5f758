//! Code, diffs and other blocks as they stand in reviews. Copied as they are, without slots.

pub(crate) const CODE: &[&str] = &[
    "```rust\nlet rows = match self.open(path).await {\n    Ok(file) => file.rows().collect::<Vec<_>>(),\n    Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),\n    Err(error) => return Err(error.into()),\n};\n```",
    "```rust\n/// Keeps the newest `limit` entries.\npub fn trim(&mut self, limit: usize) {\n    while self.entries.len() > limit {\n        self.entries.pop_front();\n    }\n    debug_assert!(self.entries.len() <= limit, \"kept too many\");\n}\n```",
    "```rust\n#[tokio::test]\nasync fn a_torn_line_waits() {\n    let dir = tempfile::tempdir().unwrap();\n    let path = dir.path().join(\"a.jsonl\");\n    std::fs::write(&path, b\"{\\\"a\\\":1}\\n{\\\"b\\\":\").unwrap();\n    assert_eq!(read_rows(&path).await.unwrap().len(), 1);\n}\n```",
    "```ts\nexport async function runCheck(claim: Claim): Promise<Finding[]> {\n\tconst res = await fetch(`${BASE}/v1/chat`, { method: \"POST\", body: JSON.stringify({ claim }) });\n\tif (!res.ok) throw new Error(`check failed: ${res.status}`);\n\treturn (await res.json()).findings ?? [];\n}\n```",
    "```python\ndef grounding(response: str, anchors: list[str]) -> float:\n    \"\"\"Share of anchors that stand in the response, in per cent.\"\"\"\n    if not anchors:\n        return 0.0\n    hits = sum(1 for a in anchors if re.search(rf\"\\b{re.escape(a)}\\b\", response))\n    return 100.0 * hits / len(anchors)\n```",
    "```go\nfunc (s *Store) Append(ctx context.Context, row []byte) error {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\tif _, err := s.f.Write(append(row, '\\n')); err != nil {\n\t\treturn fmt.Errorf(\"append %q: %w\", s.path, err)\n\t}\n\treturn s.f.Sync()\n}\n```",
    "```sql\nSELECT p.permit_id, COUNT(*) AS hits, AVG(h.score) AS score\n  FROM permits p\n  JOIN hits h ON h.permit_id = p.permit_id\n WHERE p.issued_at >= DATE '2025-01-01' AND p.kind LIKE 'ELECTR%'\n GROUP BY p.permit_id\nHAVING COUNT(*) > 3\n ORDER BY score DESC;\n```",
    "```bash\nset -euo pipefail\nfor f in data/_kb/*.jsonl; do\n  printf '%s\\t%s\\n' \"$(wc -l < \"$f\")\" \"${f##*/}\"\ndone | sort -rn | head\n```",
    "```toml\n[modes.codereview]\nmodel = \"qwen3-coder:480b\"\ncorpora = [\"lakehouse_arch_v1\", \"lakehouse_symbols_v1\"]\nmax_context_chars = 24_000\ntimeout = \"90s\"\n```",
    "```cpp\ntemplate <typename Row>\nstd::optional<Row> next(std::istream& in) {\n  std::string line;\n  if (!std::getline(in, line)) return std::nullopt;\n  if (!line.empty() && line.back() == '\\r') line.pop_back();\n  return Row::parse(line);  // throws on \"\\0\"\n}\n```",
    "```java\npublic Optional<Score> latest(String runId) {\n    return scores.stream()\n        .filter(s -> s.runId().equals(runId))\n        .max(Comparator.comparing(Score::at).thenComparing(Score::seq));\n}\n```",
    "```tsx\nexport const Übersicht = ({ runs }: { runs: Run[] }) => (\n  <ul className=\"runs\">\n    {runs.map((r) => <li key={r.id} title={`λ = ${r.score}`}>{r.model} → {r.verdict ?? \"…\"}</li>)}\n  </ul>\n);\n```",
    "```yaml\nservices:\n  gateway:\n    image: lakehouse/gateway:edge\n    command: [\"serve\", \"--port\", \"3100\"]\n    healthcheck: { test: \"curl -fsS localhost:3100/health\", interval: 10s }\n```",
    "```haskell\nresolve :: [Vote] -> Maybe Verdict\nresolve vs = listToMaybe [v | (v, n) <- tally vs, 2 * n > length vs]\n  where tally = map (\\g -> (head g, length g)) . group . sort . map verdict\n```",
    "```json\n{\"mode\": \"ladder\", \"rungs\": [\"gpt-oss:20b\", \"gpt-oss:120b\", \"kimi-k2\"], \"max\": 3, \"path\": \"a\\\\b\\/c\"}\n```",
    "```c\nstatic size_t skip_ws(const char *s, size_t n) {\n\tsize_t i = 0;\n\twhile (i < n && (s[i] == ' ' || s[i] == '\\t' || s[i] == '\\n')) i++;\n\treturn i; /* n when blank */\n}\n```",
];

pub(crate) const DIFFS: &[&str] = &[
    "```diff\n--- a/crates/queryd/src/cache.rs\n+++ b/crates/queryd/src/cache.rs\n@@ -41,7 +41,9 @@ impl ChunkCache {\n     pub fn get(&self, key: &str) -> Option<Arc<Chunk>> {\n-        self.map.lock().unwrap().get(key).cloned()\n+        let map = self.map.lock().ok()?;\n+        self.hits.fetch_add(1, Ordering::Relaxed);\n+        map.get(key).cloned()\n     }\n```",
    "```diff\n@@ -118,3 +118,3 @@\n-\tconst retries = 100;\n+\tconst retries = 3;\n \tfor (let i = 0; i < retries; i++) {\n```",
    "```diff\n--- a/sidecar/sidecar/embed.py\n+++ b/sidecar/sidecar/embed.py\n@@ -9,4 +9,5 @@ def embed(texts):\n-    return [model.encode(t) for t in texts]\n+    out = model.encode(texts, batch_size=64)\n+    return [v.tolist() for v in out]\n```",
    "```diff\n@@ -1,4 +1,4 @@\n [modes.contract]\n-corpora = []\n+corpora = [\"chicago_permits_v1\"]\n timeout = \"60s\"\n```",
    "```diff\n--- a/docs/DECISIONS.md\n+++ b/docs/DECISIONS.md\n@@ -210,0 +211,4 @@\n+## ADR-021: one writer\n+Accepted. The journal has one writer; readers follow its length.\n+Rejected: a lock file (stale after a crash), two writers with CRDTs.\n+\n```",
    "```diff\n@@ -77,6 +77,8 @@ func (r *Router) Decide(task string) (Mode, error) {\n \tmode, ok := r.table[task]\n \tif !ok {\n-\t\treturn Mode{}, nil\n+\t\treturn Mode{}, fmt.Errorf(\"no mode for %q\", task)\n \t}\n```",
];

pub(crate) const BLOCKS: &[&str] = &[
    "| check | result | ms |\n|---|---|---:|\n| static | ok | 12 |\n| dynamic | ok | 1840 |\n| inference | warn | 9313 |\n| kb_query | ok | 77 |",
    "> The gate is not there to be passed; it is there to be *true*.\n> — review guide, § 3",
    "```\nthread 'tokio-runtime-worker' panicked at crates/vectord/src/index.rs:212:41:\ncalled `Option::unwrap()` on a `None` value\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n```",
    "```\nrunning 41 tests\n........................................F\nfailures:\n    trial::keeps_the_best\ntest result: FAILED. 40 passed; 1 failed; 0 ignored; finished in 2.31s\n```",
    "<details><summary>Trace</summary>\n\n```\nPOST /v1/mode/execute\t200\t4812 ms\n└─ matrix\t12 hits\t88 ms\n└─ ollama\tqwen3-coder:480b\t4631 ms\n```\n</details>",
    "* **Severity:** medium\n* **Effort:** S\n* **Risk:** the replay path shares this code\n* **Owner:** platform team",
    "1. stop the writer\n2. `cp -a data/_kb /mnt/backup/` (≈ 3 GiB)\n3. replay\n4. compare: `diff <(sort a) <(sort b)`",
    "```\nSize  Rows      Rate\n1 GiB   846,211  31.2 MB/s\n4 GiB 3,391,077  30.9 MB/s\t(± 0.4)\n```",
];
