"""The harness' command line with the model `anemone`."""

from lm_eval.__main__ import cli_evaluate

import anemone.lm_eval


def main() -> None:
    cli_evaluate()


if __name__ == "__main__":
    main()
