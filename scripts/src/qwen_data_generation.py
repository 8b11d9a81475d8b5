#!/usr/bin/env python3
"""Makes long pairs of faulty and clean text.

    qwen_data_generation.py [--output data/qwen/train.jsonl] [--num_examples 10000] [--context_lengths 256 512 1024]

Calls scripts/typo_pairs.py. --dataset names text files; `builtin`, the default, is the text of the task prose. Nothing is
downloaded: of `wikitext` give the file.
"""

import argparse
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[1] / "typo_pairs.py"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", default="data/qwen/train.jsonl", metavar="FILE")
    parser.add_argument("--num_examples", type=int, default=10000, metavar="N")
    parser.add_argument("--corruption_rate", type=float, default=0.15, metavar="SHARE")
    parser.add_argument("--context_lengths", type=int, nargs="+", default=[256, 512, 1024], metavar="TOKENS")
    parser.add_argument("--dataset", nargs="+", default=["builtin"], metavar="FILE")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    flags = parser.parse_args()
    Path(flags.output).parent.mkdir(parents=True, exist_ok=True)
    arguments = ["--output", flags.output, "-n", str(flags.num_examples), "--rate", str(flags.corruption_rate),
                 "--tokens", ",".join(map(str, flags.context_lengths)), "--seed", str(flags.seed)]
    if flags.dataset != ["builtin"]:
        arguments += ["--text", *flags.dataset]
    return subprocess.call([sys.executable, str(TOOL), *arguments])


if __name__ == "__main__":
    sys.exit(main())
