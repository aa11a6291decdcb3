#!/usr/bin/env python3
"""Reads every `hf download` line of this repository with the installed huggingface_hub, and says what it would fetch.

    pip install huggingface_hub && python scripts/check_hf_download.py

Nothing is downloaded. Ends with status 1 where a line is refused, or where one of its patterns is taken for a file's name.
"""
import pathlib, re, shlex, sys

import huggingface_hub
from huggingface_hub.cli import download
from huggingface_hub.cli.hf import app  # a group of click's

PATTERNS = {"*.json", "*.jinja", "*.safetensors", "tokenizer*"}
asked = []
download.snapshot_download = lambda **how: asked.append(("snapshot", how)) or how["local_dir"]
download.hf_hub_download = lambda **how: asked.append(("one file", how)) or how["local_dir"]

root = pathlib.Path(__file__).resolve().parent.parent
bad = seen = 0
for path in sorted([*root.glob("*.md"), *root.glob("*/*.md"), *root.glob("configs/*.json")]):
    for line in re.findall(r"hf download .*--local-dir [^\s\",]+", path.read_text().replace('\\"', '"')):
        asked.clear()
        try:
            app(shlex.split(line)[1:], standalone_mode=False)
            what = [(kind, how.get("allow_patterns") or how.get("filename")) for kind, how in asked]
        except BaseException as error:
            what = repr(error)
        good = len(asked) == 1 and asked[0][0] == "snapshot" and PATTERNS <= set(asked[0][1].get("allow_patterns") or [])
        seen, bad = seen + 1, bad + (not good)
        print(f"{'ok' if good else 'WRONG'}  {path.relative_to(root)}: {what}")
print(f"{seen} lines, {bad} wrong, huggingface_hub {huggingface_hub.__version__}")
sys.exit(bad > 0 or seen == 0)
