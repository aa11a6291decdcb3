#!/usr/bin/env python3
"""Reads every `hf download` line of this repository with the installed huggingface_hub, and says what it would fetch.

    pip install huggingface_hub && python scripts/check_hf_download.py

Nothing is downloaded. Ends with status 1 where a line is refused, where one of its patterns is taken for a file's name, and where it would leave out a
file that is read or fetch weights twice.
"""
import pathlib, re, shlex, sys

import huggingface_hub
from huggingface_hub.cli import download
from huggingface_hub.cli.hf import app  # a group of click's
from huggingface_hub.utils import filter_repo_objects

# A model as the hub has it, and what of it is to come: each weight once.
WANTED = ["config.json", "generation_config.json", "chat_template.jinja", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
          "model.safetensors.index.json", "tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "tokenizer_config.json"]
UNWANTED = ["consolidated.safetensors", "consolidated-00001-of-00002.safetensors", "pytorch_model.bin", "README.md"]
asked = []
download.snapshot_download = lambda **how: asked.append(("snapshot", how)) or how["local_dir"]
download.hf_hub_download = lambda **how: asked.append(("one file", how)) or how["local_dir"]


def fetched(how):
    """The files that the library would take."""
    names = {"allow_patterns": how.get("allow_patterns"), "ignore_patterns": how.get("ignore_patterns")}
    return list(filter_repo_objects(WANTED + UNWANTED, **names))


root = pathlib.Path(__file__).resolve().parent.parent
bad = seen = 0
for path in sorted([*root.glob("*.md"), *root.glob("*/*.md"), *root.glob("configs/*.json")]):
    for line in re.findall(r"hf download .*--local-dir [^\s\",]+", path.read_text().replace('\\"', '"')):
        asked.clear()
        try:
            app(shlex.split(line)[1:], standalone_mode=False)
            what = [(kind, how.get("allow_patterns") or how.get("filename"), how.get("ignore_patterns")) for kind, how in asked]
        except BaseException as error:
            what = repr(error)
        good = len(asked) == 1 and asked[0][0] == "snapshot" and fetched(asked[0][1]) == WANTED
        seen, bad = seen + 1, bad + (not good)
        print(f"{'ok' if good else 'WRONG'}  {path.relative_to(root)}: {what}")
print(f"{seen} lines, {bad} wrong, huggingface_hub {huggingface_hub.__version__}")
sys.exit(bad > 0 or seen == 0)
