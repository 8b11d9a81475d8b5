#!/usr/bin/env python3
"""Answers one prompt and keeps what the model knows of it for the next run.

    python -m coreml.runtime.prompt_cache --model MODEL --prompt TEXT --cache-dir DIR [--max-tokens 512]

Run from the folder scripts, or as a file. Calls `anemone run --prompt-cache`; --json says how many tokens were known.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate_coreml import parser_of, run, run_arguments  # noqa: E402


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--cache-dir", required=True, metavar="DIR")
    flags = parser.parse_args()
    return run(*run_arguments(flags), "--prompt-cache", flags.cache_dir)


if __name__ == "__main__":
    sys.exit(main())
