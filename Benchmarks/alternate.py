"""Programs measured in turn, so that whatever else the machine does hits all of them alike.

Each program warms up, prints an empty line, and then, for every line on its standard input, measures once and prints a JSON object with `seconds`,
`cpu_seconds` and `figures` ({"name", "value", "unit"}). All stay in memory; one at a time works.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys


class Contender:
    def __init__(self, name, command, threads):
        self.name = name
        self.rows = []
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"{name} ended before it was ready, with status {self.process.wait()}: {' '.join(command)}")
            if line == "\n":
                return

    def measure(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            sys.exit(f"{self.name} ended while it was measured, with status {self.process.wait()}")
        self.rows.append(json.loads(line))

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self, key):
        return statistics.median(row[key] for row in self.rows)

    def figure(self, name):
        """Median of a figure; None where the program does not give it."""
        values = [f["value"] for row in self.rows for f in row["figures"] if f["name"] == name]
        return statistics.median(values) if values else None

    def values(self, name):
        return [f["value"] for row in self.rows for f in row["figures"] if f["name"] == name]


def alternate(commands, threads, rounds):
    """Measures the commands, a dictionary by name, `rounds` times in turn. Gives contenders with their rows, in the same order."""
    contenders = []
    try:
        for name, command in commands.items():
            print(f"  starting {name}", file=sys.stderr, flush=True)
            contenders.append(Contender(name, command, threads))
        for number in range(rounds):
            for contender in contenders:
                contender.measure()
            print(f"  round {number + 1} of {rounds}: " + ", ".join(f"{c.name} {c.rows[-1]['seconds']:.3f} s" for c in contenders), file=sys.stderr, flush=True)
    finally:
        for contender in contenders:
            contender.close()
    return contenders


def ratios(ours, other, name):
    """How many times as much of a rate we have, round by round: median, least, most."""
    found = [a / b for a, b in zip(ours.values(name), other.values(name))]
    return statistics.median(found), min(found), max(found)


def table(ours, contenders, rate, memory=None, unit=""):
    """Lines for a person to read: every contender's medians and how many times as fast we are."""
    lines = [f"{'':28}{unit:>16}{'s':>10}{'cpu s':>10}{'peak GB':>10}   ours / this, median (least .. most)"]
    for c in contenders:
        peak = c.figure(memory) if memory else None
        line = f"{c.name:28}{c.figure(rate):16.1f}{c.median('seconds'):10.3f}{c.median('cpu_seconds'):10.3f}" + (f"{peak:10.2f}" if peak else f"{'-':>10}")
        if c is not ours and ours is not None:
            median, least, most = ratios(ours, c, rate)
            line += f"   {median:.2f} ({least:.2f} .. {most:.2f})"
        lines.append(line)
    return "\n".join(lines)


def has_bfloat16():
    """Whether the processor multiplies bfloat16 in hardware."""
    try:
        with open("/proc/cpuinfo") as f:
            flags = next((line for line in f if line.startswith(("flags", "Features"))), "").split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def machine():
    def first(path, key):
        try:
            with open(path) as f:
                return next(line.split(":", 1)[1].strip() for line in f if line.startswith(key))
        except (OSError, StopIteration):
            return None

    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip() or "unknown"
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": commit,
        "processor": first("/proc/cpuinfo", "model name") or platform.processor(), "cores": os.cpu_count(), "python": platform.python_version(),
    }


def write(path, report):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as f:
        json.dump(report, f, indent=2)
        f.write("\n")
    print(f"written to {path}")
