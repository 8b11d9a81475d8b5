#!/usr/bin/env python3
"""Wall time of `anemone eval` beside lm-evaluation-harness (its `hf` model: transformers and torch on the CPU).

    run.py                                      both models, with build/anemone
    run.py --model embedded --repetitions 5     the embedded model alone
    run.py --python ENV/bin/python              an environment with lm_eval[hf]==0.4.13 and torch

Both programs evaluate the same documents of the same tasks with as many threads, each from the start of its process
to its end, in turns. The harness runs with a batch size of 1, its default, and of 16; the ratio is over the faster of
them. Data are local; what the harness prepares of them is prepared before. Its requests and ours are compared: the
time of a run whose scores are others is no result. Exit code 1 when the floor is missed or scores differ, 77 when it
could not be measured.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/convert"))
import checkpoints

LEAST_RATIO = 10  # on the embedded model
NOT_MEASURED = 77  # the exit code of a skip
BATCH_SIZES = (1, 16)
CONTEXT = 1024
CHOICES = ["arc_easy", "hellaswag", "winogrande", "boolq", "truthfulqa_mc1"]


@dataclasses.dataclass(frozen=True)
class Group:
    """Tasks of one process."""

    name: str
    tasks: tuple
    limit: int  # documents of each
    repeats: bool = True  # as --repetitions says, else once
    floor: bool = False  # LEAST_RATIO is checked


# The harness takes seconds to start, so the group of many documents shows what is left of a ratio then. Nothing of
# wikitext is shared: there it is kernel against kernel.
GROUPS = {
    "embedded": (
        Group("choices", tuple(CHOICES), 20, floor=True),
        Group("choices of many documents", tuple(CHOICES), 200, repeats=False),
        Group("rolling", ("wikitext",), 20),
        Group("all", (*CHOICES, "wikitext"), 20, floor=True),
    ),
    "qwen3-0.6b": (Group("choices", ("arc_easy", "winogrande"), 4, repeats=False),),
}
# Packages of a model: name and layout of the conversion, where it is not there already.
PACKAGES = {"embedded": (("anemll", None), ("anemone", "anemone")), "qwen3-0.6b": (("anemone", "anemone"),)}
# How far scores of the two may lie apart: theirs are of the checkpoint in fp32, ours of packages in fp16.
SCORE_TOLERANCE = {"embedded": 0.051, "qwen3-0.6b": 0.51}


class Missing(Exception):
    """What this machine lacks."""


def timed(command, folder, environment):
    start = time.monotonic()
    with open(folder / "log.txt", "w+") as log:
        code = subprocess.call([str(part) for part in command], cwd=folder, env={**os.environ, **environment},
                               stdout=log, stderr=log)
        log.seek(0)
        if code != 0:
            sys.exit(f"{' '.join(map(str, command))}: exit {code}\n{log.read()[-3000:]}")
    return time.monotonic() - start


class Programs:
    def __init__(self, args, folder, checkpoint):
        self.args, self.folder, self.checkpoint = args, folder, checkpoint
        self.count = 0

    def ours(self, package, flags):
        out = self.out()
        command = [self.args.anemone, "eval", package, *flags, "--data", self.args.data, "--threads", self.args.threads,
                   "--output_path", out]
        return timed(command, self.folder, {}), self.scores(out)

    def theirs(self, batch_size, context, flags):
        out = self.out()
        command = [self.args.python, ROOT / "python/tests/harness_run.py", self.args.data, self.folder / "cache", "run",
                   "--model", "hf", "--model_args", f"pretrained={self.checkpoint},dtype=float32,max_length={context}",
                   "--device", "cpu", "--batch_size", batch_size, "--output_path", out, *flags]
        threads = {name: str(self.args.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        offline = {"HF_HOME": str(self.folder / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
        return timed(command, self.folder, threads | offline), self.scores(out)

    def out(self):
        self.count += 1
        return self.folder / f"out{self.count}"

    def scores(self, out):
        (file,) = out.glob("*/results_*.json")
        results = json.loads(file.read_text())["results"]
        return {(task, key): value for task, scores in results.items() for key, value in scores.items()
                if key.split(",")[0] in ("acc", "acc_norm", "bits_per_byte")}


def spread(values, form="{:.1f}"):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def prepare(name, args, folder):
    """The checkpoint of a model, and its packages by name."""
    checkpoint, packages = ROOT / "models/anemone-tiny", {}
    if name != "embedded":
        checkpoint = folder / "checkpoint"
        needed = 4e9
        if shutil.disk_usage(folder).free < needed:
            raise Missing(f"{needed / 1e9:.0f} GB of disk")
        checkpoint.mkdir()
        checkpoints.write(checkpoint, checkpoints.SHAPES[name], False)
        for file in (ROOT / "models/anemone-tiny").iterdir():  # its tokenizer: ids below 4,096
            if file.name not in ("config.json", "model.safetensors", "training.json"):
                shutil.copy(file, checkpoint)
    for package, layout in PACKAGES[name]:
        if layout is None:
            packages[package] = ROOT / "models/anemone-tiny-anemll"
            continue
        packages[package] = folder / package
        timed([args.anemone, "convert", checkpoint, "-o", packages[package], "--layout", layout, "--context", CONTEXT],
              folder, {})
    return checkpoint, packages


def measure_group(group, programs, packages, name, args):
    flags = ["--tasks", ",".join(group.tasks), "--limit", str(args.limit or group.limit)]
    repetitions = args.repetitions if group.repeats else 1
    ours, theirs = {package: [] for package in packages}, {size: [] for size in BATCH_SIZES}
    apart = dict.fromkeys(packages, 0.0)
    for _ in range(repetitions):
        mine = {}
        for package, path in packages.items():
            seconds, mine[package] = programs.ours(path, flags)
            ours[package].append(seconds)
        for size in BATCH_SIZES:
            seconds, other = programs.theirs(size, CONTEXT, flags)
            theirs[size].append(seconds)
            for package, scores in mine.items():
                if set(scores) != set(other):
                    sys.exit(f"the scores have other names: {sorted(set(scores) ^ set(other))}")
                apart[package] = max([apart[package], *(abs(scores[key] - other[key]) for key in scores)])
    print(f"{name}, {group.name}: {', '.join(group.tasks)}; {args.limit or group.limit} documents each; "
          f"{args.threads} threads; {repetitions} runs of each in turns")
    for size, seconds in theirs.items():
        print(f"  lm_eval, batch size {size:<3}  {spread(seconds)} s")
    best = [min(times) for times in zip(*theirs.values())]
    met = True
    for package, seconds in ours.items():
        ratios = [theirs / ours for theirs, ours in zip(best, seconds)]
        enough = statistics.median(ratios) >= LEAST_RATIO
        floor = f"; at least {LEAST_RATIO} {'met' if enough else 'MISSED'}" if group.floor else ""
        alike = apart[package] <= SCORE_TOLERANCE[name]
        print(f"  anemone eval, {package:<8}   {spread(seconds)} s; lm_eval (the faster) over it, by turn: "
              f"{spread(ratios)}{floor}")
        print(f"    largest difference of a score (fp16 packages, fp32 checkpoint): {apart[package]:.4f}"
              f"{'' if alike else ' TOO LARGE'}", flush=True)
        met = met and alike and (enough or not group.floor)
    return met


def measure(name, args, folder):
    checkpoint, packages = prepare(name, args, folder)
    programs = Programs(args, folder, checkpoint)
    groups = [group for group in GROUPS[name] if args.group in (None, group.name)]
    tasks = sorted({task for group in groups for task in group.tasks})
    programs.theirs(1, CONTEXT, ["--tasks", ",".join(tasks), "--limit", "1"])  # prepares the data
    return all([measure_group(group, programs, packages, name, args) for group in groups])


def check(args):
    for path, hint in ((args.anemone, "run `make build`"), (args.data / "sources.json", "name it with --data")):
        if not path.exists():
            raise Missing(f"{path}: {hint}")
    packages = subprocess.run([args.python, "-c", "import lm_eval, torch, transformers"], capture_output=True, text=True)
    if packages.returncode != 0:
        raise Missing(f"{args.python}: {packages.stderr.strip().splitlines()[-1]}; it needs "
                      "`pip install 'lm_eval[hf]==0.4.13' torch`")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = pathlib.Path(os.environ.get("ANEMONE_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "build/anemone")
    parser.add_argument("--python", type=pathlib.Path, default=ROOT / "build/python/venv/bin/python")
    parser.add_argument("--data", type=pathlib.Path, default=shared / "data/benchmarks", help="with a sources.json")
    parser.add_argument("--model", choices=GROUPS, action="append")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repetitions", type=int, default=3, help="of the embedded model's groups; the longest and the large model run once")
    parser.add_argument("--limit", type=int, help="documents of each task, in all groups")
    parser.add_argument("--group", help="one of: " + ", ".join(group.name for group in GROUPS["embedded"]))
    args = parser.parse_args()
    args.anemone, args.data = args.anemone.absolute(), args.data.absolute()
    args.python = args.python.absolute()
    verdicts = []
    try:
        check(args)
        for name in args.model or GROUPS:
            with tempfile.TemporaryDirectory(prefix="anemone-eval-") as folder:
                verdicts.append(measure(name, args, pathlib.Path(folder)))
    except Missing as missing:
        print(f"n/a: {missing}")
        sys.exit(NOT_MEASURED)
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
