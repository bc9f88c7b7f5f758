"""Runs the contenders by turns, checks that each wrote every row, and prints medians and ratios."""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# What the figures are held to, by mix: MB/s of input of a replay.
MB_PER_SECOND = {"lean": 250, "rich": 180}


class Run:
    """What one run took."""

    def __init__(self, wall, usage, rows):
        self.wall, self.rows = wall, rows
        self.cpu, self.rss_mib = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def fail(what):
    sys.exit(f"compare: {what}")


def count_lines(paths):
    """Lines of files, block by block: this process must stay small, its memory is the least that a child can show."""
    lines = 0
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
    return lines


def timed(command, log):
    """Wall time and resources of a command that must end well."""
    log = open(log, "w+")
    started = time.monotonic()
    child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        log.seek(0)
        fail(f"{command[0]} ended with {child.returncode}: {log.read()[-2000:]}")
    log.close()
    return wall, usage


class Lab:
    def __init__(self, arguments):
        self.arguments = arguments
        self.data, self.work = Path(arguments.data), Path(arguments.work)
        self.source = self.data / "mode_experiments.jsonl"
        self.rows = int((self.data / "rows").read_text())
        self.own = self.work / "distilld"
        self.samples = {}

    def out(self):
        """An empty folder for one run's output."""
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        return out

    def command(self, *command):
        out = self.out()
        wall, usage = timed(command, self.work / "log")
        self.check_content(out)
        return Run(wall, usage, count_lines(sorted(out.iterdir())))

    def check_content(self, out):
        """In a smoke run: every row must have become the record that was asked for."""
        if self.arguments.rounds > 0:
            return
        expected, found = set(), set()
        with open(self.source) as rows:
            for row in map(json.loads, rows):
                category = "grounded" if row.get("grounding_pct", 0) >= 80 else "review"
                expected.add((row["run_id"], row["file_path"], str(row["latency_ms"]), row["response"], category))
        for path in out.iterdir():
            with open(path) as records:
                for record in map(json.loads, records):
                    latency = str(record["latency_ms"])
                    found.add((record["run_id"], record["file"], latency, record["text"], record["category"]))
        if found != expected:
            fail(f"{len(expected - found)} of {self.rows} records are not what they should be, such as {min(found - expected, default='none')}")

    def python(self, script, *more):
        return self.command(self.arguments.python, HERE / "contenders" / script, self.source, self.work / "out/records", *more)

    def floor(self):
        return self.command(self.arguments.floor, self.source, self.work / "out/records", os.cpu_count())

    def distilld(self, folder, *command):
        config = self.work / "config.toml"
        config.write_text("")
        base = [self.arguments.distilld, "--config", config, "--kb", self.data]
        base += ["--output", folder / "out", "--state", folder / "state"]
        wall, usage = timed([*base, *command], self.work / "log")
        return Run(wall, usage, count_lines([folder / "out/evidence/mode_experiments.jsonl"]))

    def run_once(self):
        shutil.rmtree(self.work / "out", ignore_errors=True)
        run = self.distilld(self.work / "out", "run", "--once")
        self.samples = samples(self.work / "out/out/receipts/receipts.jsonl")
        return run

    def replay(self):
        # Of an output that stays: every replay leaves one that the next can replace.
        if not (self.own / "out").exists():
            self.distilld(self.own, "run", "--once")
        return self.distilld(self.own, "replay")

    def rsyslog(self):
        out = self.out().resolve()
        work = (self.work / "rsyslog").resolve()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        config = (HERE / "contenders/rsyslog.conf").read_text()
        fill = {"IN": self.source.resolve(), "OUT": out / "records", "WORKERS": os.cpu_count(), "WORK": work}
        config = re.sub(r"\b(IN|OUT|WORKERS|WORK)\b(?=\")", lambda found: str(fill[found[1]]), config)
        (work / "rsyslog.conf").write_text(config)
        started = time.monotonic()
        with open(work / "log", "w") as log:
            daemon = subprocess.Popen(
                ["rsyslogd", "-n", "-f", work / "rsyslog.conf", "-i", work / "pid"], stdout=log, stderr=log
            )
        rows, last, position = 0, started, 0
        # Lines are counted as they come: it ends for us when the last is there.
        while rows < self.rows:
            time.sleep(0.01)
            now = time.monotonic()
            if (out / "records").exists():
                with open(out / "records", "rb") as file:
                    file.seek(position)
                    while block := file.read(1 << 20):
                        rows, position, last = rows + block.count(b"\n"), position + len(block), now
            if now - last > 20:
                os.kill(daemon.pid, signal.SIGKILL)
                fail(f"rsyslog wrote {rows} of {self.rows} rows and no more: {(work / 'log').read_text()[-2000:]}")
        wall = time.monotonic() - started
        os.kill(daemon.pid, signal.SIGTERM)
        _, status, usage = os.wait4(daemon.pid, 0)
        daemon.returncode = os.waitstatus_to_exitcode(status)
        self.check_content(out)
        return Run(wall, usage, count_lines([out / "records"]))

    def contenders(self):
        threads = os.cpu_count()
        return {
            "distilld run --once": self.run_once,
            "distilld replay": self.replay,
            "floor": self.floor,
            "rsyslog": self.rsyslog,
            "bytewax": lambda: self.python("bytewax_flow.py"),
            "python": lambda: self.python("script.py"),
            "python, orjson": lambda: self.python("script.py", "orjson"),
            "duckdb": lambda: self.python("duckdb_copy.py", threads),
            "duckdb, sha256": lambda: self.python("duckdb_copy.py", threads, "sha256"),
            "polars": lambda: self.python("polars_lazy.py"),
        }


