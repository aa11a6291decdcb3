"""A SentencePiece BPE model as a Hugging Face tokenizer directory, for generate.py.

    python sentencepiece_reference.py tokenizer.model DIR [--first]

transformers 5.23 opens tokenizer.model itself, but ranks merges by vocabulary order where the model has scores, so that it disagrees with
the sentencepiece library (".  This" gives "\u2581\u2581", "This" in place of "\u2581", "\u2581This"). Here merges are ranked by score, as in the
tokenizer.json files that Llama 2 models carry. By default every stretch of text between special tokens gets the prefix space, as in those
files; with --first only the first one does (`"legacy": false`).
"""
import argparse, json, os

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("out")
parser.add_argument("--first", action="store_true")
options = parser.parse_args()

model = sentencepiece.SentencePieceProcessor(options.model)
pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
vocabulary = {piece: i for i, piece in enumerate(pieces)}
merges = []
for i, piece in enumerate(pieces):
    if not model.is_byte(i):
        splits = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        known = [(a, b) for a, b in splits if a in vocabulary and b in vocabulary]
        merges += [(model.get_score(i), a, b) for a, b in sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))]
merges.sort(key=lambda merge: merge[0], reverse=True)

tokenizer = Tokenizer(BPE(vocabulary, [(a, b) for _, a, b in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
if options.first:
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
else:
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in ("<unk>", "<s>", "</s>")])
tokenizer.decoder = decoders.Sequence(
    [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])

os.makedirs(options.out, exist_ok=True)
tokenizer.save(os.path.join(options.out, "tokenizer.json"))
with open(os.path.join(options.out, "tokenizer_config.json"), "w") as file:
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, file)
