"""One file of LLM telemetry in the shape of mode_experiments, the same bytes for the same arguments.

    generate.py FOLDER MIB GROUNDED ACCEPTED

60 % of the rows have about 400 B, 30 % 1.5 KiB, 10 % 6 KiB. GROUNDED is the share of rows that stand on their sources (grounding_pct
of 80 and more: exported to RAG), ACCEPTED the share that an observer accepts besides (exported to SFT too); their
verdicts are a second, small stream, observer_reviews.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

WORDS = (
    "the cache key leaves out model so an answer of small one is served for large doc comment says returns newest first "
    "code sorts ascending call unwrap panics when channel closed before worker joins index bound checked twice inside loop "
    "allocation per row avoided buffer reused `Vec::with_capacity` src/lib.rs \"quoted\" → größer 0.25 1024 && !done"
).split()


def prose(rng, chars):
    """Words in lines of about 80 characters."""
    out, length, line = [], 0, 0
    while length < chars:
        word = rng.choice(WORDS)
        out.append(word + ("\n" if line > 80 else " "))
        line = 0 if line > 80 else line + len(word) + 1
        length += len(word) + 1
    return "".join(out)


def main():
    folder, bytes_wanted = Path(sys.argv[1]), int(float(sys.argv[2]) * (1 << 20))
    grounded, accepted = float(sys.argv[3]), float(sys.argv[4])
    rng = random.Random(7)
    pool = [prose(rng, 9000) for _ in range(64)]
    time = datetime(2026, 1, 1, tzinfo=timezone.utc)
    folder.mkdir(parents=True, exist_ok=True)
    rows = written = 0
    with open(folder / "mode_experiments.jsonl", "w") as file, open(folder / "observer_reviews.jsonl", "w") as verdicts:
        while written < bytes_wanted:
            kind, fate = rng.random(), rng.random()
            length = 150 if kind < 0.6 else 1230 if kind < 0.9 else 5700
            text, at = rng.choice(pool), rng.randrange(3000)
            time += timedelta(milliseconds=rng.randrange(1, 20000))
            ts = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            row = {
                "run_id": f"mode-{rows}-{rng.getrandbits(32):08x}",
                "ts": ts,
                "task_class": rng.choice(["code_review", "doc_drift", "refactor"]),
                "mode": rng.choice(["native", "matrix", "distilled"]),
                "model": rng.choice(["qwen3-coder:480b", "gpt-oss:120b", "claude-opus-4-1", "kimi-k2:1t"]),
                "file_path": f"crates/queryd/src/m{rng.randrange(3000)}.rs",
                "sources": {"matrix_corpus": ["code", "docs"], "matrix_hits": rng.randrange(20)},
                "latency_ms": rng.randrange(200, 60000),
                "response": f"{rows}: {text[at:at + length]}",
            }
            if fate < grounded:
                row["grounding_pct"] = rng.randrange(80, 101)
            if fate < accepted:
                verdict = {"ts": ts, "run_id": row["run_id"], "verdict": "accept", "conf": 0.9, "model": "gpt-oss:120b"}
                verdicts.write(json.dumps(verdict) + "\n")
            line = json.dumps(row, ensure_ascii=False) + "\n"
            file.write(line)
            written += len(line.encode())
            rows += 1
    (folder / "rows").write_text(f"{rows}\n")


main()
