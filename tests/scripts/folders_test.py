"""README.md names every module and every benchmark, docs/README.md every document, and no others."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRACKED = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False).stdout.split()


def folders(parent: str) -> list[str]:
    """Those with sources; a build may leave others."""
    return sorted({name.split("/")[1] for name in TRACKED if name.startswith(parent + "/") and name.count("/") > 1})


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([^`|]+)` \|", text, re.MULTILINE)


@unittest.skipUnless(TRACKED, "no git here")
class Folders(unittest.TestCase):
    def test_modules(self):
        table = README.split("The modules of `src/`")[1].split("`bench/` measures")[0]
        self.assertEqual(sorted(first_column(table)), folders("src"))

    def test_benchmarks(self):
        self.assertEqual(sorted(name for name in first_column(README) if name.startswith("bench/")),
                         ["bench/" + name for name in folders("bench")])

    def test_documents(self):
        index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
        linked = set(re.findall(r"\]\(([^)/]+\.md)\)", index))
        documents = {Path(name).name for name in TRACKED if re.fullmatch(r"docs/[^/]+\.md", name)} - {"README.md"}
        self.assertEqual(linked, documents)
        self.assertIn("](docs/README.md)", README)


if __name__ == "__main__":
    unittest.main()
