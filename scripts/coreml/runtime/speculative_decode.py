#!/usr/bin/env python3
"""Answers one prompt with a smaller model that guesses ahead; the answer is that of the model alone.

    python -m coreml.runtime.speculative_decode --model MODEL --draft-model MODEL --prompt TEXT [--k 8]

Run from the folder scripts, or as a file. Calls `anemone run --draft`; --json counts guesses and right ones.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate_coreml import parser_of, run, run_arguments  # noqa: E402


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--draft-model", required=True, metavar="PATH", help="of the same vocabulary")
    parser.add_argument("--k", type=int, default=8, metavar="N", help="most tokens of one guess (8)")
    flags = parser.parse_args()
    return run(*run_arguments(flags), "--draft", flags.draft_model, "--draft-tokens", str(flags.k))


if __name__ == "__main__":
    sys.exit(main())
