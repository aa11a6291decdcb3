"""heal's tokenizer and the Rust `tokenizers` library on the same lines with the same number of threads, measured alternately; prints ratios.

    python Benchmarks/tokenizers/compare.py models/SmolLM2-135M-Instruct some.txt
"""

import argparse
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
import alternate  # noqa: E402


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tokenizer", help="directory with a tokenizer.json")
    p.add_argument("texts", nargs="+", help="UTF-8 text; each line is encoded on its own")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--programs", default=".build/release", help="where Benchmarks is")
    p.add_argument("--json", metavar="FILE", help="write the results here")
    a = p.parse_args()
    import importlib.metadata as installed

    theirs = [sys.executable, f"{here}/encode.py", f"{a.tokenizer}/tokenizer.json", *a.texts]
    contenders = alternate.alternate({
        "heal": [f"{a.programs}/Benchmarks", "tokenizer", a.tokenizer, *a.texts, "--threads", str(a.threads), "--json", "--on-request"],
        "tokenizers": theirs,
        "tokenizers, no offsets": [*theirs, "--fast"],
    }, a.threads, a.rounds)
    ours = contenders[0]
    version = installed.version("tokenizers")
    size = sum(os.path.getsize(text) for text in a.texts)
    print(f"\n{size / 1e6:.0f} MB, {a.threads} threads, tokenizers {version}, medians of {a.rounds} alternating rounds")
    print(alternate.table(ours, contenders, "megabytes_per_second", unit="MB/s"))
    counts = {c.name: int(c.figure("tokens")) for c in contenders}
    print("tokens: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    if a.json:
        alternate.write(a.json, alternate.machine() | {
            "tokenizer": a.tokenizer, "bytes": size, "threads": a.threads, "rounds": a.rounds, "tokenizers": version,
            "results": {c.name: c.rows for c in contenders}})
    if len(set(counts.values())) > 1:
        sys.exit("compare.py: the two do not give the same number of tokens")


if __name__ == "__main__":
    main()
