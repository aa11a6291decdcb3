"""Makes the synthetic tokenizers and all expected ids of this folder, with the reference libraries.

Run:  python make_goldens.py   (tokenizers 0.23.3, sentencepiece 0.2.3, tiktoken 0.14.0)

Reads the four real tokenizers beside it (stories260K, smollm2, openllama, gpt2; origins in README.md), trains small ones on the
text below, and writes `texts.json`, `NAME/expected.json` and the files of the synthetic tokenizers.
"""
import base64, json, os, random, shutil
import sentencepiece as spm
import tiktoken
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(HERE)

# --- Texts: every line is ours. -----------------------------------------------------------------------------------------
SENTENCES = """The quick brown fox jumps over the lazy dog, doesn't it?
I'll say what we've said: they're here, he'd gone, I'm not.
In 1984, 12 of 3456 birds (0.35 %) flew 1,000,000 metres.
def add(a, b):\n    return a + b  # the sum\n\n\nprint(add(1, 2))\n
Der Zug nach Köln fährt um 17:45 Uhr ab; außerdem regnet es.
Le garçon naïf a mangé une pêche près de l'école.
Привет, как дела? Сегодня хорошая погода.
今天天气很好，我们去公园散步吧。
こんにちは、世界！ 私は学生です。
안녕하세요, 반갑습니다.
مرحبا بالعالم، كيف حالك؟
नमस्ते दुनिया, आप कैसे हैं?
สวัสดีชาวโลก
Once upon a time, there was a little girl named Lily.
She loved to play outside in the park, and one day she saw a big red ball.""".split("\n")
SENTENCES = [s.replace("\\n", "\n") for s in SENTENCES]
BITS = [" ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", " \n", " \t ", "'s", "'S", "'ſ", "'re", "'RE", "'Ll", "'ll", "'t", "'x", "'", "1",
        "12", "123", "1234", "٣٤", "½", "Ⅷ", "。", "é", "e\u0301", "a\u0301\u0323", "\u0301", "가", "\u1100\u1161", "\u1100", "न\u093c",
        "\u0958", "Å", "\u212b", "ﬁ", "Ａ", "㍿", "\u00a0", "\u2003", "\u3000", "\u180e", "\u200b", "\u200d", "\ufeff", "\u2028", "\u0085",
        "\x0b", "\x0c", "\x00", "\x1f", "\x7f", "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "\U0010ffff", "\ue000", "\U00031350", "\U00010d40", "\ua7cb", "▁", "▁▁",
        "_", "...", "!?", "#$%", "<", ">", "<|", "|>", "</s>", "<s>", "<unk>", "<0x0A>", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
        "<|end|>", "<L>", "<R>", "<B>", "<B>x", "foo", "the", " word", "sp ace", "ſ", "K", "ß", "İ", "ǅ", "ﷺ", "™", "…", "“", "”", "𝟘"]


def texts():
    r = random.Random(20)
    out = ["", " ", "  ", "\n", "a", " a", "a ", "é", "1", "123456789", "a" * 300, " " * 200, "ab " * 100, "世界" * 80, "1" * 100]
    out += SENTENCES + [" " + s for s in SENTENCES[:6]] + ["\n".join(SENTENCES)]
    for _ in range(260):
        s = ""
        for _ in range(r.choice([1, 2, 3, 5, 8, 13, 30])):
            if r.random() < 0.6:
                s += r.choice(BITS)
            else:
                words = r.choice(SENTENCES).split(" ")
                s += r.choice(["", " "]) + r.choice(words)
        out.append(s)
    return out


TEXTS = texts()
CORPUS = SENTENCES * 3 + TEXTS[30:200]

# --- Synthetic tokenizers. ----------------------------------------------------------------------------------------------
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
          r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(*steps, norm=None, use_regex=False, prefix=False, size=600):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre.Sequence([*steps, pre.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)])
    t.decoder = decoders.ByteLevel()
    if norm:
        t.normalizer = norm
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|end|>", "<|im_start|>"], initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False))
    return json.loads(t.to_str())


