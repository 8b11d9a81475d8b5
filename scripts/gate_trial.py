#!/usr/bin/env python3
"""Tries the regression gate of `anemone bench --baseline` on this machine as it is now.

    scripts/gate_trial.py build/anemone models/anemone-tiny-anemll [--repeats 20] [--percent 20] [bench flags …]

Each repeat measures a baseline, then runs the gate twice: against the baseline as it is (which must not fail) and against
one whose times are shorter by so much that the same program is slower by --percent (which must not pass). Prints a line a
repeat and the counts; the exit code is 1 when an unchanged run failed or a planted slowdown passed.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VERDICTS = {0: "passed", 1: "regressed", 3: "unclear"}


def plant(document: dict, factor: float) -> dict:
    for one in document["configurations"]:
        if one["status"] != "measured":
            continue
        for series, power in ((one["decode_tokens_per_second"], 1), (one["prefill_tokens_per_second"], 1),
                              (one["first_token_ns"]["warm"], -1), (one["first_token_ns"]["cached"], -1)):
            if series:
                series["samples"] = [sample * factor**power for sample in series["samples"]]
    return document


def measure(command: list, output: Path) -> tuple:
    """Exit code, document and words of a run; ends this program where there is no document."""
    output.unlink(missing_ok=True)
    try:
        run = subprocess.run([*command, "-o", output], capture_output=True, text=True)
    except OSError as error:
        sys.exit(f"gate_trial.py: {command[0]}: {error.strerror}")
    words = run.stderr.strip() or f"{command[0]} ended with {run.returncode}"
    try:
        return run.returncode, json.loads(output.read_text()), words
    except (OSError, ValueError):
        sys.exit(f"gate_trial.py: {words}")


def number(value) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def gate(command: list, baseline: Path, output: Path) -> tuple:
    code, document, words = measure([*command, "--baseline", baseline], output)
    verdict = document["baseline"]
    if verdict is None or verdict["status"] != VERDICTS.get(code):
        sys.exit(f"gate_trial.py: exit code {code} and status {verdict and verdict['status']}: {words}")
    old = any((one["slowdown_ci95"] or [0])[0] > 1 + verdict["threshold"] for one in verdict["compared"])
    words = " ".join(f"{one['verdict']}({number(one['visits_slowdown'])}/{number(one['machine_slowdown'])}="
                     f"{number(one['adjusted_slowdown'])},{one['visits']})" for one in verdict["compared"])
    return verdict["status"], old, words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--percent", type=float, default=20, metavar="P")
    flags, others = parser.parse_known_args()
    command = [flags.program, "bench", flags.model, "--loads", "0", "--stage-requests", "0", "--quiet", *(others or ["--contexts", "128"])]
    counts = {"unchanged": collections.Counter(), "planted": collections.Counter()}
    old = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        same, faster, output = (Path(folder) / name for name in ("same.json", "faster.json", "now.json"))
        for repeat in range(flags.repeats):
            code, document, words = measure(command, same)
            if code != 0:
                sys.exit(f"gate_trial.py: {words}")
            faster.write_text(json.dumps(plant(document, 1 + flags.percent / 100)))
            for what, baseline in (("unchanged", same), ("planted", faster)):
                status, old_fails, words = gate(command, baseline, output)
                counts[what][status] += 1
                old[what] += old_fails
                print(f"{repeat + 1} {what}: {status}, load {os.getloadavg()[0]:.1f}: {words}", flush=True)
    for what, counter in counts.items():
        print(f"{what}: " + ", ".join(f"{counter[status]} {status}" for status in VERDICTS.values())
              + f"; {old[what]} slower by the scatter of requests alone")
    return 1 if counts["unchanged"]["regressed"] or counts["planted"]["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
