#!/usr/bin/env python3
"""Writes documents of bench with made-up numbers into a folder, for tests of pages and of comparisons.

    tests/report/make_documents.py FOLDER

plain.json: contexts 128, 256, 512 on 1 and 2 threads, one unit not available. hostile.json: names that are markup, very long
or in other scripts, numbers far apart, empty lists.
"""

import json
import random
import statistics
import sys
from pathlib import Path


def percentile(ordered, share):
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def series(source, middle, spread=0.03, n=20):
    samples = [middle * (1 + spread * source.gauss(0, 1)) for _ in range(n)]
    ordered = sorted(samples)
    median = statistics.median(ordered)
    error = 1.25 * statistics.stdev(samples) / n**0.5
    summary = {
        "n": n, "mean": statistics.mean(samples), "median": median, "min": ordered[0], "max": ordered[-1],
        "stddev": statistics.stdev(samples), "mad": statistics.median(abs(v - median) for v in samples),
        "ci95": [median - 2 * error, median + 2 * error], "outliers": [],
    }
    summary.update({f"p{p}": percentile(ordered, p / 100) for p in (5, 25, 75, 90, 95, 99)})
    return {"samples": samples, "summary": summary}


def stages(context):
    parts = {"tokenize": 0.2e6, "embed": 0.4e6, "prefill": 9e4 * context, "step": 1.4e5 * context, "head": 3e4 * context,
             "sample": 0.8e6, "other": 1.1e6}
    total = sum(parts.values())
    return {"requests": 5, "total_ns": total * 1.004, **parts, "sum_ns": total, "note": None}