def split(pattern, behavior="isolated", invert=False):
    return pre.Split(Regex(pattern), behavior, invert)


def llama2(normalizer, pre_tokenizer, decoder):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.pre_tokenizer = pre.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=700, limit_alphabet=90, show_progress=False,
        special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]))
    j = json.loads(t.to_str())
    j["normalizer"], j["pre_tokenizer"], j["decoder"] = normalizer, pre_tokenizer, decoder
    j["added_tokens"] = [token for token in j["added_tokens"] if token["id"] < 3]
    # The old spelling of merges.
    j["model"]["merges"] = [" ".join(m) for m in j["model"]["merges"]]
    return j


def synthetic():
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [0], "tokens": ["<|end|>"]}}}
    j = byte_level(split(LLAMA3))
    j["model"]["ignore_merges"] = True
    # Without a third of the merges some entries are only reached whole.
    j["model"]["merges"] = [m for i, m in enumerate(j["model"]["merges"]) if i % 3]
    j["post_processor"] = {"type": "Sequence", "processors": [json.loads(Tokenizer(models.BPE()).to_str())["post_processor"] or
                           {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}, template]}
    yield "llama3_style", j
    yield "qwen2_style", byte_level(split(QWEN2), norm=normalizers.NFC())
    yield "tekken_style", byte_level(split(TEKKEN))
    yield "gpt2_by_regex", byte_level(split(r"(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"))
    yield "prefix_space", byte_level(prefix=True, use_regex=True)
    yield "merged_next", byte_level(split(r"\s+|\p{P}", "merged_with_next"), pre.Digits(individual_digits=False), size=400)
    yield "removed", byte_level(split(r"\s+", "removed"), split(r"\p{L}+", "contiguous", True), size=400)
    t = Tokenizer.from_str(json.dumps(byte_level(split(LLAMA3), norm=normalizers.NFC())))
    t.add_tokens([AddedToken("foo", normalized=True), AddedToken("the", single_word=True, normalized=False),
                  AddedToken(" word", lstrip=True, normalized=False), AddedToken("<L>", lstrip=True, normalized=False),
                  AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<B>", rstrip=True, lstrip=True, normalized=True),
                  AddedToken("<B>x", normalized=True), AddedToken("é", normalized=True), AddedToken("  ", normalized=False)])
    t.add_special_tokens([AddedToken("<s>", normalized=False), AddedToken("sp ace", normalized=False)])
    yield "added_tokens", json.loads(t.to_str())
    decoder = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    yield "llama2_style", llama2({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, None, decoder)
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    yield "metaspace_first", llama2(None, metaspace, metaspace)
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    yield "metaspace_split", llama2(None, metaspace, metaspace)


def valid(text):
    return "\ufffd" not in text


def write(name, encode, encode_plain, decode, config=None, bos=None):
    os.makedirs(name, exist_ok=True)
    rows = []
    for t in TEXTS:
        ids, plain = encode(t), encode_plain(t)
        rows.append({"ids": ids} | ({"plain": plain} if plain != ids else {}))
    r, size = random.Random(5), max(max(x["ids"], default=0) for x in rows) + 1
    decoded = []
    for ids in [x["ids"] for x in rows[:60]] + [[r.randrange(size) for _ in range(r.randrange(1, 8))] for _ in range(150)]:
        skipped, kept = decode(ids, True), decode(ids, False)
        if valid(skipped) and (kept is None or valid(kept)):
            decoded.append({"ids": ids, "skipped": skipped} | ({} if kept is None else {"kept": kept}))
    json.dump({"rows": rows, "decoded": decoded}, open(f"{name}/expected.json", "w"), ensure_ascii=True, separators=(",", ":"))
    print(name, sum(len(x["ids"]) for x in rows), "ids,", len(decoded), "decoded")


def tokenizers_golden(name, t):
    def encode(text, special):
        t.encode_special_tokens = not special
        return t.encode(text, add_special_tokens=False).ids
    write(name, lambda s: encode(s, True), lambda s: encode(s, False), lambda ids, skip: t.decode(ids, skip_special_tokens=skip))


def sentencepiece_golden(name):
    m = spm.SentencePieceProcessor(model_file=f"{name}/tokenizer.model")
    # The bare library never finds special tokens in the text, and has one way to decode.
    write(name, m.encode, m.encode, lambda ids, skip: m.decode(ids) if skip else None)


def main():
    json.dump(TEXTS, open("texts.json", "w"), ensure_ascii=True, indent=0)
    for name, j in synthetic():
        os.makedirs(name, exist_ok=True)
        json.dump(j, open(f"{name}/tokenizer.json", "w"), ensure_ascii=False, separators=(",", ":"))
        tokenizers_golden(name, Tokenizer.from_file(f"{name}/tokenizer.json"))
    tokenizers_golden("smollm2", Tokenizer.from_file("smollm2/tokenizer.json"))
    t = Tokenizer(models.BPE.from_file("gpt2/vocab.json", "gpt2/merges.txt"))
    t.pre_tokenizer, t.decoder = pre.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.add_special_tokens(["<|endoftext|>"])
    tokenizers_golden("gpt2", t)

    open("corpus.tmp", "w", newline="\n").write("\n".join(s.replace("\n", " ").replace("\0", "") for s in CORPUS))
    common = dict(input="corpus.tmp", model_type="bpe", minloglevel=2, vocab_size=900)
    shapes = {
        "spm_plain": dict(byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.98),
        "spm_symbols": dict(byte_fallback=False, normalization_rule_name="identity", remove_extra_whitespaces=True, character_coverage=0.98,
                            user_defined_symbols=["foo", "th", " word", "▁▁▁", "1", "<L>"], control_symbols=["<B>"], pad_id=3),
        "spm_nfkc": dict(byte_fallback=True, normalization_rule_name="nmt_nfkc", character_coverage=0.98),
        "spm_across": dict(byte_fallback=True, normalization_rule_name="identity", split_by_whitespace=False, split_by_unicode_script=False,
                           add_dummy_prefix=False, remove_extra_whitespaces=False, character_coverage=0.98, vocab_size=1200),
    }
    for name, shape in shapes.items():
        os.makedirs(name, exist_ok=True)
        spm.SentencePieceTrainer.train(model_prefix=f"{name}/tokenizer", **(common | shape))
        os.remove(f"{name}/tokenizer.vocab")
    os.makedirs("spm_unigram", exist_ok=True)
    spm.SentencePieceTrainer.train(model_prefix="spm_unigram/tokenizer", **(common | dict(
        model_type="unigram", vocab_size=400, character_coverage=0.98, normalization_rule_name="identity")))
    os.remove("spm_unigram/tokenizer.vocab")
    os.remove("corpus.tmp")
    for name in ["stories260K", "openllama", *shapes]:
        sentencepiece_golden(name)

    # A tiktoken model: the byte-level vocabulary of llama3_style by rank, after the 256 bytes.
    j = json.load(open("qwen2_style/tokenizer.json"))
    alphabet = {}
    extra = 0x100
    for b in range(256):
        if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or 0xAE <= b <= 0xFF:
            alphabet[chr(b)] = b
        else:
            alphabet[chr(extra)] = b
            extra += 1
    tokens = [bytes([b]) for b in range(256)]
    for left, right in j["model"]["merges"]:
        token = bytes(alphabet[c] for c in left + right)
        if token not in tokens:
            tokens.append(token)
    os.makedirs("tiktoken_style", exist_ok=True)
    open("tiktoken_style/tokenizer.model", "w").write("".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate(tokens)))
    e = tiktoken.Encoding("t", pat_str=LLAMA3, mergeable_ranks={t: i for i, t in enumerate(tokens)},
                          special_tokens={"<|begin_of_text|>": len(tokens), "<|end_of_text|>": len(tokens) + 1, "<|eot_id|>": len(tokens) + 9})
    write("tiktoken_style", lambda s: e.encode(s, allowed_special="all"), lambda s: e.encode(s, disallowed_special=()),
          lambda ids, skip: e.decode(ids) if not skip else e.decode([i for i in ids if i < len(tokens)]))


main()
