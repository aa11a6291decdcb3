#!/usr/bin/env python3
"""Does permuting a matrix's rows and columns before it is cut into legs make a data-aware fit better?

    OMP_NUM_THREADS=1 python3 Benchmarks/healing/permutations.py --model DIR --data FILE

--model is a Hugging Face directory of a Llama-like model, --data rows with instruction, input and output (.jsonl or
.jsonl.gz). Needs torch and transformers. Takes E[x x^T] of the inputs of some layers, fits two cores of equal parameters
after each permutation (docs/fitting.md: whitened start, alternating least squares) and prints relative output errors on
tokens that were not fitted. The best order is chosen on those that were. An order of indices is placed in two ways: `near`
puts neighbours into one slot of the second core, `far` into one slot of the first.
"""
import argparse, gzip, itertools, json, os, time
import torch

GROUPS = {"q": "qkv", "k": "qkv", "v": "qkv", "o": "o", "gate": "mlp", "up": "mlp", "down": "down"}


def calibrate(args):
    """Moments by (fit or test, layer, group), weights by (layer, matrix), numbers of heads."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    moments, weights, part = {}, {}, ["fit"]

    def gather(layer, name):
        def hook(_, inputs):
            x, key = inputs[0].flatten(0, -2), (part[0], layer, GROUPS[name])
            moments[key] = moments.get(key, 0) + (x.T @ x).double()
        return hook

    for layer in args.layers:
        block = model.model.layers[layer]
        for name in GROUPS:
            module = getattr(block.self_attn if name in "qkvo" else block.mlp, name + "_proj")
            weights[layer, name] = module.weight.data.double()
            if name in ("q", "o", "gate", "down"):
                module.register_forward_pre_hook(gather(layer, name))
    model.model.layers = model.model.layers[:max(args.layers) + 1]
    with (gzip.open if args.data.endswith(".gz") else open)(args.data, "rt") as file:
        for part[0], left in (("fit", args.tokens), ("test", args.tokens // 2)):
            while left > 0:
                row = json.loads(next(file))
                user = row["instruction"] + ("\n\n" + row["input"] if row.get("input") else "")
                chat = [{"role": "user", "content": user}, {"role": "assistant", "content": row["output"]}]
                ids = tokenizer.apply_chat_template(chat, return_dict=False)[:left]
                left -= len(ids)
                model(torch.tensor([ids]), use_cache=False)
    return moments, weights, (model.config.num_attention_heads, model.config.num_key_value_heads)


# Fits. Legs ((a, b), (c, d)): core 1 X [a, b, r] has rows a and columns b, core 2 Y [r, c, d] has rows c and columns d.
def bond(shape, legs, keep):
    return int(keep * shape[0] * shape[1] / (legs[0][0] * legs[0][1] + legs[1][0] * legs[1][1]))


def update(T, C, X, Y, steps):
    """The second core given the first, X with orthonormal columns, as a correction; T [a, c, b, d], C [b, d, b, d]."""
    (a, c, b, d), r = T.shape, X.shape[-1]
    i, Xm = b * d, X.reshape(a * b, r)
    rebuild = lambda Y: (Xm @ Y.reshape(r, c * d)).view(a, b, c, d).permute(0, 2, 1, 3)
    project = lambda E: (Xm.T @ (E.reshape(a * c, i) @ C.reshape(i, i)).view(a, c, b, d).permute(0, 2, 1, 3)
                         .reshape(a * b, c * d)).view(r, c, d)
    damped = lambda N, by: ((N + N.T) / 2 + by * N.diagonal().mean() * torch.eye(len(N))).double()
    G = project(T - rebuild(Y))
    if r * d <= 1100:                                                                # exact
        half = lambda Z: (Z.T @ C.reshape(b, d * i)).view(r * d, b, d).transpose(1, 2).reshape(r * d * d, b) @ Z
        N = sum(half(Z) for Z in X).view(r * d, d, r).transpose(1, 2).reshape(r * d, r * d)
        D = torch.cholesky_solve(G.permute(0, 2, 1).reshape(r * d, c).double(), torch.linalg.cholesky(damped(N, 1e-6)))
        return Y + D.float().view(r, d, c).permute(0, 2, 1)
    normal = lambda P: project(rebuild(P))
    if 4 * b * b * (r * r * c * d + r * c * d * d) < 4 * a * i * c * r + 2 * a * c * i * i:   # sum over a first
        Xb = X.permute(1, 2, 0).reshape(b * r, a)
        g, Cb = ((Xb @ Xb.T).view(b, r, b, r).permute(0, 2, 1, 3).contiguous(), C.permute(0, 2, 1, 3).contiguous())
        normal = lambda P: sum(((g[u, v] @ P.reshape(r, c * d)).view(r * c, d) @ Cb[u, v].T).view(r, c, d)
                               for u in range(b) for v in range(b))
    Q = torch.einsum("be,bdef->df", torch.einsum("abr,aer->be", X, X) / r, C)
    Q = torch.linalg.inv(damped(Q, 1e-5)).float()                                    # preconditioner
    D, R, P, rz = torch.zeros_like(Y), G, G @ Q, (G * (G @ Q)).sum()
    for _ in range(steps):
        NP = normal(P)
        step = rz / (P * NP).sum()
        D, R = D + step * P, R - step * NP
        rz, old = (R * (R @ Q)).sum(), rz
        P = R @ Q + rz / old * P
    return Y + D


def fit(W, C, legs, keep, halves, steps):
    """W', two cores near W in the metric C. Exact without sweeps if one core holds all columns."""
    ((a, b), (c, d)), (o, i), r = legs, W.shape, bond(W.shape, legs, keep)
    C4 = C.reshape(b, d, b, d) / C.trace() ** .5
    L1, L2 = (torch.linalg.cholesky(torch.einsum(e, C4)) for e in ("idjd->ij", "kikj->ij"))
    I1, I2 = L1.inverse(), L2.inverse()
    times = lambda M, P, Q: torch.einsum("nbd,bx,dy->nxy", M.reshape(-1, b, d), P, Q).reshape(-1, i)
    T = times(W, L1, L2).float().view(a, c, b, d)
    M = T.permute(0, 2, 1, 3).reshape(a * b, c * d).double()
    V = torch.linalg.eigh(M.T @ M)[1][:, -r:]
    X, R = torch.linalg.qr(M @ V)
    X, Y = X.float(), (R @ V.T).float()
    if b < i and d < i:
        Cw = times(times(C, I1.T, I2.T).T, I1.T, I2.T).float().view(b, d, b, d)
        Tr, Cr = T.permute(1, 0, 3, 2).contiguous(), Cw.permute(1, 0, 3, 2).contiguous()
        for half in range(halves):
            if half % 2 == 0:
                Y = update(T, Cw, X.reshape(a, b, r), Y.view(r, c, d), steps).reshape(r, c * d)
                Q, R = torch.linalg.qr(Y.T)
                X, Y = X @ R.T, Q.T
            else:
                X = update(Tr, Cr, Y.T.reshape(c, d, r), X.T.reshape(r, a, b), steps).reshape(r, a * b).T
                X, R = torch.linalg.qr(X)
                Y = R @ Y
    return times((X @ Y).view(a, b, c, d).permute(0, 2, 1, 3).reshape(o, i).double(), I1, I2)


