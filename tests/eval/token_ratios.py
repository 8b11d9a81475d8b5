#!/usr/bin/env python3
"""Tokens that `anemone eval` runs, of those that lm-evaluation-harness' hf model runs in batches.

    token_ratios.py ANEMONE MODEL SHARED LARGEST TASKS [FLAGS ...]

Counts the tasks on the data sets below SHARED without running a model, prints the counts and fails
when the share is larger than LARGEST. Exit code 77: the data are not there.
"""
import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    anemone, model, shared, largest, tasks, *flags = sys.argv[1:]
    data = Path(os.environ.get("ANEMONE_SHARED") or shared) / "data/benchmarks"
    if not data.is_dir():
        print(f"{data} is not there")
        return 77
    command = [anemone, "eval", model, "--dry-run", "--json", "--max-length", "8192", "--tasks",
               tasks, "--data", str(data), "--no-progress", "-q", *flags]
    counts = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    work = counts["work"]
    if counts["failed_requests"] or work["truncated_requests"]:
        print(f"{counts['failed_requests']} failed, {work['truncated_requests']} cut")
        return 1
    run, hf = work["tokens_run"], work["tokens_hf_with_logits_cache"]
    alone = work["tokens_each_request_alone"]
    print(f"{tasks} {' '.join(flags)}: {run} run, {hf} by hf with its logits cache, {alone} alone; "
          f"{run / hf:.4f} of hf, {run / alone:.4f} of alone; at most {largest}")
    return 0 if 0 < run / hf <= float(largest) and hf <= alone else 1


if __name__ == "__main__":
    sys.exit(main())
