#!/usr/bin/env python3
"""How fast `anemone convert` is beside a plain copy of the same checkpoint, and how much memory it takes.

    run.py                                   both models, with build/anemone
    run.py --repetitions 9 --anemone build/dev/tools/anemone --model qwen3-0.6b

Copy and conversion run in turns on a checkpoint that lies in the page cache, and write into folders beside it; a
run's time ends with its process. The peak of memory is what the kernel counts for the process (mapped pages of
files included). Exit code 1 when a floor is missed.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import checkpoints

LEAST_RATIO = 0.5
MOST_RSS_BYTES = 600 * 1000 * 1000
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Run:
    def __init__(self, command):
        start = time.monotonic()
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.seconds = time.monotonic() - start
            if process.returncode != 0:
                log.seek(0)
                sys.exit(f"{command}: exit {process.returncode}\n{log.read().decode()}")
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_rss_bytes = usage.ru_maxrss * (1024 if sys.platform == "linux" else 1)


def spread(values, form):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def measure(name, shape, sparse, repetitions, anemone, scratch):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="checkpoint-", dir=scratch))
    out = folder.with_name(folder.name + "-converted")
    copy = folder.with_name(folder.name + "-copied")
    try:
        size = checkpoints.write(folder, shape, sparse)
        kind = "a sparse file of zeros" if sparse else "random weights"
        print(f"{name}: {size / 1e6:.0f} MB of bf16 ({kind}), {repetitions} runs of each in turns")
        needed = size * 1.1
        if shutil.disk_usage(scratch).free < needed:
            print(f"  n/a: the output needs {needed / 1e9:.1f} GB of disk, "
                  f"{shutil.disk_usage(scratch).free / 1e9:.1f} GB are free")
            return True
        copies, conversions = [], []
        for _ in range(repetitions):
            copy.mkdir()
            copies.append(Run(["cp", "--reflink=never", "--sparse=never", folder / "model.safetensors", copy]))
            remove(copy)
            conversions.append(Run([anemone, "convert", folder, "-o", out, "--layout", "anemone", "--dtype", "fp16"]))
            remove(out)
        return report(size, copies, conversions)
    finally:
        for path in (folder, out, copy):
            remove(path)


def report(size, copies, conversions):
    for word, runs in (("copy", copies), ("convert", conversions)):
        print(f"  {word:8} {spread([size / 1e6 / run.seconds for run in runs], '{:.0f}')} MB/s, "
              f"{spread([run.cpu_seconds for run in runs], '{:.2f}')} s of CPU")
    ratios = [copy.seconds / conversion.seconds for copy, conversion in zip(copies, conversions)]
    peak = max(run.peak_rss_bytes for run in conversions)
    met = statistics.median(ratios) >= LEAST_RATIO, peak <= MOST_RSS_BYTES
    print(f"  speed of convert over copy, by turn: {spread(ratios, '{:.2f}')}; "
          f"floor {LEAST_RATIO} {'met' if met[0] else 'MISSED'}")
    print(f"  peak RSS of convert: {peak / 1e6:.0f} MB; at most {MOST_RSS_BYTES / 1e6:.0f} MB "
          f"{'met' if met[1] else 'MISSED'}")
    return all(met)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "build/anemone")
    parser.add_argument("--model", choices=checkpoints.SHAPES, action="append")
    parser.add_argument("--repetitions", type=int, default=5, help="of the small model; the large one runs once")
    parser.add_argument("--scratch", type=pathlib.Path, help="folder for 3 (or 40) GB of files (default: the system's)")
    args = parser.parse_args()
    scratch = args.scratch or pathlib.Path(tempfile.gettempdir())
    met = True
    for name in args.model or checkpoints.SHAPES:
        large = name == "qwen3-8b"
        met &= measure(name, checkpoints.SHAPES[name], large, 1 if large else args.repetitions, args.anemone, scratch)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
