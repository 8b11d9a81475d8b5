#!/usr/bin/env python3
"""Evaluates a Core ML model on benchmarks and, if wanted, on the perplexity of a text.

    evaluate_ane.py --model MODEL --tasks boolq arc_easy --sample-limit 10
    evaluate_ane.py --model MODEL --tasks boolq --perplexity-text book.txt

Calls `anemone eval`, to which a text file is a task too; `--perplexity-text default` is the built-in task
`prose`. A text whose name does not end in .txt goes to `anemone perplexity`.
Every task scores all of its samples, so --no-early-exit changes nothing.
"""

import sys
from pathlib import Path

from anemone_call import check_model, fail, flags_of, run, split_tasks


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model", required=True, metavar="PATH")
    parser.add_argument("--tasks", nargs="+", default=["boolq", "arc_easy", "hellaswag"],
                        metavar="TASK", help="by blanks or commas (boolq arc_easy hellaswag)")
    parser.add_argument("--output-dir", default="evaluate/results", metavar="DIR")
    parser.add_argument("--perplexity-text", metavar="FILE", help="a text file, or `default`")
    parser.add_argument("--no-early-exit", action="store_true", help="as always")
    parser.add_argument("--sample-limit", type=int, metavar="N", help="samples of each task")
    parser.add_argument("--resume", action="store_true", help="go on from the answers in --output-dir")
    flags = parser.parse_args()
    check_model(flags.model)
    tasks = split_tasks(flags.tasks)
    if "perplexity" in tasks and not flags.perplexity_text:
        fail("--tasks perplexity: name its text with --perplexity-text")
    tasks = [name for name in tasks if name != "perplexity"]
    text = flags.perplexity_text
    if text == "default":
        text = "prose"
    elif text is not None and not Path(text).is_file():
        fail(f"--perplexity-text {text}: no such file")
    as_task = text is not None and (text == "prose" or text.endswith(".txt"))
    named = [",".join(tasks)] if tasks else []
    if as_task:
        named.append(text)  # apart, for its name may hold blanks and commas
    code = 0
    if named:
        arguments = ["eval", flags.model, "--tasks", *named, "--output-path", flags.output_dir]
        if flags.sample_limit is not None:
            arguments += ["--limit", str(flags.sample_limit)]
        if flags.resume:
            arguments.append("--resume")
        code = run(*arguments)
    if text is not None and not as_task:
        code = run("perplexity", flags.model, text) or code
    return code


if __name__ == "__main__":
    sys.exit(main())
