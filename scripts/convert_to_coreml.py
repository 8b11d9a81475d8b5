#!/usr/bin/env python3
"""Converts a Hugging Face model to one Core ML package: `input_ids` [1, 512] to `logits`.

    convert_to_coreml.py [--model_path exports/distrust-hermes-7b] [--output_path MODEL.mlpackage] [--no-quantize]

Calls `anemone convert` with the layout plain, from macOS 14 on, weights as 8-bit integers with one scale each.
Imported, `convert_to_coreml(model_path, output_path, quantize=True)` does the same and returns the model, opened with
the wheel `anemone`. A model of 7B weights is more than the Neural Engine takes as one program: docs/mlx.md.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "evaluate/ane"))

from anemone_call import check_model, flags_of, run  # noqa: E402

MODEL = "exports/distrust-hermes-7b"
LENGTH = "512"


def call(model_path, output_path, quantize=True, lengths=LENGTH) -> int:
    """The exit code of the conversion."""
    arguments = ["convert", str(model_path), "-o", str(output_path), "--layout", "plain", "--lengths", lengths,
                 "--target", "macOS14", "--overwrite"]
    if quantize:
        arguments += ["--quantize", "int8:tensor"]
    return run(*arguments)


def convert_to_coreml(model_path, output_path, quantize=True):
    code = call(model_path, output_path, quantize)
    if code != 0:
        raise RuntimeError(f"{model_path}: the conversion ended with exit code {code}")
    import anemone

    return anemone.Model(output_path)


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model_path", default=MODEL, metavar="DIR", help=f"({MODEL})")
    parser.add_argument("--output_path", metavar="FILE", help="(the model's name with .mlpackage)")
    parser.add_argument("--quantize", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lengths", default=LENGTH, metavar="N", help="of input_ids: 512, or a range 1..512")
    flags = parser.parse_args()
    check_model(flags.model_path)
    output = flags.output_path or flags.model_path.rstrip("/") + ".mlpackage"
    return call(flags.model_path, output, flags.quantize, flags.lengths)


if __name__ == "__main__":
    sys.exit(main())
