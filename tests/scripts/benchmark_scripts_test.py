"""scripts/benchmark_ane.py, scripts/gate_trial.py and scripts/phase2/ane_benchmark.py: what they call, with a stand-in program, and what they make of
its answers.

    benchmark_scripts_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
MODEL = ROOT / "models/anemone-tiny-anemll"
sys.path.insert(0, str(ROOT / "scripts"))


class BenchmarkScriptsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stub = self.folder / "anemone"
        self.stub.write_text('#!/bin/sh\necho "$@" >> "$0.calls"\ncat "$0.out" 2> /dev/null\nexit ${STUB_EXIT:-0}\n')
        self.stub.chmod(0o755)

    def answer(self, **configuration):
        self.stub.with_suffix(".out").write_text(json.dumps({"configurations": [configuration]}))

    def calls(self):
        return self.stub.with_suffix(".calls").read_text().split()

    def run_script(self, script, *arguments, program=None, **environment):
        values = os.environ | {"ANEMONE": str(program or self.stub), **environment}
        return subprocess.run([sys.executable, ROOT / "scripts" / script, *map(str, arguments)],
                              env=values, capture_output=True, text=True)

    def benchmark(self, *arguments, **keywords):
        import benchmark_ane
        before = os.environ.get("ANEMONE")
        os.environ["ANEMONE"] = str(self.stub)
        try:
            return benchmark_ane.benchmark(*arguments, **keywords)
        finally:
            os.environ.pop("ANEMONE")
            if before is not None:
                os.environ["ANEMONE"] = before

    def test_S3_49_S3_50_S3_51_S3_52_benchmark_gives_mean_deviation_and_throughput(self):
        self.answer(status="measured", reason=None, step_ns={"samples": [2_000_000, 4_000_000, 6_000_000] + [9_000_000] * 7})
        result = self.benchmark(MODEL, num_iterations=3)
        self.assertEqual(result["n"], 3)
        self.assertAlmostEqual(result["mean_ms"], 4)
        self.assertAlmostEqual(result["std_ms"], 2)
        self.assertAlmostEqual(result["throughput"], 250)
        calls = self.calls()
        self.assertEqual(calls[calls.index("--warmup") + 1], "10")
        self.assertEqual(calls[calls.index("--repetitions") + 1], "1")

    def test_S3_49_a_hundred_iterations_are_the_default(self):
        self.answer(status="measured", reason=None, step_ns={"samples": [1_000_000] * 100})
        self.assertEqual(self.benchmark(MODEL)["n"], 100)
        calls = self.calls()
        self.assertEqual(calls[calls.index("--repetitions") + 1], "10")

    def test_what_is_not_measured_is_no_number(self):
        self.answer(status="not available", reason="needs macOS")
        with self.assertRaisesRegex(RuntimeError, "needs macOS"):
            self.benchmark(MODEL, compute_units="cpu-ane")
        run = self.run_script("benchmark_ane.py", MODEL)
        self.assertEqual(run.returncode, 1)
        self.assertIn("needs macOS", run.stderr)

    def test_S2_18_the_script_of_phase_2_asks_for_its_preset(self):
        run = self.run_script("phase2/ane_benchmark.py", "--model_path", MODEL, "--num_runs", 7, "--output_file", "o.json")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(" ".join(self.calls()),
                         f"bench {MODEL} --preset phase2 --contexts 128,256,512 --repetitions 7 --warmup 5 "
                         "--quality typos --format json -o o.json")
        self.assertEqual(self.run_script("phase2/ane_benchmark.py", "--model_path", MODEL, STUB_EXIT="3").returncode, 3)
        self.assertEqual(self.run_script("phase2/ane_benchmark.py", "--model_path", "nowhere").returncode, 1)

    def test_a_trial_of_the_gate_without_a_program_or_a_document_says_so_in_a_line(self):
        self.stub.write_text('#!/bin/sh\necho "error: nope: not there" >&2\nexit 1\n')
        for program, words in (("/nope", "/nope: No such file"), (self.stub, "error: nope: not there")):
            run = self.run_script("gate_trial.py", program, "/nope")
            self.assertEqual(run.returncode, 1)
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertIn(f"gate_trial.py: {words}", run.stderr)

    def test_a_trial_of_the_gate_counts_verdicts_whose_numbers_are_not_known(self):
        self.stub.write_text('#!/bin/sh\nfor last; do :; done\ncp "$0.json" "$last"\n')
        series = {"samples": [100.0]}
        compared = {"verdict": "same", "visits_slowdown": 1.0, "slowdown_ci95": None, "machine_slowdown": None,
                    "adjusted_slowdown": None, "visits": 1}
        self.stub.with_suffix(".json").write_text(json.dumps({
            "configurations": [
                {"status": "measured", "decode_tokens_per_second": series, "prefill_tokens_per_second": None,
                 "first_token_ns": {"warm": series, "cached": None}}, {"status": "not available"}],
            "baseline": {"status": "passed", "threshold": 0.05, "compared": [compared]}}))
        run = self.run_script("gate_trial.py", self.stub, MODEL, "--repeats", 2)
        self.assertIn("same(1.00/n/a=n/a,1)", run.stdout, run.stderr)
        self.assertIn("planted: 2 passed, 0 regressed, 0 unclear; 0 slower", run.stdout)
        self.assertEqual(run.returncode, 1, "a planted slowdown passed")

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S3_49_S3_52_a_real_model_has_a_time_and_its_inverse(self):
        run = self.run_script("benchmark_ane.py", MODEL, "--num-iterations", 20, program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"Mean: \d+\.\d{3} ± \d+\.\d{3} ms over 20 predictions")

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S2_18_phase_2_of_a_real_model_has_its_verdict(self):
        out = self.folder / "results.json"
        run = self.run_script("phase2/ane_benchmark.py", "--model_path", MODEL, "--num_runs", 2, "--warmup", 0,
                              "--context_lengths", 32, "--quality", "none", "--output_file", out, program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        document = json.loads(out.read_text())
        self.assertEqual(document["phase2"]["verdict"], "n/a")
        self.assertEqual([one["compute_units"] for one in document["configurations"]], ["cpu", "cpu-ane"])


if __name__ == "__main__":
    unittest.main()
