#!/usr/bin/env python3
"""Evaluates a Core ML model: `anemone eval` with the flags of the older entry point.

    evaluate_with_harness.py --model MODEL --tasks arc_easy,boolq --limit 100
"""

import sys

from anemone_call import run
from harness_flags import parse


def main() -> int:
    flags = parse(__doc__, resumable=True)
    arguments = ["eval", flags.model, "--tasks", ",".join(flags.tasks)]
    arguments += ["--num-fewshot", str(flags.num_shots), "--seed", str(flags.seed)]
    arguments += ["--output-path", flags.output_dir]
    if flags.limit is not None:
        arguments += ["--limit", str(flags.limit)]
    if flags.max_tokens is not None:
        arguments += ["--gen-kwargs", f"max_gen_toks={flags.max_tokens}"]
    if flags.apply_chat_template:
        arguments += ["--apply-chat-template"]
    if flags.resume:
        arguments.append("--resume")
    return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
