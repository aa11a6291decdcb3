#!/usr/bin/env python3
"""Healing experiments on one model: starting points, choices, controls, curves, long runs.

    python3 Benchmarks/healing/experiments.py GROUP... --model DIR --data FILE... --text FILE [--heal PATH] [--out DIR]

Each experiment is one run of `heal` with the settings printed in the table. A finished run is not repeated and one that was
interrupted goes on where it was, so a group can be stopped and started again at will. The tables are written to OUT/GROUP.md;
`heal report` makes pictures of the same directories.

Python's standard library only.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys

STEP_TOKENS = 512
BASE = {
    "max_seq_length": 512,
    "val_size": 100,
    "per_device_train_batch_size": 1,
    "learning_rate": 1e-4,
    "core_learning_rate": "balanced",
    "lr_scheduler_type": "cosine",
    "warmup_steps": 20,
    "min_lr_ratio": 0.1,
    "logging_steps": 1,
    "eval_max_rows": 100,
    "save_steps": 240,
    "save_total_limit": 1,
}
SVD = {"compression.init": "svd"}
# The start of SVD-LLM (arXiv 2403.07378): a low-rank matrix whitened with the inputs of the original model, every matrix of the same share.
LOWRANK = {"compression.legs": "lowrank", "compression.budget": "uniform", "compression.calibration.metric": "output",
           "compression.calibration.prefix": "original"}
# Balanced legs with bonds such that the numbers in SmolLM2-135M's cores are 60 % of a matrix's, as sizes are counted elsewhere.
BONDS = {"q": 172, "k": 98, "v": 98, "o": 172, "gate": 281, "up": 281, "down": 281}
NUMBERS = {"compression.legs": "balanced", "compression.budget": "uniform",
           "compression.rules": [{"match": f"{name}_proj", "bond_dimension": bond} for name, bond in BONDS.items()]}
CROSS_ENTROPY = {"distillation.weight": 0}
# The best of the rates among the choices, for what is run after them.
CHOSEN = {"learning_rate": 2e-4}


def steps(tokens):
    return max(1, round(tokens / STEP_TOKENS))


def start():
    """Perplexity before healing; one step of training follows, because a run has at least one."""
    starts = {
        "svd": SVD,
        "lowrank": LOWRANK,
        "balanced": {**LOWRANK, "compression.legs": "balanced"},
        "auto": {**LOWRANK, "compression.legs": "auto"},
        "auto-metric": {**LOWRANK, "compression.legs": "auto", "compression.calibration.metric": "loss"},
        "auto-metric-budget": {"compression.legs": "auto", "compression.calibration.prefix": "original"},
        "auto-metric-budget-prefix": {"compression.legs": "auto"},
        "default": {},
    }
    for keep in (0.6, 0.8):
        for name, settings in starts.items():
            yield f"{name}-{keep}", {"compression.keep": keep, "max_steps": 1, "eval_steps": 1000, **settings}
    for name, settings in {"svd": SVD, "balanced": {}}.items():
        yield f"{name}-numbers-0.6", {"max_steps": 1, "eval_steps": 1000, **NUMBERS, **settings}


def choices():
    """100,000 tokens each at 60 % kept; what differs from `base` is the name."""
    rate = BASE["learning_rate"]
    variants = {
        "base": {},
        "mix": {"distillation.weight": 0.5},
        "distillation": {"distillation.weight": 1},
        "rate-quarter": {"learning_rate": rate / 4},
        "rate-x2": {"learning_rate": rate * 2},
        "rate-x4": {"learning_rate": rate * 4},
        "rates-uniform": {"core_learning_rate": "uniform"},
        "rates-uniform-half": {"core_learning_rate": "uniform", "learning_rate": rate / 2},
        "gauge": {"gauge": "balance"},
        "local": {"compression.local.epochs": 2},
        "two-cores-balanced": {"compression.legs": "balanced"},
        "three-cores": {"compression.cores": 3, "compression.legs": "balanced"},
        "legs-auto": {"compression.legs": "auto"},
        "norms-too": {"trainable": ["*norm"]},
    }
    for name, settings in variants.items():
        yield name, {"compression.keep": 0.6, "max_steps": steps(100_000), "eval_steps": 1000, **CROSS_ENTROPY, **settings}


def controls():
    """250,000 tokens at 60 % kept, two seeds: ours, plain TT-SVD with cross-entropy and twice the rate, low-rank whitened SVD healed as ours."""
    for seed in (42, 1):
        plain = {**SVD, **CROSS_ENTROPY, "learning_rate": 4 * BASE["learning_rate"]}
        for name, settings in {"ours": CHOSEN, "svd-ce": plain, "lowrank": {**LOWRANK, **CHOSEN}}.items():
            yield f"{name}-seed{seed}", {
                "compression.keep": 0.6, "max_steps": steps(250_000), "eval_steps": 1000, "seed": seed, **settings}


def curves():
    """250,000 tokens at three sizes, and what plain TT-SVD starts from there; pictures.py draws them."""
    for keep in (0.8, 0.6, 0.4):
        yield f"svd-{keep}", {"compression.keep": keep, "max_steps": 1, "eval_steps": 1000, **SVD, **CROSS_ENTROPY}
        yield f"keep-{keep}", {"compression.keep": keep, "max_steps": steps(250_000), "eval_steps": 122, **CHOSEN}


def long():
    """A million tokens."""
    for keep in (0.6, 0.8):
        yield f"keep-{keep}", {
            "compression.keep": keep, "max_steps": steps(1_000_000), "warmup_steps": 40, "eval_steps": 488, **CHOSEN}


GROUPS = {f.__name__: f for f in (start, choices, controls, curves, long)}


def dataset(entry):
    """FILE or FILE=WEIGHT as a data set of a configuration."""
    path, weight = entry.rsplit("=", 1) if "=" in entry else (entry, None)
    return {"path": str(pathlib.Path(path).absolute()), **({"weight": float(weight)} if weight else {})}


def metrics(directory):
    path = directory / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n") if line.startswith("{") and line.endswith("}")]


def run(heal, directory, settings, options):
    """True when the run is complete, now or from before."""
    done = directory / "done"
    if done.exists():
        return True
    directory.mkdir(parents=True, exist_ok=True)
    assignments = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    command = [heal, "--config", str(options.base), "--set", *assignments, "--resume"]
    with open(directory / "log.txt", "a") as log:
        print(" ".join(command), file=log, flush=True)
        status = subprocess.run(command, stdout=log, stderr=log).returncode
    if status == 0:
        done.touch()
    return status == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", choices=GROUPS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", nargs="+", required=True, metavar="FILE[=WEIGHT]", help="rows to train on, and each file's share of the draws; without weights each row comes once")
    parser.add_argument("--held", nargs="*", default=[], metavar="FILE", help="rows to evaluate on; else 100 of --data, which are held back")
    parser.add_argument("--calibrate", nargs="*", default=[], metavar="FILE=WEIGHT", help="rows to calibrate on and the share of each file's draws; else those of --data")
    parser.add_argument("--text", nargs="*", default=[], help="texts of other domains, for what is forgotten")
    parser.add_argument("--heal", default=".build/release/heal")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/healing"))
    parser.add_argument("--only", help="names that contain this")
    parser.add_argument("--cache", help="a directory that keeps decomposed matrices for runs that start alike")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for every run of the call")
    options = parser.parse_args()
    options.out = options.out.absolute()
    options.out.mkdir(parents=True, exist_ok=True)
    base = {**BASE, "model": str(pathlib.Path(options.model).absolute()), "datasets": [dataset(entry) for entry in options.data]}
    if options.held:
        base["datasets"] += [{**dataset(path), "split": "validation"} for path in options.held]
        base["val_size"] = 0
    if options.text:
        base["eval_texts"] = [str(pathlib.Path(path).absolute()) for path in options.text]
    base["compression"] = {"calibration": {"tokens": 65536}}
    if options.calibrate:
        base["compression"]["calibration"]["datasets"] = [dataset(entry) for entry in options.calibrate]
    if options.cache:
        base["compression"]["cache"] = str(pathlib.Path(options.cache).absolute())
    options.base = options.out / "base.json"
    options.base.write_text(json.dumps(base, indent=2))
    extra = dict(item.split("=", 1) for item in options.set)
    extra = {key: json.loads(value) for key, value in extra.items()}
    for group in options.groups:
        for name, settings in GROUPS[group]():
            if options.only and options.only not in name:
                continue
            directory = options.out / group / name
            settings = {**settings, **extra, "output_dir": str(directory)}
            complete = run(options.heal, directory, settings, options)
            print(f"{group}/{name}: {'complete' if complete else 'FAILED, see ' + str(directory / 'log.txt')}", flush=True)
        (options.out / f"{group}.md").write_text(table(options.out / group, dict(GROUPS[group]())))
        print((options.out / f"{group}.md").read_text())


def table(directory, experiments):
    """One row a run: perplexities of every evaluated set, dense, at the start and at the end."""
    lines = ["| run | settings | set | dense | start | end | end / dense | tokens |", "|---|---|---|---|---|---|---|---|"]
    for name, settings in experiments.items():
        rows = metrics(directory / name)
        tokens = sum(row.get("tokens", 0) for row in rows if row.get("type") == "step")
        evaluations = [row for row in rows if row.get("type") == "evaluation"]
        told = ", ".join(f"{k}={json.dumps(v)}" for k, v in settings.items() if k not in ("eval_steps",))
        for set_name in dict.fromkeys(row.get("text", "rows") for row in evaluations):
            found = {row["stage"]: math.exp(min(row["loss"], 700)) for row in evaluations if row.get("text", "rows") == set_name}
            dense, first, last = (found.get(stage) for stage in ("dense", "truncated", "healing"))
            cell = lambda value: "" if value is None else f"{value:,.4g}"
            ratio = "" if None in (dense, last) else f"{last / dense:.3f}"
            lines.append(f"| {name} | {told} | {set_name} | {cell(dense)} | {cell(first)} | {cell(last)} | {ratio} | {tokens:,} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
