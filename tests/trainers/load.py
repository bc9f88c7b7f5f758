"""Loads every export and every file of a snapshot with datasets.load_dataset("json"), early and late in its life.

usage: load.py EARLY_EXPORTS LATE_EXPORTS EARLY_VERSION LATE_VERSION

What is asserted of every kind of file: the first line alone, the early file and the late file have one schema, without null or empty
types and without times that were taken for timestamps; one dataset can be made of early and late files; texts come back as they are
in the file. Of the version's folder: load_dataset takes it by its card, with the schema that the bare files have.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import datasets
import yaml

datasets.disable_progress_bars()


def load(files, cache):
    loaded = datasets.load_dataset("json", data_files=[str(f) for f in files], split="train", cache_dir=cache)
    return loaded


def rows_of(files):
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").split("\n") if line]


def bad_types(feature):
    text = str(feature)
    return [word for word in ("null", "timestamp", "Json", "date") if re.search(rf"'{word}|{word}\(", text)]


def kind_of(root, file):
    """Files of one kind differ in split and content only."""
    return re.sub(r"(train|validation|test)-[0-9a-f]{12}", "*", str(file.relative_to(root)))


def kinds(root):
    found = {}
    for file in sorted(root.rglob("*.jsonl")):
        if file.stat().st_size:
            found.setdefault(kind_of(root, file), []).append(file)
    return found


def check(what, early, late, cache):
    """early may be empty: the file was not there yet."""
    first = Path(cache) / "first.jsonl"
    first.write_text(late[0].read_text(encoding="utf-8").split("\n")[0] + "\n", encoding="utf-8")
    sets = {"first line": [first], "early": early, "late": late, "early and late": early + late}
    schemas = {}
    for name, files in sets.items():
        if files:
            loaded = load(files, cache)
            schemas[name] = loaded.features
            assert loaded.to_list() == rows_of(files), f"{what}, {name}: rows come back changed"
    one = schemas["late"]
    for name, schema in schemas.items():
        assert schema == one, f"{what}: the schema of {name} is another\n{schema}\n{one}"
    assert not bad_types(one), f"{what}: {bad_types(one)} in {one}"
    return len(rows_of(late)), one


def check_card(version, schemas, cache):
    card = (version / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(card.split("---\n")[1])
    for config in header["configs"]:
        name = config["config_name"]
        loaded = datasets.load_dataset(str(version), name, cache_dir=cache)
        for entry in config["data_files"]:
            file = version / entry["path"]
            split = loaded[entry["split"]]
            assert split.to_list() == rows_of([file]), f"{version.name}, config {name}: rows come back changed"
            bare = schemas[kind_of(version, file)]
            assert split.features == bare, f"{version.name}, config {name}: the card says\n{split.features}\nthe file\n{bare}"
        assert set(loaded) == {entry["split"] for entry in config["data_files"]}, name
    assert len(header["configs"]) == len(header["dataset_info"])
    return len(header["configs"])


def main():
    early_exports, late_exports, early_version, late_version = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as cache:
        schemas = {}
        for early, late in ((early_exports, late_exports), (early_version, late_version)):
            early_kinds, late_kinds = kinds(early), kinds(late)
            assert late_kinds and early_kinds.keys() <= late_kinds.keys()
            for kind, files in late_kinds.items():
                rows, schema = check(kind, early_kinds.get(kind, []), files, cache)
                schemas[kind] = schema
                print(f"{rows:6} rows  {len(early_kinds.get(kind, [])) + len(files)} files  {kind}")
        configs = [check_card(version, schemas, cache) for version in (early_version, late_version)]
    print(f"datasets {datasets.__version__}: one schema a kind, rows unchanged; {sum(configs)} configs of 2 cards load by name")


main()
