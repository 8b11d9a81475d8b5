#!/usr/bin/env python3
"""Validates a typo corrector: exact match, BLEU-like score, ROUGE-L, edit similarity.

    qwen_validation.py --model_path MODEL [--test_file pairs.jsonl] [--max_samples 10] [--output_file out.json]

Calls `anemone eval` with the task `typo_validation`; tasks/typos/README.md defines its measures. A line of the
test file has `corrupted` and `clean`; without one the ten published cases are asked.
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluate/ane"))

from anemone_call import ROOT, check_model, fail, flags_of, run  # noqa: E402

TASK = "typo_validation"


def task_of(test_file: str, folder: str) -> str:
    """The task, with other data."""
    data = json.dumps(str(Path(test_file).resolve()))
    text = (ROOT / f"tasks/typos/{TASK}.yaml").read_text(encoding="utf-8")
    Path(folder, f"{TASK}.yaml").write_text(text.replace("published.jsonl", data), encoding="utf-8")
    return str(Path(folder, f"{TASK}.yaml"))


def translate(model: str, samples: list, results: dict) -> dict:
    def column(key):
        return [sample[key] for sample in samples]

    def mean(key):
        return results["results"][TASK][f"{key},none"]

    matches = int(sum(column("exact_match_lower")))
    # One time for all: the run asks its questions together.
    seconds = results["anemone"]["tasks"][TASK]["seconds"] / len(samples)
    return {
        "model_path": model,
        "total_cases": len(samples),
        "exact_matches": matches,
        "bleu_scores": column("bleu_like"),
        "rouge_l_scores": column("rouge_l"),
        "edit_similarities": column("edit_similarity"),
        "avg_inference_time": seconds,
        "examples": [
            {"corrupted": sample["doc"]["corrupted"], "expected": sample["doc"]["clean"],
             "predicted": sample["answer"], "exact_match": sample["exact_match_lower"] == 1,
             "bleu_score": sample["bleu_like"], "rouge_l_score": sample["rouge_l"],
             "edit_similarity": sample["edit_similarity"], "inference_time": None}
            for sample in samples
        ],
        "exact_match_rate": mean("exact_match_lower"),
        "avg_bleu_score": mean("bleu_like"),
        "avg_rouge_l_score": mean("rouge_l"),
        "avg_edit_similarity": mean("edit_similarity"),
    }


def is_strong(report: dict) -> bool:
    similarity = sum(report[f"avg_{key}"] for key in ("bleu_score", "rouge_l_score", "edit_similarity"))
    return similarity / 3 >= 0.7 or report["exact_match_rate"] >= 0.5


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model_path", required=True, metavar="MODEL")
    parser.add_argument("--test_file", metavar="FILE", help="JSON lines with corrupted and clean")
    parser.add_argument("--max_samples", type=int, default=10, metavar="N")
    parser.add_argument("--output_file", metavar="FILE", help="write the results as JSON")
    flags = parser.parse_args()
    check_model(flags.model_path)
    if flags.test_file and not Path(flags.test_file).is_file():
        fail(f"--test_file {flags.test_file}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        task = task_of(flags.test_file, folder) if flags.test_file else TASK
        code = run("eval", flags.model_path, "--tasks", task, "--limit", str(flags.max_samples),
                   "--log-samples", "--output-path", folder)
        if code != 0:
            return code
        [results] = Path(folder).glob("*/results_*.json")
        [samples] = Path(folder).glob(f"*/samples_{TASK}_*.jsonl")
        lines = samples.read_text(encoding="utf-8").splitlines()
        report = translate(flags.model_path, [json.loads(line) for line in lines],
                           json.loads(results.read_text(encoding="utf-8")))
    print(f"exact {report['exact_matches']} of {report['total_cases']}, BLEU-like {report['avg_bleu_score']:.3f}, "
          f"ROUGE-L {report['avg_rouge_l_score']:.3f}, edit similarity {report['avg_edit_similarity']:.3f}: "
          f"{'strong' if is_strong(report) else 'a baseline'}")
    if flags.output_file:
        Path(flags.output_file).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
