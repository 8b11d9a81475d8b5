"""docs/mlx.md, docs/ane-background.md and conversion/README.md: their sections, tables and links are there, and their
commands run.

    deployment_doc_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import datetime
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
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
MLX = (ROOT / "docs/mlx.md").read_text()
BACKGROUND = (ROOT / "docs/ane-background.md").read_text()
CONVERSION = (ROOT / "conversion/README.md").read_text()


def section(text, title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def table(text):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[:1] + rows[2:]


def commands(text):
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]


class Session(unittest.TestCase):
    """A folder in which the commands of a page run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "build").mkdir()
        (self.folder / "build/anemone").symlink_to(PROGRAM or "none")
        for name in ("models", "scripts"):
            (self.folder / name).symlink_to(ROOT / name)

    def run_line(self, line):
        run = subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, text=True,
                             env=os.environ | {"ANEMONE": str(PROGRAM)})
        self.assertEqual(run.returncode, 0, f"{line}: {run.stderr}")
        return run.stdout


class BackgroundTest(unittest.TestCase):
    def test_S3_2_processors_memory_and_the_place_of_core_ml(self):
        text = section(BACKGROUND, "Processors and memory")
        self.assertEqual([row[0] for row in table(text)[1:]], ["CPU", "GPU", "Neural Engine"])
        for words in ("unified memory", "Core ML", "mlx-rs", "computeUnits"):
            self.assertIn(words, text)

    def test_S3_3_the_comparison_has_its_rows_and_no_power_that_was_not_measured(self):
        text = section(BACKGROUND, "MLX and Core ML")
        rows = {row[0]: row[1:] for row in table(text)}
        self.assertLessEqual({"purpose", "flexibility", "performance", "power", "graph", "use"}, set(rows))
        for cell in rows["power"]:
            self.assertTrue(cell.startswith("n/a"), cell)
        self.assertIsNone(re.search(r"[0-9.]+ ?(–|-)? ?[0-9.]* ?(×|x |times|W\b|J\b|joule)", text), "a figure without a measurement")

    def test_S3_57_the_neural_engine_does_not_train(self):
        self.assertIn("The Neural Engine does not train", section(BACKGROUND, "Training"))

    def test_S3_44_how_to_read_the_report_by_layers(self):
        text = section(BACKGROUND, "Xcode's report by layers")
        self.assertEqual(re.findall(r"^(\d)\.", text, re.M), list("12345"))
        for words in ("Performance", ".mlpackage", ".mlmodel", "connected iPhone", "filled mark", "hollow mark", "diamond"):
            self.assertIn(words, text)

    def test_S3_70_S3_78_links_have_a_form_a_date_and_a_state(self):
        rows = table(section(BACKGROUND, "Links"))
        self.assertEqual(rows[0], ["link", "what it is", "reviewed", "state"])
        links = []
        for link, what, reviewed, state in rows[1:]:
            self.assertRegex(link, r"^<https://[a-z0-9.-]+(/[\w./-]*)?>$")
            self.assertTrue(what)
            self.assertLessEqual(datetime.date.fromisoformat(reviewed), datetime.date.today() + datetime.timedelta(days=1))
            self.assertRegex(state, "^(read|not opened)")
            links.append(link)
        self.assertEqual(len(links), len(set(links)))
        for part in ("documentation/coreml>", "optimizing_performance", "improving-the-performance-of-your-core-ml-app",
                     "coremltools.readme.io", "github.com/apple/coremltools", "netron.app", "machine-learning/models",
                     "CoreML-in-ARKit", "research/neural-engine>"):
            self.assertTrue(any(part in link for link in links), part)
        outside = BACKGROUND.replace(section(BACKGROUND, "Links"), "")
        self.assertEqual([url for url in re.findall(r"https://[^)>\s]+", outside) if f"<{url}>" not in links], [])


