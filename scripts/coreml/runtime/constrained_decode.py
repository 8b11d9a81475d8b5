#!/usr/bin/env python3
"""Answers one prompt with JSON that a schema allows.

    python -m coreml.runtime.constrained_decode --model MODEL --prompt TEXT --schema schema.json [--max-tokens 512]

Run from the folder scripts, or as a file. Calls `anemone run --json-schema`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate_coreml import parser_of, run, run_arguments  # noqa: E402


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--schema", required=True, metavar="FILE", help="JSON Schema")
    flags = parser.parse_args()
    return run(*run_arguments(flags), "--json-schema", flags.schema)


if __name__ == "__main__":
    sys.exit(main())
