"""The scripts of scripts/coreml/runtime: what they call, with a stand-in program; and what the program then does.

    runtime_scripts_test.py [ANEMONE]    the program; without it the cases that run it are skipped
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
MODEL = ROOT / "models/anemone-tiny-anemll"
PROGRAM = None
if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
    PROGRAM = os.path.abspath(sys.argv.pop(1))
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 10}, "days": {"enum": [1, 2, 3]}},
    "required": ["city", "days"], "additionalProperties": False}}}]
START = ["run", str(MODEL), "Rain?", "--chat", "--max-tokens"]


class RuntimeScriptsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.stub = self.folder / "anemone"
        self.stub.write_text('#!/bin/sh\nfor a in "$@"; do printf \'%s\\n\' "$a"; done\nexit ${STUB_EXIT:-0}\n')
        self.stub.chmod(0o755)

    def run_module(self, name, *arguments, program=None, text=None, **environment):
        values = os.environ | {"ANEMONE": str(program or self.stub)} | environment
        return subprocess.run([sys.executable, "-m", f"coreml.runtime.{name}", *map(str, arguments)], cwd=SCRIPTS,
                              env=values, capture_output=True, text=True, input=text)

    def call(self, name, *arguments):
        run = self.run_module(name, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.splitlines()

    def test_flags_become_those_of_run(self):
        given = ["--model", MODEL, "--prompt", "Rain?"]
        for name, arguments, expected in (
            ("generate_coreml", [], ["512"]),
            ("generate_coreml", ["--max-tokens", 9, "--tokenizer", "t", "--json"], ["9", "--tokenizer", "t", "--json"]),
            ("generate_coreml", ["--tools", "t.json"], ["512", "--tools", "t.json"]),
            ("generate_coreml", ["--tools", "t.json", "--use-constrained"],
             ["512", "--tools", "t.json", "--tool-choice", "required"]),
            ("generate_coreml", ["--use-constrained"], ["512", "--json-object"]),
            ("constrained_decode", ["--schema", "s.json"], ["512", "--json-schema", "s.json"]),
            ("prompt_cache", ["--cache-dir", "kept"], ["512", "--prompt-cache", "kept"]),
            ("speculative_decode", ["--draft-model", "small", "--k", 4],
             ["512", "--draft", "small", "--draft-tokens", "4"]),
        ):
            self.assertEqual(self.call(name, *given, *arguments), [*START, *expected])
        self.assertEqual(self.call("tokenizer_optimized", "--tokenizer", "t"), ["tokenize", "t", "--json"])

    def test_flags_become_those_of_bench_inspect_and_check(self):
        for name, arguments, expected in (
            ("batch_policy", [], ["bench", MODEL, "--contexts", 512, "--batches", "1,2,4"]),
            ("batch_policy", ["--batch-sizes", "1,8", "--context", 64, "--out", "b.json"],
             ["bench", MODEL, "--contexts", 64, "--batches", "1,8", "--format", "json", "-o", "b.json"]),
            ("kv_cache_optimized", [], ["inspect", MODEL, "--states"]),
            ("kv_cache_optimized", ["--json"], ["inspect", MODEL, "--states", "--json"]),
            ("ane_monitor", [], ["check", MODEL]),
            ("ane_monitor", ["--plan", "p.json", "--trace", "a", "--trace", "b", "--min-ane", "0.8", "--json"],
             ["check", MODEL, "--plan", "p.json", "--trace", "a", "--trace", "b", "--min-ane", "0.8", "--json"]),
        ):
            self.assertEqual(self.call(name, "--model", MODEL, *arguments), [str(word) for word in expected])

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_12_residency_without_a_record_is_a_prediction(self):
        run = self.run_module("ane_monitor", "--model", MODEL, program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = [line for line in run.stdout.splitlines() if "%" in line and "residency" in line]
        self.assertGreaterEqual(len(lines), 1, run.stdout)
        for line in lines:
            self.assertIn("predicted", line)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_23_S4_24_the_cache_is_reported_and_nothing_of_it_copied(self):
        run = self.run_module("kv_cache_optimized", "--model", MODEL, "--json", program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        states = json.loads(run.stdout)["packages"][1]["states"]
        [layout] = states["layout"]
        # Five layers with keys and values of two heads, shared by four queries; 1,024 positions of 64 numbers.
        self.assertEqual((layout["dtype"], layout["shape"]), ("fp16", [10, 2, 1024, 64]))
        self.assertEqual(layout["size_bytes"], 2 * 5 * 2 * 1024 * 64 * 2)
        step = next(function for function in states["functions"] if function["name"] == "infer")
        self.assertEqual(step["counted"], {"read_bytes": layout["size_bytes"], "written_bytes": 2 * 5 * 2 * 64 * 2,
                                           "copied_bytes": 0, "copies": 0})
        self.assertEqual(step["counted"], step["expected"])
        self.assertTrue(step["in_place"])

    def test_what_is_missing_is_named_and_exit_codes_pass_through(self):
        run = self.run_module("generate_coreml", "--model", "nowhere", "--prompt", "x")
        self.assertEqual((run.returncode, "nowhere" in run.stderr), (1, True))
        run = self.run_module("generate_coreml", "--model", MODEL, "--prompt", "x", STUB_EXIT="3")
        self.assertEqual(run.returncode, 3)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_5_constrained_generation_yields_valid_calls(self):
        tools = self.folder / "tools.json"
        tools.write_text(json.dumps(TOOLS))
        run = self.run_module("generate_coreml", "--model", MODEL, "--prompt", "Rain in Oslo?", "--tools", tools,
                              "--use-constrained", "--max-tokens", 200, "--json", program=PROGRAM)
        self.assertEqual(run.returncode, 0, run.stderr)
        document = json.loads(run.stdout)
        self.assertGreaterEqual(len(document["tool_calls"]), 1, document)
        for call in document["tool_calls"]:
            self.assertEqual(call["name"], "weather")
            self.assertEqual(set(call["arguments"]), {"city", "days"})
            self.assertIn(call["arguments"]["days"], (1, 2, 3))
            self.assertLessEqual(len(call["arguments"]["city"]), 10)

    @unittest.skipUnless(PROGRAM, "no program")
    def test_S4_11_constrained_decoding_ends_in_json_of_the_schema(self):
        schema = self.folder / "schema.json"
        schema.write_text(json.dumps(TOOLS[0]["function"]["parameters"]))
        run = self.run_module("constrained_decode", "--model", MODEL, "--prompt", "Rain in Oslo?", "--schema", schema,
                              "--json", program=PROGRAM)
        document = json.loads(run.stdout)
        self.assertEqual(set(json.loads(document["text"])), {"city", "days"})
        self.assertIn(document["stop_reason"], ("constraint", "end_of_text"))


if __name__ == "__main__":
    unittest.main()
