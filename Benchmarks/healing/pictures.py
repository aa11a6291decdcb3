#!/usr/bin/env python3
"""Two pictures from the runs of experiments.py: perplexity against tokens, and how much of what plain TT-SVD loses is won back.

    python3 Benchmarks/healing/pictures.py OUT docs/pictures

OUT is what experiments.py was given, its group `curves` in it.
Writes healing-curves.svg and recovered.svg. Python's standard library only.
"""

import json
import math
import pathlib
import sys

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 120, 36, 46
HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]


def metrics(directory):
    path = directory / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n") if line.startswith("{") and line.endswith("}")]


def evaluations(rows):
    """{set: {stage: [(tokens, loss)]}}, tokens being those trained on by then."""
    found, tokens = {}, 0
    for row in rows:
        if row["type"] == "step":
            tokens += row["tokens"]
        elif row["type"] == "evaluation":
            found.setdefault(row.get("text", "held-back rows"), {}).setdefault(row["stage"], []).append((tokens, row["loss"]))
    return found


class Chart:
    def __init__(self, title, x_title, x, y, log=False):
        self.x, self.y, self.log = x, y, log
        self.body = [self.text(LEFT, 20, title, 13, bold=True), self.text(LEFT + WIDTH / 2, TOP + HEIGHT + 36, x_title, 11, "middle"),
                     f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#444"/>']
        self.labels = []

    @staticmethod
    def text(x, y, text, size, anchor="start", bold=False, colour="#222"):
        weight = ' font-weight="bold"' if bold else ""
        return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{weight}>{text}</text>'

    def place(self, x, y):
        if self.log:
            y, (low, high) = math.log(y), map(math.log, self.y)
        else:
            low, high = self.y
        return LEFT + WIDTH * (x - self.x[0]) / (self.x[1] - self.x[0]), TOP + HEIGHT * (1 - (y - low) / (high - low))

    def ticks(self, xs, ys, x_label=str, y_label=str):
        for value in xs:
            x, _ = self.place(value, self.y[0])
            self.body += [f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" stroke="#ddd"/>', self.text(x, TOP + HEIGHT + 16, x_label(value), 10, "middle")]
        for value in ys:
            _, y = self.place(self.x[0], value)
            self.body += [f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" stroke="#ddd"/>', self.text(LEFT - 6, y + 3.5, y_label(value), 10, "end")]

    def line(self, points, colour, name, dashed=False):
        places = [self.place(x, y) for x, y in points]
        dash = ' stroke-dasharray="5 3"' if dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        self.body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"><title>{name}: {b:.4g} at {a:,.6g}</title></circle>' for (x, y), (a, b) in zip(places, points)]
        self.labels.append([places[-1][1], name, colour])

    def rule(self, y, name, dashed=False):
        _, at = self.place(self.x[0], y)
        dash = "2 3" if dashed else "7 3"
        self.body.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{LEFT + WIDTH}" y2="{at:.1f}" stroke="#888" stroke-dasharray="{dash}"/>')
        self.labels.append([at, name, "#666"])

    def svg(self):
        self.labels.sort()
        below = -math.inf
        for at, name, colour in self.labels:
            below = max(at + 3.5, below + 13)
            self.body.append(self.text(LEFT + WIDTH + 7, below, name, 11, colour=colour))
        size = f'{LEFT + WIDTH + RIGHT} {TOP + HEIGHT + BOTTOM}'
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{size.split()[0]}" height="{size.split()[1]}" '
                'font-family="Helvetica, Arial, sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(self.body) + "\n</svg>\n")


def main(out, target):
    runs = {}
    for directory in sorted((out / "curves").glob("keep-*"), reverse=True):
        found = evaluations(metrics(directory))
        if any("truncated" in stages for stages in found.values()):
            runs[float(directory.name.split("-")[1])] = found
    if not runs:
        sys.exit(f"no runs in {out / 'curves'}: experiments.py curves makes them")
    target.mkdir(parents=True, exist_ok=True)
    sets = list(next(iter(runs.values())))
    curves = {(keep, name): [(t, math.exp(l)) for t, l in found[name].get("truncated", [])[-1:] + found[name].get("healing", [])]
              for keep, found in runs.items() for name in sets if name in found}
    tokens = max(t for points in curves.values() for t, _ in points)
    values = [p for points in curves.values() for _, p in points]
    dense = {name: math.exp(next(iter(runs.values()))[name]["dense"][-1][1]) for name in sets}
    low, high = min(dense.values()) * 0.85, max(values) * 1.2
    chart = Chart("Perplexity while healing", "tokens trained on", (0, tokens), (low, high), log=True)
    step = 10 ** math.floor(math.log10(tokens))
    step = step / 2 if tokens / step < 4 else step
    chart.ticks([i * step for i in range(int(tokens / step) + 1)], [v for v in (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if low <= v <= high],
                lambda v: f"{v:,.0f}", lambda v: f"{v:,}")
    for index, keep in enumerate(runs):
        for place, name in enumerate(sets):
            if (keep, name) in curves:
                chart.line(curves[keep, name], HUES[index % len(HUES)], f"{keep:g}{'' if place == 0 else ', WikiText'}", dashed=place > 0)
    for place, name in enumerate(sets):
        chart.rule(dense[name], "dense" + ("" if place == 0 else ", WikiText"), dashed=place > 0)
    (target / "healing-curves.svg").write_text(chart.svg())

    won = {}
    for keep, found in runs.items():
        plain = evaluations(metrics(out / "curves" / f"svd-{keep:g}"))
        for name in sets:
            if name in plain and plain[name].get("truncated"):
                d, p = found[name]["dense"][-1][1], plain[name]["truncated"][-1][1]
                for stage in ("truncated", "healing"):
                    if found[name].get(stage):
                        won.setdefault((name, stage), []).append((keep, 100 * (p - found[name][stage][-1][1]) / (p - d)))
    if not won:
        sys.exit("no starts of plain TT-SVD: recovered.svg is not made")
    shares = [v for points in won.values() for _, v in points]
    low, high = 5 * math.floor(min(shares) / 5), 5 * math.ceil(max(100, *shares) / 5)
    chart = Chart("How much of plain TT-SVD's rise in loss is undone", "kept share of the parameters", (min(runs) - 0.05, max(runs) + 0.05), (low, high))
    chart.ticks(sorted(runs), range(low, high + 1, 5), lambda v: f"{v:g}", lambda v: f"{v} %")
    for (name, stage), points in won.items():
        place = sets.index(name)
        chart.line(sorted(points), HUES[place], f"{'start' if stage == 'truncated' else 'healed'}{'' if place == 0 else ', WikiText'}", dashed=stage == "truncated")
    (target / "recovered.svg").write_text(chart.svg())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
