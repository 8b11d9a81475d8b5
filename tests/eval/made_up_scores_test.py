"""No score without the model, for each kind of task: the embedded model whole, with other weights, with weights that are
no numbers, and without a part.

    made_up_scores_test.py ANEMONE MODEL
"""

import csv
import gzip
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ANEMONE, MODEL = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
PART = "qwen_FFN_PF_chunk_01of01.mlpackage"
WEIGHTS = f"{PART}/Data/com.apple.CoreML/weights/weight.bin"
CHOICES = (
    'output_type: multiple_choice\ndoc_to_text: "{{thing}} is"\ndoc_to_choice: [red, green, blue]\n'
    "doc_to_target: colour\nmetric_list: [{metric: acc}, {metric: brier_score}]\n"
)
# Each kind of task, and a score of it that any change of the model moves.
TASKS = {
    "choices": (CHOICES, "brier_score,none"),
    "more": (CHOICES + 'target_delimiter: " so "\n', "brier_score,none"),
    "words": ("output_type: loglikelihood\ndoc_to_text: thing\ndoc_to_target: ' is here'\n", "perplexity,none"),
    "pages": ("output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: thing\n", "word_perplexity,none"),
    "answers": (
        'output_type: generate_until\ndoc_to_text: "{{thing}} is"\ndoc_to_target: answer\n'
        "generation_kwargs: {until: ['.'], max_gen_toks: 8}\nmetric_list: [{metric: exact_match}]\n",
        "exact_match,none",
    ),
}
SCORES = {name: score for name, (_, score) in TASKS.items()} | {"both": "brier_score,none"}
DOCUMENTS = 9


class MadeUpScoresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        tasks = cls.folder / "tasks"
        tasks.mkdir()
        for name in TASKS:
            cls.write_task(name)
        (tasks / "both.yaml").write_text(
            "group: both\ntask: [choices, more]\n"
            "aggregate_metric_list: [{metric: brier_score, weight_by_size: true}]\n"
        )
        cls.write_rows(["?"] * DOCUMENTS)
        _, answers = cls.results(MODEL)
        # What the model answers is right, so that other answers are wrong.
        cls.write_rows([sample["filtered_resps"][0] for sample in answers["answers"]])

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def write_task(cls, name):
        (cls.folder / f"tasks/{name}.yaml").write_text(
            f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: things.jsonl}}\n"
            f"test_split: train\n{TASKS[name][0]}"
        )

    @classmethod
    def write_rows(cls, answers):
        rows = [
            {"thing": f"{('The cat', 'A house', 'My friend')[i % 3]} of year {i}", "colour": i % 3, "answer": answer}
            for i, answer in enumerate(answers)
        ]
        (cls.folder / "tasks/things.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    @classmethod
    def evaluate(cls, model, *flags, tasks="both,words,pages,answers"):
        out = pathlib.Path(tempfile.mkdtemp(dir=cls.folder))
        command = [ANEMONE, "eval", model, "--include-path", "tasks", "--tasks", tasks,
                   "--bootstrap-iters", "10", "--log-samples", "--output-path", out, "--json", *flags]
        return out, subprocess.run(list(map(str, command)), cwd=cls.folder, capture_output=True, text=True)

    @classmethod
    def results(cls, model, *flags):
        """The results file and the samples by task."""
        out, run = cls.evaluate(model, *flags)
        samples = {
            name: [json.loads(line) for path in out.glob(f"*/samples_{name}_*") for line in path.read_text().splitlines()]
            for name in TASKS
        }
        return json.loads(run.stdout), samples

    def changed(self, name, change):
        model = self.folder / name
        shutil.copytree(MODEL, model)
        for path in model.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        weights = model / WEIGHTS
        data = bytearray(weights.read_bytes())
        change(data)
        weights.write_bytes(data)
        return model

    def test_S0_49_other_weights_give_other_answers_scores_and_another_hash(self):
        def exchange(data):
            middle = len(data) // 2
            data[middle : middle + 40000] = data[middle + 40000 : middle + 80000]

        whole, samples = self.results(MODEL)
        other, other_samples = self.results(self.changed("other", exchange))
        self.assertNotEqual(whole["anemone"]["model_hash"], other["anemone"]["model_hash"])
        self.assertEqual(whole["results"]["answers"]["exact_match,none"], 1)
        for name, score in SCORES.items():
            first, second = whole["results"][name][score], other["results"][name][score]
            self.assertIsInstance(first, float, name)
            self.assertNotEqual(first, second, name)
        for name in TASKS:
            self.assertEqual(len(samples[name]), DOCUMENTS)
            for mine, theirs in zip(samples[name], other_samples[name], strict=True):
                self.assertEqual(mine["prompt_hash"], theirs["prompt_hash"])
                if name != "answers":
                    self.assertNotEqual(mine["resps"], theirs["resps"], name)

    def test_weights_that_are_no_numbers_give_no_score(self):
        def spoil(data):
            middle = len(data) // 2
            data[middle : middle + 40000] = b"\x00\x7e" * 20000

        model = self.changed("spoilt", spoil)
        _, run = self.evaluate(model)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("no document could be scored", run.stderr)
        results = json.loads(run.stdout)
        for name, score in SCORES.items():
            self.assertIsNone(results["results"][name][score], name)
            self.assertEqual(results["results"][name]["sample_len"], 0, name)
        for name in TASKS:
            self.assertEqual([failed["doc_id"] for failed in results["failed"][name]], list(range(DOCUMENTS)))

    def test_a_missing_part_gives_no_score_and_no_file(self):
        model = self.folder / "cut"
        shutil.copytree(MODEL, model, ignore=shutil.ignore_patterns(PART))
        out, run = self.evaluate(model)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout, "")
        self.assertIn(PART, run.stderr)
        self.assertEqual([path for path in out.rglob("*") if path.is_file()], [])

    def test_a_limit_says_over_how_many(self):
        results, samples = self.results(MODEL, "--limit", "2")
        for name in TASKS:
            self.assertEqual(results["n-samples"][name], {"original": DOCUMENTS, "effective": 2})
            self.assertEqual(results["results"][name]["sample_len"], 2)
            self.assertEqual(len(samples[name]), 2)
        self.assertEqual(results["results"]["both"]["sample_len"], 4)
        self.assertEqual(results["config"]["limit"], 2)

    def test_rows_that_are_cut_off_give_no_score_and_no_file(self):
        tasks = self.folder / "tasks"
        rows = [json.loads(line) for line in (tasks / "things.jsonl").read_text().splitlines()]
        table = io.StringIO()
        writer = csv.DictWriter(table, ["thing", "colour", "answer"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"thing": row["thing"], "colour": row["colour"], "answer": "a b"} for row in rows)
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        text = table.getvalue().encode()
        last = text.rindex(b"\n", 0, -1) + 1  # where the last row starts
        # Each form whole, and the places where it is cut: in a row, in a field, in the packed bytes, before their end mark.
        forms = {
            "things.jsonl": (lines, [len(lines) - 10, len(lines) // 2]),
            "things.csv": (text, [last + 5]),
            "things.tsv": (text.replace(b",", b"\t"), [last + 5]),
            "things.jsonl.gz": (gzip.compress(lines), [-1, -8, -9, 40]),
            "things.csv.gz": (gzip.compress(text), [-1, -8, -9, 40]),
        }
        fields, score = TASKS["choices"]
        self.addCleanup(self.write_task, "choices")
        for name, (whole, cuts) in forms.items():
            (tasks / "choices.yaml").write_text(
                f"task: choices\ndataset_path: {'json' if '.jsonl' in name else 'csv'}\n"
                f"dataset_kwargs: {{data_files: cut_{name}}}\ntest_split: train\n{fields}")
            file = tasks / f"cut_{name}"
            file.write_bytes(whole)
            out, run = self.evaluate(MODEL, tasks="choices")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIsInstance(json.loads(run.stdout)["results"]["choices"][score], float)
            for cut in cuts:
                file.write_bytes(whole[:cut])
                out, run = self.evaluate(MODEL, tasks="choices")
                self.assertEqual(run.returncode, 1, f"{name} cut at {cut}: {run.stderr}")
                self.assertEqual(run.stdout, "")
                self.assertIn(file.name, run.stderr)
                self.assertEqual([path for path in out.rglob("*") if path.is_file()], [])
            file.unlink()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
