"""The flags of run_new_eval.sh and of the scripts beside it."""

from __future__ import annotations

import argparse
import sys

from anemone_call import check_model, split_tasks


def parse(description: str | None, resumable: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, metavar="PATH", help="model directory, package or checkpoint")
    add("--tasks", nargs="+", default=["hellaswag"], metavar="LIST",
        help="by commas or blanks (default: hellaswag)")
    add("--num-shots", type=int, default=0, metavar="N", help="examples before each question (0)")
    add("--batch-size", type=int, default=1, metavar="N", help="taken for 1: runs are serial")
    add("--output-dir", default="results", metavar="DIR", help="folder for results (results)")
    add("--limit", type=int, metavar="N", help="examples per task")
    add("--max-tokens", type=int, metavar="N", help="most tokens to generate")
    add("--seed", type=int, default=123, metavar="N", help="of all random draws (123)")
    add("--apply-chat-template", action=argparse.BooleanOptionalAction, default=False,
        help="prompts as conversations")
    if resumable:
        add("--resume", action="store_true", help="go on from the answers in --output-dir")
    flags = parser.parse_args()
    check_model(flags.model)
    flags.tasks = split_tasks(flags.tasks)
    if not flags.tasks:
        parser.error("--tasks: no task is named")
    if flags.batch_size > 1:
        print(f"warning: --batch-size {flags.batch_size}: requests run one at a time all the same",
              file=sys.stderr)
    return flags
