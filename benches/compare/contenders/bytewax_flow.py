"""bytewax, in batches and with orjson: source and sink are its own classes, without the fsync of its FileSink."""

import sys

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import run_main
from orjson import dumps, loads


class Lines(StatefulSourcePartition):
    def __init__(self, path):
        self.file = open(path, "rb", buffering=1 << 20)

    def next_batch(self):
        batch = self.file.readlines(1 << 20)
        if not batch:
            raise StopIteration
        return batch

    def snapshot(self):
        return self.file.tell()


class Source(FixedPartitionedSource):
    def list_parts(self):
        return ["rows"]

    def build_part(self, _step, _part, _resume):
        return Lines(sys.argv[1])


class Writer(StatefulSinkPartition):
    def __init__(self, path):
        self.file = open(path, "wb", buffering=1 << 20)

    def write_batch(self, values):
        self.file.writelines(values)

    def snapshot(self):
        self.file.flush()

    def close(self):
        self.file.close()


class Sink(FixedPartitionedSink):
    def list_parts(self):
        return ["records"]

    def build_part(self, _step, _part, _resume):
        return Writer(sys.argv[2])


def record(line):
    row = loads(line)
    grounding = row.get("grounding_pct")
    return dumps(
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
    ) + b"\n"


flow = Dataflow("compare")
lines = op.input("in", flow, Source())
records = op.flat_map_batch("record", lines, lambda batch: [("records", record(line)) for line in batch])
op.output("out", records, Sink())
run_main(flow)
