"""Conversations with all that chat templates write, and what transformers makes of them: text, ids and labels.

Used by stock.py and own.py. Made with transformers 5.24.0, jinja2 3.1.6, tokenizers 0.23.
"""
import datetime, json, os, re

from jinja2 import Undefined
from transformers.utils import chat_template_utils
from transformers.utils.chat_template_utils import render_jinja_template

SPACE = " \n\t\r\v\f"
TEXTS = ["Hi", "What is the weather in Bern?", "  spaced \u00a0", "two\nlines\n", "日本語 é 🙂", "1 < 2 && \"quoted\" 'single' \\ back", "{{ not a template }}",
         "a\tb", "\n\nleading", "Ünïcödé & <b>html</b>", "word " * 30 + "end", "<|im_end|> in text", "[INST] x [/INST]", "The answer is 42."]
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Tells the \"weather\".\nNow.", "parameters": {
        "type": "object", "properties": {"town": {"type": "string", "description": "Où? <here>"}, "days": {"type": "integer", "enum": [1, 2, 3]}}, "required": ["town"]}}},
    {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {
        "type": "object", "properties": {"a": {"type": "number", "default": 1.5}, "b": {"type": "number"}}, "required": ["a", "b"]}}},
]
ARGUMENTS = [("weather", {"town": "Zürich", "days": 2}), ("weather", {"town": "a \"b\""}), ("add", {"a": 1, "b": 2.5}), ("add", {"a": -3, "b": 1e-05})]


def conversation(choose):
    """A row, as a data set would hold it."""
    kind = choose.choice(["words", "words", "tools", "tools", "reasoning", "both"])
    text = lambda: choose.choice(TEXTS)
    messages = [{"role": "system", "content": text()}] if choose.random() < 0.4 else []
    for round in range(choose.randint(1, 4)):
        messages.append({"role": "user", "content": text()})
        if kind in ("tools", "both"):
            for _ in range(choose.randint(0, 2)):
                calls = []
                for _ in range(choose.choice([1, 1, 1, 2])):
                    name, arguments = choose.choice(ARGUMENTS)
                    calls.append({"id": "".join(choose.choice("abcXYZ019") for _ in range(9)), "type": "function", "function": {"name": name, "arguments": arguments}})
                turn = {"role": "assistant", "content": choose.choice(["", "", "Let me see."]), "tool_calls": calls}
                if kind == "both" and choose.random() < 0.5: turn["reasoning_content"] = text()
                messages.append(turn)
                for call in calls:
                    messages.append({"role": "tool", "name": call["function"]["name"], "tool_call_id": call["id"], "content": choose.choice(["sunny", '{"t": 21.5}', "3\n"])})
        answer = {"role": "assistant", "content": text()}
        if kind in ("reasoning", "both") and choose.random() < 0.7:
            if choose.random() < 0.5: answer["reasoning_content"] = text()
            else: answer["content"] = "<think>\n" + text() + "\n</think>\n\n" + answer["content"]
        messages.append(answer)
    if choose.random() < 0.15: messages.append({"role": "user", "content": text()})
    row = {"messages": messages}
    if kind in ("tools", "both") and choose.random() < 0.8: row["tools"] = TOOLS[: choose.choice([1, 2])]
    return row


def without_clock(compile):
    """heal never writes the day it runs on: templates that ask whether there is a clock hear that there is none, others get a fixed day."""
    def compiled(source):
        template = compile(source)
        asks = "strftime_now is defined" in source
        template.globals["strftime_now"] = Undefined() if asks else lambda form: datetime.datetime(2024, 7, 26).strftime(form)
        return template
    return compiled


chat_template_utils._compile_jinja_template = without_clock(chat_template_utils._compile_jinja_template)


class Reference:
    def __init__(self, path, tokenizer):
        self.source, self.tokenizer = open(path).read(), tokenizer
        training = path.replace(".jinja", "_training.jinja")
        self.training = open(training).read() if os.path.exists(training) else None
        self.marks = {key: value for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}

    def write(self, row, count=None, ask=False, source=None, mask=False):
        texts, ranges = render_jinja_template(
            [row["messages"][:count]], tools=row.get("tools"), chat_template=source or self.source, add_generation_prompt=ask, return_assistant_tokens_mask=mask,
            **self.marks)
        return (texts[0], ranges[0]) if mask else texts[0]

    def spans(self, row, whole):
        """Ranges of characters that are trained, or None where they cannot be told: an answer is what stands behind the text that asks for it,
        up to its end mark; where early turns are written otherwise once later ones are there, the assistant mask of the marked template."""
        answers = [i for i, m in enumerate(row["messages"]) if m["role"] == "assistant" and (m["content"].strip() or m.get("tool_calls"))]
        try:
            spans = []
            for i in answers:
                asking, closed = self.write(row, i, ask=True), self.write(row, i + 1).rstrip(SPACE)
                assert whole.startswith(asking) and whole.startswith(closed)
                spans.append((len(asking), len(closed)))
            return spans
        except Exception:
            return self.masked(row, whole) or self.between(row, whole, len(answers))

    def between(self, row, whole, count):
        """Of ChatML, what stands between the header and the end mark, where no text has such marks in it."""
        if "<|im_" in json.dumps(row): return None
        spans = [match.span(1) for match in re.finditer(r"<\|im_start\|>assistant\n(.*?<\|im_end\|>)", whole, re.S)]
        return spans if len(spans) == count else None

    def masked(self, row, whole):
        if not self.training: return None
        # Some put the line feed that ends the header into the mask, and white space behind the end mark. Neither is the model's to write.
        shortest = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
        text, ranges = self.write(shortest, source=self.training, mask=True)
        header = 1 if text[ranges[0][0]] == "\n" else 0
        text, ranges = self.write(row, source=self.training, mask=True)
        return [(a + header, a + len(whole[a:b].rstrip(SPACE))) for a, b in ranges] if text == whole else None

    def labels(self, row):
        whole = self.write(row)
        encoded = self.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        spans = self.spans(row, whole)
        if spans is None: return encoded["input_ids"], None
        trained = [any(start < b and a < end for a, b in spans) for start, end in encoded["offset_mapping"]]
        return encoded["input_ids"], [id if yes else -100 for id, yes in zip(encoded["input_ids"], trained)]
