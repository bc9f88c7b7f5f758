"""DuckDB: one COPY with a declared schema. `duckdb_copy.py IN OUT THREADS [sha256]` hashes each row besides, as distilld does."""

import sys

import duckdb

source, target, threads = sys.argv[1:4]
hashed = "sha256(concat_ws(chr(31), run_id, ts, task_class, mode, model, file_path, sources, latency_ms, response)) AS sha256," if sys.argv[4:] == ["sha256"] else ""
duckdb.execute(f"SET threads = {threads}; SET preserve_insertion_order = false; SET enable_progress_bar = false")
duckdb.execute(
    f"""
    COPY (
        SELECT run_id, ts, task_class AS task_type, mode, model, file_path AS file, latency_ms, response AS text, {hashed}
            CASE WHEN grounding_pct >= 80 THEN 'grounded' ELSE 'review' END AS category
        FROM read_json('{source}', format = 'newline_delimited', columns = {{
            run_id: 'VARCHAR', ts: 'VARCHAR', task_class: 'VARCHAR', mode: 'VARCHAR', model: 'VARCHAR', file_path: 'VARCHAR',
            sources: 'VARCHAR', latency_ms: 'BIGINT', response: 'VARCHAR', grounding_pct: 'DOUBLE'}})
    ) TO '{target}' (FORMAT json)
    """
)
