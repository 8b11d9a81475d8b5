"""The scripts below scripts/evaluate: what they call, with a stand-in program; and what the program then does.

    evaluate_scripts_test.py [ANEMONE]    the program; without it the cases that run it are skipped
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
SCRIPTS = ROOT / "scripts/evaluate"
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
MODEL = ROOT / "models/anemone-tiny-anemll"
HARNESS = ["ane/run_new_eval.sh", "ane/run_serial_eval.sh", "ane/evaluate_with_harness.py"]
PLAIN = ["ane/evaluate_ane.py", "run_ane_evaluations.sh"]

# Rows as the hub has them, written for this test.
ROWS = {
    "arc_easy/test": [
        {"id": str(i), "question": f"What is {i} and one?", "answerKey": "B",
         "choices": {"text": [str(i), str(i + 1), "a tree"], "label": ["A", "B", "C"]}}
        for i in range(3)
    ],
    "boolq/validation": [
        {"question": f"is stone {i} heavy", "passage": "All stones are heavy.", "idx": i, "label": 1}
        for i in range(3)
    ],
    "hellaswag/validation": [
        {"ind": i, "activity_label": "Cooking", "ctx_a": "A man cuts bread.", "ctx_b": "he",
         "ctx": "A man cuts bread. he", "endings": ["eats it.", "flies.", "is a door.", "sings red."],
         "label": "0"}
        for i in range(3)
    ],
}
SOURCES = [("allenai/ai2_arc", "ARC-Easy", "arc_easy"), ("aps/super_glue", "boolq", "boolq"),
           ("Rowan/hellaswag", None, "hellaswag")]


class ScriptCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.calls = self.folder / "calls"
        self.stub = self.folder / "bin/anemone"
        self.stub.parent.mkdir()
        self.stub.write_text(
            '#!/bin/sh\nfor a in "$@"; do printf \'%s\\n\' "$a" >> "$CALLS"; done\n'
            'printf \'.\\n\' >> "$CALLS"\necho table\necho words >&2\nexit ${STUB_EXIT:-0}\n'
        )
        self.stub.chmod(0o755)

    def script(self, name, *arguments, program=None, **environment):
        values = {key: value for key, value in os.environ.items() if not key.startswith("ANEMONE")}
        values |= {"ANEMONE": str(program or self.stub), "CALLS": str(self.calls), **environment}
        command = [str(SCRIPTS / name), *map(str, arguments)]
        if name.endswith(".py"):
            command.insert(0, sys.executable)
        return subprocess.run(command, cwd=self.folder, env=values, capture_output=True, text=True)

    def called(self):
        if not self.calls.exists():
            return []
        text = self.calls.read_text()
        self.calls.unlink()
        return [call.splitlines() for call in text.split("\n.\n")[:-1]]

    def one_call(self, name, *arguments):
        run = self.script(name, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        calls = self.called()
        self.assertEqual(len(calls), 1)
        return calls[0], run


class CallsTest(ScriptCase):
    def test_S1_27_S1_29_S1_32_defaults(self):
        for name in HARNESS:
            call, run = self.one_call(name, "--model", MODEL, "--tasks", "boolq")
            self.assertEqual(call, ["eval", str(MODEL), "--tasks", "boolq", "--num-fewshot", "0",
                                    "--seed", "123", "--output-path", "results"])
            self.assertEqual((run.stdout, run.stderr), ("table\n", "words\n"))

    def test_S1_25_S1_28_S1_30_S1_31_S1_33_every_flag_in_both_spellings(self):
        pairs = {"--model": MODEL, "--tasks": "boolq", "--num-shots": 2, "--batch-size": 1,
                 "--output-dir": "o u t", "--limit": 3, "--max-tokens": 9, "--seed": 7}
        for name in HARNESS:
            for joined in (False, True):
                words = [w for k, v in pairs.items() for w in ([f"{k}={v}"] if joined else [k, v])]
                call, run = self.one_call(name, *words, "--apply-chat-template")
                self.assertEqual(
                    call, ["eval", str(MODEL), "--tasks", "boolq", "--num-fewshot", "2", "--seed", "7",
                           "--output-path", "o u t", "--limit", "3", "--gen-kwargs", "max_gen_toks=9",
                           "--apply-chat-template"])
                self.assertNotIn("warning", run.stderr)

    def test_S1_26_tasks_by_commas_and_by_blanks(self):
        for name in HARNESS + PLAIN:
            for tasks in (["a,b,c"], ["a", "b", "c"], ["a, b c"], ["a,", "b,c"]):
                call, _ = self.one_call(name, "--model", MODEL, "--tasks", *tasks)
                self.assertEqual(call[call.index("--tasks") + 1], "a,b,c")

    def test_S1_28_a_batch_size_warns_and_stays_serial(self):
        for name in HARNESS:
            call, run = self.one_call(name, "--model", MODEL, "--tasks", "a", "--batch-size", "8")
            self.assertIn("--batch-size 8: requests run one at a time", run.stderr)
            self.assertNotIn("8", call)

    def test_S0_28_the_runner_takes_its_flags_in_both_spellings(self):
        text = self.folder / "a text.txt"
        text.write_text("words")
        pairs = {"--model": MODEL, "--tasks": "boolq arc_easy", "--output-dir": "out",
                 "--perplexity-text": text}
        for name in PLAIN:
            for joined in (False, True):
                words = [w for k, v in pairs.items() for w in ([f"{k}={v}"] if joined else [k, v])]
                self.assertEqual(self.script(name, *words).returncode, 0)
                self.assertEqual(self.called(), [
                    ["eval", str(MODEL), "--tasks", "boolq,arc_easy", str(text), "--output-path", "out"]])

    def test_S0_22_a_text_is_one_more_task_of_the_same_call(self):
        (self.folder / "text.txt").write_text("words")
        for name in PLAIN:
            call, _ = self.one_call(name, "--model", MODEL, "--tasks", "boolq", "--perplexity-text", "text.txt")
            self.assertEqual(call[:5], ["eval", str(MODEL), "--tasks", "boolq", "text.txt"])

    def test_a_text_that_is_no_task_has_its_perplexity_alone(self):
        (self.folder / "words").write_text("words")
        for name in PLAIN:
            self.assertEqual(self.script(name, "--model", MODEL, "--perplexity-text", "words").returncode, 0)
            self.assertEqual(self.called()[-1], ["perplexity", str(MODEL), "words"])

    def test_what_was_interrupted_goes_on(self):
        for name in HARNESS + PLAIN:
            call, _ = self.one_call(name, "--model", MODEL, "--tasks", "a", "--resume")
            self.assertEqual(call[-1], "--resume")

    def test_defaults_of_the_runner_and_the_built_in_text(self):
        for name in PLAIN:
            call, _ = self.one_call(name, "--model", MODEL, "--no-early-exit", "--perplexity-text", "default")
            self.assertEqual(call, ["eval", str(MODEL), "--tasks", "boolq,arc_easy,hellaswag", "prose",
                                    "--output-path", "evaluate/results"])

    def test_S0_29_a_sample_limit_makes_the_quick_run(self):
        call, _ = self.one_call("run_ane_evaluations.sh", "--model", MODEL, "--sample-limit", "5")
        self.assertEqual(call[-2:], ["--limit", "5"])

    def test_S0_17_S0_30_help_and_unknown_flags(self):
        for name in HARNESS + PLAIN:
            run = self.script(name, "--help")
            self.assertEqual(run.returncode, 0)
            self.assertRegex(run.stdout, r"usage: (?s:.*)--model(?s:.*)--output-dir")
            run = self.script(name, "--model", MODEL, "--modle", "x")
            self.assertEqual(run.returncode, 2)
            self.assertRegex(run.stderr, r"usage: (?s:.*)unrecognized arguments: --modle x")
            self.assertEqual(self.script(name).returncode, 2)
        self.assertEqual(self.called(), [])

    def test_S0_31_what_is_missing_is_named_before_anything_runs(self):
        for name in HARNESS + PLAIN:
            run = self.script(name, "--model", "nowhere", "--tasks", "a")
            self.assertEqual(run.returncode, 1)
            self.assertIn("--model nowhere: no such model directory", run.stderr)
            run = self.script(name, "--model", MODEL, "--tasks", "a", program=self.folder / "none")
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stderr, "the program `.*/none` is missing: run `make build`")
        run = self.script("ane/evaluate_ane.py", "--model", MODEL, "--tasks", "perplexity")
        self.assertEqual(run.returncode, 1)
        self.assertIn("--perplexity-text", run.stderr)
        run = self.script("ane/evaluate_ane.py", "--model", MODEL, "--perplexity-text", "none.txt")
        self.assertEqual(run.returncode, 1)
        self.assertIn("--perplexity-text none.txt: no such file", run.stderr)
        self.assertEqual(self.called(), [])

    def test_S0_63_exit_codes_pass_through(self):
        for name in HARNESS + PLAIN:
            for code in (1, 3, 130):
                run = self.script(name, "--model", MODEL, "--tasks", "a", STUB_EXIT=str(code))
                self.assertEqual(run.returncode, code)

    def test_S0_27_S0_55_the_shell_scripts_are_sound(self):
        for script in [path for path in SCRIPTS.rglob("*.sh")]:
            check = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
            self.assertEqual((check.returncode, check.stderr), (0, ""))
            if shutil.which("shellcheck"):
                check = subprocess.run(["shellcheck", script], capture_output=True, text=True)
                self.assertEqual(check.returncode, 0, check.stdout)

    def test_anelm_harness_says_what_it_lacks(self):
        run = self.script("ane/anelm_harness.py", "--help", PYTHONPATH="", PYTHONNOUSERSITE="1")
        if run.returncode != 0:
            self.assertRegex(run.stderr, r"No module named .*; run `pip install '\.\[lm-eval\]'`")


@unittest.skipIf(PROGRAM is None, "the program is not given")
class RunsTest(ScriptCase):
    """The real program on the embedded model."""

    def setUp(self):
        super().setUp()
        for name, rows in ROWS.items():
            path = self.folder / "data" / f"{name}.jsonl"
            path.parent.mkdir(parents=True)
            for file in (path, path.with_stem("train")):
                file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (self.folder / "data/sources.json").write_text(json.dumps(
            {"format": 1, "sources": [{"path": path, "config": config, "folder": folder,
                                       "splits": ["train", "test" if folder == "arc_easy" else "validation"]}
                                      for path, config, folder in SOURCES]}))

    def run_real(self, name, *arguments):
        return self.script(name, "--model", MODEL, *arguments, program=PROGRAM, ANEMONE_DATA="data")

    def results(self, folder):
        files = list((self.folder / folder).glob("*/results_*.json"))
        self.assertEqual(len(files), 1)
        return json.loads(files[0].read_text())

    def test_S1_54_the_example_tasks_from_end_to_end(self):
        run = self.run_real("ane/run_new_eval.sh", "--tasks", "boolq,arc_easy,hellaswag",
                            "--num-shots", "1", "--limit", "2")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"\|arc_easy ")
        results = self.results("results")
        self.assertEqual(set(results["results"]), {"boolq", "arc_easy", "hellaswag"})
        self.assertEqual(set(results["n-shot"].values()), {1})
        for counts in results["n-samples"].values():
            self.assertEqual(counts, {"original": 3, "effective": 2})
        self.assertEqual(results["config"]["fewshot_seed"], 123)

    def test_S1_12_S1_23_S1_24_every_script_gives_the_same_scores(self):
        scores = set()
        for name in HARNESS + PLAIN:
            folder = re.sub(r"\W", "_", name)
            run = self.run_real(name, "--tasks", "boolq", "arc_easy", "--output-dir", folder)
            self.assertEqual(run.returncode, 0, run.stderr)
            scores.add(json.dumps(self.results(folder)["results"], sort_keys=True))
        self.assertEqual(len(scores), 1)

    def test_S0_1_perplexity_and_benchmarks_in_one_run(self):
        text = self.folder / "text.txt"
        text.write_text("The sun rose over the hills.")
        run = self.run_real("run_ane_evaluations.sh", "--tasks", "boolq", "--perplexity-text", "text.txt",
                            "--output-dir", "out")
        self.assertEqual(run.returncode, 0, run.stderr)
        scores = self.results("out")["results"]
        self.assertIn("acc,none", scores["boolq"])
        self.assertGreater(scores["text.txt"]["word_perplexity,none"], 1)

    def test_S1_31_S1_33_generation_stops_and_the_template_is_used(self):
        run = self.run_real("ane/evaluate_with_harness.py", "--tasks", "typos", "--limit", "1",
                            "--max-tokens", "2", "--apply-chat-template")
        self.assertEqual(run.returncode, 0, run.stderr)
        results = self.results("results")
        self.assertEqual(results["configs"]["typos"]["generation_kwargs"]["max_gen_toks"], 2)
        self.assertTrue(results["chat_template"])

    def test_a_task_that_is_none_fails_with_the_programs_words(self):
        run = self.run_real("ane/run_serial_eval.sh", "--tasks", "no_such_task")
        self.assertEqual(run.returncode, 2)
        self.assertIn("no_such_task", run.stderr)


if __name__ == "__main__":
    unittest.main()
