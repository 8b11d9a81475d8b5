#!/usr/bin/env python3
"""Token ids of a text.

    python -m coreml.runtime.tokenizer_optimized --tokenizer DIR < text

Run from the folder scripts, or as a file. Calls `anemone tokenize --json`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--tokenizer", required=True, metavar="DIR", help="model directory or checkpoint")
    flags = parser.parse_args()
    return run("tokenize", flags.tokenizer, "--json")


if __name__ == "__main__":
    sys.exit(main())
