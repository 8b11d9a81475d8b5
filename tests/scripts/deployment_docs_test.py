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
        commands, without = MAC.read_text().split("## No figure from a Mac")
        one_command, by_hand = (IDS.findall(part) for part in commands.split("## By hand"))
        self.assertEqual(sorted(known), sorted(one_command + by_hand + IDS.findall(without)))
        for id_, kind in requirements:
            if kind == "mac":
                self.assertIn(id_, one_command)
        in_table = [id_ for cells in rows(MAC) for id_ in IDS.findall(cells[-1])]
        self.assertEqual(one_command, in_table, "ids stand under what shows them")
        for section in commands.split("## By hand")[1].split("### ")[1:]:
            self.assertTrue(re.search(r"^    \S", section, re.M), f"a command under {section[:20]}")

    def test_it_counts_what_one_command_settles(self):
        text = " ".join(MAC.read_text().split())
        commands, without = text.split("## No figure from a Mac")
        one_command, by_hand = (len(IDS.findall(part)) for part in commands.split("## By hand"))
        rest = len(IDS.findall(without))
        self.assertIn(f"It settles {one_command} of the {one_command + by_hand + rest} requirements by itself. "
                      f"{by_hand} more take [commands by hand](#by-hand), and of {rest} [no run", text)

    def test_the_steps_are_those_of_the_script(self):
        script = (ROOT / "scripts/apple/verify.sh").read_text()
        steps = re.search(r"^steps=\((.*)\)$", script, re.M)[1].split()
        for name in steps:
            self.assertIn(f"step_{name}() {{", script)
        self.assertEqual([cells[0] for cells in rows(MAC)], [f"`{name}`" for name in steps])
        named = re.findall(r"steps? `(\w+)`", MAC.read_text() + DEPLOYMENT.read_text())
        self.assertGreater(len(named), 3)
        self.assertEqual(set(named) - set(steps), set())


# Texts of Apple's software, and where each was seen.
OF_OTHERS = {
    "Failed to build the model execution plan using a model architecture file": "apple/coremltools#2325",
    "error code: -14": "apple/coremltools#2325",
    "Program load failure (com.apple.appleneuralengine 6)": "jundot/omlx#2968",
    "0x20004": "jundot/omlx#2968",
    "_ANECompiler : ANECCompile() FAILED": "pytorch/executorch#19635",
    "MILCompilerForANE error: failed to compile ANE model using ANEF": "apple/coremltools#2758",
    "function_name must be nil unless model type is ML Program": "Anemll/Anemll: CLAUDE.md",
    ".functionName property must be nil unless the model type is ML Program": "Anemll/Anemll#5",
    "Unable to load model:": "many apps that load a package as it lies",
    "Compile the model with Xcode or MLModel.compileModel(at:)": "many apps that load a package as it lies",
    "It is not a valid .mlmodelc file": "many apps that load a package as it lies",
    "(com.apple.CoreML 3)": "domain and code as src/coreml/objects.mm writes them",
    "ANEProgramProcessRequestDirect() Failed with status=0x1d": "mechramc/Orion: docs/ane_constraints.md",
    "0xe00002c2": "src/ane/rules/query_width.cpp",
    "Unable to compute the prediction": "onnxruntime's Core ML provider, BNNS",
    "Error computing NN outputs -1": "hollance/neural-engine: docs/os-log.md",
}


class Troubleshooting(unittest.TestCase):
    def test_each_quoted_text_is_one_of_ours_or_was_seen(self):
        sources = "".join(path.read_text() for folder in ("src", "tools") for pattern in ("**/*.cpp", "**/*.mm", "**/*.h")
                          for path in (ROOT / folder).glob(pattern) if not path.name.endswith("_test.cpp"))
        ours = re.sub(r'"\s*\n\s*"', "", sources)
        others = set()
        for cells in rows(TROUBLE):
            for text in re.findall(r"`([^`]+)`", cells[0]):
                for part in text.split("…"):
                    part = part.strip(" .,':")
                    if not part:
                        continue
                    seen = [known for known in OF_OTHERS if part == known.strip(" .,':")]
                    self.assertTrue(seen or part in ours, f"nobody says `{part}`")
                    others |= set(seen)
        self.assertEqual(others, set(OF_OTHERS))

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