def error(W, V, C):
    return ((((W - V) @ C) * (W - V)).sum() / ((W @ C) * W).sum()).item()


# Orders of indices, and what is tried.
def correlations(M):
    return (M / torch.outer(M.diagonal().sqrt(), M.diagonal().sqrt())).abs()


def spectral(M):
    """By the second eigenvector of the graph of correlations."""
    A = correlations(M)
    s = A.sum(0).rsqrt()
    return (torch.linalg.eigh(A * torch.outer(s, s))[1][:, -2] * s).argsort()


def clusters(M, size):
    """An index and the size - 1 free ones most correlated with the cluster so far, and so on."""
    A, order = correlations(M).fill_diagonal_(0), []
    free = torch.ones(len(M), dtype=torch.bool)
    for first in A.max(0)[0].argsort(descending=True).tolist():
        for n in range(size if free[first] else 0):
            best = torch.where(free, sums, -1).argmax().item() if n else first
            sums = sums + A[best] if n else A[best]
            free[best] = False
            order.append(best)
    return torch.tensor(order)


def weighted(W, C):
    """What the columns do to the output, as if they were not correlated."""
    return (W.T @ W) * torch.outer(C.diagonal().sqrt(), C.diagonal().sqrt())


def orders(name, W, C, legs, heads, randoms):
    """(name, rows, columns). Orders of indices of which one core holds all change nothing and are left out."""
    ((a, b), (c, d)), found = legs, []
    for n, first, second, M, E in ((W.shape[0], a, c, W @ C @ W.T, None), (W.shape[1], b, d, C, weighted(W, C))):
        plain, size = torch.arange(n), min(first, second)
        found.append({"natural": plain})
        if size == 1:
            continue
        makers = {"variance": lambda: M.diagonal().argsort(), "spectral": lambda: spectral(M),
                  "clusters": lambda: clusters(M, size), "neighbours": lambda: plain}
        if E is not None:
            makers |= {"norm": lambda: E.diagonal().argsort(), "clusters W": lambda: clusters(E, size),
                       "chain W": lambda: clusters(E, max(first, second))}
        if name in "qkv" if E is None else name == "o":
            h = heads[name in "kv"]
            makers["dim-major"] = lambda: plain.view(h, -1).T.reshape(-1)
            if name in "qk":
                makers["rotary pairs"] = lambda: plain.view(h, 2, -1).transpose(1, 2).reshape(-1)
        for key, make in makers.items():
            order = make()
            found[-1][key + ", near"] = order.view(second, -1).T.reshape(-1)
            if key != "neighbours":
                found[-1][key + ", far"] = order
        found[-1] |= {f"random {k}": torch.randperm(n) for k in range(randoms)}
    for key in dict.fromkeys([*found[0], *found[1]]):
        yield key, *(side.get(key, side["natural"]) for side in found)


