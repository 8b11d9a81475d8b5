#!/usr/bin/env python3
"""How fast `anemone compress` is beside coremltools (from PyPI) on one matrix, and which of them loses less.

    run.py                                    all cases, with build/anemone
    run.py --size 1024 --anemone build/dev/tools/anemone --only lut4:g16
    run.py --shapes                           a list of shapes as that of a 7B model: time and memory of ours alone

Both get the same package of one linear layer and as many threads as there are processors, in turns; the ratio is that
of the medians. Ours: the whole process, reading and writing included. Theirs: the call that compresses, neither loading nor saving. The squared error is that of
the decompressed weights (coremltools decompresses both) to the weights before. Exit code 1 when a floor is missed, 77
when it could not be measured.
"""
import argparse
import importlib.util
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

os.environ["TQDM_DISABLE"] = "1"  # read when coremltools is imported
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

NOT_MEASURED = 77  # the exit code of a skip
ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_SECONDS = 600  # for all shapes of a 7B model
MOST_RSS_BYTES = 1000 * 1000 * 1000
# Our spelling, and how much faster we have to be.
CASES = {"lut4:g16": 20, "lut4:tensor": 5, "lut6:tensor": 5, "lut8:tensor": 5, "lut4:tensor:v2": 5, "int4:b32": 5,
         "int8:channel": 5, "sparse50": 5}
# Rows, columns and how many: 32 layers of a llama of 7B parameters, and its head.
SHAPES = [(4096, 4096, 128), (11008, 4096, 64), (4096, 11008, 32), (32000, 4096, 1)]


def theirs(cto, scheme):
    """The call of coremltools that means the same."""
    optimize = cto.coreml
    if scheme.startswith("lut"):
        bits, *words = scheme[3:].split(":")
        settings = {"mode": "kmeans", "nbits": int(bits), "granularity": "per_tensor"}
        for word in words:
            if word.startswith("g"):
                settings.update(granularity="per_grouped_channel", group_size=int(word[1:]))
            elif word.startswith("v"):
                settings["cluster_dim"] = int(word[1:])
        config = optimize.OpPalettizerConfig(num_kmeans_workers=os.cpu_count(), **settings)
        call = optimize.palettize_weights
    elif scheme.startswith("int"):
        bits, words = scheme[3:].split(":")
        blocks = {"granularity": "per_channel"}
        if words.startswith("b"):
            blocks = {"granularity": "per_block", "block_size": int(words[1:])}
        config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", dtype=f"int{bits}", **blocks)
        call = optimize.linear_quantize_weights
    else:
        config = optimize.OpMagnitudePrunerConfig(target_sparsity=int(scheme[6:]) / 100)
        call = optimize.prune_weights
    return lambda model: call(model, optimize.OptimizationConfig(global_config=config))


def package(ct, np, rows, columns, path):
    """One linear layer of normal numbers whose rows differ in size, as those of trained models do."""
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types
    random = np.random.default_rng(1)
    weight = random.standard_normal((rows, columns), dtype=np.float32)
    weight *= 0.02 * np.exp(0.3 * random.standard_normal((rows, 1), dtype=np.float32))
    weight = weight.astype(np.float16)

    @mb.program(input_specs=[mb.TensorSpec((1, columns), dtype=types.fp16)], opset_version=ct.target.iOS18)
    def program(x):
        return mb.linear(x=x, weight=weight, bias=np.zeros(rows, np.float16), name="y")

    model = ct.convert(program, convert_to="mlprogram", minimum_deployment_target=ct.target.iOS18,
                       skip_model_load=True)
    model.save(str(path))
    return weight


def decompressed(ct, cto, np, model, shape):
    """The one matrix of a compressed model."""
    from coremltools.converters.mil.frontend.milproto import load as milproto
    dense = cto.coreml.decompress_weights(model)
    spec = dense.get_spec()
    program = milproto.load(spec, spec.specificationVersion, dense.weights_dir)
    for operation in program.functions["main"].operations:
        if operation.op_type == "linear":
            return np.asarray(operation.weight.val)
    sys.exit(f"no linear layer of {shape} is left")


def run(command):
    """Seconds and the peak of memory of a process."""
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command}: failed")
    return time.monotonic() - start, usage.ru_maxrss * 1024, output


