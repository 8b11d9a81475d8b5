#!/usr/bin/env python3
"""How fast `anemone convert` is beside a plain copy of the same checkpoint, and how much memory it takes.

    run.py                                   both models, with build/anemone
    run.py --repetitions 9 --anemone build/dev/tools/anemone --model qwen3-0.6b

Copy and conversion run in turns. "disk": the checkpoint is dropped from the page cache before, and the time ends when
all that was written is on the disk; this is what the floor is for. "memory": the checkpoint is in the page cache, and
the time ends with the process. The peak of memory is what the kernel counts for the process (mapped pages of files
included). Exit code 1 when a floor is missed, 77 when it could not be measured.
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
NOT_MEASURED = 77  # the exit code of a skip
ROOT = pathlib.Path(__file__).resolve().parents[2]


def files_below(path):
    return [file for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]


def for_each_open(path, action):
    for file in files_below(path):
        descriptor = os.open(file, os.O_RDONLY)
        action(descriptor)
        os.close(descriptor)


class Run:
    """One process that reads `source` and writes `out`, which is removed."""

    def __init__(self, command, source, out, way):
        if way == "disk":
            for_each_open(source, lambda file: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED))
        else:
            for_each_open(source, lambda file: [None for _ in iter(lambda: os.read(file, 1 << 20), b"")])
        start = time.monotonic()
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                log.seek(0)
                sys.exit(f"{command}: exit {process.returncode}\n{log.read().decode()}")
        if way == "disk":
            for_each_open(out, os.fsync)
        self.seconds = time.monotonic() - start
        remove(out)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_rss_bytes = usage.ru_maxrss * (1024 if sys.platform == "linux" else 1)


def spread(values, form):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def remove(path):
    if path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def measure(name, shape, sparse, repetitions, anemone, scratch):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="checkpoint-", dir=scratch))
    out = folder.with_name(folder.name + "-converted")
    copy = folder.with_name(folder.name + "-copied")
    try:
        size = checkpoints.write(folder, shape, sparse)
        for_each_open(folder, os.fsync)  # pages that are not on the disk yet stay in the cache
        kind = "a sparse file of zeros" if sparse else "random weights"
        print(f"{name}: {size / 1e6:.0f} MB of bf16 ({kind}), {repetitions} runs of each in turns")
        needed = size * (1.35 if shape["tied"] else 1.1)  # a tied embedding is written as table and as head
        if shutil.disk_usage(scratch).free < needed:
            print(f"  n/a: the output needs {needed / 1e9:.1f} GB of disk, "
                  f"{shutil.disk_usage(scratch).free / 1e9:.1f} GB are free")
            return None
        met = True
        for way in ("disk",) if sparse else ("disk", "memory"):
            copies, conversions = [], []
            for _ in range(repetitions):
                if not sparse:
                    file = folder / "model.safetensors"
                    copies.append(Run(["cp", "--reflink=never", file, copy], folder, copy, way))
                conversions.append(Run([anemone, "convert", folder, "-o", out, "--layout", "anemone"], folder, out, way))
            met &= report(size, way, copies, conversions)
        return met
    finally:
        for path in (folder, out, copy):
            remove(path)


def report(size, way, copies, conversions):
    for word, runs in (("copy", copies), ("convert", conversions)):
        if runs:
            print(f"  {way:6} {word:8} {spread([size / 1e6 / run.seconds for run in runs], '{:.0f}')} MB/s, "
                  f"{spread([run.cpu_seconds for run in runs], '{:.2f}')} s of CPU")
    met = True
    ratios = [copy.seconds / conversion.seconds for copy, conversion in zip(copies, conversions)]
    peak = max(run.peak_rss_bytes for run in conversions)
    if ratios:
        has_floor = way == "disk"
        met = not has_floor or statistics.median(ratios) >= LEAST_RATIO
        floor = f"; floor {LEAST_RATIO} {'met' if met else 'MISSED'}" if has_floor else ""
        print(f"  {way:6} speed of convert over copy, by turn: {spread(ratios, '{:.2f}')}{floor}")
    fits = peak <= MOST_RSS_BYTES
    print(f"  {way:6} peak RSS of convert: {peak / 1e6:.0f} MB; at most {MOST_RSS_BYTES / 1e6:.0f} MB "
          f"{'met' if fits else 'MISSED'}")
    return met and fits


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "build/anemone")
    parser.add_argument("--model", choices=checkpoints.SHAPES, action="append")
    parser.add_argument("--repetitions", type=int, default=5, help="of the small model; the large one runs once")
    parser.add_argument("--scratch", type=pathlib.Path, help="folder for 3 (or 40) GB of files (default: the system's)")
    args = parser.parse_args()
    scratch = args.scratch or pathlib.Path(tempfile.gettempdir())
    verdicts = []
    for name in args.model or checkpoints.SHAPES:
        large = name == "qwen3-8b"
        verdicts.append(
            measure(name, checkpoints.SHAPES[name], large, 1 if large else args.repetitions, args.anemone, scratch))
    if None in verdicts:
        print("not all was measured")
    sys.exit(1 if False in verdicts else NOT_MEASURED if None in verdicts else 0)


if __name__ == "__main__":
    main()
