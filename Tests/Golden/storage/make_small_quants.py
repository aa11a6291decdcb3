"""Makes small-quants.gguf and small-quants.safetensors: random blocks of the types of two to four bits that make.py does not have, and
the floats that gguf.quants.dequantize makes of them.

    python make_small_quants.py        (in this directory; gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0)
"""
import os
import gguf, numpy as np
from gguf import GGMLQuantizationType as Q
from safetensors.numpy import save_file

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(11)
# random bits, but finite halves where scales lie
halves = {Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.IQ4_NL: [0], Q.IQ4_XS: [0]}
writer = gguf.GGUFWriter("small-quants.gguf", "llama")
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
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
save_file(expected, "small-quants.safetensors")
