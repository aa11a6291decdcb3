#!/usr/bin/env python3
"""What the Kronecker factors of E[x x^T] do for a fit of two balanced cores: partial traces against the likeliest ones.

    python3 Benchmarks/healing/factors.py --model DIR --data FILE

Arguments as for permutations.py, whose calibration it uses; needs torch and transformers. Prints relative output errors on tokens
that were not fitted: of the start, and after each sweep of conjugate gradients over both cores (docs/fitting.md).
"""
import argparse, math
import torch
from permutations import GROUPS, calibrate

F32 = torch.float32


def balanced(number):
    """The two factors that are nearest to each other."""
    return next((number // small, small) for small in range(math.isqrt(number), 0, -1) if number % small == 0)


def inverse(matrix):
    return torch.linalg.inv(matrix + 1e-6 * matrix.trace() / len(matrix) * torch.eye(len(matrix), dtype=matrix.dtype))


class Fit:
    """W' = L R with L [(a b), r] and R [r, (c d)]: rows are (a, c), columns (b, d)."""

    def __init__(self, weight, moment, test, keep, likeliest):
        (self.a, self.c), (self.b, self.d) = balanced(weight.shape[0]), balanced(weight.shape[1])
        self.likeliest = likeliest
        m, n = self.a * self.b, self.c * self.d
        # r (m + n) - r^2 parameters.
        self.rank = int(((m + n) - math.sqrt((m + n) ** 2 - 4 * keep * weight.numel())) / 2)
        self.moment, self.C = moment.to(F32), moment.view(self.b, self.d, self.b, self.d)
        self.target, self.weight, self.test = self.cut(weight.to(F32)), weight.to(F32), test.to(F32)
        A, B = torch.einsum("idjd->ij", self.C), torch.einsum("kikj->ij", self.C)
        for _ in range(2 if likeliest else 0):
            A = torch.einsum("xy,ixjy->ij", inverse(B), self.C) / self.d
            B = torch.einsum("xy,xiyj->ij", inverse(A), self.C) / self.b
        L1, L2 = (torch.linalg.cholesky(x / x.trace()) for x in (A, B))
        T = torch.einsum("abcd,bx,dy->axcy", self.target.double().view(self.a, self.b, self.c, self.d), L1, L2)
        U, S, V = torch.linalg.svd(T.reshape(m, n), full_matrices=False)
        left, right = U[:, :self.rank].view(self.a, self.b, -1), (S[:self.rank, None] * V[:self.rank]).view(-1, self.c, self.d)
        self.left = torch.einsum("xb,axr->abr", torch.linalg.inv(L1), left).reshape(m, -1).to(F32)
        self.right = torch.einsum("rcy,yd->rcd", right, torch.linalg.inv(L2)).reshape(-1, n).to(F32)

    def cut(self, matrix):
        return matrix.view(self.a, self.c, self.b, self.d).permute(0, 2, 1, 3).reshape(self.a * self.b, self.c * self.d)

    def whole(self, cut):
        return cut.view(self.a, self.b, self.c, self.d).permute(0, 2, 1, 3).reshape(self.a * self.c, self.b * self.d)

    def weighted(self, cut):
        return self.cut(self.whole(cut) @ self.moment)

    def error(self):
        lost = self.weight - self.whole(self.left @ self.right)
        return ((lost @ self.test * lost).sum() / (self.weight @ self.test * self.weight).sum()).item()

    def preconditioner(self, core, other):
        """Factors of the normal matrix over the core's bond and its columns; other [outs, ins, bond]."""
        C = self.C if core else self.C.permute(1, 0, 3, 2)
        other = other.double()
        g = torch.einsum("pqr,psr->qs", other, other)
        own = inverse(torch.einsum("qs,qisj->ij", g, C))
        seen = torch.einsum("ij,qisj->qs", own, C) if self.likeliest else torch.einsum("qisi->qs", C)
        return inverse(torch.einsum("pqr,qs,pst->rt", other, seen, other)).to(F32), own.to(F32)

    def improve(self, core, steps):
        if core:
            self.left, turn = torch.linalg.qr(self.left)
            self.right = turn @ self.right
            bond, own = self.preconditioner(1, self.left.view(self.a, self.b, -1))
            build, project = (lambda x: self.left @ x), (lambda y: self.left.T @ y)
            solve = lambda x: ((bond @ x).view(-1, self.d) @ own).view(x.shape)
        else:
            basis, turn = torch.linalg.qr(self.right.T)
            self.left, self.right = self.left @ turn.T, basis.T
            bond, own = self.preconditioner(0, self.right.view(-1, self.c, self.d).permute(1, 2, 0))
            build, project = (lambda x: x @ self.right), (lambda y: y @ self.right.T)
            solve = lambda x: torch.einsum("xb,abr->axr", own, (x @ bond).view(self.a, self.b, -1)).reshape(x.shape)
        residual = project(self.weighted(self.target - self.left @ self.right))
        x, direction = torch.zeros_like(residual), solve(residual)
        energy = (residual * direction).sum()
        for _ in range(steps):
            image = project(self.weighted(build(direction)))
            length = energy / (direction * image).sum()
            x, residual = x + length * direction, residual - length * image
            solved = solve(residual)
            before, energy = energy, (residual * solved).sum()
            direction = solved + energy / before * direction
        self.left, self.right = (self.left, self.right + x) if core else (self.left + x, self.right)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--layers", type=int, nargs="+", default=[5, 15])
    parser.add_argument("--matrices", nargs="+", default=list("qvo") + ["gate", "down"])
    parser.add_argument("--tokens", type=int, default=16384)
    parser.add_argument("--keep", type=float, default=0.6)
    parser.add_argument("--shrinkage", type=float, default=0.001)
    args = parser.parse_args()
    with torch.no_grad():
        moments, weights, _ = calibrate(args)
        print("| matrix | factors | steps | start | 1 sweep | 2 sweeps |\n|---|---|---|---|---|---|")
        for layer in args.layers:
            for name in args.matrices:
                fit, test = (moments[part, layer, GROUPS[name]] for part in ("fit", "test"))
                fit = fit / fit.trace()
                fit = (1 - args.shrinkage) * fit + args.shrinkage / len(fit) * torch.eye(len(fit), dtype=fit.dtype)
                for likeliest, steps in ((False, 6), (False, 4), (True, 6), (True, 4)):
                    run = Fit(weights[layer, name], fit, test, args.keep, likeliest)
                    errors = [run.error()]
                    for _ in range(2):
                        for core in (0, 1):
                            run.improve(core, steps)
                        errors.append(run.error())
                    cells = " | ".join(f"{error:.4f}" for error in errors)
                    print(f"| {layer} {name} | {'likeliest' if likeliest else 'partial traces'} | {steps} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