def climb(G, b, r, p, seconds):
    """Swaps that lower the energy which r vectors, shared by b slots, leave of the Gram matrix G."""
    tail = lambda p: torch.linalg.eigvalsh(sum(G[q][:, q] for q in p.view(b, -1)))[:-r].sum().item()
    now, start, swaps, taken = tail(p), time.time(), max(1, len(p) // 36), []
    while time.time() - start < seconds:
        q, J = p.clone(), torch.randperm(len(p))[:2 * swaps]
        q[J[:swaps]], q[J[swaps:]] = p[J[swaps:]], p[J[:swaps]]
        value = tail(q)
        taken.append(value < now)
        p, now = (q, value) if value < now else (p, now)
        if len(taken) == 40:
            swaps, taken = max(1, (swaps + 1) // 2 if sum(taken) < 5 else swaps * 2 if sum(taken) > 14 else swaps), []
    return p


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--model", required=True), add("--data", required=True)
    add("--cache", help="file that keeps the moments between runs")
    add("--tokens", type=int, default=32768, help="to fit; half as many others to judge")
    add("--layers", type=int, nargs="+", default=[5, 15, 25])
    add("--matrices", nargs="+", default=list(GROUPS), choices=GROUPS)
    add("--keep", type=float, nargs="+", default=[.6, .4])
    add("--legs", nargs="+", default=["columns", "both"], choices=("columns", "rows", "both", "balanced"),
        help="(o,2) (1,i/2); (2,i) (o/2,1); (o/2,2) (2,i/2); all factors near the root")
    add("--orders", nargs="+", default=[""], help="beginnings of the names of orders to try")
    add("--randoms", type=int, default=4)
    add("--search", type=float, default=0, help="seconds of swaps for each matrix, for legs columns and rows")
    add("--shrink", type=float, default=.05)
    add("--halves", type=int, default=12, help="half sweeps")
    add("--steps", type=int, default=6, help="of conjugate gradients in each, twice as many for balanced")
    add("--all", action="store_true", help="print every permutation: its error on tokens fitted, on others")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    cached = args.cache and os.path.exists(args.cache)
    moments, weights, heads = torch.load(args.cache) if cached else calibrate(args)
    if args.cache and not cached:
        torch.save((moments, weights, heads), args.cache)
    root = lambda n: max(k for k in range(1, int(n ** .5) + 1) if n % k == 0)
    print("| legs | matrix, kept | low-rank | natural | neighbours | random (least) | best order | its error | search |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, keep, layer, name in itertools.product(args.legs, args.keep, args.layers, args.matrices):
        W, C, H = weights[layer, name], moments["fit", layer, GROUPS[name]], moments["test", layer, GROUPS[name]]
        (o, i), C = W.shape, (1 - args.shrink) * C + args.shrink * C.trace() / len(C) * torch.eye(len(C), dtype=C.dtype)
        legs = {"columns": ((o, 2), (1, i // 2)), "rows": ((2, i), (o // 2, 1)), "both": ((o // 2, 2), (2, i // 2)),
                "balanced": ((root(o), i // root(i)), (o // root(o), root(i)))}[kind]

        def errors(p, q, legs=legs):
            V = fit(W[p][:, q], C[q][:, q], legs, keep, args.halves, args.steps * (1 + (kind == "balanced")))
            return error(W[p][:, q], V, C[q][:, q]), error(W[p][:, q], V, H[q][:, q])
        rows, columns, tried = torch.arange(o), torch.arange(i), {}
        torch.manual_seed(0)
        for key, p, q in orders(name, W, C, legs, heads, args.randoms):
            if key.startswith(("natural", "neighbours", "random", *args.orders)):
                tried[key] = (*errors(p, q), p, q)
                args.all and print(f"# {kind} {layer} {name} {keep} {key}: {tried[key][0]:.5f} {tried[key][1]:.5f}", flush=True)
        chance = [v[1] for k, v in tried.items() if k.startswith("random")]
        best = min((k for k in tried if not k.startswith("random")), key=lambda k: tried[k][0])
        found, (p, q) = "", tried[best][2:]
        if args.search and kind in ("columns", "rows"):
            G = weighted(W, C).float() if kind == "columns" else (W @ C @ W.T).float()
            moved = climb(G, 2, bond(W.shape, legs, keep), q if kind == "columns" else p, args.search)
            found = f"{min(tried[best][:2], errors(p, moved) if kind == 'columns' else errors(moved, q))[1]:.4f}"
        low, natural, beside = errors(rows, columns, ((o, 1), (1, i)))[1], tried["natural"][1], tried["neighbours, near"][1]
        chance = f"{sum(chance) / len(chance):.4f} ({min(chance):.4f})" if chance else ""
        print(f"| {kind} | {layer} {name}, {keep:.0%} | {low:.4f} | {natural:.4f} | {beside:.4f} | {chance} | {best} | "
              f"{tried[best][1]:.4f} | {found} |", flush=True)


if __name__ == "__main__":
    main()
