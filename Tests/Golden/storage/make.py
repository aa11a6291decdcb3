"""Makes the golden files of the storage and configuration tests with the reference libraries.

    python make.py        (in this directory; versions used: see versions.txt, which it writes)

quants.gguf             random blocks of quantised types (others: make_small_quants.py), one tensor each, and every kind of metadata value
quants.safetensors      the floats that gguf.quants.dequantize makes of them
types.safetensors       every readable dtype of safetensors and two that are only listed
types-f32.safetensors   the same numbers as float32
sharded/                two shards with an index
reference.h5            datasets and attributes as h5py writes them
{llama,qwen2,qwen3}.gguf, {llama,qwen2,qwen3}/   one tiny random model each as GGUF and as a Hugging Face directory;
                        q and k rows of `llama` are interleaved as llama.cpp's converter does it
rope.json               inverse frequencies and attention factors by transformers
"""
import importlib.metadata, json, os, zlib
import gguf, h5py, numpy as np, torch
from gguf import GGMLQuantizationType as Q
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

rng = np.random.default_rng(7)
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

with open("versions.txt", "w") as out:
    for package in ["gguf", "h5py", "numpy", "safetensors", "torch", "transformers"]:
        out.write(f"{package} {importlib.metadata.version(package)}\n")

# --- quantised blocks: random bits, but finite halves where scales lie
halves = {Q.Q8_0: [0], Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
writer = gguf.GGUFWriter("quants.gguf", "llama")
expected = {}
for kind, offsets in halves.items():
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    per_row = 512 // elements
    raw = rng.integers(0, 256, (3, per_row, size), dtype=np.uint8)
    for offset in offsets:
        # exponents from subnormal to large, both signs
        value = (rng.standard_normal((3, per_row)) * 10.0 ** rng.integers(-7, 4, (3, per_row))).astype(np.float16)
        raw[..., offset:offset + 2] = value.view(np.uint8).reshape(3, per_row, 2)
    raw = raw.reshape(3, per_row * size)
    writer.add_tensor(kind.name, raw, raw_dtype=kind)
    expected[kind.name] = np.ascontiguousarray(gguf.quants.dequantize(raw, kind)).reshape(3, 512)
# every half there is (65,536 would be large: all exponents, some mantissas), and bf16
patterns = np.concatenate([np.arange(0, 2048), np.arange(2048, 65536, 37)]).astype(np.uint16)
patterns = patterns[np.isfinite(patterns.view(np.float16)) | np.isinf(patterns.view(np.float16))]
writer.add_tensor("F16", patterns.view(np.float16))
expected["F16"] = patterns.view(np.float16).astype(np.float32)
brain = rng.integers(0, 0x7F80, 64, dtype=np.uint16)
writer.add_tensor("BF16", brain.view(np.uint8), raw_dtype=Q.BF16)
expected["BF16"] = (brain.astype(np.uint32) << 16).view(np.float32)
plain = rng.standard_normal((2, 5)).astype(np.float32)
writer.add_tensor("F32", plain)
expected["F32"] = plain
writer.add_uint8("value.uint8", 200); writer.add_int8("value.int8", -100)
writer.add_uint16("value.uint16", 60000); writer.add_int16("value.int16", -30000)
writer.add_uint32("value.uint32", 4000000000); writer.add_int32("value.int32", -2000000000)
writer.add_uint64("value.uint64", 2**64 - 1); writer.add_int64("value.int64", -2**62)
writer.add_float32("value.float32", 1.5); writer.add_float64("value.float64", 1e-300)
writer.add_bool("value.bool", True); writer.add_string("value.string", "naïve 模型")
writer.add_array("array.int32", [1, -2, 3]); writer.add_array("array.float32", [0.5, -0.25])
writer.add_array("array.string", ["a", "", "▁b"]); writer.add_array("array.bool", [True, False])
writer.add_array("array.array", [[1, 2], [3]])
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
save_file(expected, "quants.safetensors")

# --- safetensors dtypes
base = torch.tensor(rng.standard_normal((3, 4)) * 100)
save_torch({"f64": base, "f32": base.float(), "f16": base.half(), "bf16": base.bfloat16(), "i64": base.long(), "u8": base.abs().to(torch.uint8),
            "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}, "types.safetensors", metadata={"format": "pt", "note": "größe"})
save_torch({"f64": base.float(), "f32": base.float(), "f16": base.half().float(), "bf16": base.bfloat16().float()}, "types-f32.safetensors")
# rounding to bf16 as torch does it: ties, carries, subnormals, infinities
bits = np.concatenate([rng.integers(0, 2**32, 200, dtype=np.uint32), np.array([0x3F808000, 0x3F818000, 0x3F808001, 0x7F7FFFFF, 0xFF800000, 1, 0x80008000, 0x0001FFFF], dtype=np.uint32)])
values = torch.tensor(bits.view(np.float32)); values = values[~values.isnan()]
save_torch({"values": values, "rounded": values.bfloat16()}, "rounding.safetensors")
os.makedirs("sharded", exist_ok=True)
save_torch({"a": base.float(), "b": base.half()}, "sharded/model-00001-of-00002.safetensors", metadata={"format": "pt"})
save_torch({"c": base.bfloat16()}, "sharded/model-00002-of-00002.safetensors", metadata={"format": "pt"})
json.dump({"metadata": {"total_size": 96}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
           "c": "model-00002-of-00002.safetensors"}}, open("sharded/model.safetensors.index.json", "w"), indent=2)

# --- HDF5 as h5py writes it
with h5py.File("reference.h5", "w") as f:
    for kind in ["float32", "float64", "uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64"]:
        data = (np.arange(24).reshape(2, 3, 4) - (0 if kind[0] == "u" else 7)).astype(kind)
        dataset = f.create_dataset(f"group/{kind}", data=data)
        dataset.attrs["crc32"] = np.uint32(zlib.crc32(data.tobytes()))
    f["group/unchecked"] = np.zeros(3, np.float32)
    dataset = f.create_dataset("group/text", data="text naïve", dtype=h5py.string_dtype())
    dataset.attrs["crc32"] = np.uint32(zlib.crc32("text naïve".encode()))
    g = f["group"]
    g.attrs["variable"] = "naïve"; g.attrs["fixed"] = np.bytes_("fixed"); g.attrs["int"] = 42; g.attrs["double"] = 0.1; g.attrs["list"] = [1, 2]

# --- tiny models
H, FF, L, HEADS, KV, V = 16, 32, 2, 4, 2, 8
def interleave(rows, heads):  # as llama.cpp's converter
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
def model(arch, D, qkv_bias, norm, tied, extra_config, extra_metadata):
    r = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    weights = {"model.embed_tokens.weight": r(V, H), "model.norm.weight": r(H)}
    if not tied: weights["lm_head.weight"] = r(V, H)
    for i in range(L):
        p = f"model.layers.{i}."
        weights |= {p + "input_layernorm.weight": r(H), p + "post_attention_layernorm.weight": r(H),
                    p + "self_attn.q_proj.weight": r(HEADS * D, H), p + "self_attn.k_proj.weight": r(KV * D, H), p + "self_attn.v_proj.weight": r(KV * D, H),
                    p + "self_attn.o_proj.weight": r(H, HEADS * D), p + "mlp.gate_proj.weight": r(FF, H), p + "mlp.up_proj.weight": r(FF, H), p + "mlp.down_proj.weight": r(H, FF)}
        if qkv_bias: weights |= {p + "self_attn.q_proj.bias": r(HEADS * D), p + "self_attn.k_proj.bias": r(KV * D), p + "self_attn.v_proj.bias": r(KV * D)}
        if qkv_bias and arch == "llama": weights |= {p + "self_attn.o_proj.bias": r(H)}
        if norm: weights |= {p + "self_attn.q_norm.weight": r(D), p + "self_attn.k_norm.weight": r(D)}
    os.makedirs(arch, exist_ok=True)
    save_file(weights, f"{arch}/model.safetensors", metadata={"format": "pt"})
    config = {"model_type": arch, "hidden_size": H, "intermediate_size": FF, "num_hidden_layers": L, "num_attention_heads": HEADS, "num_key_value_heads": KV,
              "head_dim": D, "vocab_size": V, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
              "tie_word_embeddings": tied, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"} | extra_config
    json.dump(config, open(f"{arch}/config.json", "w"), indent=2)
    w = gguf.GGUFWriter(f"{arch}.gguf", arch)
    w.add_block_count(L); w.add_context_length(64); w.add_embedding_length(H); w.add_feed_forward_length(FF); w.add_head_count(HEADS); w.add_head_count_kv(KV)
    w.add_key_length(D); w.add_value_length(D); w.add_layer_norm_rms_eps(1e-5); w.add_rope_freq_base(500000.0)
    w.add_tokenizer_model("llama"); w.add_token_list([b"<unk>", b"<s>", b"</s>", b"a", b"b", b"c", b"d", b"e"]); w.add_token_scores([0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0])
    w.add_token_types([2, 3, 3, 1, 1, 1, 1, 1]); w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_add_bos_token(True); w.add_chat_template("{{ messages }}")
    extra_metadata(w)
    short = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    for name, value in weights.items():
        if name in top: w.add_tensor(top[name], value); continue
        _, _, layer, *module, end = name.split(".")
        module = ".".join(module)
        if arch == "llama" and module in ("self_attn.q_proj", "self_attn.k_proj"): value = interleave(value, HEADS if "q_proj" in module else KV)
        w.add_tensor(f"blk.{layer}.{short[module]}.{end}", np.ascontiguousarray(value))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
def frequencies(D, theta, rope):
    config = LlamaConfig(hidden_size=4 * D, num_attention_heads=4, head_dim=D, max_position_embeddings=131072, rope_parameters=dict(rope, rope_theta=theta))
    if rope["rope_type"] == "default":
        return (1 / theta ** (torch.arange(0, D, 2).double() / D)).tolist(), 1.0
    inv, factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, "cpu")
    return inv.double().tolist(), factor
cases = []
for D, theta, rope in [(64, 10000.0, {"rope_type": "default"}), (8, 10000.0, {"rope_type": "linear", "factor": 4.0}),
        (128, 500000.0, {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
        (64, 500000.0, {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
        (128, 1000000.0, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}),
        (64, 10000.0, {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096, "beta_fast": 24.0, "beta_slow": 2.0, "attention_factor": 1.5, "truncate": False})]:
    inv, factor = frequencies(D, theta, rope)
    cases.append({"head_dim": D, "theta": theta, "rope": rope, "frequencies": inv, "attention_factor": factor})
json.dump(cases, open("rope.json", "w"))

llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
plain, scaled = np.array(frequencies(16, 500000.0, {"rope_type": "default"})[0]), np.array(frequencies(16, 500000.0, llama3)[0])
model("llama", 16, True, False, False, {"rope_scaling": llama3, "attention_bias": True, "mlp_bias": False},
      lambda w: (w.add_rope_dimension_count(16), w.add_tensor("rope_freqs.weight", (plain / scaled).astype(np.float32))))
model("qwen2", 4, True, False, True, {"use_sliding_window": False, "sliding_window": 32}, lambda w: None)
model("qwen3", 8, False, True, True, {"attention_bias": False}, lambda w: None)
