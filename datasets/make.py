"""Make the samples in this folder from their sources: python datasets/make.py SOURCES  (README.md says what SOURCES holds).

Deterministic: rows are picked at even spacing, nothing is random. A row is kept only if it is short for the embedded model,
whose 512-piece vocabulary spends about one token on two letters. Needs sentencepiece.
"""

import gzip
import json
import re
import sys
from pathlib import Path

import sentencepiece

here = Path(__file__).parent
tokens = sentencepiece.SentencePieceProcessor(str(here.parent / "models/stories260K/tokenizer.model"))


def rows(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return [json.loads(line) for line in data.split(b"\n") if line.strip()]


def length(*texts):
    return sum(len(tokens.encode(t)) for t in texts)


def spread(items, count):
    """`count` items at even spacing, in their order."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def distinct(items, key):
    return list({key(item): item for item in reversed(items)}.values())[::-1]


def write(name, items):
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    data = text.encode()
    (here / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    print(f"{name}: {len(items)} rows, {len(data)} bytes")


def dolly(source, count=400):
    kept = [r for r in rows(source / "dolly_3k.jsonl.gz") if r["output"]]
    kept = distinct(kept, lambda r: (r["instruction"], r["input"]))
    fits = lambda r, n: sum(len(r[k]) for k in ("instruction", "input", "output")) <= n
    # Rows with an input are long; let a tenth of the sample be such rows so that both forms of the prompt occur.
    with_input = [r for r in kept if r["input"] and fits(r, 700) and length(r["instruction"], r["input"], r["output"]) <= 420]
    picked = spread(with_input, count // 10)
    picked += spread([r for r in kept if not r["input"] and fits(r, 300)], count - len(picked))
    order = {id(r): i for i, r in enumerate(kept)}
    return sorted(picked, key=lambda r: order[id(r)])


def gpteacher(source):
    kept = [r for r in rows(source / "gpteacher_sharegpt.jsonl.gz") if all(t["value"].strip() for t in r["conversations"])]
    kept = distinct(kept, lambda r: r["conversations"][0]["value"])
    chosen = set()
    for kind, most, count in (("roleplay", 700, 100), ("codegen", 400, 300)):  # role-play answers are longer
        short = [r for r in kept if r["category"] == kind and sum(len(t["value"]) for t in r["conversations"]) <= most
                 and length(*(t["value"] for t in r["conversations"])) <= 420]
        chosen |= {id(r) for r in spread(short, count)}
    return [r for r in kept if id(r) in chosen]


def oasst(source, most=440):
    """Each dialogue cut after the last assistant turn that still fits; no dialogue that is the beginning of another one."""
    cut = []
    for row in rows(source / "oasst_h4_shape.jsonl"):
        messages = row["messages"]
        ends = [n for n in range(2, len(messages) + 1, 2) if length(*(m["content"] for m in messages[:n])) <= most]
        if ends:
            cut.append({**row, "messages": messages[: ends[-1]]})
    cut = distinct(cut, lambda r: json.dumps(r["messages"]))
    begins = lambda a, b: len(a) < len(b) and b[: len(a)] == a
    cut = [r for r in cut if not any(begins(r["messages"], other["messages"]) for other in cut)]
    # The two shapes share no prompt, so a held-back row of one is never a trained row of the other.
    prompts = list(dict.fromkeys(r["prompt_id"] for r in cut))
    first = set(prompts[::2])
    messages_shape = [r for r in cut if r["prompt_id"] in first]
    original_shape = [{"id": str(i), "data": [m["content"] for m in r["messages"]]}
                      for i, r in enumerate(r for r in cut if r["prompt_id"] not in first)]
    return messages_shape, original_shape


def stories(source):
    text = (source / "tinystories_sample.txt").read_text(encoding="utf-8")
    return [{"text": story.strip()} for story in text.split("<|endoftext|>") if story.strip()]


def pages(source, most=1900):
    """Web pages, cut at blanks into pieces of even length: rows of 512 tokens would lose the rest of a long one."""
    pieces = []
    for row in rows(source / "c4_demo.jsonl.gz"):
        words, count = re.findall(r"\S+\s*", row["text"]), -(-len(row["text"]) // most)
        piece, left = "", count
        for word in words:
            piece += word
            if len(piece) >= len(row["text"]) / count and left > 1:
                pieces.append(piece)
                piece, left = "", left - 1
        pieces.append(piece)
    return [{"text": piece.strip()} for piece in pieces if piece.strip()]


if __name__ == "__main__":
    source = Path(sys.argv[1])
    messages_shape, original_shape = oasst(source)
    write("alpaca-dolly.jsonl", dolly(source))
    write("ultrachat200k-oasst.jsonl", messages_shape)
    write("ultrachat-oasst.jsonl", original_shape)
    write("openhermes-gpteacher.jsonl", gpteacher(source))
    write("text-tinystories.jsonl", stories(source))
    write("text-c4.jsonl.gz", pages(source))
