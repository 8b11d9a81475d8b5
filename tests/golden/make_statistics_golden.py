#!/usr/bin/env python3
"""Writes statistics/paired.json: what SciPy makes of paired samples, for src/statistics/paired_test.cpp.

The samples are drawn here by seed and stand in the file. Holm's correction is R's p.adjust, which SciPy does not
have: its figures are those of R's definition, computed here step by step.

    python tests/golden/make_statistics_golden.py     # needs: pip install scipy==1.17.1 numpy==2.4.6
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

RESAMPLES = 200_000


def binary(random, n, first, change):
    a = (random.random(n) < first).astype(float)
    return a, np.where(random.random(n) < change, 1 - a, a)


def mcnemar(a, b):
    only_first = int(((a > 0) & (b == 0)).sum())
    only_second = int(((a == 0) & (b > 0)).sum())
    n = only_first + only_second
    return {
        "first": a.tolist(),
        "second": b.tolist(),
        "only_first": only_first,
        "only_second": only_second,
        "p": stats.binomtest(only_first, n, 0.5).pvalue if n else 1.0,
    }


def t_test(a, b, confidence):
    found = stats.ttest_rel(b, a)
    low, high = found.confidence_interval(confidence)
    return {
        "first": a.tolist(),
        "second": b.tolist(),
        "confidence": confidence,
        "t": found.statistic,
        "degrees": int(found.df),
        "p": found.pvalue,
        "low": low,
        "high": high,
    }


def bootstrap(name, a, b, statistic, confidence):
    found = stats.bootstrap(
        (a, b), statistic, paired=True, vectorized=False, n_resamples=RESAMPLES, batch=1000,
        confidence_level=confidence, method="percentile", random_state=np.random.default_rng(7),
    )
    return {
        "statistic": name,
        "first": a.tolist(),
        "second": b.tolist(),
        "confidence": confidence,
        "resamples": RESAMPLES,
        "low": found.confidence_interval.low,
        "high": found.confidence_interval.high,
        "standard_error": found.standard_error,
    }


def holm(p):
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate((len(p) - np.arange(len(p))) * np.asarray(p)[order]))
    return {"p": list(p), "adjusted": adjusted.tolist()}


def main():
    random = np.random.default_rng(20261122)
    normal = random.normal(size=40)
    skewed = random.exponential(size=200)
    document = {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "mcnemar": [
            mcnemar(*binary(random, n, first, change))
            for n, first, change in [(5, 0.5, 0.4), (60, 0.3, 0.2), (500, 0.28, 0.1), (2000, 0.6, 0.3), (20, 0.5, 0)]
        ],
        "fair_toss": [
            {"successes": k, "trials": n, "p": stats.binomtest(k, n, 0.5).pvalue}
            for k, n in [(0, 1), (1, 2), (3, 10), (9, 9), (70, 200), (49000, 100000), (1, 60)]
        ],
        "paired_t": [
            t_test(normal[:2], normal[2:4], 0.95),
            t_test(normal, normal + random.normal(0.3, 0.5, size=40), 0.95),
            t_test(skewed, skewed * 1.02 + random.normal(0, 0.1, size=200), 0.99),
            t_test(skewed, skewed + random.normal(5, 0.01, size=200), 0.9),
        ],
        "student_t": [
            {"share": share, "degrees": degrees, "t": stats.t.ppf(share, degrees)}
            for share in (0.005, 0.5, 0.9, 0.975, 0.9995, 1 - 1e-9)
            for degrees in (1, 2, 7.5, 30, 499, 100000)
        ],
        "normal": [{"share": share, "z": stats.norm.ppf(share)} for share in (1e-9, 0.025, 0.5, 0.84, 0.975, 0.9999)],
        "percentiles": [
            {"values": normal[:n].tolist(), "share": share, "value": np.quantile(normal[:n], share)}
            for n in (1, 2, 17, 40)
            for share in (0, 0.025, 0.5, 0.61, 0.975, 1)
        ],
        "bootstrap": [
            bootstrap("difference of means", *binary(random, 200, 0.4, 0.15), lambda a, b: b.mean() - a.mean(), 0.95),
            bootstrap("difference of means", skewed, skewed * 1.1, lambda a, b: b.mean() - a.mean(), 0.9),
            bootstrap("difference of exp(mean)", normal, normal + 0.1 * np.sin(np.arange(40.0)),
                      lambda a, b: np.exp(b.mean()) - np.exp(a.mean()), 0.95),
        ],
        "holm": [holm([0.01, 0.04, 0.03, 0.005]), holm([0.5, 0.5, 0.9]), holm([0.0001]), holm([0.02, 0.02, 0.02])],
    }
    path = Path(__file__).parent / "statistics" / "paired.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n")


main()
