#!/usr/bin/env python3
"""Measures sequences that are advanced together, and says how many are worth it for a workload.

    python -m coreml.runtime.batch_policy --model MODEL [--batch-sizes 1,2,4] [--out FILE]

Run from the folder scripts, or as a file. Calls `anemone bench --batches`; `anemone serve --batch-policy FILE` follows it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import check_model, flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model", required=True, metavar="PATH")
    parser.add_argument("--batch-sizes", default="1,2,4", metavar="N,…", help="1 is what others are held against (1,2,4)")
    parser.add_argument("--context", default="512", metavar="N", help="tokens of prompt and answer (512)")
    parser.add_argument("--out", metavar="FILE", help="JSON document; without it a table is printed")
    flags = parser.parse_args()
    check_model(flags.model)
    arguments = ["bench", flags.model, "--contexts", flags.context, "--batches", flags.batch_sizes]
    if flags.out:
        arguments += ["--format", "json", "-o", flags.out]
    return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
