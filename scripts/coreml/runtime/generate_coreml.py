#!/usr/bin/env python3
"""Answers one prompt with a Core ML model, and calls tools.

    python -m coreml.runtime.generate_coreml --model MODEL --prompt "Weather in Oslo?" [--tokenizer DIR]
        [--tools tools.json] [--max-tokens 512] [--use-constrained]

Run from the folder scripts, or as a file. Calls `anemone run`; --use-constrained leaves the model nothing to write but
calls that the tools' schemas allow (`--tool-choice required`), without tools any JSON object.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import check_model, run  # noqa: E402


def parser_of(words: str) -> argparse.ArgumentParser:
    """The flags that the scripts of this folder share."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="PATH", help="package or model directory")
    parser.add_argument("--tokenizer", metavar="DIR", help="default: the model's own")
    parser.add_argument("--prompt", required=True, metavar="TEXT")
    parser.add_argument("--max-tokens", type=int, default=512, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser


def run_arguments(flags: argparse.Namespace) -> list[str]:
    check_model(flags.model)
    arguments = ["run", flags.model, flags.prompt, "--chat", "--max-tokens", str(flags.max_tokens)]
    if flags.tokenizer:
        arguments += ["--tokenizer", flags.tokenizer]
    if flags.json:
        arguments.append("--json")
    return arguments


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--tools", metavar="FILE", help="JSON list of tools")
    parser.add_argument("--use-constrained", action="store_true", help="nothing but valid calls")
    flags = parser.parse_args()
    arguments = run_arguments(flags)
    if flags.tools:
        arguments += ["--tools", flags.tools]
        if flags.use_constrained:
            arguments += ["--tool-choice", "required"]
    elif flags.use_constrained:
        arguments.append("--json-object")
    return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
