"""scripts/coreml/probes: what they call, with a stand-in program; and what the program then does.

    probes_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
CHECKPOINT = ROOT / "models/anemone-tiny"
MODEL = ROOT / "models/anemone-tiny-anemll"

REPORT = {
    "points": [
        {"name": "embedding", "relative_error": 0.0, "mse": 0.0, "over_tolerance": False},
        {"name": "layer.0", "relative_error": 0.1, "mse": None, "over_tolerance": True},
    ],
    "shapes_differ": ["logits: [2, 3] in the reference, [2, 4] in the model"],
    "not_compared": ["layer.1: only the model has it"],
}


class ProbesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stub = self.folder / "anemone"
        self.stub.write_text('#!/bin/sh\necho "$@" > "$CALL"\ncat "$REPORT"\nexit ${STUB_EXIT:-0}\n')
        self.stub.chmod(0o755)
        (self.folder / "report.json").write_text(json.dumps(REPORT))

    def run_module(self, name, *arguments, program=None, **environment):
        values = os.environ | {
            "ANEMONE": str(program or self.stub),
            "CALL": str(self.folder / "call"),
            "REPORT": str(self.folder / "report.json"),
            "PYTHONPATH": str(ROOT / "scripts"),
            **environment,
        }
        return subprocess.run([sys.executable, "-m", f"coreml.probes.{name}", *map(str, arguments)],
                              cwd=self.folder, env=values, capture_output=True, text=True)

    def call(self):
        return (self.folder / "call").read_text().strip()

    def test_S4_33_S4_34_flags_become_those_of_probe(self):
        run = self.run_module("compare_probes", "--pt", "x.pt", "--ml", "y.mlpackage", "--dmodel", 64)
        self.assertEqual(self.call(), "probe y.mlpackage --reference x.pt --relative 0.02 --mse 0.001 --json")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout.splitlines(),
                         ["passed embedding relative 0 mse 0", "FAILED layer.0 relative 0.1 mse n/a",
                          "FAILED logits: [2, 3] in the reference, [2, 4] in the model",
                          "skipped layer.1: only the model has it"])
        self.assertEqual(json.loads((self.folder / "results.json").read_text()),
                         {"passed": 1, "skipped": 1, "failed": 2, "total": 4})
        self.run_module("compare_probes", "--pt", "x.npz", "--ml", "y.npz", "--rel_err_tol", 0.5, "--seq", 7, "--mse_tol", 2)
        self.assertEqual(self.call(), "probe y.npz --reference x.npz --tokens 7 --relative 0.5 --mse 2.0 --json")

    def test_S4_33_errors_pass_through(self):
        for code in (1, 3):
            run = self.run_module("compare_probes", "--pt", "x", "--ml", "y", STUB_EXIT=str(code), REPORT=os.devnull)
            self.assertEqual(run.returncode, code)
            self.assertFalse((self.folder / "results.json").exists())
        self.assertEqual(self.run_module("compare_probes", "--pt", "x").returncode, 2)
        self.assertEqual(self.run_module("compare_probes", "--pt", "x", "--ml", "y", "--onnx", "z").returncode, 1)

    def test_S4_34_shapes_that_differ_fail_though_nothing_is_over_tolerance(self):
        report = {**REPORT, "points": REPORT["points"][:1]}
        (self.folder / "report.json").write_text(json.dumps(report))
        run = self.run_module("compare_probes", "--pt", "x", "--ml", "y", STUB_EXIT="1")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(json.loads((self.folder / "results.json").read_text()),
                         {"passed": 1, "skipped": 1, "failed": 1, "total": 3})

    def test_S4_13_generate_dumps(self):
        self.run_module("generate_probes", "--model", "m", "--out", "o.npz")
        self.assertEqual(self.call(), "probe m --dump o.npz --tokens 128 --seed 1337")
        self.run_module("generate_probes", "--model", "m", "--out", "o.npz", "--ids", "i.npz")
        self.assertEqual(self.call(), "probe m --dump o.npz --ids i.npz")

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_13_S4_33_S4_34_dumps_checkpoints_and_packages_compare(self):
        run = self.run_module("generate_probes", "--model", CHECKPOINT, "--out", "pt.npz", "--seq", 5, program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        run = self.run_module("compare_probes", "--pt", "pt.npz", "--ml", "pt.npz", program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        for reference, tokens in (("pt.npz", []), (CHECKPOINT, ["--seq", 5])):
            run = self.run_module("compare_probes", "--pt", reference, "--ml", MODEL, *tokens,
                                  "--mse_tol", 1, program=PROGRAM)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn("passed layer.4.mlp.down", run.stdout)
            self.assertEqual(json.loads((self.folder / "results.json").read_text())["failed"], 0)
        run = self.run_module("compare_probes", "--pt", ROOT / "README.md", "--ml", MODEL, program=PROGRAM)
        self.assertNotEqual(run.returncode, 0)

    def probe(self, *arguments):
        return subprocess.run([PROGRAM, "probe", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_34_a_point_of_other_shape_fails(self):
        write = [sys.executable, ROOT / "tests/cli/write_npz.py"]
        subprocess.run([*write, "a.npz", "embedding=1x2:1.5,2", "logits=1x3:1.5,2,3"], cwd=self.folder, check=True)
        subprocess.run([*write, "b.npz", "embedding=1x2:1.5,2", "logits=1x4:1.5,2,3,4"], cwd=self.folder, check=True)
        run = self.probe("b.npz", "--reference", "a.npz")
        self.assertEqual(run.returncode, 1)
        self.assertIn("shapes differ: logits: [1, 3] in the reference, [1, 4] in the model", run.stdout)
        self.assertIn("failed", run.stdout.splitlines()[-1])
        run = self.run_module("compare_probes", "--pt", "a.npz", "--ml", "b.npz", program=PROGRAM)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(json.loads((self.folder / "results.json").read_text()),
                         {"passed": 1, "skipped": 0, "failed": 1, "total": 2})

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_40_a_folder_of_artifacts_is_checked_and_probed_whole(self):
        folder = self.folder / "artifacts"
        shutil.copytree(MODEL, folder / "sound")
        shutil.copytree(MODEL, folder / "deep/cut", ignore=shutil.ignore_patterns("*FFN*"))
        given = ["--reference", CHECKPOINT, "--tokens", 2]
        run = self.probe(folder, *given, "--mse", 1, "--json")
        self.assertEqual(run.returncode, 1, run.stderr)
        report = json.loads(run.stdout)
        self.assertFalse(report["passed"])
        cut, sound = report["artifacts"]
        self.assertEqual([Path(each["path"]).name for each in (cut, sound)], ["cut", "sound"])
        self.assertTrue(sound["passed"] and sound["check"]["passed"] and sound["probe"]["passed"])
        self.assertEqual((sound["probe"]["points"], sound["probe"]["tokens"]), (58, 2))
        self.assertFalse(cut["passed"] or cut["check"]["passed"])
        self.assertIsNone(cut["probe"])
        self.assertIn("FFN", cut["probe_error"])

        shutil.rmtree(folder / "deep")
        run = self.probe(folder, *given, "--mse", 1)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("sound: passed", run.stdout)
        self.assertTrue(run.stdout.endswith("1 artifact: 1 passed, 0 failed\n"))
        run = self.probe(folder, *given, "--relative", 0, "--mse", 0)
        self.assertEqual(run.returncode, 1)
        self.assertIn("check: passed", run.stdout)
        self.assertIn("first over tolerance: layer.0.attention.norm", run.stdout)
        self.assertIn("1 of 1 artifact failed", run.stderr)
        run = self.probe(folder, "--reference", "absent")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("absent does not exist", run.stderr)
        for flags in ([], ["--reference", CHECKPOINT, "--bisect"], ["--reference", CHECKPOINT, "--dump", "x.npz"]):
            self.assertEqual(self.probe(folder, *flags).returncode, 2)


if __name__ == "__main__":
    unittest.main()
