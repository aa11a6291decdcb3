"""Toy models of each family with random weights, and what they must compute: python Tests/Golden/models/make.py

Weights and config.json are written by transformers; logits and gradients are float64 (reference.py), stored as float32, and checked
here against transformers in float32. mpo/golden.json: products with matrices given as 1 to 5 cores, and their gradients.
"""

import json
import platform
import zlib
from pathlib import Path

import numpy
import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

import reference

here = Path(__file__).parent
torch.set_num_threads(1)

plain = dict(num_hidden_layers=2, max_position_embeddings=256)
families = {
    # full multi-head attention, own head; an epsilon large enough to be seen
    "llama2": LlamaConfig(**plain, hidden_size=32, intermediate_size=56, num_attention_heads=4, num_key_value_heads=4, vocab_size=96,
                          rms_norm_eps=1e-2, tie_word_embeddings=False),
    # scaled rotary frequencies: of eight, one is kept, two lie in the ramp, five are stretched; grouped heads, tied head
    "llama3": LlamaConfig(**plain, hidden_size=48, intermediate_size=56, num_attention_heads=3, num_key_value_heads=1, vocab_size=112,
                          rms_norm_eps=1e-5, tie_word_embeddings=True,
                          rope_parameters=dict(rope_type="llama3", rope_theta=8000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                               original_max_position_embeddings=64)),
    # heads that are wider than hidden_size / heads; a sliding window that is longer than the context
    "mistral": MistralConfig(**plain, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                             vocab_size=96, rms_norm_eps=1e-5, tie_word_embeddings=False, sliding_window=4096,
                             rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    # biases on q, k, v
    "qwen2": Qwen2Config(**plain, hidden_size=32, intermediate_size=56, num_attention_heads=4, num_key_value_heads=2, vocab_size=128,
                         tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    # norms on q and k, explicit head_dim
    "qwen3": Qwen3Config(**plain, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                         vocab_size=128, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    # three query heads to one key/value head
    "smollm2": LlamaConfig(**plain, hidden_size=48, intermediate_size=64, num_attention_heads=6, num_key_value_heads=2, vocab_size=104,
                           rms_norm_eps=1e-5, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e5)),
    # biases everywhere
    "llama-bias": LlamaConfig(**plain, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, vocab_size=96,
                              tie_word_embeddings=False, attention_bias=True, mlp_bias=True),
}
with_gradients = ("llama3", "qwen2")
lengths = (17, 40)


def random_model(name, config):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "norm" in key:
                p.copy_(1 + 0.3 * torch.randn_like(p))
            elif key.endswith("bias"):
                p.copy_(0.3 * torch.randn_like(p))
            else:
                p.copy_((0.6 if "embed" in key or "lm_head" in key else 0.25) * torch.randn_like(p))
    return model


def close(what, a, b, tolerance):
    error = ((a.double() - b.double()).abs().max() / b.double().abs().max()).item()
    assert error < tolerance, (what, error)
    return error


def loss_sum(rows, targets):
    """Summed negative log-likelihood over the targets that are not -100, and their count."""
    rows, targets = torch.cat(rows), torch.cat([torch.tensor(t) for t in targets])
    return torch.nn.functional.cross_entropy(rows, targets, ignore_index=-100, reduction="sum"), int((targets != -100).sum())


def make_family(name, config):
    folder = here / name
    model = random_model(name, config)
    folder.mkdir(exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = model.config
    pick = torch.Generator().manual_seed(1)
    ids = [torch.randint(0, config.vocab_size, (n,), generator=pick).tolist() for n in lengths]
    weights = {k: p.detach().double().requires_grad_() for k, p in model.named_parameters()}
    rows = [reference.logits(weights, config, row) for row in ids]
    worst = max(close("logits", model(torch.tensor([row])).logits[0], mine, 2e-5) for row, mine in zip(ids, rows))
    golden = {"ids": ids}
    tensors = {f"logits.{i}": row.detach().float().contiguous() for i, row in enumerate(rows)}

    # Both samples packed into one row: same logits, by both programs.
    packed_ids, segments = sum(ids, []), [i for i, row in enumerate(ids) for _ in row]
    close("packed", reference.logits(weights, config, packed_ids, segments), torch.cat(rows), 1e-12)
    same = torch.tensor(segments)[:, None] == torch.tensor(segments)
    mask = torch.zeros(1, 1, *same.shape).masked_fill(~(same & torch.ones_like(same).tril()), torch.finfo(torch.float32).min)
    positions = torch.tensor([[t for row in ids for t in range(len(row))]])
    close("packed in transformers", model(torch.tensor([packed_ids]), attention_mask=mask, position_ids=positions).logits[0], torch.cat(rows), 2e-5)

    if name in with_gradients:
        # targets[t] is what position t must say: the next id, or -100 where nothing is trained.
        targets = [[-100 if t % 5 == 3 or t < 4 else row[t + 1] for t in range(len(row) - 1)] + [-100] for row in ids]
        total, count = loss_sum(rows, targets)
        loss = total / count
        loss.backward()
        total32, _ = loss_sum([model(torch.tensor([row])).logits[0] for row in ids], targets)
        (total32 / count).backward()
        for key, p in model.named_parameters():
            worst = max(worst, close(key, p.grad, weights[key].grad, 5e-5))
            tensors["grad." + key] = weights[key].grad.float().contiguous()
        golden |= {"targets": targets, "trained_tokens": count, "loss": loss.item()}
    if name == "llama3":
        # The same configuration as versions of transformers before 5 wrote it.
        old = json.loads((folder / "config.json").read_text())
        rope = old.pop("rope_parameters")
        old |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope, "torch_dtype": old.pop("dtype"), "transformers_version": "4.46.0"}
        (folder / "config-v4.json").write_text(json.dumps(old, indent=2, sort_keys=True) + "\n")
        again = LlamaConfig.from_dict(old)
        assert dict(again.rope_parameters) == dict(config.rope_parameters), (again.rope_parameters, config.rope_parameters)
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    save_file(tensors, folder / "golden.safetensors")
    spread = torch.cat(rows).std().item()
    print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, logits spread {spread:.2f}, worst difference to transformers {worst:.1e}")


def dense(cores):
    """W [out, in] of cores [bond left, out, in, bond right]; the first core's indices are the slowest."""
    w = cores[0]
    for core in cores[1:]:
        w = torch.tensordot(w, core, dims=1)
    n = len(cores)
    legs = w.reshape([s for core in cores for s in core.shape[1:3]])
    out = [2 * k for k in range(n)]
    return legs.permute(out + [k + 1 for k in out]).reshape(*(torch.tensor([c.shape[a] for c in cores]).prod().item() for a in (1, 2)))


def make_mpo():
    pick = torch.Generator().manual_seed(2)
    draw = lambda *shape: torch.randn(*shape, generator=pick, dtype=torch.float64)
    cases = []
    for outs, ins, bonds in (
        ([6], [5], []),
        ([3, 4], [2, 5], [4]),
        ([5, 1], [1, 6], [3]),  # the plain low-rank form
        ([2, 3, 4], [3, 2, 2], [5, 3]),
        ([2, 1, 3, 2], [1, 3, 2, 2], [2, 4, 3]),
        ([2, 2, 1, 3, 2], [3, 1, 2, 1, 2], [4, 3, 5, 2]),
    ):
        ends = [1, *bonds, 1]
        cores = [draw(ends[k], outs[k], ins[k], ends[k + 1]).requires_grad_() for k in range(len(outs))]
        w = dense(cores)
        x = draw(7, w.shape[1]).requires_grad_()
        y = x @ w.T
        cotangent = draw(*y.shape)
        y.backward(cotangent)
        case = {"out": outs, "in": ins, "bonds": bonds, "dense": w, "x": x, "y": y, "cotangent": cotangent, "x_gradient": x.grad}
        case = {k: v.detach().flatten().tolist() if torch.is_tensor(v) else v for k, v in case.items()}
        case |= {"cores": [c.detach().flatten().tolist() for c in cores], "core_gradients": [c.grad.flatten().tolist() for c in cores]}
        cases.append(case)
    # One element of the three-core case by the definition, to guard the index order.
    c = cases[3]
    a, b, d = (torch.tensor(v, dtype=torch.float64).reshape(s) for v, s in zip(c["cores"], ((1, 2, 3, 5), (5, 3, 2, 3), (3, 4, 2, 1))))
    o, i = (1 * 3 + 2) * 4 + 1, (2 * 2 + 0) * 2 + 1
    by_hand = sum(a[0, 1, 2, r] * b[r, 2, 0, s] * d[s, 1, 1, 0] for r in range(5) for s in range(3)).item()
    assert abs(by_hand - c["dense"][o * 12 + i]) < 1e-12
    (here / "mpo").mkdir(exist_ok=True)
    rounded = json.loads(json.dumps(cases), parse_float=lambda s: float(f"{float(s):.15g}"))
    (here / "mpo" / "golden.json").write_text(json.dumps({"cases": rounded}) + "\n")
    print(f"mpo: {len(cases)} cases")


if __name__ == "__main__":
    for name, config in families.items():
        make_family(name, config)
    make_mpo()
    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
                "safetensors": safetensors.__version__, "numpy": numpy.__version__}
    (here / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
