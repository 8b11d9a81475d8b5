#!/usr/bin/env python3
"""Evaluates in parts on a Ray cluster and merges them: the same results as one `anemone eval`.

    ray start --head                                     on one machine; ray start --address=HOST:6379 on the others
    ray_eval.py --shards 8 --output-path OUT MODEL --tasks arc_easy,boolq [any flag of anemone eval]

Each part is `anemone eval MODEL … --shard i/n --resume` on some machine of the cluster. The program, the model and the data
have the same paths on all of them; OUT need not be shared: what the merge needs comes back through Ray. A part that fails,
or whose machine is lost, runs again and goes on where it was, if it comes back to a machine that has its answers. A document
that fails is no failure of its part: the merge counts and names it. OUT may be a name that ends in .json, as in anemone eval.
Exit codes are those of anemone; 69 when the Python package `ray` is missing.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

try:
    import ray
except ImportError as error:
    print(f"ray_eval: the Python package ray is missing ({error}): pip install ray", file=sys.stderr)
    sys.exit(69)


def run_part(command, index, count, folder, here):
    """Runs one part; returns (exit code, last words, name and bytes of the file for the merge)."""
    folder = pathlib.Path(folder)
    for stale in folder.glob("*/shard_*.jsonl"):
        stale.unlink()
    done = subprocess.run(
        [*command, "--shard", f"{index}/{count}", "--resume", "--no-progress", "--output-path", str(folder)],
        cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    files = list(folder.glob(f"*/shard_{index}_of_{count}.jsonl"))
    part = (files[0].name, files[0].read_bytes()) if files else None
    return done.returncode, done.stderr[-2000:], part


def result_of(ready):
    """What run_part returned; a part that was lost with its machine failed."""
    try:
        return ray.get(ready)
    except ray.exceptions.RayError as error:
        return 1, f"{type(error).__name__}: {error}", None


def merge(program, parts, out, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in parts:
        (folder / name).write_bytes(content)
    code = subprocess.run([program, "merge", str(out), str(folder)]).returncode
    if code == 0:
        shutil.rmtree(folder)
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--anemone", default=shutil.which("anemone") or "anemone",
                        help="the program, on every machine")
    parser.add_argument("--address", default="auto", help="of the cluster; auto: the one that runs here")
    parser.add_argument("--shards", type=int, help="parts (default: one for every 4 cores of the cluster)")
    parser.add_argument("--cpus", type=int, help="cores of a part (default: all cores over the parts)")
    parser.add_argument("--retries", type=int, default=2, help="how often a part that fails is run again")
    parser.add_argument("--output-path", "--output_path", type=pathlib.Path, required=True)
    options, flags = parser.parse_known_args()
    out = options.output_path.resolve()
    work = out.with_name(f"{out.stem}_parts") if out.suffix == ".json" else out

    ray.init(address=options.address, log_to_driver=False)
    cores = int(ray.cluster_resources().get("CPU", 1))
    count = options.shards or max(1, cores // 4)
    cpus = options.cpus or max(1, cores // count)
    command = [options.anemone, "eval", *flags, "--threads", str(cpus)]
    here = os.getcwd()
    remote = ray.remote(num_cpus=cpus, max_retries=options.retries)(run_part)

    def start(index):
        return remote.remote(command, index, count, str(work / "shards" / str(index)), here)

    running = {start(index): (index, 0) for index in range(1, count + 1)}
    parts = {}
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        index, attempt = running.pop(ready)
        code, words, part = result_of(ready)
        if code != 0 and code != 2 and code != 3 and attempt < options.retries:
            print(f"ray_eval: part {index} of {count} failed, once more: {words.strip()}", file=sys.stderr)
            running[start(index)] = (index, attempt + 1)
        elif code != 0 or part is None:
            print(f"ray_eval: part {index} of {count}: {words.strip()}", file=sys.stderr)
            for other in running:
                ray.cancel(other)
            return code or 1
        else:
            parts[index] = part
            print(f"ray_eval: {len(parts)} of {count} parts", file=sys.stderr)
    return merge(options.anemone, [parts[index] for index in sorted(parts)], out, work / "parts")


if __name__ == "__main__":
    sys.exit(main())
