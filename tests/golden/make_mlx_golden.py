#!/usr/bin/env python3
"""Writes compare/mlx/: what mlx_lm.evaluate (mlx-lm 0.32.2, mlx 0.32.4 on a CPU, lm_eval 0.4.13) gives for the embedded
checkpoint on ARC easy, and the samples of the same call without their texts, for src/compare/golden_test.cpp.

    python tests/golden/make_mlx_golden.py CHECKPOINT ARC_EASY_TEST_JSONL
    # needs: pip install 'mlx[cpu]==0.32.4' mlx-lm==0.32.2 lm_eval==0.4.13

The results file is the one that mlx_lm.evaluate writes, byte for byte; it writes no samples itself.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import datasets

HERE = Path(__file__).resolve().parent / "compare" / "mlx"
LEFT_OUT = ("doc", "arguments", "resps")


def main():
    checkpoint, questions = (Path(name).resolve() for name in sys.argv[1:3])
    rows = datasets.Dataset.from_json(str(questions))
    datasets.load_dataset = lambda *_, **__: datasets.DatasetDict(dict.fromkeys(("train", "validation", "test"), rows))

    import lm_eval
    import mlx_lm.evaluate

    evaluate = lm_eval.simple_evaluate

    def and_keep_samples(*arguments, **options):
        out = evaluate(*arguments, **options)
        lines = [json.dumps({k: v for k, v in row.items() if k not in LEFT_OUT}) for row in out["samples"]["arc_easy"]]
        with gzip.GzipFile(HERE / "samples_arc_easy.jsonl.gz", "wb", mtime=0) as packed:
            packed.write(("\n".join(lines) + "\n").encode())
        return out

    lm_eval.simple_evaluate = and_keep_samples
    HERE.mkdir(parents=True, exist_ok=True)
    os.chdir(checkpoint.parent)  # the file is named after the model as it is given
    sys.argv = ["mlx_lm.evaluate", "--model", checkpoint.name, "--tasks", "arc_easy", "--limit", "320",
                "--no-apply-chat-template", "--output-dir", str(HERE)]
    mlx_lm.evaluate.main()


main()
