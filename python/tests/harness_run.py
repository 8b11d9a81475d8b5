"""One run of lm-evaluation-harness' own command line on local data, in a process of its own.

    harness_run.py DATA CACHE run --model anemone --model_args path=MODEL --tasks arc_easy …
"""

import sys
from pathlib import Path

import local_datasets
from lm_eval.__main__ import cli_evaluate

if __name__ == "__main__":
    local_datasets.use(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    cli_evaluate()
