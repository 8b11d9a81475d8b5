"""Whatever `anemone check` says about speed or place says that it is predicted, or planned by Core ML.

    predicted_labels_test.py ANEMONE    the program
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(sys.argv.pop(1))
MODEL = ROOT / "models/anemone-tiny-anemll"
FIGURE = re.compile(r"\d (tok/s|ms|J|%|GB/s)\b|\d %|suit the Neural Engine")
LABEL = re.compile(r"\b(predicted|prediction|planned|simulated)\b")
KEYS = {"tokens_per_second", "milliseconds", "residency", "first_token_ms", "joules_low", "ops"}


def check(*flags):
    run = subprocess.run([PROGRAM, "check", MODEL, *flags], capture_output=True, text=True, check=True)
    return run.stdout


class PredictedLabelsTest(unittest.TestCase):
    def test_every_line_with_a_figure_is_labelled(self):
        figures = 0
        for line in check("-v").splitlines():
            if FIGURE.search(line):
                figures += 1
                self.assertRegex(line, LABEL)
        self.assertGreater(figures, 8)

    def test_every_line_of_a_simulation_is_labelled(self):
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "text.txt"
            text.write_text("The rain fell on the roof all night.")
            lines = check("-v", "--run-text", text).splitlines()
            simulation = json.loads(check("--json", "--run-text", text))["simulation"]
        start = next(i for i, line in enumerate(lines) if line.startswith("simulated"))
        self.assertGreater(len(lines) - start, 12)
        for line in lines[start:]:
            self.assertRegex(line, r"^    [a-z]+[.a-z0-9]* +\d|simulated")
        self.assertIs(simulation["simulated"], True)

    def test_figures_of_simulated_numerics_are_labelled(self):
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "text.txt"
            text.write_text("The rain fell on the roof.")
            commands = [["perplexity", MODEL, text], ["probe", MODEL, "--reference", MODEL.parent / "anemone-tiny"]]
            for command in commands:
                for numerics in ("ane", "fp16"):
                    run = [PROGRAM, *command, "--numerics", numerics]
                    shown = subprocess.run(run, capture_output=True, text=True, check=True).stdout
                    document = subprocess.run([*run, "--json"], capture_output=True, text=True, check=True).stdout
                    self.assertEqual(shown.startswith("simulated"), numerics == "ane", run)
                    self.assertIs(json.loads(document)["simulated"], numerics == "ane", run)

    def test_every_figure_of_the_json_is_below_a_label(self):
        found = set()

        def walk(value, labelled):
            if isinstance(value, list):
                for element in value:
                    walk(element, labelled)
            elif isinstance(value, dict):
                labelled = labelled or value.get("predicted") is True
                for key, element in value.items():
                    if key in KEYS:
                        found.add(key)
                        self.assertTrue(labelled, key)
                    walk(element, labelled)

        walk(json.loads(check("--json")), False)
        self.assertEqual(found, KEYS)

    def test_every_source_that_shows_a_forecast_labels_it(self):
        sources = [path for path in (ROOT / "tools").glob("*.cpp")
                   if re.search(r"\bane::(Forecast|FunctionForecast|DecodingForecast|OpCensus|CheckedArtifact)\b",
                                path.read_text())]
        self.assertGreaterEqual(len(sources), 2)
        for path in sources:
            self.assertRegex(path.read_text(), r"predicted", path.name)


if __name__ == "__main__":
    unittest.main()
