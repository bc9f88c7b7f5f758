"""Polars: a lazy scan with a declared schema, streamed into its sink."""

import sys

import polars as pl

source, target = sys.argv[1:3]
texts = ["run_id", "ts", "task_class", "mode", "model", "file_path", "response"]
schema = {name: pl.String for name in texts} | {"latency_ms": pl.Int64, "grounding_pct": pl.Float64}
(
    pl.scan_ndjson(source, schema=schema, low_memory=False)
    .select(
        "run_id",
        "ts",
        pl.col("task_class").alias("task_type"),
        "mode",
        "model",
        pl.col("file_path").alias("file"),
        "latency_ms",
        pl.col("response").alias("text"),
        pl.when(pl.col("grounding_pct") >= 80).then(pl.lit("grounded")).otherwise(pl.lit("review")).alias("category"),
    )
    .sink_ndjson(target, maintain_order=False)
)