def configuration(source, context, threads, weight):
    speed = 900 * threads**0.7 / (1 + context / 900) * (weight**-0.4)
    identity = f"context={context} prefill=64 chunks=1 units=cpu threads={threads}"
    return {
        "id": identity, "context_tokens": context, "prefill_block_tokens": 64, "chunks": 1, "compute_units": "cpu",
        "threads": threads, "status": "measured", "reason": None,
        "artifact": {"name": "model", "hash": "blake3:00", "weight_bytes": 12103296 * weight, "context_tokens": 1024,
                     "converted": False},
        "prompt_tokens": context - 32, "answer_tokens": 32,
        "load_ns": {"cold": None, "cold_reason": "not asked for", "warm": series(source, 4e7)},
        "first_token_ns": {"cold": series(source, 1.3e6 * context**0.8), "warm": series(source, 1e6 * context**0.8),
                           "cached": series(source, 4e5 * context**0.5), "cached_prefix_tokens": context // 2},
        "prefill_tokens_per_second": series(source, speed * 6),
        "decode_tokens_per_second": series(source, speed),
        "step_ns": series(source, 1e9 / speed, n=100),
        "request_ns": series(source, 32e9 / speed + 1e6 * context),
        "stages": stages(context),
        "memory": {"weights_bytes": 12103296 * weight, "state_bytes": 2048 * context, "peak_rss_bytes": 9e7 + 4e4 * context,
                   "series": [{"at_ns": i * 2e7, "rss_bytes": 6e7 + (3e7 + 4e4 * context) * min(1, i / 40)} for i in range(120)],
                   "source": "/proc/self/status", "reason": None},
        "energy": {"joules": None, "joules_per_token": None, "watts": None, "idle_watts": None, "rails": {}, "source": None,
                   "reason": "no counters"},
        "thermal": None, "drift": None,
        "outputs": {"token_hash": "sha256:0", "tokens": [1, 2], "repeatable": True, "equal_to_cpu": True, "reference": None},
        "floor": {"bytes_per_token": 1.2e7, "bandwidth_bytes_per_second": 1.1e10, "source": "measured", "ns_per_token": 1.1e6,
                  "tokens_per_second": 909, "share": speed / 909 / 2},
        "predicted": [{"chip": "m4", "decode_tokens_per_second": 2100.0, "first_token_ns": 2.1e6 * context**0.5,
                       "prompt_tokens": context - 32, "floor_tokens_per_second": 5300.0, "residency": 0.94,
                       "joules_per_token_low": 0.001, "joules_per_token_high": 0.004, "source": "docs/ane-model.md"}],
        "quality": {"perplexity": {"token": 31.5 + 0.4 / weight, "word": 480.0, "tokens": 1200, "text": "prose"},
                    "tasks": {}, "typos": {"exact": 0.27 + 0.02 * weight, "wer": 0.126, "f05": 0.31, "n": 320}},
    }


def document(seed, weight, name):
    source = random.Random(seed)
    configurations = [configuration(source, c, t, weight) for t in (1, 2) for c in (128, 256, 512)]
    missing = {"id": "context=128 prefill=64 chunks=1 units=cpu-ane threads=2", "context_tokens": 128,
               "status": "not available", "reason": "Core ML runs on a Mac", "predicted": []}
    points = [[c["context_tokens"], c["step_ns"]["summary"]["median"]] for c in configurations[3:]]
    best = configurations[3]["id"]
    return {
        "anemone_bench": 1, "version": "0.1.0", "started": "2026-11-22T10:00:00Z", "seconds": 61.5, "complete": True,
        "machine": {"cpu": "Made-up processor", "architecture": "x86_64", "cores": 2, "memory_bytes": 16e9, "os": "Linux",
                    "accelerator": None, "cache_bytes": 3e7, "bandwidth_bytes_per_second": 1.1e10, "identity": "made up"},
        "model": {"name": name, "path": "model", "form": "anemll", "architecture": "qwen3", "hash": f"blake3:{seed:064x}",
                  "weight_bytes": 12103296 * weight, "numerics": "fp16", "simulated": False, "vocabulary": 4096},
        "settings": {"preset": None, "contexts": [128, 256, 512], "prefill": [], "chunks": [], "compute_units": ["cpu"],
                     "threads": [1, 2], "repetitions": 20, "warmup": 5, "answer_tokens": 32, "seed": 1, "confidence": 0.95,
                     "bootstrap_resamples": 10000, "prompt": "built-in text"},
        "configurations": [*configurations, missing],
        "scaling": [{"metric": "step_ns", "group": "prefill=64 chunks=1 units=cpu threads=2", "points": points,
                     "intercept": 6.4e5, "slope": 900.0, "r2": 0.98}],
        "best": {"id": best, "rule": "The highest decoding speed.", "why": "It decodes fastest.",
                 "by": {"decode_tokens_per_second": best, "first_token_ns": best, "peak_rss_bytes": best, "joules_per_token": None}},
        "baseline": {"file": "before.json", "status": "regressed", "threshold": 0.1, "confidence": 0.95, "missing": [], "compared": [
            {"id": best, "metric": "decode_tokens_per_second", "baseline_median": 1200.0, "median": 980.0, "slowdown": 1.22,
             "slowdown_ci95": [1.18, 1.27], "baseline_visits_mean": 1196.0, "visits_mean": 974.0, "visits_slowdown": 1.228,
             "machine_slowdown": 1.02, "adjusted_slowdown": 1.204, "adjusted_ci95": [1.15, 1.26], "verdict": "slower"},
            {"id": best, "metric": "first_token_ns", "baseline_median": 5.1e7, "median": 5.0e7, "slowdown": 0.98,
             "slowdown_ci95": [0.95, 1.01], "baseline_visits_mean": 5.1e7, "visits_mean": 5.0e7, "visits_slowdown": 0.98,
             "machine_slowdown": None, "adjusted_slowdown": 0.98, "adjusted_ci95": [0.7, None], "verdict": "unclear"}]},
        "phase2": None,
        "targets": [{"id": f"{best} quantize=fp16", "metric": "decode_tokens_per_second", "limit": 500.0, "median": 790.0,
                     "floor": 909.0, "met": True}],
    }


def hostile():
    out = document(3, 1.0, "<script>alert(1)</script>\" onload='x' \u202e\u0000 " + "very-long-name-" * 20)
    ids = ["</title><img src=x onerror=alert(1)>", "日本語の設定 " * 12, "a", "context=9", "x" * 300, "context=512 \n\t\x1b[31m"]
    for each, identity in zip(out["configurations"], ids):
        each["id"] = identity
    for each, median in zip(out["configurations"], (9e17, 1e-300)):
        speed = each["decode_tokens_per_second"]
        speed["samples"] = [median]
        speed["summary"].update(median=median, ci95=[0, 1.1 * median])
    out["configurations"][2]["memory"]["series"] = []
    out["configurations"][3]["stages"] = None
    out["configurations"][4]["context_tokens"] = 1e18
    out["scaling"], out["best"], out["baseline"] = [], None, None
    return out


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("plain", document(1, 1.0, "anemone-tiny")), ("lut4", document(2, 0.41, "anemone-tiny-lut4")),
                          ("hostile", hostile())):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


main()
