"""One variant of the healing step in PyTorch on the CPU, measured on request: see ../alternate.py. compare.py runs it.

A Llama-family model whose seven matrices per block are two cores each, cores trained alone: with balanced legs W is rebuilt from them, then one
product; with low-rank ones x is multiplied with one core after the other. Forward, cross-entropy, backward, clipping by global norm, AdamW. On random tokens, or on real rows in padded batches.
"""

import argparse
import json
import math
import resource
import sys
import time

import torch
import transformers
from torch import nn
from torch.nn import functional as F


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="Hugging Face directory")
    p.add_argument("--dtype", default="fp32", choices=["fp32", "bf16"], help="bf16: autocast, weights stay fp32")
    p.add_argument("--mode", default="eager", choices=["eager", "compiled"])
    p.add_argument("--keep", type=float, default=0.5, help="numbers in the cores of each matrix, as a fraction of its own")
    p.add_argument("--legs", default="balanced", choices=["balanced", "lowrank"])
    p.add_argument("--dense", action="store_true", help="train the dense matrices instead of cores")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--seq", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rows", metavar="FILE", help="JSON lines with `ids` and `labels`, as `heal tokenize --rows` writes; random tokens otherwise")
    p.add_argument("--pad", default="longest", choices=["longest", "full"], help="pad a batch of rows to its longest, or to --seq")
    return p.parse_args()


def peak_gigabytes():
    """The most this process had in memory since `forget_peak`."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")) / 1e9
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def forget_peak():
    """Let the kernel forget the peak that loading and decomposing left behind, where it can."""
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def two_factors(n):
    small = next(a for a in range(math.isqrt(n), 0, -1) if n % a == 0)
    return small, n // small


class TwoCores(nn.Module):
    """y = x Wᵀ + b with W[(o1 o2), (i1 i2)] = Σ_r left[(o1 i1), r] right[r, (o2 i2)]."""

    def __init__(self, linear, keep, legs):
        super().__init__()
        weight = linear.weight.detach()
        self.lowrank = legs == "lowrank"
        self.legs = (weight.shape[0], 1, 1, weight.shape[1]) if self.lowrank else (*two_factors(weight.shape[0]), *two_factors(weight.shape[1]))
        o1, o2, i1, i2 = self.legs
        unfolded = weight.view(o1, o2, i1, i2).transpose(1, 2).reshape(o1 * i1, o2 * i2)
        bond = max(1, min(*unfolded.shape, math.floor(keep * weight.numel() / sum(unfolded.shape))))
        # The truncated SVD by way of the smaller Gram matrix: several times faster, and the small singular values are cut anyway.
        wide = unfolded.shape[0] <= unfolded.shape[1]
        m = unfolded if wide else unfolded.T
        squares, vectors = torch.linalg.eigh(m @ m.T)
        vectors = vectors[:, -bond:]
        root = squares[-bond:].clamp_min(1e-12 * squares[-1]) ** 0.25  # the square root of the singular value
        left, right = vectors * root, (vectors.T @ m) / root[:, None]
        self.left = nn.Parameter((left if wide else right.T).contiguous())
        self.right = nn.Parameter((right if wide else left.T).contiguous())
        self.bias = linear.bias

    def forward(self, x):
        if self.lowrank:
            return F.linear(F.linear(x, self.right), self.left, self.bias)
        o1, o2, i1, i2 = self.legs
        weight = torch.mm(self.left, self.right).view(o1, i1, o2, i2).transpose(1, 2).reshape(o1 * o2, i1 * i2)
        return F.linear(x, weight, self.bias)


def compressed(a):
    model = transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name.startswith("model.layers."):
            if a.dense:
                module.weight.requires_grad_(True)
            else:
                parent, leaf = name.rsplit(".", 1)
                setattr(model.get_submodule(parent), leaf, TwoCores(module, a.keep, a.legs))
    model.train()
    return model


def batches(a, vocabulary):
    """Ids, labels and mask of each batch, and how many tokens of all batches are useful: up to the last label of a row; none of the padding is."""
    if not a.rows:
        ids = torch.randint(0, vocabulary, (a.batch, a.seq))
        return [(ids, ids, None)], a.batch * a.seq
    with open(a.rows) as f:
        samples = [s for s in map(json.loads, f) if "skipped" not in s]
    useful = sum(max(i for i, label in enumerate(s["labels"][: a.seq]) if label != -100) for s in samples)
    found = []
    for start in range(0, len(samples), a.batch):
        group = samples[start : start + a.batch]
        width = a.seq if a.pad == "full" else max(len(s["ids"][: a.seq]) for s in group)
        ids = torch.zeros(len(group), width, dtype=torch.long)
        labels = torch.full_like(ids, -100)
        mask = torch.zeros_like(ids)
        for row, s in enumerate(group):
            n = min(a.seq, len(s["ids"]))
            ids[row, :n], labels[row, :n], mask[row, :n] = torch.tensor(s["ids"][:n]), torch.tensor(s["labels"][:n]), 1
        found.append((ids, labels, mask))
    return found, useful


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    model = compressed(a)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    forward = torch.compile(model) if a.mode == "compiled" else model
    data, useful = batches(a, model.config.vocab_size)
    loss = None

    def run():
        nonlocal loss
        for ids, labels, mask in data:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.dtype == "bf16"):
                logits = forward(input_ids=ids, attention_mask=mask, use_cache=False).logits
            value = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
            value.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss = value.item()
            del logits, value

    # Allocator and compiler: twice for one shape; a pass over rows has seen many.
    for _ in range(1 if a.rows else 2):
        run()
    whole = peak_gigabytes()
    forget_peak()
    print(flush=True)
    computed = sum(ids.numel() for ids, _, _ in data)
    for _ in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        figures = [
            ("useful_tokens_per_second" if a.rows else "tokens_per_second", useful / seconds, "tokens/s"), ("useful_tokens", useful, "tokens"),
            ("fill", 100 * useful / computed, "% of the computed positions"), ("steps", len(data), "steps"),
            ("peak_gigabytes", peak_gigabytes(), "GB peak of the steps"), ("peak_whole_gigabytes", max(whole, peak_gigabytes()), "GB peak"), ("loss", loss, "loss"),
        ]
        row = {
            "name": f"torch {a.dtype} {a.mode}", "seconds": seconds,
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "figures": [{"name": name, "value": value, "unit": unit} for name, value, unit in figures],
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
