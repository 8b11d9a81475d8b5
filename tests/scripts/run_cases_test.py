"""Tests of tests/cli/run_cases.py: what is skipped, what fails, what is refused."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "cli" / "run_cases.py"


class RunCasesTest(unittest.TestCase):
    def run_cases(self, text, *flags, shared=True):
        with tempfile.TemporaryDirectory() as folder:
            cases = Path(folder) / "cases.txt"
            cases.write_text(text)
            environment = dict(os.environ, ANEMONE_SHARED=folder if shared else folder + "/none")
            run = subprocess.run([sys.executable, SCRIPT, "program", cases, *flags],
                                 env=environment, capture_output=True, text=True)
            return run.returncode, run.stdout + run.stderr

    def test_cases_that_need_the_fixtures_run_apart_and_are_skipped_without_them(self):
        text = "$ echo plain\nout: plain\n$ ls $SHARED\nneeds: shared\nout: cases.txt\n"
        self.assertEqual(self.run_cases(text), (0, "1 passed, 0 failed\n"))
        self.assertEqual(self.run_cases(text, "--shared"), (0, "1 passed, 0 failed\n"))
        self.assertEqual(self.run_cases(text, shared=False), (0, "1 passed, 0 failed\n"))
        self.assertEqual(self.run_cases(text, "--shared", shared=False)[0], 77)

    def test_wrong_expectations_fail(self):
        for text in ("$ false\n", "$ echo a\nout: b\n", "$ echo a\nerr: a\n", "$ echo 1\nout-json: doc == 2\n"):
            self.assertEqual(self.run_cases(text)[0], 1, text)

    def test_unknown_words_and_empty_files_are_refused(self):
        for text in ("$ true\nneeds: mac\n", "$ true\nnot: x\n", "", "out: x\n"):
            self.assertEqual(self.run_cases(text)[0], 1, text)


if __name__ == "__main__":
    unittest.main()
