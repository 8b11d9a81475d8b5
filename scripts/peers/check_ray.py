#!/usr/bin/env python3
"""Starts a Ray cluster of two workers here, evaluates on it in three parts, and holds the results against one run.

    check_ray.py ANEMONE MODEL
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/eval"))
from kill_and_resume import outcome  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_cluster(address, folder):
    ray = pathlib.Path(sys.executable).with_name("ray")
    log = open(folder / "ray.log", "w")
    head = subprocess.Popen(
        [ray, "start", "--head", "--block", "--num-cpus", "2", "--node-ip-address", "127.0.0.1",
         "--port", address.rpartition(":")[2], "--include-dashboard", "false", "--disable-usage-stats",
         "--temp-dir", str(folder / "ray")],
        stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    for _ in range(120):
        if "Ray runtime started" in (folder / "ray.log").read_text():
            return head
        if head.poll() is not None:
            break
        time.sleep(0.5)
    sys.exit(f"ray did not start: {(folder / 'ray.log').read_text()[-2000:]}")


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr[-3000:]}")
    return done


def write_task(folder):
    """A task of three documents, one to a part, of which one has no label among its choices."""
    folder.mkdir()
    (folder / "labels.yaml").write_text(
        "task: labels\ndataset_path: json\ndataset_kwargs: {data_files: labels.jsonl}\ntest_split: train\n"
        "output_type: multiple_choice\ndoc_to_text: thing\ndoc_to_choice: [red, green]\ndoc_to_target: label\n")
    rows = [{"thing": f"Thing {i}", "label": label} for i, label in enumerate((0, 7, 1))]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    options = parser.parse_args()
    program = options.program.resolve()
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        write_task(folder / "tasks")
        flags = [str(options.model.resolve()), "--tasks", "typos,prose,labels", "--limit", "31",
                 "--apply-chat-template", "--log-samples", "--include-path", str(folder / "tasks")]
        run([program, "eval", *flags, "-q", "--output-path", folder / "whole"])
        address = f"127.0.0.1:{free_port()}"
        head = start_cluster(address, folder)
        try:
            done = run([sys.executable, ROOT / "scripts/ray_eval.py", "--anemone", program, "--address", address,
                        "--shards", "3", "--cpus", "1", "--output-path", folder / "merged", *flags])
            run([sys.executable, ROOT / "scripts/ray_eval.py", "--anemone", program, "--address", address,
                 "--shards", "3", "--cpus", "1", "--output-path", folder / "named.json", *flags])
        finally:
            os.killpg(head.pid, signal.SIGTERM)
            head.wait()
        if "3 of 3 parts" not in done.stderr:
            sys.exit(f"not all parts ran: {done.stderr}")
        whole, merged = outcome(folder / "whole"), outcome(folder / "merged")
        if len(whole) != 1 or whole != merged:
            sys.exit("the merged results differ from those of one run")
        (results,) = (folder / "merged").glob("*/results_*.json")
        scores = json.loads(results.read_text())
        documents = scores["n-samples"]
        if [failed["doc_id"] for failed in scores["failed"]["labels"]] != [1]:
            sys.exit(f"failed documents: {scores['failed']}")
        (named,) = folder.glob("named_*.json")
        if json.loads(named.read_text())["results"] != scores["results"]:
            sys.exit("a name that ends in .json has other results")
    print(f"ray: 3 parts on 2 workers give what one run gives: {documents}")


if __name__ == "__main__":
    main()
