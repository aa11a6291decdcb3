"""Reference ids and trained tokens of conversations, from transformers' apply_chat_template(return_assistant_tokens_mask=True).

    python generate.py --tokenizers DIR --out templates --handmade --longest 400 --count 4 --rows ../../../datasets/alpaca-dolly.jsonl
        ../../../datasets/ultrachat*.jsonl ../../../datasets/openhermes-gpteacher.jsonl

writes one JSON file a template: the template as a model would carry it, how the tokenizer spells bos and eos, and cases of turns
[role, text, context], the rendered text, trained byte ranges, ids and trained token ranges. DIR holds one Hugging Face tokenizer
directory a name of TOKENIZERS: stories260K by sentencepiece_reference.py, smollm2 with "tokenizer_class": "PreTrainedTokenizerFast" in its
tokenizer_config.json (as GPT2Tokenizer, transformers 5.23 drops the splitting of digits). The rows are read here by a reader of its own.
Made with transformers 5.23.0, tokenizers 0.23.3, sentencepiece 0.2.3. Rows: Databricks Dolly (CC BY-SA 3.0), Open-Assistant
(Apache-2.0), GPTeacher (MIT); the origins are in datasets/README.md.
"""
import argparse, gzip, json, os

from templates import TEMPLATES
from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import render_jinja_template

parser = argparse.ArgumentParser()
parser.add_argument("--tokenizers", required=True)
parser.add_argument("--assign", default="small", choices=["small", "full"])
parser.add_argument("--out", required=True)
parser.add_argument("--rows", nargs="*", default=[])
parser.add_argument("--count", type=int, default=8)
parser.add_argument("--longest", type=int, default=10**9)
parser.add_argument("--handmade", action="store_true")
parser.add_argument("--templates", nargs="*", default=list(TEMPLATES))
options = parser.parse_args()

# Which tokenizer a template is tried with: "small" ones may lie in the repository.
TOKENIZERS = {"small": {"llama2": "stories260K", "mistral": "stories260K"}, "full": {"llama2": "llama2", "mistral": "llama2", "llama3": "llama3"}}

ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system", "observation": "tool", "function_call": "tool_call"}

HANDMADE = [
    [("user", "Hi", ""), ("assistant", "Ho", "")],
    [("system", "Be brief.", ""), ("user", "One?", ""), ("assistant", "1", ""), ("user", "Two?", ""), ("assistant", "2", "")],
    [("user", "  spaced \u00a0", ""), ("assistant", "\n\n Leading and trailing \u3000\n", "")],
    [("system", " \u2028s\x1c", ""), ("user", "\u0085a\u0085", ""), ("assistant", "\u200bzero\u2009", "")],
    [("user", "日本語 é 🙂 ﷽", ""), ("assistant", "🙂👩‍👩‍👧 ok\r\n", "")],
    [("user", "special <|im_end|></s> in text", ""), ("assistant", "<|im_start|>user\n<s>[INST]", "")],
    [("user", "Add the numbers.", "3, 4"), ("assistant", "7", "")],
    [("user", "a", ""), ("assistant", "<think>\nhm\n</think>\n\nb", ""), ("user", "c", ""), ("assistant", "<think>x</think>d", "")],
    [("user", "ends with a question", ""), ("assistant", "yes", ""), ("user", "and now?", "")],
    [("system", "tools", ""), ("user", "weather?", ""), ("tool", '{"t": 1}', ""), ("tool", '{"t": 2}', ""), ("assistant", "1 and 2", "")],
]


def conversation(row):
    if "instruction" in row:
        return [("user", row["instruction"], row.get("input") or ""), ("assistant", row["output"], "")]
    if "messages" in row:
        return [(m["role"], m["content"], "") for m in row["messages"]]
    if "conversations" in row:
        return [(ROLES[m["from"]], m["value"], "") for m in row["conversations"]]
    return [("user" if i % 2 == 0 else "assistant", text, "") for i, text in enumerate(row["data"])]


def conversations():
    for path in options.rows:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            for line in file.read().split(b"\n"):
                if line.strip():
                    yield conversation(json.loads(line))


def fits(turns, features):
    roles = [role for role, _, _ in turns]
    if "tool_call" in roles or ("tool" in roles and not features.get("tools")):
        return False
    if any(role == "assistant" and not text.strip() for role, text, _ in turns) or "assistant" not in roles:
        return False
    if roles[0] == "system":
        if features.get("system") is False:
            return False
        roles = roles[1:]
    if "system" in roles:
        return False
    return not features.get("alternates") or all(role == ("user" if i % 2 == 0 else "assistant") for i, role in enumerate(roles))


def ranges(mask):
    found = []
    for i, value in enumerate(mask):
        if value and found and found[-1][1] == i:
            found[-1][1] = i + 1
        elif value:
            found.append([i, i + 1])
    return found


def case(tokenizer, marked, features, turns):
    if features.get("context"):
        messages = [{"role": role, "content": text, "context": context} for role, text, context in turns]
    else:
        messages = [{"role": role, "content": text + ("\n\n" + context if context else "")} for role, text, context in turns]
    out = tokenizer.apply_chat_template(
        messages, chat_template=marked, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    text, spans = render_jinja_template(
        conversations=[messages], chat_template=marked, return_assistant_tokens_mask=True, **tokenizer.special_tokens_map)
    text, spans = text[0], spans[0]
    size = lambda end: len(text[:end].encode())
    return {
        "turns": [list(turn) for turn in turns], "text": text, "spans": [[size(a), size(b)] for a, b in spans],
        "ids": out["input_ids"], "trained": ranges(out["assistant_masks"]),
    }


os.makedirs(options.out, exist_ok=True)
pool = list(conversations())
for name in options.templates:
    stock, marked, features = TEMPLATES[name]
    which = TOKENIZERS[options.assign].get(name.split("-")[0].split(".")[0], "smollm2")
    tokenizer = AutoTokenizer.from_pretrained(os.path.join(options.tokenizers, which))
    chosen = [turns for turns in HANDMADE if options.handmade and fits(turns, features)]
    real = [turns for turns in pool if fits(turns, features) and sum(len(text) + len(context) for _, text, context in turns) <= options.longest]
    step = max(1, len(real) // max(1, options.count))
    chosen += real[::step][: options.count]
    cases = [case(tokenizer, marked, features, turns) for turns in chosen]
    if stock is not None:
        for item, turns in zip(cases, chosen):
            messages = [{"role": role, "content": text + ("\n\n" + context if context else "")} for role, text, context in turns]
            plain = tokenizer.apply_chat_template(messages, chat_template=stock, tokenize=False)
            assert plain == item["text"], (name, plain, item["text"])
    with open(os.path.join(options.out, f"{name}.json"), "w") as file:
        head = {"template": name.split("-")[0].split(".")[0], "jinja": stock, "tokenizer": which, "bos": tokenizer.bos_token, "eos": tokenizer.eos_token}
        file.write("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()) + ',\n"cases": [\n')
        file.write(",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in cases) + "\n]}\n")
    print(name, which, len(cases), "cases", sum(len(c["ids"]) for c in cases), "tokens")
