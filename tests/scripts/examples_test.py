"""Tests that examples/cpp continues a text as `anemone run` does.

    examples_test.py EXAMPLE ANEMONE
"""

import subprocess
import sys
import unittest
from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "models/anemone-tiny-anemll"
EXAMPLE, ANEMONE = None, None


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


class CppExample(unittest.TestCase):
    def test_it_gives_the_text_of_the_program(self):
        prompt = "The quick brown fox"
        example = run(EXAMPLE, MODEL, prompt, 12)
        self.assertEqual(example.returncode, 0, example.stderr)
        program = run(ANEMONE, "run", MODEL, prompt, "-n", 12, "--backend", "auto")
        self.assertEqual(program.returncode, 0, program.stderr)
        self.assertGreater(len(example.stdout.strip()), 4)
        self.assertIn(example.stdout.strip(), program.stdout)
        self.assertRegex(example.stderr, "backend: (cpu|coreml)")

    def test_it_tells_errors_from_wrong_usage(self):
        missing = run(EXAMPLE, MODEL / "none", "x")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("does not exist", missing.stderr)
        self.assertEqual(run(EXAMPLE, MODEL).returncode, 2)
        for count in ("0", "-1", "abc", "12x", ""):
            self.assertEqual(run(EXAMPLE, MODEL, "x", count).returncode, 2, count)


if __name__ == "__main__":
    ANEMONE, EXAMPLE = sys.argv.pop(2), sys.argv.pop(1)
    unittest.main()
