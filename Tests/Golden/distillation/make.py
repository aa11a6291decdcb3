"""Cross-entropy and divergence from a teacher, and their gradients, as torch computes them in float64.

    python Tests/Golden/distillation/make.py

writes loss.json. Versions are in the file.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20)
T, D, V, DT = 14, 5, 37, 7  # tokens, hidden sizes of student and teacher, vocabulary


def numbers(x):
    return x.detach().flatten().tolist()


def case(temperature, a, b, everywhere):
    h = torch.randn(T, D, dtype=torch.float64, requires_grad=True)
    w = torch.randn(V, D, dtype=torch.float64, requires_grad=True)
    th, tw = torch.randn(T, DT, dtype=torch.float64), torch.randn(V, DT, dtype=torch.float64)
    labels = torch.randint(0, V, (T,))
    labels[torch.rand(T) < 0.4] = -100
    rows = torch.arange(T) if everywhere else torch.nonzero(labels >= 0).flatten()
    z, y = h @ w.T, th @ tw.T
    ce = F.cross_entropy(z, labels, ignore_index=-100, reduction="sum")
    log_q, log_p = F.log_softmax(z[rows] / temperature, -1), F.log_softmax(y[rows] / temperature, -1)
    kl = F.kl_div(log_q, log_p, reduction="sum", log_target=True) * temperature**2
    (a * ce + b * kl).backward()
    return {
        "temperature": temperature, "crossEntropyFactor": a, "divergenceFactor": b, "labels": labels.tolist(), "rows": rows.tolist(),
        "h": numbers(h), "head": numbers(w), "teacherH": numbers(th), "teacherHead": numbers(tw),
        "crossEntropy": ce.item(), "divergence": kl.item(), "dh": numbers(h.grad), "dHead": numbers(w.grad),
    }


golden = {
    "versions": {"torch": torch.__version__}, "hidden": D, "teacherHidden": DT, "vocabulary": V,
    "cases": [case(1.0, 0.5, 0.5, True), case(2.0, 0.3, 1.7, True), case(0.7, 0.0, 1.0, False), case(4.0, 2.5, 0.25, False)],
}
pathlib.Path(__file__).with_name("loss.json").write_text(json.dumps(golden) + "\n")