def beside(arguments, scratch, ct, cto, np):
    dense = scratch / "dense.mlpackage"
    weight = package(ct, np, arguments.size, arguments.size, dense).astype(np.float64)
    missed = 0
    print(f"{'scheme':<16} {'ours s':>8} {'theirs s':>9} {'ratio, by turn':>22} {'floor':>6} {'our error':>11} "
          f"{'theirs':>11}")
    for scheme, floor in CASES.items():
        if arguments.only and scheme not in arguments.only:
            continue
        ours, others = [], []
        for _ in range(arguments.repetitions):
            spent, _, _ = run([arguments.anemone, "compress", dense, "-o", scratch / "ours.mlpackage", "--overwrite",
                               "-q", "--quantize", scheme])
            ours.append(spent)
            if others and scheme.startswith("lut"):
                continue  # coremltools' pool of workers serves one call in a process
            model = ct.models.MLModel(str(dense), skip_model_load=True)
            start = time.monotonic()
            compressed = theirs(cto, scheme)(model)
            others.append(time.monotonic() - start)
        own, other = statistics.median(ours), statistics.median(others)
        turns = [theirs_s / ours_s for ours_s, theirs_s in zip(ours, others * (len(ours) // len(others)))]
        ratio = f"{other / own:.1f} ({min(turns):.1f} to {max(turns):.1f})"
        packed = ct.models.MLModel(str(scratch / "ours.mlpackage"), skip_model_load=True)
        errors = [float(((decompressed(ct, cto, np, one, weight.shape).astype(np.float64) - weight) ** 2).sum())
                  for one in (packed, compressed)]
        good = other / own >= floor and errors[0] <= errors[1]
        missed += not good
        print(f"{scheme:<16} {own:>8.2f} {other:>9.2f} {ratio:>22} {floor:>6} {errors[0]:>11.5g} "
              f"{errors[1]:>11.5g}{'' if good else '  MISSED'}", flush=True)
    return missed


def shapes(arguments, scratch):
    """Each shape once; the whole takes that time so often as there are such matrices. Packages are made by other
    processes: the kernel counts to the peak of a process that of the one that started it."""
    total = 0.0
    peak = 0
    for rows, columns, count in SHAPES:
        dense = scratch / f"{rows}x{columns}.mlpackage"
        subprocess.run([sys.executable, __file__, "--package", dense, str(rows), str(columns)], check=True)
        seconds, rss, _ = run([arguments.anemone, "compress", dense, "-o", scratch / "out.mlpackage", "--overwrite",
                               "-q", "--quantize", "lut4:g16"])
        total += seconds * count
        peak = max(peak, rss)
        print(f"{rows} x {columns}: {seconds:.2f} s, {rss / 1e6:.0f} MB, {count} times", flush=True)
    good = total <= MOST_SECONDS and peak <= MOST_RSS_BYTES
    print(f"7B, lut4:g16: {total:.0f} s of {MOST_SECONDS}, peak {peak / 1e6:.0f} MB of "
          f"{MOST_RSS_BYTES / 1e6:.0f}{'' if good else '  MISSED'}")
    return not good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "build/anemone")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--package", nargs=3, help=argparse.SUPPRESS)  # path, rows, columns: makes it
    arguments = parser.parse_args()
    if arguments.shapes and all(importlib.util.find_spec(name) for name in ("coremltools", "numpy")):
        with tempfile.TemporaryDirectory() as folder:
            return 1 if shapes(arguments, pathlib.Path(folder)) else 0
    try:
        import coremltools as ct
        import coremltools.optimize as cto
        import numpy as np
        import sklearn
    except ImportError as missing:
        print(f"bench-compress: not measured: {missing}")
        return NOT_MEASURED
    if arguments.package:
        path, rows, columns = arguments.package
        package(ct, np, int(rows), int(columns), pathlib.Path(path))
        return 0
    chosen = [scheme for scheme in CASES if not arguments.only or scheme in arguments.only]
    if len(chosen) > 1:  # each in a process of its own, because of that pool
        return max(subprocess.run([sys.executable, __file__, "--anemone", arguments.anemone, "--size",
                                   str(arguments.size), "--repetitions", str(arguments.repetitions), "--only", scheme],
                                  check=False).returncode for scheme in chosen)
    print(f"coremltools {ct.__version__}, scikit-learn {sklearn.__version__}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        return 1 if beside(arguments, pathlib.Path(folder), ct, cto, np) else 0


if __name__ == "__main__":
    sys.exit(main())
