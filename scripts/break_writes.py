#!/usr/bin/env python3
"""Breaks heal's writing in every way a machine can, and looks whether anything is lost in silence.

    python3 scripts/break_writes.py            everything, an hour or so
    python3 scripts/break_writes.py --short    a few of each, a minute or two
    python3 scripts/break_writes.py --only calls,kills

calls  one failing write, pwrite, fsync, ftruncate, rename, close or mmap, at every place of a save, of the files of both caches and of an export,
       with ENOSPC, EIO and EINTR. Right: no damaged file under a valid name; status 0 only where nothing was lost; EINTR loses nothing.
disk   a small disk (tmpfs, needs root) that is filled and freed at random while runs write to it. Right: as above.
kills  a run is killed at random and resumed until it is through. Right: the losses and the cores of one that was never stopped, bit for bit.

Run it in the project's root after the build. It needs Python alone; `calls` needs a C compiler, too. Ends with status 1 if anything was wrong.
"""
import argparse, glob, json, os, random, re, shutil, signal, subprocess, sys, tempfile, threading, time

CALLS = ("write", "pwrite", "fsync", "ftruncate", "rename", "close", "mmap")
ERRORS = {"ENOSPC": 28, "EIO": 5, "EINTR": 4}
MODEL = "models/stories260K"


