#!/usr/bin/env python3
"""Token ids that `anemone run --json` wrote, for scripts/apple/verify.sh.

    tokens.py equal A.json B.json …
        prints all lists; exit 1 when one differs from the first, with the place
    tokens.py greedy ANEMONE MODEL GREEDY.json [FLAG of anemone run]…
        runs every prompt of a file as models/greedy.json is, and holds the tokens against the recorded ones. Where
        the two highest logits lay nearer than 0.1, another choice is no error, and ends the comparison of its prompt.
"""

import json
import subprocess
import sys
from pathlib import Path

TOLERANCE = 0.1  # of logits


def first_difference(a, b):
    """Index of the first token that differs; None where one list begins the other."""
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None)


def equal(paths):
    lists = {Path(path).stem: json.loads(Path(path).read_text())["tokens"] for path in paths}
    width = max(map(len, lists)) + 1
    reference = next(iter(lists.values()))
    failed = False
    for name, tokens in lists.items():
        print(f"{name + ':':<{width}} {tokens}")
        if tokens != reference:
            at = first_difference(reference, tokens)
            print(f"  differs from the first list from token {min(len(tokens), len(reference)) if at is None else at} on")
            failed = True
    return 1 if failed or not reference else 0


def greedy(program, model, recorded, flags):
    document = json.loads(Path(recorded).read_text())
    failed = 0
    for number, prompt in enumerate(document["prompts"], 1):
        expected, margins = prompt["tokens"], prompt["margins"]
        ran = subprocess.run([program, "run", model, prompt["text"], "-n", str(len(expected)), "--json", *flags],
                             stdout=subprocess.PIPE, check=False)
        if ran.returncode != 0:
            return ran.returncode
        answer = json.loads(ran.stdout)
        tokens = answer["tokens"]
        at = first_difference(expected, tokens)
        words = f"prompt {number}: {len(tokens) if at is None else at} of {len(expected)} tokens"
        if at is not None and margins[at] < TOLERANCE:
            words += f", then another choice where two logits were {margins[at]:g} apart"
        elif at is not None:
            words += f", then {tokens[at]} for {expected[at]}, whose logit was {margins[at]:g} higher than any other"
            failed = 1
        elif len(tokens) < len(expected):
            words += f", then it ended: {answer['stop_reason']}"
            failed |= answer["stop_reason"] == "max_tokens" or not tokens
        print(words)
    return int(failed) if document["prompts"] else 1


def main(arguments):
    if arguments[:1] == ["equal"] and len(arguments) > 2:
        return equal(arguments[1:])
    if arguments[:1] == ["greedy"] and len(arguments) > 3:
        return greedy(*arguments[1:4], arguments[4:])
    sys.stderr.write(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
