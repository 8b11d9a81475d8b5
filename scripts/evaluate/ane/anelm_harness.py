#!/usr/bin/env python3
"""Evaluates a Core ML model by lm-evaluation-harness itself, through the wheel `anemone`.

    anelm_harness.py --model MODEL --tasks arc_easy,boolq --limit 100

Needs the packages `anemone` and `lm_eval` (`pip install '.[lm-eval]'` in the repository's root).
"""

import sys

from harness_flags import parse

try:
    from anemone.lm_eval import AnemoneLM
    from anemone.lm_eval.__main__ import main as run_harness
except ImportError as error:
    sys.exit(f"anelm_harness.py: {error}; run `pip install '.[lm-eval]'` in the repository's root")


class ANELM(AnemoneLM):
    """The model class for lm-evaluation-harness: scoring, rolling scoring and generation."""

    def __init__(self, model_path: str, max_tokens: int | None = None, **options) -> None:
        if max_tokens is not None:
            options["max_gen_toks"] = max_tokens
        super().__init__(path=model_path, **options)


def main() -> None:
    flags = parse(__doc__)
    arguments = ["run", "--model", "anemone", "--model_args", f"path={flags.model}"]
    arguments += ["--tasks", ",".join(flags.tasks), "--num_fewshot", str(flags.num_shots)]
    arguments += ["--batch_size", "1", "--seed", str(flags.seed), "--output_path", flags.output_dir]
    if flags.limit is not None:
        arguments += ["--limit", str(flags.limit)]
    if flags.max_tokens is not None:
        arguments += ["--gen_kwargs", f"max_gen_toks={flags.max_tokens}"]
    if flags.apply_chat_template:
        arguments += ["--apply_chat_template"]
    sys.argv[1:] = arguments
    run_harness()


if __name__ == "__main__":
    main()
