"""Writes adamw.json: twenty steps of torch.optim.AdamW in float and double. torch 2.13.0 (CPU)."""

import json
import pathlib

import torch

LR, BETAS, EPS, DECAY, COUNT, STEPS = 1e-2, (0.9, 0.95), 1e-8, 0.1, 19, 20
generator = torch.Generator().manual_seed(7)
start = torch.randn(COUNT, generator=generator)
scales = 10.0 ** torch.linspace(-6, 1, COUNT)  # gradients from tiny to large
gradients = torch.randn(STEPS, COUNT, generator=generator) * scales


def trajectory(dtype):
    parameter = start.to(dtype).clone().requires_grad_()
    optimizer = torch.optim.AdamW([parameter], lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY)
    rows = []
    for gradient in gradients:
        parameter.grad = gradient.to(dtype).clone()
        optimizer.step()
        rows.append(parameter.detach().tolist())
    return rows


golden = {
    "lr": LR, "betas": BETAS, "eps": EPS, "weight_decay": DECAY, "start": start.tolist(), "gradients": gradients.tolist(),
    "float": trajectory(torch.float32), "double": trajectory(torch.float64),
}
pathlib.Path(__file__).with_name("adamw.json").write_text(json.dumps(golden) + "\n")
