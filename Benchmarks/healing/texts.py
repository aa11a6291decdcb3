#!/usr/bin/env python3
"""General text for calibrating and healing beside chats: rows of at most 500 tokens from web pages, Wikipedia articles, and the passages of two benchmarks.

    python3 Benchmarks/healing/texts.py SOURCES OUT --tokenizer DIR --apart FILE...

SOURCES holds c4_demo.jsonl.gz and wiki_demo.txt.gz (GitHub repository hiyouga/LLaMA-Factory), and of the validation splits of BoolQ and HellaSwag
boolq*.jsonl[.gz] and hellaswag*.jsonl[.gz]. OUT gets c4.jsonl, wiki.jsonl, boolq.jsonl and hellaswag.jsonl with one {"text": ...} a row.
A document that shares ten words in a row with a text of --apart, which is evaluated on, is left out whole. Needs `tokenizers`.
"""

import argparse
import gzip
import json
import pathlib
import re

from tokenizers import Tokenizer

SHARED_WORDS = 10


def lines(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode().split("\n")


def rows(folder, name):
    """Rows of the files name*.jsonl and name*.jsonl.gz, by name."""
    files = sorted(path for path in folder.iterdir() if re.fullmatch(name + r".*\.jsonl(\.gz)?", path.name))
    return [json.loads(line) for path in files for line in lines(path) if line.strip()]


def runs_of_words(text):
    words = re.findall(r"\w+", text.lower())
    return (tuple(words[i:i + SHARED_WORDS]) for i in range(len(words) - SHARED_WORDS + 1))


def how_to(row):
    """Context and right ending of a HellaSwag row, without WikiHow's marks."""
    text = f"{row['activity_label']}: {row['ctx']} {row['endings'][int(row['label'])]}"
    text = re.sub(r"\[.*?\]", "", text.replace(" [title]", ". "))
    return re.sub(r"\s+", " ", text).strip()


def pieces(text, length, limit):
    """The text cut at the ends of sentences, and within one only where it is longer than a row."""
    out, piece, used = [], "", 0
    for sentence in re.split(r"(?<=[.!?])\s+", text.strip()):
        tokens = length(sentence) + 1
        if piece and used + tokens > limit:
            out.append(piece)
            piece, used = "", 0
        while tokens > limit and " " in sentence:
            words = sentence.split(" ")
            half = len(words) // 2
            out += pieces(" ".join(words[:half]), length, limit)
            sentence = " ".join(words[half:])
            tokens = length(sentence) + 1
        piece = f"{piece} {sentence}".strip()
        used += tokens
    return out + [piece] if piece else out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="a directory with tokenizer.json")
    parser.add_argument("--apart", type=pathlib.Path, nargs="*", default=[], help="texts that are evaluated on")
    parser.add_argument("--tokens", type=int, default=500, help="of a row, at most")
    parser.add_argument("--least", type=int, default=32, help="shorter rows are left out")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    length = lambda text: len(tokenizer.encode(text).ids)
    seen = {run for path in options.apart for run in runs_of_words(path.read_text())}
    documents = {
        "c4": [row["text"] for row in rows(options.sources, "c4_demo")],
        "wiki": lines(options.sources / "wiki_demo.txt.gz"),
        "boolq": [row["passage"] for row in rows(options.sources, "boolq")],
        "hellaswag": [how_to(row) for row in rows(options.sources, "hellaswag")],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, texts in documents.items():
        distinct = list(dict.fromkeys(texts))
        apart = [text for text in distinct if not any(run in seen for run in runs_of_words(text))]
        counted = [(piece, length(piece)) for text in apart for piece in pieces(text, length, options.tokens)]
        kept = [(piece, tokens) for piece, tokens in counted if tokens >= options.least]
        (options.out / f"{name}.jsonl").write_text("".join(json.dumps({"text": piece}, ensure_ascii=False) + "\n" for piece, _ in kept))
        print(f"{name}: {len(kept):,} rows, {sum(tokens for _, tokens in kept):,} tokens, {len(distinct) - len(apart)} documents left out")


if __name__ == "__main__":
    main()