class MlxTest(Session):
    def test_S3_4_training_commands_are_real_ones(self):
        text = section(MLX, "Training")
        self.assertIn("mlx_lm.lora --model", text)
        line = next(line for line in text.splitlines() if line.startswith("cargo run --bin your_ai -- train"))
        known = {"--model", "--batch-size", "--lora-rank", "--max-steps", "--resume", "--max-memory",
                 "--memory-report-interval", "--auto-optimize", "--metrics-file", "--save-best", "--bin"}
        self.assertLessEqual(set(re.findall(r"--[a-z-]+[a-z]", line)), known)
        self.assertIn("neither `--output` nor `--data`", text)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S3_6_training_data_are_read_by_their_schema(self):
        (self.folder / "task.yaml").write_text(re.search(r"^```yaml\n(.*?)^```", MLX, re.M | re.S)[1])
        (self.folder / "train.jsonl").write_text(
            '{"text": "The river rose in the night.", "auth_weight": 0.05, "prov_entropy": 7.0}\n'
            '{"text": "Bread is made of flour.", "auth_weight": 0.9, "prov_entropy": 0.5}\n')
        line = "build/anemone eval models/anemone-tiny-anemll --tasks task.yaml --json -q"
        self.assertIn("word_perplexity", self.run_line(line))
        with open(self.folder / "train.jsonl", "a") as file:
            file.write('{"auth_weight": 0.5, "prov_entropy": 1.0}\n')
        run = subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, text=True)
        self.assertIn("text", run.stdout + run.stderr)
        self.assertRegex(run.stdout + run.stderr, r"train\.jsonl.*row 3|row 3.*train\.jsonl")

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S3_59_S3_61_S3_63_S3_64_S3_68_the_commands_run_from_weights_to_text(self):
        shutil.copytree(ROOT / "models/anemone-tiny", self.folder / "trained")
        lines = [line for line in commands(section(MLX, "Conversion and use"))]
        self.assertEqual(len(lines), 10)
        for line in lines:
            out = self.run_line(line)
            if " run " in line:
                self.assertTrue(out.strip(), line)
        self.assertTrue((self.folder / "distrust-hermes-7b/chunk_02of02.mlpackage").is_dir())
        self.assertTrue((self.folder / "smaller.mlpackage/Manifest.json").is_file())

    def test_S3_24_S3_62_installation_names_what_exists(self):
        text = section(MLX, "Installation")
        self.assertEqual(commands(text), ["make build"])
        goals = (ROOT / "Makefile").read_text()
        for goal in re.findall(r"make (\w+)", text):
            self.assertRegex(goals, rf"(?m)^{goal}:")
        self.assertRegex(text, r"(?m)^pip install( [a-z]+==[0-9.]+)+$")
        steps = [row[0] for row in table(section(MLX, "Checklist"))[1:]]
        self.assertEqual(len(steps), 9)
        for script in re.findall(r"`(scripts/[\w/.]+)`", MLX):
            self.assertTrue((ROOT / script).is_file(), script)


class ConversionTest(Session):
    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_38_the_commands_run(self):
        for line in commands(CONVERSION):
            self.run_line(line)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_38_flags_and_links_exist(self):
        taken = subprocess.run([PROGRAM, "convert", "--help"], capture_output=True, text=True, check=True).stdout
        flags = set(re.findall(r"(--[a-z-]+)", re.sub(r"```.*?```", "", CONVERSION, flags=re.S)))
        self.assertGreaterEqual(len(flags), 4)
        for flag in flags:
            self.assertIn(flag, taken)
        for page, text in ((ROOT / "conversion/README.md", CONVERSION), (ROOT / "docs/mlx.md", MLX),
                           (ROOT / "docs/ane-background.md", BACKGROUND)):
            for link in re.findall(r"\]\(([^)#]+)\)", text):
                self.assertTrue((page.parent / link).is_file(), f"{page.name}: {link}")
        self.assertLess(len(CONVERSION.splitlines()), 40)


if __name__ == "__main__":
    unittest.main()
