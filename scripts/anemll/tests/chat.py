#!/usr/bin/env python3
"""Answers one prompt with an ANEMLL model.

    chat.py --meta MODEL/meta.yaml --prompt "Fix the typos: teh cat" [--max-tokens 64] [--no-template]

Calls `anemone run`, greedily; without --max-tokens up to the end of the context. What a package says of itself
(--embed --ffn --pf --lmhead --context-length --sliding-window --batch-size --num-logits --split-lm-head --split-rotate)
is read from it, whatever is given; --nw and the --debug flags change nothing.
"""

import argparse
import contextlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import check_model, fail, flags_of, run  # noqa: E402

READ_FROM_PACKAGES = ("--embed", "--ffn", "--pf", "--lmhead", "--context-length", "--sliding-window",
                      "--batch-size", "--num-logits", "--split-lm-head")
NO_EFFECT = ("--split-rotate", "--nw", "--debug", "--debug-argmax")
TO_THE_END = str(2**31 - 1)


@contextlib.contextmanager
def saved_to(path: str | None):
    """What the program writes to standard output goes to the file, as its words do to the terminal."""
    if path is None:
        yield
        return
    before = os.dup(1)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(before, 1)
            os.close(before)
    sys.stdout.write(Path(path).read_text(encoding="utf-8", errors="replace"))


def main() -> int:
    parser = flags_of(__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--meta", metavar="FILE", help="meta.yaml of the model")
    place.add_argument("--d", metavar="DIR", help="model directory")
    parser.add_argument("--prompt", metavar="TEXT", help="without it: the command `anemone chat`")
    parser.add_argument("--max-tokens", metavar="N", default=TO_THE_END)
    parser.add_argument("--no-template", action="store_true", help="the prompt as it is")
    parser.add_argument("--no-think", action="store_true", help="not supported: say it in the prompt")
    parser.add_argument("--tokenizer", metavar="DIR")
    parser.add_argument("--save", metavar="FILE", help="write the answer there too")
    parser.add_argument("--eval", action="store_true", help="the answer and nothing else")
    parser.add_argument("--st", action="store_true", help="one thread")
    parser.add_argument("--cpu", action="store_true", help="run on the CPU")
    parser.add_argument("--mem-report", action="store_true", help="not supported: see `anemone bench`")
    for name in READ_FROM_PACKAGES:
        parser.add_argument(name, metavar="VALUE", help=argparse.SUPPRESS)
    for name in NO_EFFECT:
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    for name in ("no_think", "mem_report"):
        if getattr(flags, name):
            fail(f"--{name.replace('_', '-')} is not supported")
    if flags.prompt is None:
        fail("--prompt is missing: a conversation is held by `anemone chat MODEL`")
    model = str(Path(flags.meta).parent) if flags.meta else flags.d
    if flags.meta and not Path(flags.meta).is_file():
        fail(f"--meta {flags.meta}: no such file")
    check_model(model)
    arguments = ["run", model, flags.prompt, "--max-tokens", flags.max_tokens]
    if not flags.no_template:
        arguments.append("--chat")
    if flags.tokenizer:
        arguments += ["--tokenizer", flags.tokenizer]
    if flags.st:
        arguments += ["--threads", "1"]
    if flags.cpu:
        arguments += ["--backend", "cpu"]
    if flags.eval:
        arguments.append("--quiet")
    with saved_to(flags.save):
        return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
