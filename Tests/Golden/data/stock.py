"""Compares what heal makes of 200 conversations with transformers' apply_chat_template: ids and labels, for any chat templates.

    python stock.py --tokenizer DIR --heal ../../../.build/release/heal TEMPLATE.jinja ...

TEMPLATE.jinja are sources as models carry them; they belong to their makers and are not kept here. DIR holds tokenizer.json and
tokenizer_config.json. The conversations have system turns, several rounds, tools, calls, tools' answers and reasoning, and texts with
white space, marks and other scripts. In the reference's labels an answer is what stands behind the text that asks for it (the turns before, with
a generation prompt), up to its end mark; where that cannot be told and NAME_training.jinja lies beside NAME.jinja, the same template with
{% generation %}, transformers' own assistant mask. Where heal refuses a conversation by name that the reference writes, the reason is counted and shown.
Ends with status 1 if anything differs. Made with transformers 5.24.0, jinja2 3.1.6, tokenizers 0.23.
"""
import argparse, collections, json, os, random, re, shutil, subprocess, sys, tempfile

from conversations import Reference, conversation
from transformers import AutoTokenizer


def heal_lines(program, folder, rows):
    """heal's line for each row, or its refusal."""
    answers, left = [None] * len(rows), list(range(len(rows)))
    while left:
        path = os.path.join(folder, "rows.jsonl")
        with open(path, "w") as file: file.writelines(json.dumps(rows[i], ensure_ascii=False) + "\n" for i in left)
        done = subprocess.run([program, "tokenize", "--model", folder, "--rows", path], capture_output=True, text=True)
        lines = done.stdout.splitlines()
        if done.returncode == 0:
            for i, line in zip(left, lines): answers[i] = json.loads(line)
            return answers
        place = re.search(r"rows\.jsonl:(\d+): (.*)", done.stderr, re.S)
        if not place: return [done.stderr.strip()] * len(rows)
        bad = int(place[1]) - 1
        for i, line in zip(left[:bad], lines): answers[i] = json.loads(line)
        answers[left[bad]] = place[2].strip()
        # Lines before the bad row may not have been printed: a group of rows is written at once.
        left = [i for i in left if answers[i] is None]
    return answers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("templates", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--heal", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=1, help="how many differences of each template to show")
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
    choose = random.Random(options.seed)
    rows = [conversation(choose) for _ in range(options.count)]
    wrong = 0
    for path in options.templates:
        if path.endswith("_training.jinja"): continue
        reference, tally, reasons = Reference(path, tokenizer), collections.Counter(), collections.Counter()
        with tempfile.TemporaryDirectory() as folder:
            for name in ("tokenizer.json", "tokenizer_config.json"): shutil.copy(os.path.join(options.tokenizer, name), folder)
            shutil.copy(path, os.path.join(folder, "chat_template.jinja"))
            for row, mine in zip(rows, heal_lines(options.heal, folder, rows)):
                try: ids, labels = reference.labels(row)
                except Exception as error: ids, labels = None, str(error)
                if isinstance(mine, str):
                    tally["both refuse" if ids is None else "refused"] += 1
                    if ids is not None: reasons[re.sub(r"turn \d+", "turn N", mine)] += 1
                    continue
                kind = ("written where the reference refuses" if ids is None else "ids differ" if mine["ids"] != ids else
                        "equal, labels not compared" if labels is None else "equal" if mine["labels"] == labels else "labels differ")
                tally[kind] += 1
                if "equal" not in kind:
                    wrong += 1
                    if tally[kind] <= options.show:
                        print(f"  {kind}: {json.dumps(row, ensure_ascii=False)[:1500]}")
                        if ids is None: print("    reference:", labels[:300])
                        else:
                            a, b = (mine["ids"], ids) if kind == "ids differ" else (mine["labels"], labels)
                            at = next((k for k, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                            print("    heal     :", repr(tokenizer.decode(mine["ids"][max(0, at - 10):at + 20])), a[at:at + 8])
                            print("    reference:", repr(tokenizer.decode(ids[max(0, at - 10):at + 20])), b[at:at + 8])
        print(f"{os.path.basename(path)}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(tally.items())), flush=True)
        for reason, count in reasons.most_common(4): print(f"    {count} x {reason[:260]}")
    sys.exit(wrong > 0)


main()
