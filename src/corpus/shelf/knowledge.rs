//! What is distilled from runs and reviews. `~` is a symbol, `^` a number.

pub(crate) const FACTS: &[&str] = &[
    "`~` is the only writer of the journal; all other parts read it.",
    "`~` answers from memory up to ^ rows and from disk beyond.",
    "The permit corpus holds ^ documents and is rebuilt at night.",
    "Hits below a score of 0.^ are never shown to the model.",
    "`~` was renamed in PR ^; old names are accepted until the next release.",
    "The gateway proxies `/v1/chat` to ^ providers, in the order of modes.toml.",
    "A run is stale after ^ hours without an event.",
    "`~` must be called before `~`, or the trace has no root.",
    "Rows are idempotent by their signature: writing twice counts once.",
    "The default model of the ladder's first rung answers in about ^ ms.",
    "Timestamps are UTC; the two imported tables keep local time (\"Europe/Zürich\").",
    "`~` truncates the context at ^ characters, at a line end.",
    "An empty `findings` array means the check ran and found nothing.",
    "Embeddings have 768 dimensions; vectors of another size are dropped with a warning.",
    "`~` keeps at most ^ sessions and forgets the least used first.",
    "A patch that grows a file by more than half is refused by gate g3.",
    "The observer does not see prompts, only their hashes.",
    "Contracts in the 60614 area name the carrier in clause ^.",
    "表 `permits` の主キーは (permit_id, issued_at) です。",
    "Le champ « coût » est en dollars, pas en jetons.",
    "`~` → `~` is the only edge that crosses crates here.",
    "Cache invalidation happens by version, never by time.",
];

pub(crate) const LESSONS: &[&str] = &[
    "Do not trust a green run of `~` when the fixture is empty.",
    "Check the caller before changing the order of arguments: `~` broke ^ call sites.",
    "A model that repeats the prompt has not read the file; ask for line numbers.",
    "When the matrix returns nothing, say so instead of answering from memory.",
    "Revert first, explain later: the revert of PR ^ took two minutes, the discussion two days.",
    "Small models keep to the form when the schema stands last in the prompt.",
    "Never parse `git diff` without `--no-color`; ^ audits were empty for that reason.",
    "A retry with the same prompt gives the same answer; change the mode instead.",
    "Bound every queue, also the one that \"never fills\".",
    "Consensus of three cheap models beats one expensive one on yes/no claims, not on code.",
    "Write the migration and its way back in one commit.",
    "⚠️ `~` is slow under Miri; skip it there.",
];

pub(crate) const PROCEDURES: &[&str] = &[
    "To rebuild the index: stop `~`, run `just reindex`, compare counts (^ expected), start again.",
    "1. reproduce with the smallest file\n2. bisect over PRs\n3. add the failing test\n4. fix `~`\n5. replay ^ rows",
    "Before merging: `cargo check`, smoke queries, audit of the head sha, then the human look at block findings.",
    "When a gate fails: read `patches_proposed`, apply by hand in a worktree, run the tests of the touched crate.",
    "Rotate the journal: rename, signal `~`, wait for the new file, compress the old one after ^ hours.",
    "Escalate after two thin answers: local model → cloud model → reviewer.",
    "For a stale corpus: list sources, drop those older than ^ days, re-embed in batches of 64, swap the alias.",
    "手順：一、再現する。二、`~` を直す。三、全行を再生して件数を比べる。",
    "If `~` times out: halve the context, keep the file under review whole, ask once more.",
    "To add a column: writer first (nullable), backfill, reader, then the constraint; ^ minutes between steps.",
];

pub(crate) const HINTS: &[&str] = &[
    "set `max_in_flight = ^` for the local provider",
    "`[modes.codereview] corpora = [\"lakehouse_arch_v1\", \"scrum_findings_v1\"]` grounds ^ % better",
    "raise `timeout_ms` to ^000 for models above 400b",
    "turn `stream = false` for `~`: partial answers confuse the parser",
    "`chunk_bytes = ^` fits a screenful of Rust",
    "keep `temperature = 0.1` for extraction, 0.4 for reviews",
    "export `RUST_LOG=gateway=debug,~=trace` while looking for this one",
    "`k = ^` hits are enough; more only push the file out of the context",
    "pin the embedder's version next to the index, or a refresh mixes two spaces",
    "put `C:\\kb\\data` in single quotes: TOML reads \\k as an escape",
    "`batch_rows = ^` keeps a commit under 50 ms",
];

pub(crate) const REASONS: &[&str] = &[
    "the finding on ~ is wrong: the lock is released on line ^",
    "checked by hand, patch is right",
    "half of it holds; the part on ~ does not",
    "needs a second look before it goes into training",
    "names a function that does not exist (~)",
    "verdict contradicts its own findings",
    "clear, short, names the lines; keep",
    "wrong language for this file",
    "figures are made up (^ rows/s was never measured)",
    "stale: ~ was removed in PR ^",
];

pub(crate) const ANALYSES: &[&str] = &[
    "The permit asks for ^ workers over two shifts; the matrix knows three comparable sites within a mile.",
    "Two contractors on this permit were late on ^ of their last jobs; plan a reserve.",
    "The declared cost lies below the median of the corpus by about ^ %, which suggests a partial scope.",
    "Recommended crew: one forklift lead, ^ general hands, one safety observer (certified).",
    "Weather clause missing: the comparable contract of last spring stopped for ^ days.",
    "`~` reports the same signature ^ times within an hour; the common part is an empty response of the provider.",
    "The failures cluster on one model and one mode. Other models answer the same prompts.",
    "Root cause is likely the context cut in `~`: the question falls off the end at ^ characters.",
    "Try the isolated mode first; if the answer stays thin, pass the file whole and drop the corpora.",
    "Entity brief: owner, general contractor and electrician agree with the registry; the address differs (\"N.\" vs. \"North\").",
    "No gap signals. Citations point at documents that say what is claimed.",
    "Ранее такой же сбой исправили заменой модели; см. запись ^.",
    "所要人数は ^ 名、期間は三週間と見積もる。",
];

pub(crate) const ERRORS: &[&str] = &[
    "upstream timed out after ^000 ms",
    "HTTP 502 from provider: {\\\"detail\\\": \"bad gateway\"}",
    "connection reset by peer (os error 104)",
    "model not loaded: ~",
    "empty response after ^ tokens",
    "context of ^ tokens is over the limit",
    "invalid JSON in tool call at column ^",
];
