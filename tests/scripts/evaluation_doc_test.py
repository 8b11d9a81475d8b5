"""docs/evaluation.md: its sections are there, and its commands are ones that the program and the scripts take.

    evaluation_doc_test.py ANEMONE
"""

import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
TEXT = (ROOT / "docs/evaluation.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S)
COMMANDS = [shlex.split(line) for block in BLOCKS for line in block.splitlines()]


def section(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
    return found[1] if found else ""


def help_of(*command):
    return subprocess.run([*map(str, command), "--help"], capture_output=True, text=True, check=True).stdout


class EvaluationDocTest(unittest.TestCase):
    def test_S1_13_limits_of_the_older_entry_point(self):
        text = section("What the older entry point could not do")
        self.assertIn("evaluate_with_harness.py", text)
        self.assertIn("value type not convertible", text)

    def test_S1_38_S1_55_troubleshooting(self):
        text = section("Troubleshooting")
        for words in ("batch size at 1", "States are reset", "COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE",
                      "batch size differs from the metadata"):
            self.assertIn(words, text)

    def test_S1_41_credit(self):
        self.assertIn("mlx_lm.evaluate", section("Credit"))

    def test_the_variable_is_the_one_that_the_scripts_set(self):
        for script in (ROOT / "scripts/evaluate").rglob("*.sh"):
            self.assertIn("export COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE=1", script.read_text())

    def test_S0_63_the_quick_start_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, target in (("build/anemone", PROGRAM), ("models", ROOT / "models"), ("README.md", ROOT / "README.md")):
                link = Path(folder) / name
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(target)
            ran = 0
            for line in re.search(r"^## Quick start.*?^```sh\n(.*?)^```", TEXT, re.M | re.S)[1].splitlines():
                if line.startswith("build/anemone"):
                    run = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
                    self.assertEqual(run.returncode, 0, f"{line}: {run.stderr}")
                    self.assertTrue(run.stdout)
                    ran += 1
            self.assertEqual(ran, 3)
            self.assertEqual(len(list(Path(folder, "results").glob("*/results_*.json"))), 1)

    def test_every_command_is_taken(self):
        seen = set()
        for words in COMMANDS:
            flags = [word.split("=")[0] for word in words if word.startswith("--")]
            if words[0] == "build/anemone":
                seen.add(words[1])
                text = help_of(PROGRAM, words[1])
            elif words[0].startswith("scripts/"):
                seen.add(words[0])
                self.assertTrue((ROOT / words[0]).is_file(), words[0])
                if words[0].endswith("anelm_harness.py"):  # the wheel may be absent; its flags are these
                    words[0] = "scripts/evaluate/ane/evaluate_with_harness.py"
                text = help_of(ROOT / words[0])
            else:
                self.assertIn(words[0], ("make", "lm_eval"))
                continue
            for flag in flags:
                self.assertRegex(text, rf"{re.escape(flag)}\b", f"{' '.join(words)}: {flag}")
        self.assertLess({"eval", "tasks", "perplexity"}, seen)

    def test_the_table_of_flags_is_that_of_the_scripts(self):
        rows = dict(re.findall(r"^\| `(--[a-z-]+)[^|]*\| ([^|]+) \|", TEXT, re.M))
        text = help_of(ROOT / "scripts/evaluate/ane/run_new_eval.sh")
        flags = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", text, re.M)) - {"--help"}
        self.assertEqual(set(rows), flags)
        source = (ROOT / "scripts/evaluate/ane/harness_flags.py").read_text()
        for flag, default in rows.items():
            if default.isdigit():
                self.assertRegex(source, rf'"{flag}", type=int, default={default}\b')


if __name__ == "__main__":
    unittest.main()