class Campaign:
    def __init__(self, program, folder, short, seed):
        self.program, self.folder, self.short, self.random = program, folder, short, random.Random(seed)
        self.trials, self.wrong = 0, []

    def path(self, *parts): return os.path.join(self.folder, *parts)

    def config(self, name, **keys):
        rows = self.path("chats.jsonl")
        if not os.path.exists(rows):
            with open(rows, "w") as file:
                for animal in ("cat", "dog", "bird", "fish"):
                    for when in ("today", "at night", "in the sun"):
                        file.write(json.dumps({"messages": [{"role": "user", "content": f"What does the {animal} do {when}?"},
                                                            {"role": "assistant", "content": f"The {animal} sleeps {when}."}]}) + "\n")
        settings = dict(model=MODEL, chat_template="plain", datasets=[{"path": rows}], max_seq_length=64, val_size=2, max_steps=4, save_steps=2,
                        per_device_train_batch_size=2, learning_rate=1e-3, compression={"keep": 0.5, "init": "svd"}, dtype="fp32", logging_steps=1,
                        output_dir=self.path("run"), report_to=["jsonl"], threads=1)
        settings.update(keys)
        with open(self.path(name), "w") as file: json.dump(settings, file)
        return self.path(name)

    def heal(self, *arguments, env=None):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              env={**os.environ, "SWIFT_BACKTRACE": "enable=no", **(env or {})}, timeout=300)

    def expect(self, right, words):
        self.trials += 1
        if not right: self.wrong.append(words)

    def some(self, items, count):
        items = list(items)
        return sorted(self.random.sample(items, min(count, len(items)))) if self.short else items

    def fresh(self, *names):
        for name in names: shutil.rmtree(self.path(name), ignore_errors=True)

    # One failing call

    def calls(self):
        compiler = next(filter(None, map(shutil.which, ("cc", "clang", "gcc"))), None)
        if not compiler: return "no C compiler"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failing_calls.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self.path("shim.so"), source, "-ldl"], check=True)
        for name, prepare, command, part, judge in self.targets():
            for call in CALLS:
                def attempt(at, number):
                    prepare()
                    return self.heal(*command, env=dict(LD_PRELOAD=self.path("shim.so"), FAIL_CALL=call, FAIL_PATH=part, FAIL_AT=str(at),
                                                        FAIL_ERRNO=str(number), FAIL_COUNT=self.path("count")))
                attempt(0, 0)
                with open(self.path("count")) as file: places = int(file.read())
                for at in self.some(range(1, places + 1), 2):
                    for error, number in list(ERRORS.items()) if not self.short else [self.random.choice(list(ERRORS.items()))]:
                        done = attempt(at, number)
                        judge(done, f"{name}, {call} {at} of {places}, {error}", error)

    def targets(self):
        config = self.config("config.json")
        self.fresh("run")
        done = self.heal("train", "--config", config)
        if done.returncode: sys.exit(f"the run that everything starts from failed: {done.stderr}")
        os.remove(self.path("run/checkpoint-00000004.h5"))
        self.fresh("base")
        os.rename(self.path("run"), self.path("base"))

        def restore():
            self.fresh("run")
            shutil.copytree(self.path("base"), self.path("run"))

        def judge_save(done, words, error):
            names = sorted(os.path.basename(path) for path in glob.glob(self.path("run/checkpoint-*.h5")))
            again = self.heal("train", "--config", config, "--resume")
            right = done.returncode >= 0 and "checkpoint-00000002.h5" in names and again.returncode == 0 and "trying the one before" not in again.stderr
            if done.returncode == 0 or error == "EINTR": right &= done.returncode == 0 and "checkpoint-00000004.h5" in names
            self.expect(right, f"{words}: status {done.returncode}, {names}, resumed: {again.returncode} {again.stderr[-200:]}")
        yield "save", restore, ["train", "--config", config, "--resume"], "checkpoint-00000004", judge_save

        # A cache may fail, and its damaged files be left aside, but the run goes on with the same losses.
        for name, part, keys in (("decomposition cache", "/cache/", dict(compression={"keep": 0.5, "init": "svd", "cache": self.path("cache")})),
                                 ("teacher's cache", "/answers/", dict(distillation={"weight": 0.5, "cache": self.path("answers")}))):
            cached = self.config(f"{part.strip('/')}.json", max_steps=1, val_size=0, **keys)
            self.fresh("run", "cache", "answers")
            self.heal("train", "--config", cached)
            right_losses = self.losses()

            def judge_cache(done, words, error, cached=cached, right_losses=right_losses):
                first = self.losses()
                self.fresh("run")
                again = self.heal("train", "--config", cached)
                self.expect(done.returncode == 0 == again.returncode and first == right_losses == self.losses() and "left out" not in again.stdout + again.stderr,
                            f"{words}: status {done.returncode}, again {again.returncode}: {done.stderr[-200:]}")
            yield name, lambda: self.fresh("run", "cache", "answers"), ["train", "--config", cached], part, judge_cache

        export = ["export", "--checkpoint", MODEL, "--to", "hf", "--dtype", "fp32", self.path("place/model")]

        def clear():
            self.fresh("place")
            os.makedirs(self.path("place"))

        def judge_export(done, words, error):
            there = sorted(os.listdir(self.path("place")))
            scored = self.heal("score", "--model", self.path("place/model"), "--ids", "[1, 403, 407, 261]") if "model" in there else None
            right = done.returncode >= 0 and (scored is None or scored.returncode == 0) and (done.returncode != 0 or there == ["model"])
            if error == "EINTR": right &= done.returncode == 0
            self.expect(right, f"{words}: status {done.returncode}, {there}: {done.stderr[-200:]}")
        yield "export", clear, export, "/place/", judge_export

    def losses(self, run="run"):
        path = self.path(run, "metrics.jsonl")
        if not os.path.exists(path): return None
        rows = [json.loads(line) for line in open(path)]
        return [(row["type"], row["step"], row["loss"]) for row in rows if "loss" in row]

    # A disk that is full now and then

    def disk(self):
        place = self.path("disk")
        os.makedirs(place, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True).returncode: return "no small disk can be mounted"
        config = self.config("disk.json", output_dir=os.path.join(place, "run"), max_steps=12, save_total_limit=2)
        stop = threading.Event()

        def fill():
            while not stop.is_set():
                size = self.random.randrange(1 << 23)
                try:
                    with open(os.path.join(place, "filler"), "wb") as file: file.write(bytes(size))
                except OSError: pass
                time.sleep(self.random.random() * 0.2)
                try: os.remove(os.path.join(place, "filler"))
                except OSError: pass
                time.sleep(self.random.random() * 0.1)
        thread = threading.Thread(target=fill)
        thread.start()
        try:
            for run in range(10 if self.short else 300):
                if run % 5 == 0: shutil.rmtree(os.path.join(place, "run"), ignore_errors=True)
                done = self.heal("train", "--config", config, "--resume")
                names = glob.glob(os.path.join(place, "run/checkpoint-*.h5"))
                damaged = [name for name in names if self.heal("inspect", name).returncode]
                whole = any(name.endswith("00000012.h5") for name in names)
                self.expect(done.returncode in (0, 73, 74) and not damaged and (done.returncode or whole) and "NSCocoa" not in done.stderr,
                            f"disk, run {run}: status {done.returncode}, damaged {damaged}: {done.stderr[-200:]}")
        finally:
            stop.set()
            thread.join()
            subprocess.run(["umount", place])

    # Kills

    def kills(self):
        straight = self.config("straight.json", output_dir=self.path("straight"), max_steps=30, save_steps=3)
        self.fresh("straight", "killed")
        start = time.time()
        if self.heal("train", "--config", straight).returncode: return "the run does not end"
        seconds, config = time.time() - start, self.config("killed.json", output_dir=self.path("killed"), max_steps=30, save_steps=3)
        made, total = 0, 5 if self.short else 100
        while made < total:
            self.fresh("killed")
            while True:
                process = subprocess.Popen([self.program, "train", "--config", config, "--resume"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    process.wait(self.random.random() * seconds if made < total else None)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    made += 1
            self.expect(process.returncode == 0 and self.losses("killed") == self.losses("straight") and self.cores("killed") == self.cores("straight"),
                        f"after {made} kills: status {process.returncode}, or other numbers")

    def cores(self, run):
        """The exported cores, byte for byte."""
        self.fresh("cores")
        done = self.heal("export", "--checkpoint", self.path(run), "--to", "mpo", "--dtype", "fp32", self.path("cores"))
        if done.returncode: return done.stderr
        with open(self.path("cores/mpo.safetensors"), "rb") as file: return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heal", default=".build/release/heal", help="the program (default: %(default)s)")
    parser.add_argument("--short", action="store_true", help="a few of each")
    parser.add_argument("--only", default="calls,disk,kills", help="parts, with commas between (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = False
    for part in options.only.split(","):
        with tempfile.TemporaryDirectory(prefix="heal-break-") as folder:
            campaign, start = Campaign(os.path.abspath(options.heal), folder, options.short, options.seed), time.time()
            skipped = getattr(campaign, part)()
            print(f"{part}: {skipped or f'{campaign.trials} tried, {len(campaign.wrong)} wrong'}; {time.time() - start:.0f} s", *campaign.wrong[:20], sep="\n  ", flush=True)
            failed |= bool(campaign.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
