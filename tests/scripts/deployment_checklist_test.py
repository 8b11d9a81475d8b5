"""The checklist of docs/deployment.md: its commands run, a sound model passes each, and none that has a fault does.

    deployment_checklist_test.py ANEMONE
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = None
TEXT = (ROOT / "docs/deployment.md").read_text()


def checklist():
    section = re.search(r"^## Checklist\n(.*?)(?=^## )", TEXT, re.M | re.S)[1]
    return re.findall(r"^- \[ \] (.*?)(?=^- \[ \]|\Z)", section, re.M | re.S)


def commands():
    """Those of the list that run anywhere, as they are written."""
    found = [command for entry in checklist() for command in re.findall(r"`((?:anemone|scripts/)[^`]*)`", entry)]
    return [command for command in found if not re.search(r"verify\.sh|plan\.json", command)]


class Checklist(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        (cls.folder / "anemone").symlink_to(PROGRAM)
        for name in ("models", "scripts"):
            (cls.folder / name).symlink_to(ROOT / name)
        for name, layout in (("app", ["--layout", "plain", "--lengths", "256"]), ("anemll", ["--layout", "anemll"])):
            made = subprocess.run([PROGRAM, "convert", ROOT / "models/anemone-tiny", "-o", cls.folder / name, *layout],
                                  capture_output=True, text=True)
            assert made.returncode == 0, made.stderr

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def run_line(self, line, folder):
        line = line.replace("FOLDER", folder).replace("CHIP", "m4")
        return subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, text=True,
                              env=os.environ | {"PATH": f"{self.folder}:{os.environ['PATH']}"})

    def damaged(self, name, change):
        folder = self.folder / name
        shutil.copytree(self.folder / "anemll", folder)
        change(folder)
        return name

    def test_S2_46_every_step_of_a_deployment_has_its_entry(self):
        text = "\n".join(checklist())
        for words in ("--verify", "anemone check", "anemone eval", "scripts/apple/compile.sh", "compute plan", "step `outputs`",
                      "Python", "Swift"):
            self.assertIn(words, text)
        self.assertEqual(len(commands()), 6, "of the entries, these run anywhere")

    def test_S2_43_S2_46_a_sound_model_passes_every_command(self):
        for folder in ("app", "anemll"):
            for line in commands():
                run = self.run_line(line, folder)
                self.assertEqual(run.returncode, 0, f"{line}: {run.stdout}{run.stderr}")

    def test_S2_43_the_model_declares_the_systems_that_it_runs_on(self):
        self.assertIn("`anemone inspect FOLDER --json`", "\n".join(checklist()))
        for folder, states in (("app", False), ("anemll", True)):
            run = self.run_line("anemone inspect FOLDER --json", folder)
            needs = [package["systems"] for package in json.loads(run.stdout)["packages"]]
            self.assertEqual({(one["macos"], one["ios"]) for one in needs}, {("15", "18")})
            self.assertEqual(any("states" in one["because"] for one in needs), states, needs)

    def test_S2_43_a_model_that_is_not_ready_fails(self):
        def cut(folder):
            weights = next(folder.rglob("weight.bin"))
            weights.write_bytes(weights.read_bytes()[:1000])

        def lose(folder):
            shutil.rmtree(folder / "qwen_lm_head.mlpackage")

        for name, change in (("cut", cut), ("lost", lose)):
            folder = self.damaged(name, change)
            self.assertNotEqual(self.run_line(commands()[0], folder).returncode, 0, name)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
