"""Reference values for optimizer, schedules and a whole healing run: python Tests/Golden/training/make.py

All in float64 from torch.optim.AdamW, torch.nn.utils.clip_grad_norm_ and transformers.get_scheduler. The healing runs are repeated in
float32 with transformers' own model and MPO modules; the generator stops if the two do not agree.
"""

import copy
import json
import math
import platform
import sys
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, get_scheduler

here = Path(__file__).parent
sys.path.insert(0, str(here.parent / "models"))
import reference  # noqa: E402

torch.set_num_threads(1)
float64 = torch.float64


def rates(kind, rate, warmup, steps, count):
    """The learning rate of update 0, 1, ... count - 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    out = []
    for _ in range(count):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return out


def make_schedules():
    cases = []
    for kind in ("cosine", "linear", "constant_with_warmup", "constant"):
        for steps, warmup in ((10, 0), (20, 5), (12, 1), (7, 7), (100, 10)):
            cases.append({"lr_scheduler_type": kind, "learning_rate": 3e-4, "max_steps": steps, "warmup_steps": warmup,
                          "rates": rates(kind, 3e-4, warmup, steps, steps)})
    (here / "schedules.json").write_text(json.dumps({"cases": cases}) + "\n")
    print(f"schedules: {len(cases)} cases")


def make_adamw(steps=20):
    pick = torch.Generator().manual_seed(3)
    draw = lambda *shape: torch.randn(*shape, generator=pick, dtype=float64)
    initial = {"matrix": draw(3, 4), "vector": draw(5)}
    gradients = [{k: draw(*v.shape) * (0.1 + 0.4 * (s % 4)) for k, v in initial.items()} for s in range(steps)]
    for s in range(steps):
        gradients[s]["matrix"][0, 0] = 0  # never any gradient: only decay moves it
        gradients[s]["vector"][1] *= 1e-7  # so small that epsilon counts
    flat = [1e-2] * steps
    cases = []
    for name, lr, betas, eps, decay, clip in (
        ("defaults", [1e-3] * steps, (0.9, 0.999), 1e-8, (0.0, 0.0), None),
        ("decay", flat, (0.9, 0.999), 1e-8, (0.1, 0.1), None),
        ("decay of the matrix alone", flat, (0.9, 0.95), 1e-8, (0.1, 0.0), None),
        ("large epsilon", flat, (0.9, 0.95), 1e-2, (0.0, 0.0), None),
        ("other betas", flat, (0.5, 0.7), 1e-8, (0.01, 0.01), None),
        ("clipping", flat, (0.9, 0.999), 1e-8, (0.0, 0.0), 1.0),
        ("cosine, clipping, decay", rates("cosine", 2e-2, 5, steps, steps), (0.9, 0.95), 1e-6, (0.1, 0.1), 1.0),
        ("linear to zero", rates("linear", 2e-2, 0, steps, steps), (0.9, 0.999), 1e-8, (0.0, 0.0), 0.5),
    ):
        p = {k: nn.Parameter(v.clone()) for k, v in initial.items()}
        optimizer = torch.optim.AdamW([{"params": [p["matrix"]], "weight_decay": decay[0]}, {"params": [p["vector"]], "weight_decay": decay[1]}],
                                      lr=1.0, betas=betas, eps=eps)
        record = []
        for s in range(steps):
            for k in p:
                p[k].grad = gradients[s][k].clone()
            norm = nn.utils.clip_grad_norm_(p.values(), clip or math.inf).item()
            for group in optimizer.param_groups:
                group["lr"] = lr[s]
            optimizer.step()
            record.append({"norm": norm} | {k: v.detach().flatten().tolist() for k, v in p.items()})
        state = {k: {m: optimizer.state[v][m].flatten().tolist() for m in ("exp_avg", "exp_avg_sq")} for k, v in p.items()}
        cases.append({"name": name, "rates": lr, "adam_beta1": betas[0], "adam_beta2": betas[1], "adam_epsilon": eps,
                      "weight_decay": dict(zip(p, decay)), "max_grad_norm": clip, "steps": record, "final_moments": state})
    flatten = lambda d: {k: v.flatten().tolist() for k, v in d.items()}
    (here / "adamw.json").write_text(json.dumps({"shapes": {k: list(v.shape) for k, v in initial.items()}, "initial": flatten(initial),
                                                 "gradients": [flatten(g) for g in gradients], "cases": cases}) + "\n")
    print(f"adamw: {len(cases)} cases")


def factors(n):
    a = math.isqrt(n)
    while n % a:
        a -= 1
    return a, n // a


def split(w, keep):
    """Two cores [1, o1, i1, r] and [r, o2, i2, 1] with about `keep` of the parameters of w, by one SVD."""
    (o1, o2), (i1, i2) = factors(w.shape[0]), factors(w.shape[1])
    m = w.view(o1, o2, i1, i2).permute(0, 2, 1, 3).reshape(o1 * i1, o2 * i2)
    r = max(1, int(keep * w.numel() / sum(m.shape)))
    u, s, v = torch.linalg.svd(m, full_matrices=False)
    root = s[:r].sqrt()
    return (u[:, :r] * root).reshape(1, o1, i1, r).contiguous(), (root[:, None] * v[:r]).reshape(r, o2, i2, 1).contiguous()


def join(a, b):
    (_, o1, i1, r), (_, o2, i2, _) = a.shape, b.shape
    return (a.reshape(o1 * i1, r) @ b.reshape(r, o2 * i2)).view(o1, i1, o2, i2).permute(0, 2, 1, 3).reshape(o1 * o2, i1 * i2)


class MPOLinear(nn.Module):
    def __init__(self, a, b, bias):
        super().__init__()
        self.a, self.b, self.bias = nn.Parameter(a), nn.Parameter(b), bias

    def forward(self, x):
        return nn.functional.linear(x, join(self.a, self.b), self.bias)


matrices = [f"self_attn.{n}_proj" for n in "qkvo"] + [f"mlp.{n}_proj" for n in ("gate", "up", "down")]


def schedule_of_rows(vocabulary, steps):
    """Rows of ids with targets, and which of them make up the two micro-batches of each step. Counts of trained tokens differ."""
    pick = torch.Generator().manual_seed(4)
    rows = []
    for n in (12, 27, 19, 8, 33, 16):
        ids = torch.randint(0, vocabulary, (n,), generator=pick).tolist()
        prompt = n // 3
        rows.append({"ids": ids, "targets": [-100 if t < prompt else ids[t + 1] for t in range(n - 1)] + [-100]})
    return rows, [[[(2 * s) % 6, (2 * s + 1) % 6], [(3 * s + 2) % 6]] for s in range(steps)]


def nll_sum(logits, row):
    return nn.functional.cross_entropy(logits, torch.tensor(row["targets"]), ignore_index=-100, reduction="sum")


def train(parameters, decayed, logits_of, rows, plan, settings):
    groups = [{"params": [p for k, p in parameters.items() if (k in decayed) == d], "weight_decay": settings["weight_decay"] if d else 0.0}
              for d in (True, False)]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings["learning_rate"],
                                  betas=(settings["adam_beta1"], settings["adam_beta2"]), eps=settings["adam_epsilon"])
    scheduler = get_scheduler(settings["lr_scheduler_type"], optimizer, num_warmup_steps=settings["warmup_steps"],
                              num_training_steps=settings["max_steps"])
    record = []
    for micro_batches in plan:
        count = sum(t != -100 for batch in micro_batches for r in batch for t in rows[r]["targets"])
        total = 0.0
        for batch in micro_batches:
            loss = sum(nll_sum(logits_of(rows[r]["ids"]), rows[r]) for r in batch)
            loss.backward()
            total += loss.item()
        for p in parameters.values():
            p.grad /= count  # once, by the tokens of the whole window
        norm = nn.utils.clip_grad_norm_(parameters.values(), settings["max_grad_norm"]).item()
        record.append({"micro_batches": micro_batches, "trained_tokens": count, "loss": total / count, "grad_norm": norm,
                       "rate": optimizer.param_groups[0]["lr"]})
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return record


def make_run(name, family, train_all, keep=0.5, steps=12):
    folder = here.parent / "models" / family
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config = model.config
    weights = {k: p.detach().to(float64) for k, p in model.named_parameters()}
    cores = {}
    for n in range(config.num_hidden_layers):
        for m in matrices:
            at = f"model.layers.{n}.{m}"
            for k, core in enumerate(split(weights.pop(at + ".weight"), keep)):
                cores[f"{at}.weight.cores.{k}"] = core.float().double()
    initial = {k: v.float() for k, v in cores.items()}
    settings = {"learning_rate": 5e-3, "lr_scheduler_type": "cosine", "warmup_steps": 3, "max_steps": steps, "weight_decay": 0.1,
                "adam_beta1": 0.9, "adam_beta2": 0.95, "adam_epsilon": 1e-6, "max_grad_norm": 1.0}
    rows, plan = schedule_of_rows(config.vocab_size, steps)

    trained = {k: v.requires_grad_() for k, v in cores.items()}
    if train_all:
        trained |= {k: v.requires_grad_() for k, v in weights.items()}
    decayed = {k for k, v in trained.items() if v.dim() > 1}

    def linear(at, x):
        return nn.functional.linear(x, join(cores[at + ".weight.cores.0"], cores[at + ".weight.cores.1"]), weights.get(at + ".bias"))

    record = train(trained, decayed, lambda ids: reference.logits(weights, config, ids, linear=linear), rows, plan, settings)

    # The same in float32 with transformers' own forward pass.
    for p in model.parameters():
        p.requires_grad_(train_all)
    twin = {}
    for n, layer in enumerate(model.model.layers):
        for m in matrices:
            block, leaf = m.split(".")
            at, parent = f"model.layers.{n}.{m}.weight.cores.", getattr(layer, block)
            mpo = MPOLinear(initial[at + "0"].clone(), initial[at + "1"].clone(), getattr(parent, leaf).bias)
            setattr(parent, leaf, mpo)
            twin |= {at + "0": mpo.a, at + "1": mpo.b}
    if train_all:
        others = dict(model.named_parameters())
        twin |= {k: others[k] for k in weights}
    assert set(twin) == set(trained)
    check = train(twin, decayed, lambda ids: model(torch.tensor([ids])).logits[0], rows, plan, settings)
    loss_error = max(abs(a["loss"] - b["loss"]) / a["loss"] for a, b in zip(record, check))
    norm_error = max(abs(a["grad_norm"] - b["grad_norm"]) / a["grad_norm"] for a, b in zip(record, check))
    final_error = max(((twin[k].double() - v).abs().max() / v.abs().max()).item() for k, v in trained.items())
    assert loss_error < 1e-5 and norm_error < 1e-4 and final_error < 1e-3, (loss_error, norm_error, final_error)

    (here / f"{name}.json").write_text(json.dumps({"model": f"models/{family}", "trained": "all" if train_all else "cores", "settings": settings,
                                                   "rows": rows, "steps": record}) + "\n")
    save_file({f"initial.{k}": v.contiguous() for k, v in initial.items()}
              | {f"final.{k}": v.detach().float().contiguous() for k, v in trained.items()}, here / f"{name}.safetensors")
    print(f"{name}: loss {record[0]['loss']:.3f} -> {record[-1]['loss']:.3f}, norm {record[0]['grad_norm']:.2f} -> {record[-1]['grad_norm']:.2f}, "
          f"float32 differs by {loss_error:.1e} (loss), {norm_error:.1e} (norm), {final_error:.1e} (final weights)")


if __name__ == "__main__":
    make_schedules()
    make_adamw()
    make_run("run-cores", "llama3", train_all=False)
    make_run("run-all", "qwen2", train_all=True)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "numpy": numpy.__version__}
    (here / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
