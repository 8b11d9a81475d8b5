#!/usr/bin/env python3
"""How the key-value cache lies in memory, and what a step reads, writes and copies of it.

    python -m coreml.runtime.kv_cache_optimized --model MODEL [--json]

Run from the folder scripts, or as a file. Calls `anemone inspect --states`. The cache is a state of the package: its layout
was chosen by the conversion, and the runtime updates it where it is.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import check_model, flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model", required=True, metavar="PATH")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    flags = parser.parse_args()
    check_model(flags.model)
    return run("inspect", flags.model, "--states", *(["--json"] if flags.json else []))


if __name__ == "__main__":
    sys.exit(main())
