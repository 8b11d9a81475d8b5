#!/usr/bin/env python3
"""Requirement S2's benchmark of a typo corrector: Neural Engine against CPU at contexts 128, 256 and 512.

    ane_benchmark.py --model_path MODEL [--num_runs 30] [--context_lengths 128 256 512] [--output_file results.json]

Calls `anemone bench --preset phase2`: 5 warm-ups, load time left out, equal tokens asked for, the verdict judged against 1.3.
Without a Mac the verdict is n/a and the CPU alone is measured.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluate/ane"))

from anemone_call import check_model, flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model_path", "--model-path", required=True, metavar="MODEL")
    parser.add_argument("--num_runs", "--num-runs", type=int, default=30, metavar="N")
    parser.add_argument("--warmup", type=int, default=5, metavar="N")
    parser.add_argument("--context_lengths", "--context-lengths", type=int, nargs="+", default=[128, 256, 512], metavar="N")
    parser.add_argument("--quality", default="typos", metavar="WHAT", help="typos, perplexity, both by a comma, or none")
    parser.add_argument("--output_file", "--output-file", metavar="FILE", help="JSON; default: tables on the standard output")
    flags = parser.parse_args()
    arguments = ["bench", check_model(flags.model_path), "--preset", "phase2",
                 "--contexts", ",".join(map(str, flags.context_lengths)),
                 "--repetitions", str(flags.num_runs), "--warmup", str(flags.warmup), "--quality", flags.quality]
    if flags.output_file:
        arguments += ["--format", "json", "-o", flags.output_file]
    return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
