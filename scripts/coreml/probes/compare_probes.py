#!/usr/bin/env python3
"""Holds a Core ML model, or a dump of its values, against PyTorch's.

    python -m coreml.probes.compare_probes --pt X.pt --ml Y.mlpackage [--rel_err_tol 0.02] [--mse_tol 1e-3]

Run from the folder scripts, or as a file. Either side is a checkpoint, a package, a model directory, or values in an
.npz or .pt file. Calls `anemone probe ML --reference PT --json`, prints a line for each point and writes results.json:
points that passed, failed (over tolerance, or of other shapes on both sides), and that only one side has (skipped).
Exits with 1 when a point failed.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import fail, flags_of, program  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--pt", required=True, metavar="PATH", help="the reference")
    parser.add_argument("--ml", required=True, metavar="PATH", help="the Core ML side")
    parser.add_argument("--onnx", metavar="PATH", help="refused: ONNX is not read")
    parser.add_argument("--seq", type=int, metavar="N", help="most tokens (32); refused beside a dump that says its own")
    parser.add_argument("--dmodel", type=int, help="taken and not needed: models say their own width")
    parser.add_argument("--rel_err_tol", "--rel-err-tol", type=float, default=0.02)
    parser.add_argument("--mse_tol", "--mse-tol", type=float, default=1e-3)
    parser.add_argument("--out", default="results.json", metavar="FILE")
    flags = parser.parse_args()
    if flags.onnx:
        fail("--onnx: ONNX is not read; give the checkpoint or a dump as --pt")
    call = [program(), "probe", flags.ml, "--reference", flags.pt]
    if flags.seq is not None:
        call += ["--tokens", str(flags.seq)]
    call += ["--relative", repr(flags.rel_err_tol), "--mse", repr(flags.mse_tol), "--json"]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True)
    has_report = done.returncode == 1 and done.stdout.strip()
    if done.returncode != 0 and not has_report:
        return done.returncode if done.returncode > 0 else 128 - done.returncode
    report = json.loads(done.stdout)
    number = lambda value: "n/a" if value is None else f"{value:.3g}"  # noqa: E731
    for point in report["points"]:
        verdict = "FAILED" if point["over_tolerance"] else "passed"
        print(verdict, point["name"], "relative", number(point["relative_error"]), "mse", number(point["mse"]))
    for line in report["shapes_differ"]:
        print("FAILED", line)
    for line in report["not_compared"]:
        print("skipped", line)
    over = sum(point["over_tolerance"] for point in report["points"])
    failed = over + len(report["shapes_differ"])
    counts = {
        "passed": len(report["points"]) - over,
        "skipped": len(report["not_compared"]),
        "failed": failed,
    }
    counts["total"] = sum(counts.values())
    try:
        Path(flags.out).write_text(json.dumps(counts, indent=2) + "\n")
    except OSError as error:
        sys.exit(f"{flags.out}: {error.strerror}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
