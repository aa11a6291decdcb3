"""Makes split/qwen2-0000N-of-00003.gguf: qwen2.gguf in three files, as the reference writer splits a model.

    python make_split.py        (in this directory; gguf 0.19.0)
"""
import os, shutil
import gguf

os.chdir(os.path.dirname(os.path.abspath(__file__)))
shutil.rmtree("split", ignore_errors=True)
os.makedirs("split")
source = gguf.GGUFReader("qwen2.gguf")
writer = gguf.GGUFWriter("split/qwen2.gguf", "qwen2", split_max_tensors=10)
for field in source.fields.values():
    if field.name.startswith("GGUF.") or field.name == "general.architecture": continue
    kind = field.types[0]
    writer.add_key_value(field.name, field.contents(), kind, sub_type=field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
for tensor in source.tensors: writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
