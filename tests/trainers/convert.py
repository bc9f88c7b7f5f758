"""All rows of a snapshot through the code by which Axolotl and LLaMA-Factory read rows.

usage: convert.py VERSION_FOLDER

Both packages are installed without what they depend on, and their top modules, which import all of it, are left out: the modules
used here are their own, unchanged.
"""

import importlib
import json
import sys
import types
from pathlib import Path

import datasets
import yaml
from tiny import tokenizer

datasets.disable_progress_bars()


def without_top(*names):
    for name in names:
        module = types.ModuleType(name)
        place = name.replace(".", "/")
        module.__path__ = [str(Path(folder) / place) for folder in sys.path if (Path(folder) / place).is_dir()]
        assert module.__path__, f"{name} is not installed"
        sys.modules[name] = module


def canonical(version, dataset, split):
    files = sorted((version / "canonical" / dataset).glob(f"{split}-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").split("\n") if line]


def asked(row):
    return row["instruction"] + ("\n" + row["input"] if row["input"] else "")


def llama_factory(version):
    without_top("llamafactory", "llamafactory.data", "llamafactory.extras")
    converter = importlib.import_module("llamafactory.data.converter")
    parser = importlib.import_module("llamafactory.data.parser")
    folder = version / "llama_factory"
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    for attributes in parser.get_dataset_list(list(info), str(folder)):
        name = attributes.dataset_name
        assert attributes.load_from == "file", name
        file = next(entry["file_name"] for key, entry in info.items() if entry["file_name"] == name or key == name)
        kind, split = file.split("-")[0].split("_")
        data = datasets.load_dataset("json", data_files=str(folder / file), split="train")
        convert = converter.get_dataset_converter(attributes.formatting, attributes, None)
        made = [convert(row) for row in data]
        rows = canonical(version, "sft" if kind == "sft" else "preference", split)
        rows = [row for row in rows for _ in range(2 if kind == "kto" else 1)]
        assert len(made) == len(rows) > 0, file
        for place, (row, got) in enumerate(zip(rows, made)):
            good = kind != "kto" or place % 2 == 0
            answers = [message["content"] for message in got["_response"]]
            expected = {
                "sft": lambda: [row["response"]],
                "dpo": lambda: [row["chosen"], row["rejected"]],
                "kto": lambda: [row["chosen"], ""] if good else ["", row["rejected"]],
            }[kind]()
            assert answers == expected, (file, place)
            assert got["_system"] == row["system"]
            assert [(m["role"], m["content"]) for m in got["_prompt"]] == [("user", asked(row))]
        print(f"LLaMA-Factory: {len(made):4} rows of {file}")


def axolotl(version):
    without_top("axolotl", "axolotl.prompt_strategies", "axolotl.prompt_strategies.dpo", "axolotl.utils", "axolotl.utils.schemas")
    sft = importlib.import_module("axolotl.prompt_strategies.chat_template")
    dpo = importlib.import_module("axolotl.prompt_strategies.dpo.chat_template")
    dict_default = importlib.import_module("axolotl.utils.dict").DictDefault
    made_here = tokenizer()
    for name in ("sft", "dpo"):
        path = version / "axolotl" / f"{name}.yml"
        if not path.exists():
            continue
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key in ("datasets", "test_datasets"):
            for entry in config.get(key, []):
                file = version / entry["path"]
                data = datasets.load_dataset("json", data_files=str(file), split="train")
                cfg = dict_default({"datasets": [entry], "train_on_inputs": False, "sequence_len": 1 << 20, "chat_template": "tokenizer_default"})
                split = file.name.split("-")[0]
                if name == "sft":
                    assert entry["type"] == "chat_template"
                    strategy = sft.load(made_here, cfg, dict_default(entry))
                    for row, want in zip(data, canonical(version, "sft", split), strict=True):
                        got = strategy.tokenize_prompt(row)
                        trained = [token for token, label in zip(got["input_ids"], got["labels"]) if label != -100]
                        said = made_here.decode(trained, skip_special_tokens=True)
                        assert said.strip() == want["response"].strip(), (file, said[:80], want["response"][:80])
                else:
                    assert (entry["type"], config["rl"]) == ("chat_template.default", "dpo")
                    convert, _ = dpo.default(cfg)
                    for row, want in zip(data, canonical(version, "preference", split), strict=True):
                        got = convert(row, tokenizer=made_here)
                        for side in ("chosen", "rejected"):
                            assert got[side].startswith(want[side].rstrip()), (file, side)
                        assert asked(want) in got["prompt"] and want["system"] in got["prompt"]
                print(f"Axolotl: {len(data):4} rows of {entry['path']}")


def main():
    version = Path(sys.argv[1])
    llama_factory(version)
    axolotl(version)


main()
