"""Tests of scripts/check_layers.py on small trees with one fault each."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_layers.py"
LAYERS = "base:\nlow: base\nhigh: base low\n\nheader low.h: low\n\nforeign bridge.h: low\n"


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("src/layers.txt", LAYERS)
        for module in ("base", "low", "high"):
            self.write(f"src/{module}/README.md", module)
            self.write(f"src/{module}/{module}.h", "")
        self.write("include/anemone/low.h", "#include <string>\n")
        self.write("tests/support/shared.h", "")
        self.write("tools/command.h", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def faults(self):
        run = subprocess.run([sys.executable, SCRIPT, self.root], capture_output=True, text=True)
        lines = run.stdout.splitlines()
        self.assertEqual(run.returncode, 1 if lines[1:] else 0, run.stderr)
        return lines[:-1]

    def test_what_the_list_allows_is_no_fault(self):
        self.write("src/high/a.cpp", '#include "low/low.h"\n#include "anemone/low.h"\n#include <map>\n')
        self.write("src/low/a.cpp", "#include <bridge.h>\n#include <fmt/format.h>\n")
        self.write("src/low/a_test.cpp", '#include "support/shared.h"\n')
        self.write("tests/ops/a_test.cpp", '#include "support/shared.h"\n#include "high/high.h"\n')
        self.write("fuzz/a.cpp", '#include "low/low.h"\n')
        self.write("tools/a.cpp", '#include "command.h"\n#include "anemone/low.h"\n')
        self.assertEqual(self.faults(), [])

    def test_each_wrong_include_is_a_fault(self):
        for name, include in (
            ("src/low/a.cpp", '"high/high.h"'),
            ("src/low/a.cpp", "<high/high.h>"),
            ("src/high/a.cpp", "<anemone/low.h>"),
            ("src/high/a.cpp", "<bridge.h>"),
            ("src/low/a.cpp", '"low.h"'),
            ("src/low/a.cpp", '"support/shared.h"'),
            ("src/base/a.cpp", '"anemone/low.h"'),
            ("include/anemone/low.h", '"low/low.h"'),
            ("include/anemone/low.h", "<fmt/format.h>"),
            ("tools/a.cpp", '"low/low.h"'),
            ("tools/a.cpp", "<low/low.h>"),
            ("tools/a.cpp", "<bridge.h>"),
            ("tests/ops/a_test.cpp", "<support/shared.h>"),
            ("tests/ops/a_test.cpp", '"low/none.h"'),
            ("tests/ops/a_test.cpp", '"anemone/none.h"'),
            ("tests/ops/a_test.cpp", '"bridge.h"'),
            ("fuzz/a.cpp", "<low/low.h>"),
            ("fuzz/a.cpp", '"support/shared.h"'),
        ):
            with self.subTest(name=name, include=include):
                self.write(name, f"#include {include}\n")
                faults = self.faults()
                self.assertEqual(len(faults), 1, faults)
                self.assertTrue(faults[0].startswith(name + ": "), faults)
                (self.root / name).unlink()
                self.write("include/anemone/low.h", "#include <string>\n")


if __name__ == "__main__":
    unittest.main()
