"""The Llama family written down plainly in torch, in whatever dtype the weights have.

transformers does its norms, rotary angles and softmax in float32 even when the weights are float64. The goldens want every digit,
so they come from this forward pass in float64, and the generators check that transformers in float32 agrees with it.
"""

import math

import torch
import torch.nn.functional as F


def inverse_frequencies(config):
    rope = config.rope_parameters
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    f = rope["rope_theta"] ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
    if rope["rope_type"] == "llama3":
        old = rope["original_max_position_embeddings"]
        turns = old * f / (2 * math.pi)  # full turns within the context of pre-training
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        keep = ((turns - low) / (high - low)).clamp(0, 1)  # 0: stretched by the factor, 1: as it was
        f = f * (keep + (1 - keep) / rope["factor"])
    else:
        assert rope["rope_type"] == "default", rope
    return f


def rms_norm(x, weight, eps):
    return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * weight


def rotate(x, angles):
    a, b = x.chunk(2, dim=-1)
    c, s = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat([a * c - b * s, b * c + a * s], dim=-1)


def logits(weights, config, ids, segments=None, linear=None):
    """[T, vocabulary] of one row of ids. `segments` numbers the samples packed into the row: positions restart, attention stays inside.
    `linear(name, x)` replaces the product with the matrix `name`.weight."""
    w = weights
    tokens = len(ids)
    segments = torch.zeros(tokens, dtype=torch.long) if segments is None else torch.as_tensor(segments)
    positions = torch.tensor([int((segments[:t] == segments[t]).sum()) for t in range(tokens)])
    angles = positions[:, None].double() * inverse_frequencies(config)
    sees = (segments[:, None] == segments[None, :]) & torch.ones(tokens, tokens, dtype=torch.bool).tril()
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    eps = config.rms_norm_eps

    def dense(name, x):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    linear = linear or dense
    h = w["model.embed_tokens.weight"][torch.as_tensor(ids)]
    for n in range(config.num_hidden_layers):
        at = f"model.layers.{n}."
        x = rms_norm(h, w[at + "input_layernorm.weight"], eps)
        q = linear(at + "self_attn.q_proj", x).view(tokens, heads, -1).transpose(0, 1)
        k = linear(at + "self_attn.k_proj", x).view(tokens, groups, -1).transpose(0, 1)
        v = linear(at + "self_attn.v_proj", x).view(tokens, groups, -1).transpose(0, 1)
        if at + "self_attn.q_norm.weight" in w:
            q, k = (rms_norm(y, w[f"{at}self_attn.{s}_norm.weight"], eps) for y, s in ((q, "q"), (k, "k")))
        q, k = rotate(q, angles), rotate(k, angles)
        k, v = (y.repeat_interleave(heads // groups, dim=0) for y in (k, v))
        scores = (q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])).masked_fill(~sees, -math.inf)
        mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(tokens, -1)
        h = h + linear(at + "self_attn.o_proj", mixed)
        x = rms_norm(h, w[at + "post_attention_layernorm.weight"], eps)
        h = h + linear(at + "mlp.down_proj", F.silu(linear(at + "mlp.gate_proj", x)) * linear(at + "mlp.up_proj", x))
    h = rms_norm(h, w["model.norm.weight"], eps)
    return h @ w["model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"].T
