"""The healing step of heal and of PyTorch, measured alternately; prints ratios.

    python Benchmarks/torch/compare.py --model models/SmolLM2-135M-Instruct
    python Benchmarks/torch/compare.py --model models/SmolLM2-135M-Instruct --rows datasets/alpaca-dolly.jsonl --mode eager

With --rows both take the first rows of a data set: heal packs them into 4 x 512 tokens as in training, PyTorch pads every 4 rows, once to the
longest of them (what the usual collator does) and once to 512. A useful token is a row's own, up to its last label.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
import alternate  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="models/SmolLM2-135M-Instruct", help="Hugging Face directory")
    p.add_argument("--dtype", nargs="+", default=["fp32"] + (["bf16"] if alternate.has_bfloat16() else []), choices=["fp32", "bf16"])
    p.add_argument("--mode", nargs="+", default=["eager", "compiled"], choices=["eager", "compiled"])
    p.add_argument("--keep", type=float, default=0.5)
    p.add_argument("--legs", default="balanced", choices=["balanced", "lowrank"], help="lowrank: both multiply with one core after the other")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--seq", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--rows", metavar="FILE", help="a data set: packed against padded, in useful tokens")
    p.add_argument("--first", type=int, default=64, help="rows taken from the start of --rows")
    p.add_argument("--template", help="chat template of --rows; the model's own otherwise")
    p.add_argument("--pad", nargs="+", default=["longest", "full"], choices=["longest", "full"])
    p.add_argument("--programs", default=".build/release", help="where heal and Benchmarks are")
    p.add_argument("--only-torch", action="store_true")
    p.add_argument("--json", metavar="FILE", help="write the results here")
    return p.parse_args()


def tokenized(a, directory):
    """The first rows as ids and labels, in the model's chat template."""
    command = [f"{a.programs}/heal", "tokenize", "--model", a.model, "--rows", a.rows, "--max-length", str(a.seq)]
    command += ["--template", a.template] if a.template else []
    path = os.path.join(directory, "tokens.jsonl")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process, open(path, "wb") as f:
        f.writelines(itertools.islice(process.stdout, a.first))
        process.stdout.close()
    if not os.path.getsize(path):
        sys.exit(f"{' '.join(command)} gave no rows")
    return path


def commands(a, dtype, tokens):
    shape = ["--batch", str(a.batch), "--keep", str(a.keep), "--legs", a.legs, "--threads", str(a.threads)]
    found = {}
    if not a.only_torch:
        what = ["packed", a.model, a.rows, "--first", str(a.first)] if a.rows else ["step", a.model]
        what += ["--template", a.template] if a.rows and a.template else []
        found["heal"] = [f"{a.programs}/Benchmarks", *what, "--dtype", dtype, "--length", str(a.seq), *shape, "--json", "--on-request"]
    for mode in a.mode:
        command = [sys.executable, f"{here}/step.py", "--model", a.model, "--dtype", dtype, "--mode", mode, "--seq", str(a.seq), *shape]
        if not a.rows:
            found[f"torch {mode}"] = command
        for pad in a.pad if a.rows else []:
            width = "longest" if pad == "longest" else str(a.seq)
            found[f"torch {mode}, pad to {width}"] = [*command, "--rows", tokens, "--pad", pad]
    return found


def main():
    a = arguments()
    if not os.path.isfile(os.path.join(a.model, "config.json")):
        sys.exit(f"compare.py: {a.model} holds no config.json; models/README.md says how to get the model, --model where it is")
    import importlib.metadata as installed

    report = alternate.machine() | {"model": a.model, "threads": a.threads, "batch": a.batch, "seq": a.seq, "keep": a.keep, "legs": a.legs, "rounds": a.rounds,
                                    "rows": a.rows, "first": a.first if a.rows else None,
                                    "torch": installed.version("torch"), "transformers": installed.version("transformers"), "results": {}}
    rate = "useful_tokens_per_second" if a.rows else "tokens_per_second"
    with tempfile.TemporaryDirectory() as directory:
        tokens = tokenized(a, directory) if a.rows else None
        for dtype in a.dtype:
            contenders = alternate.alternate(commands(a, dtype, tokens), a.threads, a.rounds)
            ours = None if a.only_torch else contenders[0]
            others = [c for c in contenders if c is not ours]
            what = f"first {a.first} rows of {a.rows}" if a.rows else f"{a.batch} x {a.seq} random tokens"
            print(f"\n{dtype}, {what}, {a.legs} legs, {a.threads} threads, medians of {a.rounds} alternating rounds")
            print(alternate.table(ours, contenders, rate, "peak_gigabytes", "useful tokens/s" if a.rows else "tokens/s"))
            result = {"rows": {c.name: c.rows for c in contenders}}
            if ours:
                best = max(others, key=lambda c: c.figure(rate))
                result |= {"best": best.name, "speed_ratio": alternate.ratios(ours, best, rate)[0],
                           "memory_ratio": ours.figure("peak_gigabytes") / best.figure("peak_gigabytes")}
                print(f"against {best.name}: {result['speed_ratio']:.2f} x the speed, {result['memory_ratio']:.2f} x the peak memory "
                      f"(heal's whole process over torch's steps; torch's whole process {best.figure('peak_whole_gigabytes'):.2f} GB)")
            if a.rows:
                print("positions that are useful: " + ", ".join(f"{c.name} {c.figure('fill'):.1f} %" for c in contenders))
            report["results"][dtype] = result
    if a.json:
        alternate.write(a.json, report)


if __name__ == "__main__":
    main()
