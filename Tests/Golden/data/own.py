"""Ids and labels that transformers gives for the templates in own/, on conversations with tools, calls, tools' answers and reasoning.

    python own.py --tokenizer ../../../models/stories260K        (as a Hugging Face directory, see generate.py)

The templates are written for these tests, each for one way in which models' templates differ. own/NAME_training.jinja is NAME.jinja with markers
around what the model writes. Writes own/NAME.jsonl, the rows, and own/NAME.json, for each the ids and the ranges of trained tokens, or null where
the template refuses.
Made with transformers 5.24.0, jinja2 3.1.6, tokenizers 0.23.
"""
import argparse, glob, json, os, random

from conversations import Reference, conversation
from transformers import AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--tokenizer", required=True)
parser.add_argument("--count", type=int, default=24)
options = parser.parse_args()
tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "own")


def ranges(labels):
    found = []
    for i, label in enumerate(labels):
        if label == -100: continue
        if found and found[-1][1] == i: found[-1][1] = i + 1
        else: found.append([i, i + 1])
    return found


for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
    if path.endswith("_training.jinja"): continue
    reference, choose, rows, cases = Reference(path, tokenizer), random.Random(os.path.basename(path)), [], []
    while len(cases) < options.count:
        row = conversation(choose)
        try: ids, labels = reference.labels(row)
        except Exception: ids = labels = None
        if ids is not None and labels is None: raise SystemExit(f"{path}: the labels of {json.dumps(row)} cannot be told")
        rows.append(row)
        cases.append({"ids": ids, "trained": labels and ranges(labels)})
    for ending, items in ((".jsonl", rows), (".json", cases)):
        with open(path.replace(".jinja", ending), "w") as file:
            lines = [json.dumps(item, ensure_ascii=False) for item in items]
            file.write("\n".join(lines) + "\n" if ending == ".jsonl" else "[\n" + ",\n".join(lines) + "\n]\n")
    print(os.path.basename(path), sum(case["ids"] is not None for case in cases), "written,", sum(case["ids"] is None for case in cases), "refused")
