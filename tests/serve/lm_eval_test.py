#!/usr/bin/env python3
"""lm-evaluation-harness' `local-completions` against the server gives the scores of `anemone eval`, request by request. Run by
scripts/peers/serve; without the harness or the fixtures: exit 77, a skip.

    lm_eval_test.py ANEMONE
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import MODEL, ROOT, SKIPPED, VENV, RunningServer

SHARED = Path(os.environ.get("ANEMONE_SHARED", ROOT.parent / "shared"))
TASKS = "opposites,codes"


def samples(folder, task):
    path = next(Path(folder).rglob(f"samples_{task}_*.jsonl"))
    return {(line["doc_id"], line["filter"]): line for line in map(json.loads, path.read_text().splitlines())}


class Harness(unittest.TestCase):
    def test_scores_are_those_of_eval(self):
        with tempfile.TemporaryDirectory() as scratch, RunningServer(PROGRAM) as server:
            include = SHARED / "fixtures" / "lm_eval" / "custom"
            subprocess.run([PROGRAM, "eval", MODEL, "--tasks", TASKS, "--include-path", include, "--log-samples", "--output-path",
                            f"{scratch}/ours", "-q"], check=True, stdout=subprocess.DEVNULL, cwd=include.parent)
            name = json.loads(server.request("GET", "/v1/models")[2])["data"][0]["id"]
            arguments = (f"model={name},base_url={server.url}/v1/completions,tokenizer={ROOT / 'models' / 'anemone-tiny'},"
                         "num_concurrent=4,max_length=1024,tokenizer_backend=huggingface")
            done = subprocess.run([sys.executable, "-m", "lm_eval", "run", "--model", "local-completions", "--model_args", arguments, "--tasks",
                                   TASKS, "--include_path", include, "--log_samples", "--output_path", f"{scratch}/theirs"],
                                  capture_output=True, text=True, cwd=include.parent, check=False,
                                  env=dict(os.environ, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", OPENAI_API_KEY="none"))
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
            compared = 0
            for task in TASKS.split(","):
                ours, theirs = samples(f"{scratch}/ours", task), samples(f"{scratch}/theirs", task)
                self.assertEqual(ours.keys(), theirs.keys())
                for number, sample in theirs.items():
                    self.assertEqual(ours[number]["resps"], sample["resps"], f"{task} {number}")
                    compared += len(sample["resps"])
            self.assertGreater(compared, 20)
            print(f"{compared} requests have the same value")


if __name__ == "__main__":
    try:
        import lm_eval  # noqa: F401
    except ImportError:
        if VENV.exists() and sys.prefix == sys.base_prefix:
            os.execv(VENV, [str(VENV), *sys.argv])
        print("skipped: no lm_eval; scripts/peers/serve installs it from PyPI and runs this")
        sys.exit(SKIPPED)
    if not (SHARED / "fixtures" / "lm_eval" / "custom").is_dir():
        print(f"skipped: no fixtures: {SHARED}")
        sys.exit(SKIPPED)
    PROGRAM = str(Path(sys.argv[1]).resolve())
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
