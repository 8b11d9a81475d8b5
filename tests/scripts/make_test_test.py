"""`make test` and `make requirements` in a small tree whose cmake, ninja and ctest are stand-ins."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = '<testsuite><testcase name="case.{}" status="run"/></testsuite>'


class MakeTestTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for name in ("Makefile", "scripts/requirements.py", "docs/requirements.md"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.program("scripts/setup", "")
        self.program("bin/cmake", "mkdir -p build/$2")
        self.program("bin/ninja", "")

    def program(self, name, script):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def ctest(self, name, code=0):
        write = f"[ \"$1\" = --output-junit ] && printf '%s' '{RESULTS.format(name)}' > \"$2\""
        labels = json.dumps({"tests": [{"name": f"case.{name}",
                                        "properties": [{"name": "LABELS", "value": ["S1.14", "slow"]}]}]})
        listing = f"case \"$*\" in *--show-only*) printf '%s' '{labels}'; exit;; esac"
        self.program("bin/ctest", f"{listing}; while [ $# -gt 0 ]; do {write}; shift; done; exit {code}")

    def results(self, preset, name, age=0):
        path = self.root / "build" / preset / "test-results.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RESULTS.format(name))
        os.utime(path, (path.stat().st_mtime - age,) * 2)

    def make(self, *goals):
        # What `make test PRESET=… CTEST_FLAGS=…` was called with reaches its tests in the environment.
        inherited = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "PRESET", "JOBS", "CTEST_FLAGS", "RESULTS")
        environment = {name: value for name, value in os.environ.items() if name not in inherited}
        environment["PATH"] = f"{self.root}/bin:{os.environ['PATH']}"
        return subprocess.run(
            ["make", "JOBS=1", *goals], cwd=self.root, env=environment, capture_output=True, text=True
        )

    def test_the_results_of_the_preset_just_run_are_read_and_no_other(self):
        self.results("dev", "S0_3_stale", age=-1000)
        self.results("asan", "S0_4_stale")
        self.ctest("S0_1_fresh")
        for goals in (["test", "PRESET=asan"], ["test", "PRESET=other"], ["test"]):
            self.assertEqual(self.make(*goals).returncode, 0)
            report = (self.root / "build/requirements.txt").read_text()
            self.assertIn("by case.S0_1_fresh", report)
            self.assertNotIn("stale", report)

    def test_labels_of_the_tests_that_ran_prove_requirements(self):
        self.ctest("fresh")
        self.assertEqual(self.make("test").returncode, 0)
        report = (self.root / "build/requirements.txt").read_text()
        self.assertRegex(report, r"S1\.14 +proven .*\n +by case\.fresh")
        self.assertEqual(self.make("requirements").returncode, 0)
        # Of a run that ended before its list was written, nothing is proven.
        (self.root / "build/dev/test-labels.json").write_text("")
        run = self.make("requirements")
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("test-labels.json: not a list of tests", run.stderr)

    def test_a_run_without_results_fails_and_leaves_no_older_ones(self):
        self.results("dev", "S0_3_stale")
        self.program("bin/ctest", "")
        self.assertNotEqual(self.make("test").returncode, 0)
        self.assertFalse((self.root / "build/dev/test-results.xml").exists())
        self.assertNotEqual(self.make("requirements").returncode, 0)

    def test_failed_tests_fail_the_goal_and_their_results_stay(self):
        self.ctest("S0_1_fresh", code=8)
        self.assertNotEqual(self.make("test").returncode, 0)
        self.assertTrue((self.root / "build/dev/test-results.xml").exists())

    def test_requirements_alone_reads_the_newest_and_says_which(self):
        self.results("dev", "S0_1_older", age=100)
        self.results("asan", "S0_3_newer")
        run = self.make("requirements")
        self.assertEqual(run.returncode, 0)
        self.assertIn("of build/asan/test-results.xml, written ", run.stderr)
        self.assertIn("by case.S0_3_newer", run.stdout)
        self.assertNotIn("S0_1_older", run.stdout)

    def test_results_of_the_wheel_join_them(self):
        self.ctest("S0_1_fresh")
        path = self.root / "build/python/pytest-results.xml"
        path.parent.mkdir(parents=True)
        path.write_text('<testsuites><testsuite><testcase name="test_S1_5_ids"/></testsuite></testsuites>')
        self.assertEqual(self.make("test").returncode, 0)
        self.assertIn("by test_S1_5_ids", (self.root / "build/requirements.txt").read_text())
        run = self.make("requirements")
        self.assertIn("of build/python/pytest-results.xml, written ", run.stderr)
        self.assertIn("by case.S0_1_fresh", run.stdout)


if __name__ == "__main__":
    unittest.main()
