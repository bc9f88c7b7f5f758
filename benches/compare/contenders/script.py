"""What anybody would write first: a loop over lines. `script.py IN OUT [orjson]`."""

import sys

source, target = sys.argv[1:3]
if sys.argv[3:] == ["orjson"]:
    from orjson import dumps, loads
else:
    import json

    loads = json.loads

    def dumps(record, encode=json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode):
        return encode(record).encode()


with open(source, "rb", buffering=1 << 20) as rows, open(target, "wb", buffering=1 << 20) as out:
    for line in rows:
        row = loads(line)
        grounding = row.get("grounding_pct")
        out.write(
            dumps(
                {
                    "run_id": row["run_id"],
                    "ts": row["ts"],
                    "task_type": row["task_class"],
                    "mode": row["mode"],
                    "model": row["model"],
                    "file": row["file_path"],
                    "latency_ms": row["latency_ms"],
                    "text": row["response"],
                    "category": "review" if grounding is None or grounding < 80 else "grounded",
                }
            )
        )
        out.write(b"\n")
