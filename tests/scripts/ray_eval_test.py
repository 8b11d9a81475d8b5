"""scripts/ray_eval.py on a stand-in for Ray, and a stand-in program: parts that fail, and machines that are lost."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/ray_eval.py"

# Runs each part when it is asked for; the parts that $LOST names are lost that often: "2:1" is part 2, once.
RAY = """
import os
class exceptions:
    class RayError(Exception): pass
lost = dict((int(a), int(b)) for a, b in (p.split(":") for p in os.environ.get("LOST", "").split()))
cancelled = []
def init(**_): pass
def cluster_resources(): return {"CPU": 4.0}
def remote(**_):
    class Remote:
        def __init__(self, function): self.function = function
        def remote(self, *arguments): return Ready(self.function, arguments)
    return Remote
class Ready:
    def __init__(self, *call): self.call = call
def wait(running, num_returns): return [running[0]], running[1:]
def get(ready):
    function, arguments = ready.call
    if lost.get(arguments[1], 0) > 0:
        lost[arguments[1]] -= 1
        raise exceptions.RayError("the machine died")
    return function(*arguments)
def cancel(other): print("cancelled part", other.call[1][1])
"""

# Writes the file of its part, or as often as $BAD says ("3:1:70": part 3, once, exit code 70) fails; `merge` counts parts.
PROGRAM = """#!/usr/bin/env python3
import os, pathlib, sys
words = sys.argv[1:]
if words[0] == "merge":
    print("merged", sorted(path.name for path in pathlib.Path(words[2]).iterdir()))
    sys.exit(0)
index, count = words[words.index("--shard") + 1].split("/")
out = pathlib.Path(words[words.index("--output-path") + 1])
part, times, code = (os.environ.get("BAD") or "0:0:0").split(":")
tried = pathlib.Path("tried_" + index)
before = int(tried.read_text()) if tried.exists() else 0
tried.write_text(str(before + 1))
if index == part and before < int(times):
    print("part", index, "is broken", file=sys.stderr)
    sys.exit(int(code))
(out / "model").mkdir(parents=True, exist_ok=True)
(out / f"model/shard_{index}_of_{count}.jsonl").write_text(index)
"""


class RayEvalTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        (self.folder / "ray.py").write_text(RAY)
        self.program = self.folder / "anemone"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)

    def run_script(self, **environment):
        return subprocess.run(
            [sys.executable, SCRIPT, "--anemone", self.program, "--shards", "3", "--retries", "1",
             "--output-path", "out", "MODEL", "--tasks", "a"],
            cwd=self.folder, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment})

    def tried(self):
        return [int(path.read_text()) for path in sorted(self.folder.glob("tried_*"))]

    def test_parts_come_together(self):
        run = self.run_script()
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("merged ['shard_1_of_3.jsonl', 'shard_2_of_3.jsonl', 'shard_3_of_3.jsonl']", run.stdout)
        self.assertEqual(self.tried(), [1, 1, 1])

    def test_a_lost_machine_is_a_failed_attempt(self):
        run = self.run_script(LOST="2:1")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("part 2 of 3 failed, once more: RayError: the machine died", run.stderr)
        self.assertIn("shard_2_of_3.jsonl", run.stdout)

    def test_a_machine_lost_for_good_ends_the_run_in_words(self):
        run = self.run_script(LOST="2:9")
        self.assertEqual(run.returncode, 1)
        self.assertIn("part 2 of 3: RayError: the machine died", run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        self.assertNotIn("merged", run.stdout)

    def left(self, words):
        return [line for line in words.splitlines() if line.startswith("cancelled part")]

    def test_a_part_that_fails_runs_once_more(self):
        run = self.run_script(BAD="3:1:1")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.tried(), [1, 1, 2])

    def test_wrong_usage_and_what_is_not_supported_are_not_tried_again(self):
        for code in (2, 3):
            for path in self.folder.glob("tried_*"):
                path.unlink()
            run = self.run_script(BAD=f"1:9:{code}")
            self.assertEqual(run.returncode, code)
            self.assertEqual(self.tried(), [1])
            self.assertEqual(self.left(run.stdout), ["cancelled part 2", "cancelled part 3"])

    def test_without_ray_it_says_so(self):
        (self.folder / "ray.py").write_text("raise ImportError('none here')")
        run = self.run_script()
        self.assertEqual(run.returncode, 69)
        self.assertIn("pip install ray", run.stderr)


if __name__ == "__main__":
    unittest.main()
