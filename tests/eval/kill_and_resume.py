#!/usr/bin/env python3
"""Kills evaluations at random points and resumes them: the results must be those of a run that nobody disturbed.

    kill_and_resume.py ANEMONE MODEL [--kills 200] [--seed N]

A round starts an evaluation, kills it with SIGKILL after a random time, resumes it, kills it again, until one is through.
Then samples must be equal byte for byte, and results but for times and work. Says how many answers came from the store, and
fails when none did or when a kill left a results file that is not whole.
"""
import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

COLOURS = """task: colours
dataset_path: json
dataset_kwargs: {data_files: colours.jsonl}
test_split: train
output_type: multiple_choice
doc_to_text: "{{thing}} is"
doc_to_choice: [white, green, red, blue, yellow, black]
doc_to_target: 0
"""
WORDS = "snow grass blood sky sun night sea fire milk coal gold leaf wine lemon ink rose".split()


def settled(path):
    """A results file without what differs from run to run: time and work."""
    results = json.loads(path.read_text(encoding="utf-8"))
    for key in ("date", "total_evaluation_time_seconds"):
        results.pop(key)
    results["anemone"].pop("work")
    for task in results["anemone"]["tasks"].values():
        for key in [key for key in task if key not in ("file", "data")]:
            task.pop(key)
    return json.dumps(results, ensure_ascii=False)


def outcome(folder):
    """What each finished run in a folder has left: its results and its samples."""
    outcomes = []
    for results in folder.glob("*/results_*.json"):
        stamp = results.name.removeprefix("results_").removesuffix(".json")
        samples = {path.name.removesuffix(f"_{stamp}.jsonl"): path.read_bytes()
                   for path in results.parent.glob(f"samples_*_{stamp}.jsonl")}
        outcomes.append((settled(results), samples))
    return outcomes


def stored_answers(folder):
    return max((json.loads(path.read_text(encoding="utf-8"))["anemone"]["work"]["stored_answers"]
                for path in folder.glob("*/results_*.json")), default=0)


class Evaluation:
    def __init__(self, program, model, folder):
        self.folder = folder
        self.command = [str(program), "eval", str(model), "--tasks", "typos,colours,prose", "--limit", "200",
                        "--include-path", str(folder), "--apply-chat-template", "--log-samples", "-q", "--threads", "1"]

    def start(self, out, resume):
        return subprocess.Popen([*self.command, "--output-path", str(out), *(["--resume"] if resume else [])],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self, out):
        process = self.start(out, False)
        _, words = process.communicate()
        if process.returncode != 0:
            sys.exit(f"an undisturbed run failed: {words.decode(errors='replace')}")


def write_task(folder):
    (folder / "colours.yaml").write_text(COLOURS)
    rows = [{"thing": f"{first.capitalize()} and {second}"} for first in WORDS for second in WORDS if first != second]
    (folder / "colours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def disturbed_round(evaluation, out, most_seconds, kills, most_kills):
    """Kills and resumes until a run is through; returns how often it killed."""
    resume = False
    while True:
        process = evaluation.start(out, resume)
        resume = True
        if kills < most_kills:
            try:
                process.wait(random.uniform(0, most_seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        _, words = process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills += 1
        elif process.returncode != 0:
            sys.exit(f"a resumed run failed: {words.decode(errors='replace')}")
        else:
            return kills


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_task(folder)
        evaluation = Evaluation(options.program, options.model, folder)
        begin = time.monotonic()
        evaluation.run(folder / "whole")
        seconds = time.monotonic() - begin
        (expected,) = outcome(folder / "whole")
        if len(expected[1]) != 3:
            sys.exit(f"expected samples of 3 tasks, found {sorted(expected[1])}")
        kills = rounds = taken = 0
        while kills < options.kills:
            out = folder / "disturbed"
            kills = disturbed_round(evaluation, out, 1.1 * seconds, kills, options.kills)
            rounds += 1
            for results, samples in outcome(out):
                if results != expected[0] or samples != expected[1]:
                    sys.exit(f"round {rounds}, after {kills} kills: the results differ from those of the undisturbed run")
            taken += stored_answers(out) > 0
            shutil.rmtree(out)
    print(f"{kills} kills in {rounds} rounds, a run takes {seconds:.2f} s; in {taken} rounds the last run took stored answers")
    if taken == 0:
        sys.exit("no run took an answer from the store: the kills proved nothing")


if __name__ == "__main__":
    main()
