"""The merges that transformers' converter finds in a sentencepiece model, and the ids that its tokenizer gives from the converted file.

    python Tests/Golden/export/make.py     (transformers 4.46.3, tokenizers 0.20.3, sentencepiece 0.2.1, protobuf)

Version 4 is used because its converter orders merges by score; version 5 orders them by id, which is the same for the models here.
Texts are those of Tests/Golden/tokenizers/texts.json; `ids` holds only those rows in which special tokens are found in the text, the others
being as in Tests/Golden/tokenizers/NAME/expected.json.
"""
import json, pathlib, shutil, tempfile
import sentencepiece, tokenizers, transformers
from transformers import LlamaTokenizerFast

here = pathlib.Path(__file__).parent
golden = here.parent / "tokenizers"
texts = json.loads((golden / "texts.json").read_text())

for name in ["stories260K", "spm_plain"]:
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(golden / name / "tokenizer.model", directory)
        fast = LlamaTokenizerFast.from_pretrained(directory, legacy=True)
    model = json.loads(fast.backend_tokenizer.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    plain = json.loads((golden / name / "expected.json").read_text())["rows"]
    ids = {}
    for row, text in enumerate(texts):
        found = fast.encode(text, add_special_tokens=False)
        if found != plain[row]["ids"]:
            assert {0, 1, 2} & set(found), row
            ids[str(row)] = found
    out = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__,
           "merges": merges, "ids": ids}
    (here / f"{name}.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(name, len(merges))