def table(header, rows):
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(header, widths)) + " |")
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print()


def main():
    parser = argparse.ArgumentParser()
    for name in ["mix", "data", "work", "python", "distilld", "floor", "only"]:
        parser.add_argument(f"--{name}")
    parser.add_argument("--rounds", type=int)
    lab = Lab(parser.parse_args())
    arguments = lab.arguments
    shutil.rmtree(lab.work, ignore_errors=True)
    lab.work.mkdir(parents=True)
    wanted = {name.strip() for name in arguments.only.split(";")} if arguments.only else None
    contenders = {name: run for name, run in lab.contenders().items() if wanted is None or name in wanted}
    runs = {name: [] for name in contenders}
    # The first round counts only when there is no other: the page cache is new to it.
    for number in range(arguments.rounds + 1):
        for name, run in contenders.items():
            took = run()
            if took.rows != lab.rows:
                fail(f"{name} wrote {took.rows} records of {lab.rows} rows")
            if number > 0 or arguments.rounds == 0:
                runs[name].append(took)
            print(f"{arguments.mix} {number}/{arguments.rounds} {name}: {took.wall:.2f} s", file=sys.stderr)
    report(lab, runs)
    shutil.rmtree(lab.work)


def report(lab, runs):
    arguments = lab.arguments
    source_bytes = lab.source.stat().st_size
    own_bytes = source_bytes + (lab.data / "observer_reviews.jsonl").stat().st_size
    size = lambda name: own_bytes if name.startswith("distilld") else source_bytes
    median = lambda name, figure: statistics.median(figure(run) for run in runs[name])
    speed = {name: size(name) / 1e6 / median(name, lambda run: run.wall) for name in runs}
    cpu = {name: median(name, lambda run: run.cpu) / (size(name) / 1e9) for name in runs}
    rss = {name: median(name, lambda run: run.rss_mib) for name in runs}

    mix = f"mix {arguments.mix}: {source_bytes / (1 << 20):.0f} MiB, {lab.rows} rows of {source_bytes / lab.rows:.0f} B"
    if lab.samples:
        shares = [f"{count / lab.rows * 100:.1f} % {name.upper()}" for name, count in lab.samples.items() if name in ("rag", "sft")]
        mix += f", of which {' and '.join(shares)} by the receipts"
    print(f"{mix}; {os.cpu_count()} cores, medians of {max(arguments.rounds, 1)}\n")
    spread = lambda name: "{:.0f} to {:.0f}".format(*(size(name) / 1e6 / edge(run.wall for run in runs[name]) for edge in (max, min)))
    table(
        ["contender", "MB/s of input", "spread", "CPU, s/GB", "peak RSS, MiB"],
        [[name, f"{speed[name]:.1f}", spread(name), f"{cpu[name]:.1f}", f"{rss[name]:.0f}"] for name in runs],
    )
    if arguments.rounds == 0:
        print("a smoke run: every contender wrote every row; its figures say nothing\n")
        return
    held = []
    for ours in [name for name in runs if name.startswith("distilld")]:
        hold = lambda what, found, aim, holds, ours=ours: held.append(
            [ours, what, found, aim, "holds" if holds else "does not hold"]
        )
        least = MB_PER_SECOND[arguments.mix]
        hold("MB/s of input", f"{speed[ours]:.0f}", f"≥ {least}", speed[ours] >= least)
        hold("CPU, s/GB", f"{cpu[ours]:.1f}", "≤ 7.5", cpu[ours] <= 7.5)

        factors = {
            # The fastest of those that tail files.
            "rsyslog": 5,
            "duckdb, sha256": 5,
            "duckdb": 1.1,
            "polars": 1.1,
            "bytewax": 1,
            "python": 1,
            "python, orjson": 1,
            "floor": 0.75,
        }
        for name, factor in factors.items():
            if name in speed:
                ratio = speed[ours] / speed[name]
                hold(f"× {name}", f"{ratio:.2f}", f"≥ {factor}", ratio >= factor)
    if "distilld run --once" in speed and "distilld replay" in speed:
        ratio = speed["distilld replay"] / speed["distilld run --once"]
        held.append(["distilld replay", "× run --once", f"{ratio:.2f}", "≥ 0.9", "holds" if ratio >= 0.9 else "does not hold"])
    if held:
        table(["of", "figure", "found", "aim", ""], held)


def samples(receipts):
    """How many samples each dataset has, by the receipts: a range from byte 0 begins a file anew."""
    rows = {}
    for line in receipts.read_text().splitlines():
        for output in json.loads(line)["output_files"]:
            folder, name = output["path"].split("/")[:2]
            if folder == "exports":
                rows[name] = output["rows"] + (rows.get(name, 0) if output["from"] else 0)
    return rows


main()
