"""scripts/coreml/ane_checks.py: what it calls, with a stand-in program; and what the program then does.

    ane_checks_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
MODEL = ROOT / "models/anemone-tiny-anemll"


class AneChecksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stub = Path(folder.name) / "anemone"
        self.stub.write_text('#!/bin/sh\necho "$@"\nexit ${STUB_EXIT:-0}\n')
        self.stub.chmod(0o755)

    def run_module(self, *arguments, program=None, **environment):
        values = os.environ | {"ANEMONE": str(program or self.stub), **environment}
        return subprocess.run([sys.executable, "-m", "coreml.ane_checks", *map(str, arguments)],
                              cwd=ROOT / "scripts", env=values, capture_output=True, text=True)

    def test_S4_14_S4_32_flags_become_those_of_check(self):
        for arguments, call in (
            (["--mlpackage", "x.mlpackage"], "check x.mlpackage"),
            (["--mlpackage", "x.mlpackage", "--strict"], "check x.mlpackage --strict"),
            (["--mlpackage", "a", "b", "--ane-required"], "check a b --strict"),
            (["--mlpackage", "x", "--hardware-id", "m1_max_64gb"], "check x --chip m1max"),
            (["--mlpackage", "x", "--hardware-id", "Apple M4 Pro"], "check x --chip m4pro"),
            (["--mlpackage", "x", "--hardware-id", "a19pro", "--strict"], "check x --strict --chip a19pro"),
            (["--mlpackage", "x", "--min-ane-pct", "80"], "check x --min-ane 0.8"),
            (["--mlpackage", "x", "--min-ane-pct", "100"], "check x --min-ane 1"),
        ):
            run = self.run_module(*arguments)
            self.assertEqual((run.returncode, run.stdout.strip()), (0, call), run.stderr)

    def test_S4_32_exit_codes_pass_through(self):
        for code in ("1", "3"):
            run = self.run_module("--mlpackage", "x", STUB_EXIT=code)
            self.assertEqual(str(run.returncode), code)
        self.assertEqual(self.run_module().returncode, 2)
        for share in ("800", "-1", "nan"):
            run = self.run_module("--mlpackage", "x", f"--min-ane-pct={share}")
            self.assertEqual(run.returncode, 2)
            self.assertIn(f"--min-ane-pct {share}: expected a percentage from 0 to 100", run.stderr)
        self.assertEqual(self.run_module("--mlpackage", "x", "--hardware-id", "toaster").returncode, 1)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_14_S4_32_a_sound_model_passes(self):
        run = self.run_module("--mlpackage", MODEL, "--strict", "--hardware-id", "m1_max_64gb", program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("0 errors", run.stdout)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_32_what_is_no_model_fails(self):
        run = self.run_module("--mlpackage", ROOT / "README.md", program=PROGRAM)
        self.assertEqual(run.returncode, 1)
        self.assertIn("there is no model", run.stderr)


if __name__ == "__main__":
    unittest.main()
