#!/usr/bin/env python3
"""Writes the values inside a model, layer by layer, as a NumPy archive.

    python -m coreml.probes.generate_probes --model CHECKPOINT_OR_PACKAGE --out probes.npz

Run from the folder scripts, or as a file. Calls `anemone probe MODEL --dump`; a checkpoint's values are those of the
program that is built from it in memory, in fp32. Tokens are random (--seed) unless --ids names some.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model", required=True, metavar="PATH", help="checkpoint, package or model directory")
    parser.add_argument("--out", required=True, metavar="FILE.npz")
    parser.add_argument("--seq", type=int, default=128, metavar="N", help="tokens (128)")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--ids", metavar="FILE.npz", help="token ids: input_ids [T]")
    flags = parser.parse_args()
    tokens = ["--ids", flags.ids] if flags.ids else ["--tokens", str(flags.seq), "--seed", str(flags.seed)]
    return run("probe", flags.model, "--dump", flags.out, *tokens)


if __name__ == "__main__":
    sys.exit(main())
