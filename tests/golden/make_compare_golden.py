#!/usr/bin/env python3
"""Writes compare/: two evaluations without their texts, and what SciPy makes of them, for src/compare/golden_test.cpp.

    python tests/golden/make_compare_golden.py FP16 LUT4 PLAIN     # needs: pip install scipy==1.17.1 numpy==2.4.6

All are folders that `anemone eval --log-samples --output-path` wrote: two models with the chat template, and FP16 on ARC
easy without it, which make_mlx_golden.py has a counterpart of. Of samples the documents and prompts
are left out; scores, answers, targets and hashes stay as they were.
"""

import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

RESAMPLES = 100_000
HERE = Path(__file__).parent / "compare"
LEFT_OUT = ("doc", "arguments", "resps")
TRANSFORM = {
    "word_perplexity": lambda r: np.exp(-r),
    "byte_perplexity": lambda r: np.exp(-r),
    "bits_per_byte": lambda r: -r / math.log(2),
}


def copy_run(folder: Path, name: str) -> tuple[dict, dict[str, list]]:
    results = max(folder.rglob("results_*.json"), key=lambda path: path.name)
    text = results.read_text()
    path = json.loads(text)["anemone"]["model"]["path"]
    document = json.loads(text.replace(json.dumps(path), json.dumps(name)))
    for task in document["anemone"]["tasks"].values():
        task["data"] = Path(task["data"]).name
    out = HERE / name
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    samples = {}
    for task in document["results"]:
        [file] = results.parent.glob(f"samples_{task}_*.jsonl")
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        samples[task] = rows
        lines = [json.dumps({k: v for k, v in row.items() if k not in LEFT_OUT}) for row in rows]
        with gzip.GzipFile(out / f"samples_{task}.jsonl.gz", "wb", mtime=0) as packed:
            packed.write(("\n".join(lines) + "\n").encode())
    return document, samples


def paired(a_rows, b_rows, metric):
    a = {row["doc_id"]: row[metric] for row in a_rows if metric in row}
    b = {row["doc_id"]: row[metric] for row in b_rows if metric in row}
    assert a.keys() == b.keys()
    return np.array(list(a.values()), float), np.array([b[k] for k in a], float)


def of_means(a, b):
    assert set(a) | set(b) <= {0.0, 1.0}
    lost, won = int((a > b).sum()), int((b > a).sum())
    return {
        "difference": b.mean() - a.mean(),
        "only_reference_right": lost,
        "only_subject_right": won,
        "p": stats.binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1.0,
        "t_p": stats.ttest_rel(b, a).pvalue if lost + won else 1.0,
    }, (a, b), lambda x, y: y.mean() - x.mean()


def of_pairs(a, b, metric):
    transform = TRANSFORM.get(metric, lambda r: r)

    def difference(a0, a1, b0, b1):
        return transform(b0.sum() / b1.sum()) - transform(a0.sum() / a1.sum())

    data = (a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    return {"difference": difference(*data)}, data, difference


def row(task, metric, a, b):
    found, data, statistic = of_means(a, b) if a.ndim == 1 else of_pairs(a, b, metric)
    drawn = stats.bootstrap(
        data, statistic, paired=True, vectorized=False, n_resamples=RESAMPLES, confidence_level=0.95,
        method="percentile", random_state=np.random.default_rng(11),
    )
    return {
        "task": task, "metric": metric, "documents": len(a), **found,
        "low": drawn.confidence_interval.low, "high": drawn.confidence_interval.high,
        "standard_error": drawn.standard_error, "is_mean": a.ndim == 1,
    }


def main():
    reference, before = copy_run(Path(sys.argv[1]), "fp16")
    _, after = copy_run(Path(sys.argv[2]), "lut4")
    copy_run(Path(sys.argv[3]), "plain")
    rows = []
    for task in reference["results"]:
        for metric in dict.fromkeys(m for r in before[task] for m in r["metrics"]):
            rows.append(row(task, metric, *paired(before[task], after[task], metric)))
    document = {"scipy": scipy.__version__, "numpy": np.__version__, "resamples": RESAMPLES, "rows": rows}
    (HERE / "expected.json").write_text(json.dumps(document, indent=1) + "\n")


main()
