"""Lines of text through the Rust `tokenizers` library, measured on request: see ../alternate.py. compare.py runs it."""

import argparse
import json
import resource
import sys
import time

from tokenizers import Tokenizer


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("tokenizer", help="tokenizer.json")
    p.add_argument("texts", nargs="+")
    p.add_argument("--fast", action="store_true", help="encode_batch_fast: ids without offsets")
    a = p.parse_args()
    tokenizer = Tokenizer.from_file(a.tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = [open(path, "rb").read() for path in a.texts]
    lines = [line.decode() for text in texts for line in text.split(b"\n") if line]
    size = sum(len(text) + 1 for text in texts)
    # The library's own threads take a batch apart; batches of thousands keep them busy without holding all results at once.
    batches = [lines[start : start + 4096] for start in range(0, len(lines), 4096)]
    encode = tokenizer.encode_batch_fast if a.fast else tokenizer.encode_batch
    tokens = 0

    def run():
        return sum(len(e) for batch in batches for e in encode(batch, add_special_tokens=False))

    run()
    print(flush=True)
    for _ in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        tokens = run()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        figures = [("megabytes_per_second", size / seconds / 1e6, "MB/s"), ("tokens", tokens, "tokens")]
        row = {
            "name": "tokenizers", "seconds": seconds, "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "figures": [{"name": name, "value": value, "unit": unit} for name, value, unit in figures],
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
