"""Whatever the program says of the Neural Engine off a Mac is labelled: predicted, simulated in its
arithmetic, or, where a file from a Mac is read, planned, recorded or logged. Every renderer is run,
for several chips and models.

    predicted_labels_test.py ANEMONE    the program
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
PROGRAM = os.path.abspath(sys.argv.pop(1))
TINY = ROOT / "models/anemone-tiny-anemll"
CHECKPOINT = ROOT / "models/anemone-tiny"
SHARED = Path(os.environ.get("ANEMONE_SHARED", ROOT.parent / "shared"))
MODELS = [TINY, CHECKPOINT] + [path for path in (
    SHARED / "fixtures/anemll/qwen3-lut4-2chunk",
    SHARED / "fixtures/anemll/gemma3-fp16-1chunk",
    SHARED / "fixtures/coreml/granite_range/model.mlpackage",
    SHARED / "fixtures/coreml/cnn_rgb/model.mlpackage") if path.exists()]
CHIPS = ["a18pro", "m1", "m3max", "m6"]
FIGURE = re.compile(r"\d (tok/s|ms|J|%|GB/s)(?=\W|$)|suit the Neural Engine")
LABEL = re.compile(r"\b(predicted|prediction|planned|simulated|recorded|logged)\b")
KEY = re.compile(r"(_ms|_per_second|_gbps|gb_per_s|_joules|joules_\w+|residency|milliseconds|_share|shares)$")
LABELS = ("predicted", "simulated", "recorded")
PLAN = {"format": "anemone-compute-plan", "version": 1, "model": "qwen_FFN_PF_chunk_01of01.mlmodelc",
        "device": "Mac16,9", "operating_system": "macOS 15.5", "compute_units": "all",
        "functions": [{"name": "infer", "operations": [
            {"type": "slice_by_index", "outputs": ["x2_1"], "preferred": "gpu", "supported": ["gpu"], "cost": 1}]}]}
CONTENTS = '<trace-toc><device platform="macOS" model="Mac16,9" os-version="15.5"/></trace-toc>'
ROW = '<row><start-time>0</start-time><duration>4000000</duration><{0} fmt="{1}"/></row>'
TABLE = '<trace-query-result><node><schema name="{0}"/>{1}</node></trace-query-result>'


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise AssertionError(f"{arguments}: {done.returncode}: {done.stderr}")
    return done.stdout


class PredictedLabelsTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def text_is_labelled(self, text, least):
        figures = [line for line in text.splitlines() if FIGURE.search(line)]
        for line in figures:
            self.assertRegex(line, LABEL)
        self.assertGreaterEqual(len(figures), least, text)

    def document_is_labelled(self, document, least):
        found = []

        def walk(value, labelled):
            for element in value if isinstance(value, list) else []:
                walk(element, labelled)
            if isinstance(value, dict):
                labelled = labelled or any(value.get(label) is True for label in LABELS)
                for key, element in value.items():
                    if KEY.search(key):
                        found.append(key)
                        self.assertTrue(labelled, key)
                    walk(element, labelled)

        if isinstance(document, dict) and "artifacts" in document:
            self.assertIs(document["predicted"], True)  # of the ops that suit; figures have their own
            document = {key: value for key, value in document.items() if key != "predicted"}
        walk(document, False)
        self.assertGreaterEqual(len(found), least, found)
        return set(found)

    def test_check_of_every_model_and_chip(self):
        for model in MODELS:
            for chip in CHIPS:
                with self.subTest(model=model.name, chip=chip):
                    decoder = "fixtures/coreml" not in str(model)
                    flags = ["check", model, "--chip", chip, "--contexts", "256,512", "--batch", "1,4"]
                    self.text_is_labelled(run(*flags), 8 if decoder else 3)
                    self.text_is_labelled(run(*flags, "-v"), 8 if decoder else 3)
                    document = json.loads(run(*flags, "--json"))
                    keys = self.document_is_labelled(document, 8)
                    forecast = document["artifacts"][0]["forecast"]
                    self.assertIs(forecast["predicted"], True)
                    if not decoder:
                        continue
                    self.assertLessEqual({"tokens_per_second", "floor_tokens_per_second", "joules_low", "floor_ms",
                                          "first_token_ms", "residency"}, keys)
                    for figures in [forecast["decoding"], *forecast["sweep"]]:
                        known = figures["joules_low"] is not None
                        self.assertEqual(known, chip.startswith("m"), "no power of a phone's is published")
                        self.assertEqual(bool(figures["power_source"]), known)

    def test_check_without_a_prediction(self):
        self.text_is_labelled(run("check", TINY, "--chip", "a12"), 1)
        document = json.loads(run("check", TINY, "--chip", "a12", "--json"))
        self.assertEqual(set(document["artifacts"][0]["forecast"]), {"predicted", "missing"})

    def test_check_of_several_models_and_of_a_folder(self):
        shutil.copytree(TINY, self.folder / "a")
        shutil.copytree(TINY, self.folder / "b/c")
        (self.folder / "broken.mlpackage").mkdir()
        for arguments in ([self.folder], [TINY, CHECKPOINT]):
            self.text_is_labelled(run("check", *arguments), 10)
            self.document_is_labelled(json.loads(run("check", *arguments, "--json")), 40)

    def test_sarif_and_rules_hold_findings_of_programs_and_published_figures_alone(self):
        for model in MODELS:
            sarif = self.folder / "out.sarif"
            run("check", model, "--chip", "m4", "--sarif", sarif, "-q")
            log = json.loads(sarif.read_text())["runs"][0]
            self.assertIs(log["properties"]["predicted"], True)
            for result in log["results"]:
                self.assertNotRegex(result["message"]["text"], FIGURE)
            for rule in log["tool"]["driver"]["rules"]:
                self.assertTrue(rule["properties"]["source"], rule["id"])
        for rule in json.loads(run("check", "--rules", "--json"))["rules"]:
            self.assertTrue(rule["source"])
            self.assertIn("source: " + rule["source"], run("check", "--explain", rule["id"]))

    def test_plans_and_records_of_a_mac(self):
        plan = self.write("plan.json", json.dumps(PLAN))
        files = [self.write("toc.xml", CONTENTS),
                 self.write("coreml.xml", TABLE.format("coreml-os-signpost",
                                                       ROW.format("coreml-model-event", "Prediction"))),
                 self.write("ane.xml", TABLE.format("ane-hw-intervals",
                                                    ROW.format("formatted-label", "Neural Engine Prediction")))]
        log = self.write("coreml.log", "[com.apple.coreml:x] Using Neural Engine for inference\n")
        flags = ["check", TINY, "--plan", plan, "--trace", ",".join(map(str, files)), "--log", log]
        self.text_is_labelled(run(*flags), 11)
        self.text_is_labelled(run(*flags, "-v"), 11)
        keys = self.document_is_labelled(json.loads(run(*flags, "--json")), 40)
        self.assertLessEqual({"neural_engine_share", "shares", "prediction_ms"}, keys)

    def test_a_simulation(self):
        text = self.write("text.txt", "The rain fell on the roof all night.")
        lines = run("check", TINY, "-v", "--run-text", text).splitlines()
        simulation = json.loads(run("check", TINY, "--json", "--run-text", text))["simulation"]
        start = next(i for i, line in enumerate(lines) if line.startswith("simulated"))
        self.assertGreater(len(lines) - start, 12)
        for line in lines[start:]:
            self.assertRegex(line, r"^    [a-z]+[.a-z0-9]* +\d|simulated")
        self.assertIs(simulation["simulated"], True)

    def test_figures_of_simulated_numerics(self):
        text = self.write("text.txt", "The rain fell on the roof.")
        (self.folder / "models").mkdir()
        shutil.copytree(TINY, self.folder / "models/a")
        commands = [["perplexity", TINY, text], ["probe", TINY, "--reference", CHECKPOINT],
                    ["probe", self.folder / "models", "--reference", CHECKPOINT]]
        for command in commands:
            for numerics in ("ane", "fp16"):
                shown = run(*command, "--numerics", numerics)
                document = json.loads(run(*command, "--numerics", numerics, "--json"))
                self.assertEqual(shown.startswith("simulated"), numerics == "ane", command)
                self.assertIs(document["simulated"], numerics == "ane", command)

    def test_a_conversion_that_is_only_planned(self):
        flags = ["convert", CHECKPOINT, "-o", self.folder / "out", "--dry-run"]
        self.text_is_labelled(run(*flags), 10)
        keys = self.document_is_labelled(json.loads(run(*flags, "--json")), 20)
        self.assertIn("tokens_per_second", keys)

    def test_every_source_that_shows_a_forecast_labels_it(self):
        shows = r"\b(ane::(Forecast|FunctionForecast|DecodingForecast|OpCensus|CheckedArtifact)|SpeedBound)\b"
        sources = [path for path in (ROOT / "tools").glob("*.cpp") if re.search(shows, path.read_text())]
        self.assertGreaterEqual(len(sources), 3)
        for path in sources:
            self.assertRegex(path.read_text(), r"predicted", path.name)


if __name__ == "__main__":
    unittest.main()
