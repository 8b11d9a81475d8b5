#!/usr/bin/env python3
"""Continues a text with a model, by the wheel (`make wheel`).

    examples/python/generate.py MODEL PROMPT [TOKENS]
"""
import sys


def main(arguments):
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    try:
        import anemone
    except ModuleNotFoundError:
        sys.exit("the package anemone is not installed: make wheel, then pip install build/python/dist/anemone-*.whl "
                 "in a virtual environment")
    model = anemone.Model(arguments[0])
    tokens = int(arguments[2]) if len(arguments) == 3 else 32
    print(model.generate(arguments[1], max_tokens=tokens).text)


if __name__ == "__main__":
    main(sys.argv[1:])
