#!/usr/bin/env python3
"""Writes a model in the shape of Llama-2-7B with random weights, so that the whole path can be run without the licensed ones.

    python3 scripts/make_llama7b.py models/llama7b-random               # 13.5 GB, a few minutes
    python3 scripts/make_llama7b.py models/llama7b-2 --layers 2         # 1.3 GB
    heal --config configs/llama7b.json --set model=models/llama7b-random --set chat_template=plain \\
        --set 'datasets=[{"path":"datasets/alpaca-dolly.jsonl"}]' --set max_steps=3

bf16 safetensors in shards of at most 10 GB with an index, tensor by tensor as transformers orders them. The weights are normal with a standard deviation
of 0.02, as before training, from a fixed seed. The tokenizer is that of models/stories260K (512 of the 32,000 ids are used). Needs numpy only.
"""
import argparse
import json
import shutil
import struct
from pathlib import Path

import numpy as np

HIDDEN, INTERMEDIATE, HEADS, VOCABULARY = 4096, 11008, 32, 32000
SHARD = 10_000_000_000  # bytes


def tensors(layers):
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        block = f"model.layers.{layer}"
        for name in "qkvo":
            yield f"{block}.self_attn.{name}_proj.weight", (HIDDEN, HIDDEN)
        yield f"{block}.mlp.gate_proj.weight", (INTERMEDIATE, HIDDEN)
        yield f"{block}.mlp.up_proj.weight", (INTERMEDIATE, HIDDEN)
        yield f"{block}.mlp.down_proj.weight", (HIDDEN, INTERMEDIATE)
        yield f"{block}.input_layernorm.weight", (HIDDEN,)
        yield f"{block}.post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def shards(layers):
    """Lists of (name, shape), each of at most SHARD bytes."""
    parts, size = [[]], 0
    for name, shape in tensors(layers):
        count = 2 * int(np.prod(shape))
        if parts[-1] and size + count > SHARD:
            parts.append([])
            size = 0
        parts[-1].append((name, shape))
        size += count
    return parts


def bfloat16(values):
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def write_shard(path, part, number):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in part:
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.Generator(np.random.SFC64([7, number]))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in part:
            if len(shape) == 1:
                bfloat16(np.ones(shape, np.float32)).tofile(file)
                continue
            for row in range(0, shape[0], 1024):  # small pieces: memory stays small
                rows = min(1024, shape[0] - row)
                bfloat16(rng.standard_normal((rows, shape[1]), np.float32) * np.float32(0.02)).tofile(file)
            print(f"{path.name}  {name}", flush=True)
    return offset


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--layers", type=int, default=32, help="blocks; 32 is the whole model")
    arguments = parser.parse_args()
    if arguments.layers < 1:
        parser.error("--layers must be at least 1")
    target = arguments.directory
    target.mkdir(parents=True)
    parts = shards(arguments.layers)
    total = sum(2 * int(np.prod(shape)) for part in parts for _, shape in part)
    free = shutil.disk_usage(target).free
    if free < total:
        parser.error(f"{target}: {total / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")

    index = {"metadata": {"total_size": total}, "weight_map": {}}
    for number, part in enumerate(parts):
        name = f"model-{number + 1:05}-of-{len(parts):05}.safetensors"
        write_shard(target / name, part, number)
        index["weight_map"].update({tensor: name for tensor, _ in part})
    (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    (target / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE, "num_hidden_layers": arguments.layers, "num_attention_heads": HEADS, "num_key_value_heads": HEADS,
        "vocab_size": VOCABULARY, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "rope_scaling": None,
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"}, indent=2))
    tokenizer = Path(__file__).resolve().parent.parent / "models" / "stories260K" / "tokenizer.model"
    shutil.copyfile(tokenizer, target / "tokenizer.model")


if __name__ == "__main__":
    main()
