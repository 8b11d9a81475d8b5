#!/usr/bin/env python3
"""Decompresses packages with coremltools and compares the weights with those of the project's own evaluation.

    check_compressed.py FOLDER SCHEME...

For the n-th SCHEME, FOLDER holds n.mlpackage and n.npz, the weights by "function/result".
"""
import logging
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np  # noqa: E402
import coremltools as ct  # noqa: E402
import coremltools.optimize as cto  # noqa: E402
from coremltools.converters.mil.frontend.milproto import load as milproto  # noqa: E402


def constants(model):
    """Every constant of a model, by name, as coremltools reads it."""
    spec = model.get_spec()
    program = milproto.load(spec, spec.specificationVersion, model.weights_dir)
    found = {}
    for function in program.functions.values():
        for operation in function.operations:
            if operation.op_type == "const":
                found[operation.outputs[0].name] = operation.outputs[0].val
    return found


def check(package, arrays):
    model = ct.models.MLModel(str(package), skip_model_load=True)
    found = constants(cto.coreml.decompress_weights(model))
    if not arrays.files:
        return "FAILED: nothing is compressed"
    for key in arrays.files:
        name = key.split("/", 1)[1]
        if name not in found:
            return f"FAILED: {name} is no constant after decompression"
        theirs, ours = np.asarray(found[name]), arrays[key]
        if theirs.dtype != ours.dtype or theirs.shape != ours.shape:
            return f"FAILED: {name}: {theirs.dtype} {theirs.shape}, expected {ours.dtype} {ours.shape}"
        if not np.array_equal(theirs, ours):
            wrong = np.flatnonzero(theirs.ravel() != ours.ravel())
            at = wrong[0]
            return (f"FAILED: {name}: {wrong.size} of {ours.size} elements differ, the first at {at}: "
                    f"{theirs.ravel()[at]!r}, expected {ours.ravel()[at]!r}")
    return f"ok: {len(arrays.files)} weights"


def main():
    folder = Path(sys.argv[1])
    counts = {"ok": 0, "FAILED": 0}
    for number, scheme in enumerate(sys.argv[2:]):
        try:
            verdict = check(folder / f"{number}.mlpackage", np.load(folder / f"{number}.npz"))
        except Exception as problem:
            verdict = f"FAILED: {type(problem).__name__}: {problem}"
        counts[verdict.split(":")[0]] += 1
        print(f"{scheme}: {verdict}", flush=True)
    print(f"coremltools {ct.__version__} decompresses: {counts['ok']} ok, {counts['FAILED']} failed")
    return 1 if counts["FAILED"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
