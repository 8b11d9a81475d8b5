#!/usr/bin/env python3
"""Time of a prediction of a language model: mean and standard deviation in ms, and predictions a second.

    benchmark_ane.py MODEL [--num-iterations 100] [--compute-units cpu]

A prediction is one decoding step with its cache, which is what a token costs; load time and 10 warm-up requests are left out.
Calls `anemone bench`; from Python, benchmark(model_path, num_iterations=100) returns the numbers.
"""

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "evaluate/ane"))

from anemone_call import flags_of, program  # noqa: E402

WARMUP = 10
STEPS = 10  # timed in a request


def benchmark(model_path, num_iterations=100, compute_units="cpu"):
    """{"mean_ms", "std_ms", "throughput", "n"} of `num_iterations` predictions. Raises RuntimeError with the program's words."""
    if num_iterations < 1:
        raise RuntimeError(f"num_iterations {num_iterations}, expected 1 or more")
    call = [program(), "bench", str(model_path), "--contexts", str(2 * (STEPS + 1)), "--answer-tokens", str(STEPS + 1),
            "--repetitions", str(math.ceil(num_iterations / STEPS)), "--warmup", str(WARMUP), "--loads", "0",
            "--stage-requests", "0", "--compute-units", compute_units, "--json"]
    run = subprocess.run(call, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip() or f"anemone bench ended with {run.returncode}")
    configuration = json.loads(run.stdout)["configurations"][0]
    if configuration["status"] != "measured":
        raise RuntimeError(f"{configuration['status']}: {configuration['reason']}")
    times = [ns / 1e6 for ns in configuration["step_ns"]["samples"][:num_iterations]]
    mean = statistics.fmean(times)
    return {"mean_ms": mean, "std_ms": statistics.stdev(times) if len(times) > 1 else 0.0,
            "throughput": 1000 / mean, "n": len(times)}


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--num-iterations", type=int, default=100, metavar="N")
    parser.add_argument("--compute-units", default="cpu", choices=["cpu", "cpu-gpu", "cpu-ane", "all"])
    flags = parser.parse_args()
    try:
        result = benchmark(flags.model, flags.num_iterations, flags.compute_units)
    except RuntimeError as error:
        sys.exit(f"benchmark_ane.py: {error}")
    print(f"Mean: {result['mean_ms']:.3f} ± {result['std_ms']:.3f} ms over {result['n']} predictions")
    print(f"Throughput: {result['throughput']:.1f} inferences/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
