"""Tests that docs/mac.md, docs/deployment.md and docs/troubleshooting.md name what is there."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAC = ROOT / "docs/mac.md"
TROUBLE = ROOT / "docs/troubleshooting.md"
DEPLOYMENT = ROOT / "docs/deployment.md"
IDS = re.compile(r"\bS[0-4]\.\d+\b")


def rows(path):
    """Cells of the tables' rows, without heads."""
    found = []
    lines = path.read_text().splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("| ") or set(line) <= set("|- "):
            continue
        if at + 1 < len(lines) and re.fullmatch(r"[| -]+", lines[at + 1]):
            continue
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


class Mac(unittest.TestCase):
    def test_every_requirement_has_a_command_or_needs_no_mac(self):
        requirements = re.findall(r"^- (S[0-4]\.\d+) \[(\w+)", (ROOT / "docs/requirements.md").read_text(), re.M)
        known = [id_ for id_, _ in requirements]
        text = MAC.read_text()
        commands, rest = text.split("## No figure from a Mac")
        with_command = [id_ for cells in rows(MAC) for id_ in IDS.findall(cells[-1])]
        without = IDS.findall(rest)
        self.assertEqual(sorted(known), sorted(with_command + without))
        for id_, kind in requirements:
            if kind == "mac":
                self.assertIn(id_, with_command)
        self.assertEqual(len(IDS.findall(commands)), len(with_command), "ids stand in the table")

    def test_the_steps_named_are_steps_of_the_script(self):
        script = (ROOT / "scripts/apple/verify.sh").read_text()
        steps = re.search(r"^steps=\((.*)\)$", script, re.M)[1].split()
        for name in steps:
            self.assertIn(f"step_{name}() {{", script)
        named = re.findall(r"step `(\w+)`", MAC.read_text() + DEPLOYMENT.read_text())
        self.assertGreater(len(named), 5)
        self.assertEqual(set(named) - set(steps), set())
        self.assertEqual({"build", "test"}, set(steps) - set(named))


class Troubleshooting(unittest.TestCase):
    def test_each_entry_names_a_rule_or_a_test_that_exists(self):
        rules = set(re.findall(r"^RULE\((\w+)\)", (ROOT / "src/ane/rules.inc").read_text(), re.M))
        sources = [*ROOT.glob("src/**/*_test.cpp"), *ROOT.glob("tests/**/*_test.cpp")]
        tests = set()
        for path in sources:
            tests |= set(re.findall(r"\bTEST(?:_[FP])?\(\s*\w+,\s*(\w+)\)", path.read_text()))
        tests |= {f"cli.{path.stem}" for path in (ROOT / "tests/cli").glob("*.txt")}
        entries = rows(TROUBLE)
        self.assertGreater(len(entries), 20)
        for cells in entries:
            self.assertEqual(len(cells), 4, cells)
            named = re.findall(r"(rule|test) `([\w.]+)`", cells[3])
            self.assertTrue(named, f"{cells[0]}: known to nobody")
            for kind, name in named:
                self.assertIn(name, rules if kind == "rule" else tests, cells[0])

    def test_our_own_error_texts_are_those_of_the_sources(self):
        sources = "".join(path.read_text() for path in (ROOT / "src").glob("**/*.cpp"))
        for text in ("the Core ML backend needs macOS; this build has the CPU executor only",
                     "Core ML runs packages, not checkpoints",
                     "are the CPU executor's; Core ML follows the program",
                     "tokens are more than the longest variant takes"):
            self.assertIn(text, sources)
            self.assertIn(text, TROUBLE.read_text())


class Deployment(unittest.TestCase):
    def test_the_files_it_names_are_there(self):
        text = DEPLOYMENT.read_text() + MAC.read_text() + TROUBLE.read_text()
        named = set(re.findall(r"(?<![\w/])((?:examples|scripts|docs)/[\w./-]*\w)", text))
        self.assertGreater(len(named), 8)
        for name in sorted(named):
            self.assertTrue((ROOT / name).exists(), name)
        for target in re.findall(r"\]\(([\w.-]+\.md)(?:#([\w-]+))?\)", text):
            page = ROOT / "docs" / target[0]
            self.assertTrue(page.exists(), target)
            if target[1]:
                heads = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
                         for head in re.findall(r"^#+ (.*)$", page.read_text(), re.M)]
                self.assertIn(target[1], heads)

    def test_reading_xcodes_report_is_explained(self):
        text = DEPLOYMENT.read_text()
        for words in ("performance report", "Compute Unit Mapping", "each layer", "Instruments", "xctrace"):
            self.assertIn(words, text)

    def test_links_were_reviewed(self):
        section = DEPLOYMENT.read_text().split("## Links, as reviewed")[1]
        links = re.findall(r"^\| (https://\S+) \| (.+) \|$", section, re.M)
        self.assertGreater(len(links), 6)
        self.assertEqual(len(links), len(set(link for link, _ in links)))
        outside = [link for link in re.findall(r"https?://[^\s|)`']+", DEPLOYMENT.read_text())
                   if "127.0.0.1" not in link and link not in dict(links)]
        self.assertEqual(outside, [])


if __name__ == "__main__":
    unittest.main()
