"""One healing step in PyTorch on the CPU: the speed and the memory that heal is compared with.

A Llama-family model whose seven matrices per block are two cores each (W is rebuilt from them, then one product), cores trained alone;
forward, cross-entropy, backward, clipping by global norm, AdamW. Every combination of precision and mode runs in a process of its own.

    python Benchmarks/torch/step.py --model models/SmolLM2-135M-Instruct --json torch.json
"""

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="models/SmolLM2-135M-Instruct", help="Hugging Face directory")
    p.add_argument("--dtype", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"], help="bf16: autocast, weights stay fp32")
    p.add_argument("--mode", nargs="+", default=["eager", "compiled"], choices=["eager", "compiled"])
    p.add_argument("--keep", type=float, default=0.5, help="fraction of each matrix's parameters kept; 1 with --dense")
    p.add_argument("--dense", action="store_true", help="train the dense matrices instead of cores")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--seq", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--steps", type=int, default=8, help="timed steps, after the warm-up")
    p.add_argument("--warmup", type=int, default=2, help="untimed steps (allocator, compilation)")
    p.add_argument("--json", metavar="FILE", help="write the results here too")
    p.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return p.parse_args()


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def reset_peak():
    """Let the kernel forget the peak that loading the model left behind; False where it cannot."""
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
        return True
    except OSError:
        return False


def peak_bytes():
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def two_factors(n):
    small = next(a for a in range(math.isqrt(n), 0, -1) if n % a == 0)
    return small, n // small


def measure(a):
    import torch
    import transformers
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    dtype, mode = a.dtype[0], a.mode[0]

    class TwoCores(nn.Module):
        """y = x Wᵀ + b with W[(o1 o2), (i1 i2)] = Σ_r left[(o1 i1), r] right[r, (o2 i2)]."""

        def __init__(self, linear, keep):
            super().__init__()
            weight = linear.weight.detach()
            self.legs = (*two_factors(weight.shape[0]), *two_factors(weight.shape[1]))
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
            o1, o2, i1, i2 = self.legs
            weight = torch.mm(self.left, self.right).view(o1, i1, o2, i2).transpose(1, 2).reshape(o1 * o2, i1 * i2)
            return F.linear(x, weight, self.bias)

    model = transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
    vocabulary = model.config.vocab_size
    dense_parameters = sum(p.numel() for p in model.parameters())
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name.startswith("model.layers."):
            if a.dense:
                module.weight.requires_grad_(True)
            else:
                parent, leaf = name.rsplit(".", 1)
                setattr(model.get_submodule(parent), leaf, TwoCores(module, a.keep))
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    parameters = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    forward = torch.compile(model) if mode == "compiled" else model

    ids = torch.randint(0, vocabulary, (a.batch, a.seq))
    seconds, losses = [], []
    for step in range(a.warmup + a.steps):
        if step == a.warmup:
            steady = reset_peak()
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bf16"):
            logits = forward(input_ids=ids, use_cache=False).logits
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
        losses.append(loss.item())
        del logits, loss
    timed = sorted(seconds[a.warmup:])
    median = statistics.median(timed)
    return {
        "dtype": dtype, "mode": mode, "parameters": parameters, "dense_parameters": dense_parameters,
        "trained_parameters": sum(p.numel() for p in trained),
        "seconds_median": round(median, 4), "seconds_fastest": round(timed[0], 4), "seconds_slowest": round(timed[-1], 4),
        "tokens_per_second": round(a.batch * a.seq / median, 1),
        "peak_bytes": max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, peak_bytes()),
        "peak_bytes_timed_steps": peak_bytes() if steady else None,
        "loss_first": losses[0], "loss_last": losses[-1], "warmup_seconds": round(sum(seconds[: a.warmup]), 2),
    }


def main():
    a = arguments()
    if a.warmup < 1 or a.steps < 1:
        sys.exit("step.py: --warmup and --steps must be at least 1")
    if a.one:
        print(json.dumps(measure(a)))
        return
    if not os.path.isfile(os.path.join(a.model, "config.json")):
        sys.exit(f"step.py: {a.model} holds no config.json; models/README.md says how to get the model, --model where it is")
    import importlib.metadata as installed

    shared = ["--model", a.model, "--keep", str(a.keep), "--batch", str(a.batch), "--seq", str(a.seq), "--threads", str(a.threads),
              "--steps", str(a.steps), "--warmup", str(a.warmup)] + ["--dense"] * a.dense
    results = []
    for dtype in a.dtype:
        for mode in a.mode:
            child = subprocess.run([sys.executable, __file__, "--one", "--dtype", dtype, "--mode", mode, *shared], stdout=subprocess.PIPE, text=True,
                                   env=os.environ | {"OMP_NUM_THREADS": str(a.threads), "MKL_NUM_THREADS": str(a.threads)})
            if child.returncode:
                sys.exit(f"step.py: {dtype} {mode} failed with status {child.returncode}")
            r = json.loads(child.stdout.strip().splitlines()[-1])
            results.append(r)
            print(f"{dtype} {mode}: {r['tokens_per_second']} tokens/s, {r['seconds_median']} s a step, peak {r['peak_bytes'] / 1e9:.2f} GB", file=sys.stderr)
    report = {
        "what": "dense step" if a.dense else f"two-core MPO step, {a.keep:g} of the parameters kept", "model": a.model, "batch": a.batch, "seq": a.seq,
        "threads": a.threads, "steps": a.steps, "processor": processor(), "python": platform.python_version(),
        "torch": installed.version("torch"), "transformers": installed.version("transformers"), "results": results,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if a.json:
        with open(a.json, "w") as f:
            f.write(text + "\n")


if __name__ == "__main__":
    main()
