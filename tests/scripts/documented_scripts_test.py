"""The scripts of documented names that validate, chat, export, convert and make data: what they call, with a stand-in
program; and what the program then does.

    documented_scripts_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import difflib
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
CHECKPOINT = ROOT / "models/anemone-tiny"
MODEL = ROOT / "models/anemone-tiny-anemll"


class ScriptCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.stub = self.folder / "anemone"
        self.stub.write_text('#!/bin/sh\nfor a in "$@"; do printf \'%s\\n\' "$a"; done\nexit ${STUB_EXIT:-0}\n')
        self.stub.chmod(0o755)

    def run_script(self, name, *arguments, program=None, **environment):
        values = {key: value for key, value in os.environ.items() if not key.startswith("ANEMONE")}
        values |= {"ANEMONE": str(program or self.stub), **environment}
        return subprocess.run([sys.executable, str(SCRIPTS / name), *map(str, arguments)], cwd=self.folder,
                              env=values, capture_output=True, text=True)

    def call(self, name, *arguments):
        run = self.run_script(name, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.splitlines()

    def real(self, name, *arguments):
        run = self.run_script(name, *arguments, program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run

    def anemone(self, *arguments):
        run = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout


class ChatTest(ScriptCase):
    def test_S2_15_flags_become_those_of_run(self):
        meta = MODEL / "meta.yaml"
        run = ["run", str(MODEL), "Fix it", "--max-tokens"]
        for arguments, expected in (
            (["--meta", meta, "--max-tokens", 9], [*run, "9", "--chat"]),
            (["--d", MODEL, "--max-tokens", 9, "--no-template"], [*run, "9"]),
            (["--meta", meta], [*run, str(2**31 - 1), "--chat"]),
            (["--meta", meta, "--max-tokens", 9, "--st", "--cpu", "--eval", "--tokenizer", "t", "--nw"],
             [*run, "9", "--chat", "--tokenizer", "t", "--threads", "1", "--backend", "cpu", "--quiet"]),
            (["--meta", meta, "--max-tokens", 9, "--context-length", 512, "--batch-size", 64, "--ffn", "x",
              "--split-rotate", "--debug"], [*run, "9", "--chat"]),
        ):
            self.assertEqual(self.call("anemll/tests/chat.py", *arguments, "--prompt", "Fix it"), expected)

    def test_S2_15_what_is_missing_is_named_and_exit_codes_pass_through(self):
        meta = MODEL / "meta.yaml"
        for arguments, word in ((["--meta", meta], "--prompt"), (["--meta", "no.yaml", "--prompt", "x"], "no.yaml"),
                                (["--meta", meta, "--prompt", "x", "--no-think"], "--no-think")):
            run = self.run_script("anemll/tests/chat.py", *arguments)
            self.assertEqual(run.returncode, 1)
            self.assertIn(word, run.stderr)
        run = self.run_script("anemll/tests/chat.py", "--meta", meta, "--prompt", "x", STUB_EXIT="3")
        self.assertEqual(run.returncode, 3)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S2_15_one_prompt_is_answered_within_the_bound(self):
        prompt = "Fix the typos: See you tomorow."
        run = self.real("anemll/tests/chat.py", "--meta", MODEL / "meta.yaml", "--prompt", prompt, "--max-tokens", 3,
                        "--save", "answer.txt")
        whole = self.anemone("run", MODEL, prompt, "--chat", "-q")
        self.assertTrue(whole.startswith(run.stdout.strip()) and run.stdout.strip() != whole.strip(), run.stdout)
        self.assertEqual((self.folder / "answer.txt").read_text(), run.stdout)
        self.assertIn("3 tokens", run.stderr)


class ValidationTest(ScriptCase):
    def test_S2_14_wrong_calls_and_exit_codes(self):
        run = self.run_script("src/qwen_validation.py", "--model_path", "none")
        self.assertEqual((run.returncode, "none" in run.stderr), (1, True))
        self.assertEqual(self.run_script("src/qwen_validation.py").returncode, 2)
        run = self.run_script("src/qwen_validation.py", "--model_path", MODEL, "--test_file", "no.jsonl")
        self.assertEqual((run.returncode, "no.jsonl" in run.stderr), (1, True))
        run = self.run_script("src/qwen_validation.py", "--model_path", MODEL, STUB_EXIT="3")
        self.assertEqual(run.returncode, 3)
        self.assertEqual(run.stdout.splitlines()[:6], ["eval", str(MODEL), "--tasks", "typo_validation", "--limit", "10"])

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S2_14_the_published_cases_give_the_documented_report(self):
        run = self.real("src/qwen_validation.py", "--model_path", MODEL, "--output_file", "out.json")
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(list(report), [
            "model_path", "total_cases", "exact_matches", "bleu_scores", "rouge_l_scores", "edit_similarities",
            "avg_inference_time", "examples", "exact_match_rate", "avg_bleu_score", "avg_rouge_l_score",
            "avg_edit_similarity"])
        self.assertEqual((report["total_cases"], len(report["examples"])), (10, 10))
        self.assertEqual(report["examples"][0]["corrupted"], "Thi sis a test sentenc with typos")
        for mean, values in (("avg_bleu_score", "bleu_scores"), ("avg_rouge_l_score", "rouge_l_scores"),
                             ("avg_edit_similarity", "edit_similarities")):
            self.assertAlmostEqual(report[mean], sum(report[values]) / 10)
        matches = [one["predicted"].lower() == one["expected"].lower() for one in report["examples"]]
        self.assertEqual(matches, [one["exact_match"] for one in report["examples"]])
        self.assertEqual(report["exact_matches"], sum(matches))
        score = (report["avg_bleu_score"] + report["avg_rouge_l_score"] + report["avg_edit_similarity"]) / 3
        strong = score >= 0.7 or report["exact_match_rate"] >= 0.5
        self.assertEqual(run.stdout.splitlines()[-1].endswith(": strong"), strong)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S2_14_a_test_file_is_asked_up_to_the_most_samples(self):
        file = self.folder / "pairs of mine.jsonl"
        file.write_text("".join(json.dumps({"corrupted": f"teh {w}", "clean": f"the {w}"}) + "\n"
                                for w in ("cat", "dog", "cow")))
        self.real("src/qwen_validation.py", "--model_path", MODEL, "--test_file", file, "--max_samples", 2,
                  "--output_file", "out.json")
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual([one["expected"] for one in report["examples"]], ["the cat", "the dog"])


class GeneratorTest(ScriptCase):
    def rows(self, *arguments, name="src/qwen_data_generation.py"):
        self.call(name, *arguments)
        return [json.loads(line) for line in (self.folder / arguments[1]).read_text().splitlines()]

    def test_S2_17_pairs_are_seeded_changed_and_of_the_lengths_asked_for(self):
        few = ("--num_examples", 30, "--context_lengths", 128, 256, 512, "--seed")
        rows = self.rows("--output", "a/b.jsonl", *few, 5)
        self.assertEqual(rows, self.rows("--output", "again.jsonl", *few, 5))
        self.assertNotEqual(rows, self.rows("--output", "other.jsonl", *few, 6))
        self.assertEqual([row["tokens"] for row in rows], [128, 256, 512] * 10)
        for row in rows:
            self.assertNotEqual(row["corrupted"], row["clean"])
            self.assertTrue(4 * row["tokens"] - 300 <= len(row["clean"]) <= 4 * row["tokens"], len(row["clean"]))
            self.assertEqual(row["context_length"], len(row["clean"].split()))
            self.assertTrue(row["corruption_types"])
        kinds = {kind for row in rows for kind in row["corruption_types"]}
        self.assertTrue(kinds >= {"substitution", "omission", "doubled_letter", "transposition", "extra_space",
                                  "confusion"}, kinds)

    def test_S2_17_the_rate_is_that_of_changed_words(self):
        self.assertEqual(self.run_script("typo_pairs.py", "-o", "x", "--rate", "0").returncode, 2)
        self.assertEqual(self.run_script("typo_pairs.py", "-o", "x", "--tokens", "12,no").returncode, 2)
        low = self.rows("--output", "low.jsonl", "--num_examples", 20, "--corruption_rate", 0.02)
        high = self.rows("--output", "high.jsonl", "--num_examples", 20, "--corruption_rate", 0.5)

        for rows, least, most in ((low, 0.005, 0.06), (high, 0.4, 0.75)):
            changed = words = 0
            for row in rows:
                parts = difflib.SequenceMatcher(None, row["clean"].split(), row["corrupted"].split(), autojunk=False)
                changed += sum(end - begin for tag, begin, end, *_ in parts.get_opcodes() if tag != "equal")
                words += row["context_length"]
            self.assertTrue(least <= changed / words <= most, changed / words)

    def test_S2_17_a_text_of_ones_own(self):
        (self.folder / "text.txt").write_text("The old bridge was closed for a week. Nobody could cross the river then.")
        rows = self.rows("--output", "own.jsonl", "--num_examples", 2, "--context_lengths", 20, "--dataset", "text.txt")
        self.assertIn(rows[0]["clean"], ("The old bridge was closed for a week. Nobody could cross the river then.",
                                         "Nobody could cross the river then. The old bridge was closed for a week."))
        run = self.run_script("src/qwen_data_generation.py", "--output", "no.jsonl", "--dataset", "wikitext")
        self.assertEqual((run.returncode, "wikitext" in run.stderr), (1, True))


class ExportTest(ScriptCase):
    def test_S3_7_S3_61_exactly_these_flags_and_a_folder_of_safetensors(self):
        self.call("export_to_lmstudio.py", "--model", CHECKPOINT, "--format", "safetensors", "--output", "exports/tiny")
        out = self.folder / "exports/tiny"
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            self.assertEqual((out / name).read_bytes(), (CHECKPOINT / name).read_bytes())
        for arguments in (["--model", CHECKPOINT, "--format", "npz", "--output", "x"],
                          ["--model", CHECKPOINT, "--out", "x"], ["--model", CHECKPOINT]):
            self.assertEqual(self.run_script("export_to_lmstudio.py", *arguments).returncode, 2)
        run = self.run_script("export_to_lmstudio.py", "--model", CHECKPOINT, "--output", "exports/tiny")
        self.assertEqual((run.returncode, "exists" in run.stderr), (1, True))
        run = self.run_script("export_to_lmstudio.py", "--model", self.folder, "--output", "x")
        self.assertEqual((run.returncode, "safetensors" in run.stderr), (1, True))

    def write_npz(self, path, arrays):
        with zipfile.ZipFile(path, "w") as archive:
            for name, (shape, values) in arrays.items():
                header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
                header += b" " * (-(len(header) + 11) % 64) + b"\n"
                archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
                                 + struct.pack(f"<{len(values)}f", *values))

    def test_S3_61_arrays_of_mlx_become_safetensors(self):
        for name, keys, file in (("whole", ("w",), "model.safetensors"),
                                 ("pairs", ("q.lora_a", "q.lora_b"), "lora_adapters.safetensors")):
            (self.folder / name).mkdir()
            self.write_npz(self.folder / name / "weights.npz",
                           {key: ((2, 3), [i + 0.5 for i in range(6)]) for key in keys})
            self.call("export_to_lmstudio.py", "--model", name, "--output", f"out/{name}")
            data = (self.folder / "out" / name / file).read_bytes()
            size = struct.unpack("<Q", data[:8])[0]
            header = json.loads(data[8:8 + size])
            self.assertEqual(sorted(header), sorted(keys))
            for key in keys:
                begin, end = header[key]["data_offsets"]
                self.assertEqual((header[key]["dtype"], header[key]["shape"]), ("F32", [2, 3]))
                self.assertEqual(struct.unpack("<6f", data[8 + size + begin:8 + size + end]),
                                 tuple(i + 0.5 for i in range(6)))


class ConvertTest(ScriptCase):
    CALL = ["--layout", "plain", "--lengths", "512", "--target", "macOS14", "--overwrite"]

    def test_S3_11_S3_23_S3_25_S3_63_S3_72_defaults_and_arguments(self):
        (self.folder / "exports/distrust-hermes-7b").mkdir(parents=True)
        first = ["convert", "exports/distrust-hermes-7b", "-o", "exports/distrust-hermes-7b.mlpackage"]
        self.assertEqual(self.call("convert_to_coreml.py"), [*first, *self.CALL, "--quantize", "int8:tensor"])
        self.assertEqual(self.call("convert_to_coreml.py", "--no-quantize", "--lengths", "1..512"),
                         [*first, *self.CALL[:3], "1..512", *self.CALL[4:]])
        self.assertEqual(self.call("convert_to_coreml.py", "--model_path", CHECKPOINT, "--output_path", "t.mlpackage")[:4],
                         ["convert", str(CHECKPOINT), "-o", "t.mlpackage"])
        run = self.run_script("convert_to_coreml.py", "--model_path", CHECKPOINT, STUB_EXIT="3")
        self.assertEqual(run.returncode, 3)
        run = self.run_script("convert_to_coreml.py", "--model_path", "none")
        self.assertEqual((run.returncode, "none" in run.stderr), (1, True))

    def test_S3_11_S3_23_it_is_a_function_too(self):
        (self.folder / "anemone_module").mkdir()
        (self.folder / "anemone_module/anemone.py").write_text("class Model:\n  def __init__(self, p): self.path = p\n")
        code = ("import convert_to_coreml as c; m = c.convert_to_coreml('m', 'o.mlpackage', quantize=False);"
                "print(m.path)")
        values = os.environ | {"ANEMONE": str(self.stub),
                               "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{self.folder / 'anemone_module'}"}
        run = subprocess.run([sys.executable, "-c", code], cwd=self.folder, env=values, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout.splitlines(), ["convert", "m", "-o", "o.mlpackage", *self.CALL, "o.mlpackage"])
        run = subprocess.run([sys.executable, "-c", code], cwd=self.folder, env=values | {"STUB_EXIT": "1"},
                             capture_output=True, text=True)
        self.assertIn("RuntimeError: m: the conversion ended with exit code 1", run.stderr)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S3_59_S3_64_from_trained_weights_to_text(self):
        self.real("export_to_lmstudio.py", "--model", CHECKPOINT, "--format", "safetensors", "--output",
                  "exports/distrust-hermes-7b")
        run = self.real("convert_to_coreml.py")
        self.assertIn("complete: exports/distrust-hermes-7b.mlpackage", run.stderr)
        package = "exports/distrust-hermes-7b.mlpackage"
        [found] = json.loads(self.anemone("inspect", package, "--verify", "--json"))["packages"]
        self.assertEqual((found["faults"], found["systems"]["macos"]), ([], "14"))
        prompt = "The river"
        dense = self.anemone("run", CHECKPOINT, prompt, "-n", "6", "-q")
        text = self.anemone("run", package, prompt, "-n", "6", "-q", "--tokenizer", "exports/distrust-hermes-7b")
        self.assertTrue(text.strip())
        self.real("convert_to_coreml.py", "--no-quantize")
        again = self.anemone("run", package, prompt, "-n", "6", "-q", "--tokenizer", "exports/distrust-hermes-7b")
        self.assertEqual(again, dense, "uncompressed, the package says what the checkpoint says")


class IgnoredFoldersTest(unittest.TestCase):
    def test_S4_15_compiled_artifacts_are_ignored_by_git(self):
        if subprocess.run(["git", "-C", ROOT, "rev-parse"], capture_output=True).returncode != 0:
            self.skipTest("no git repository")
        for path in ("coreml/artifacts/worker/model.mlpackage/Manifest.json", "scripts/coreml/artifacts/m.mlmodelc/x"):
            run = subprocess.run(["git", "-C", ROOT, "check-ignore", "-q", "--no-index", path])
            self.assertEqual(run.returncode, 0, path)
        run = subprocess.run(["git", "-C", ROOT, "check-ignore", "-q", "--no-index", "scripts/coreml/ane_checks.py"])
        self.assertEqual(run.returncode, 1)


if __name__ == "__main__":
    unittest.main()
