"""Learning rates of transformers' schedules, step by step: schedule.json.

Written with transformers 5.23.0 and torch 2.13.0:  python generate.py > schedule.json
"""
import json
import sys

import torch
import transformers
from transformers import get_scheduler

PEAK = 3e-4
CASES = [  # shape, warm-up, total, floor
    ("cosine", 0, 10, 0.0),
    ("cosine", 3, 20, 0.0),
    ("cosine", 7, 50, 0.1),
    ("cosine", 10, 10, 0.0),
    ("linear", 0, 10, 0.0),
    ("linear", 3, 20, 0.0),
    ("linear", 20, 10, 0.0),
    ("constant", 0, 5, 0.0),
    ("constant", 4, 10, 0.0),
]

cases = []
for shape, warmup, total, floor in CASES:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=PEAK)
    name, extra = shape, None
    if shape == "constant" and warmup:
        name = "constant_with_warmup"
    if floor:
        name, extra = "cosine_with_min_lr", {"min_lr_rate": floor}
    scheduler = get_scheduler(name, optimizer, warmup, total, extra)
    rates = []
    for _ in range(total + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    cases.append({"shape": shape, "warmup": warmup, "total": total, "floor": floor, "rates": rates})
json.dump({"transformers": transformers.__version__, "peak": PEAK, "cases": cases}, sys.stdout, indent=1)
