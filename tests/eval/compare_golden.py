#!/usr/bin/env python3
"""Evaluates the embedded model as the recorded runs of lm-evaluation-harness did and compares.

    compare_golden.py ANEMONE MODEL SHARED RUN [--numerics fp32] [--convert fp32] [--log-likelihood 0.05]
                      [--per-100-tokens 0.05] [--documents N]

Requests, targets and hashes must be equal. A log-likelihood may differ by the first bound, a rolling one by the second for every
100 scored tokens. A document's metric may differ only where the recorded answers lie closer than the bound lets them
move, and generated text only where the recorded gap between the two best tokens is below the first bound; not more than one
document in twenty may be excused so. Scores of the task may differ by what those documents and those bounds make of them.
--documents compares the first N recorded documents only: then the hash and the scores of the whole task are left out.
--convert evaluates what `anemone convert` makes of the checkpoint MODEL with weights of that type: layout anemone, which
scores long continuations by blocks.
Prints how the differences are distributed.
"""
import argparse
import gzip
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

# Run: task, folder of task files, flags of the recorded command.
RUNS = {
    "arc_easy": ("arc_easy", "tasks", ["--limit", "500"]),
    "arc_easy_3shot_samples": (
        "arc_easy", "tasks",
        ["--num_fewshot", "3", "--samples", '{"arc_easy": [0, 7, 11, 12, 30, 55, 101, 640, 1000, 2375]}']),
    "arc_challenge": ("arc_challenge", "tasks", ["--limit", "400"]),
    "boolq": ("boolq", "tasks", ["--limit", "300"]),
    "hellaswag": ("hellaswag", "tasks", ["--limit", "300"]),
    "wikitext": ("wikitext", "tasks", ["--limit", "12"]),
    "lambada_openai": ("lambada_openai", "tasks", ["--limit", "500"]),
    "rte": ("rte", "tasks", []),
    "social_iqa": ("social_iqa", "tasks", ["--limit", "0.15"]),
    "arc_easy_chat": ("arc_easy", "tasks", ["--apply_chat_template", "--limit", "60"]),
    "openbookqa_chat_multiturn": (
        "openbookqa", "tasks",
        ["--apply_chat_template", "--fewshot_as_multiturn", "true", "--num_fewshot", "3",
         "--system_instruction", "You are a careful student.", "--limit", "40"]),
    "opposites": ("opposites", "custom", []),
    "notes": ("notes", "custom", []),
    "typos": ("typos", "custom", ["--apply_chat_template"]),
}
CONTEXT = "1024"  # of the recorded runs
MOST_EXCUSED = 0.05
# Scores that are exp(-mean).
PERPLEXITIES = ("perplexity", "word_perplexity", "byte_perplexity")
EXACT = ["doc_id", "doc", "target", "arguments", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash"]


def read_lines(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


class Comparison:
    def __init__(self, options):
        self.options = options
        self.faults = []
        self.differences = []  # of log-likelihoods
        self.rolling_differences = []  # for every 100 tokens, of a shorter text the whole
        self.excused = {}  # metric -> documents

    def fault(self, document, text):
        self.faults.append(f"document {document}: {text}")

    def excuse(self, document, metric):
        self.excused.setdefault(metric, set()).add(document)

    def rolling_bound(self, tokens):
        return self.options.per_100_tokens * max(1.0, tokens / 100)

    def sample(self, ours, golden, trace):
        document = golden["doc_id"]
        for key in EXACT:
            if ours.get(key) != golden[key]:
                self.fault(document, f"{key}: {ours.get(key)!r}, recorded {golden[key]!r}")
        if not len(ours.get("resps", [])) == len(golden["resps"]) == len(trace):
            self.fault(document, f"answers {ours.get('resps')!r}, recorded {golden['resps']!r}")
        elif "windows" in trace[0]:
            self.rolling(document, ours, golden, trace[0])
        elif "n_cont" in trace[0]:
            self.likelihoods(document, ours, golden, trace)
        else:
            self.generated(document, ours, golden, trace[0])

    def rolling(self, document, ours, golden, trace):
        value, recorded = float(ours["resps"][0][0]), float(golden["resps"][0][0])
        tokens = trace["n_tokens"]
        bound = self.rolling_bound(tokens)
        if tokens:
            self.rolling_differences.append(abs(value - recorded) / max(1.0, tokens / 100))
        if not abs(value - recorded) <= bound:
            self.fault(document, f"{value}, recorded {recorded}: more than {bound:.3f} apart")
        for metric in golden["metrics"]:
            if ours.get(metric, [None])[1:] != golden[metric][1:]:
                self.fault(document, f"{metric} {ours.get(metric)}, recorded {golden[metric]}")

    def likelihoods(self, document, ours, golden, trace):
        bound = self.options.log_likelihood
        for index, (mine, other, facts) in enumerate(zip(ours["resps"], golden["resps"], trace)):
            value, recorded = float(mine[0][0]), float(other[0][0])
            self.differences.append(abs(value - recorded))
            if not abs(value - recorded) <= bound:
                self.fault(document, f"request {index}: {value}, recorded {recorded}")
            if mine[0][1] != other[0][1] and facts["greedy_gap"] > 2 * bound:
                self.fault(document, f"request {index}: greedy {mine[0][1]}, gap {facts['greedy_gap']}")
        for metric in golden["metrics"]:
            if metric == "perplexity" or ours.get(metric) == golden[metric]:
                continue
            if self.may_move(metric, golden, trace):
                self.excuse(document, metric)
            else:
                self.fault(document, f"{metric} {ours.get(metric)}, recorded {golden[metric]}")

    def may_move(self, metric, golden, trace):
        """Whether moving each recorded value by the bound can change the document's score."""
        bound = self.options.log_likelihood
        if metric == "exact_match" or len(golden["resps"]) == 1:
            return any(facts["greedy_gap"] <= 2 * bound for facts in trace)
        values = [float(answer[0][0]) for answer in golden["resps"]]
        texts = [request["arg_1"][1:] for request in golden["arguments"].values()]
        if metric == "acc_mutual_info":
            half = len(values) // 2
            values = [a - b for a, b in zip(values[:half], values[half:])]
            bound, sizes = 2 * bound, [1] * half
        else:
            count = len(values) // 2 if "acc_mutual_info" in golden["metrics"] else len(values)
            values, texts = values[:count], texts[:count]
            sizes = {"acc_norm": [len(text) for text in texts],
                     "acc_bytes": [len(text.encode()) for text in texts]}.get(metric, [1] * count)
        lowest_best = max((value - bound) / size for value, size in zip(values, sizes))
        return sum((value + bound) / size >= lowest_best for value, size in zip(values, sizes)) > 1

    def generated(self, document, ours, golden, trace):
        if ours["resps"] == golden["resps"]:
            return
        if trace["greedy_gap"] <= self.options.log_likelihood:
            for metric in golden["metrics"]:
                self.excuse(document, metric)
            return
        self.fault(document, f"{ours['resps']!r}, recorded {golden['resps']!r}")

    def most_excused(self, documents):
        for metric, excused in self.excused.items():
            if len(excused) > MOST_EXCUSED * documents:
                self.faults.append(f"{metric}: {len(excused)} of {documents} documents are excused by their margin")

    def scores(self, ours, recorded, golden, traces):
        """The scores of the whole task against the recorded ones."""
        if ours.keys() - {"failed"} != recorded.keys():
            self.faults.append(f"scores {sorted(ours)}, recorded {sorted(recorded)}")
            return
        for key, value in recorded.items():
            if isinstance(value, float):
                bound = self.score_bound(key.split(",")[0], recorded, golden, traces)
                if not abs(ours[key] - value) <= bound:
                    self.faults.append(f"{key}: {ours[key]}, recorded {value}, expected within {bound:.3g}")
            elif ours[key] != value:
                self.faults.append(f"{key}: {ours[key]!r}, recorded {value!r}")

    def score_bound(self, metric, recorded, golden, traces):
        """How far the bounds of the requests let a score go."""
        name = metric.removesuffix("_stderr")
        rounding = 1e-9
        if name == "perplexity":
            drift = self.options.log_likelihood
        elif name in PERPLEXITIES or name == "bits_per_byte":
            documents = {sample["doc_id"]: sample for sample in golden}.values()
            weight = sum(sample[name][1] for sample in documents)
            drift = sum(self.rolling_bound(traces[sample["doc_id"]][0]["n_tokens"]) for sample in documents) / weight
        else:
            # A mean of 0 and 1: each excused document moves it by 1/n, and its deviation by less than as much again.
            share = len(self.excused.get(name, ())) / len(golden)
            return rounding + (2 * share / math.sqrt(len(golden) - 1) if metric != name else share)
        if name == "bits_per_byte":
            return rounding + drift / math.log(2)
        # Each replicate of a bootstrap goes as far as the whole, so their deviation goes no further.
        largest = max(value for key, value in recorded.items() if key.startswith(name) and isinstance(value, float))
        return rounding + largest * math.expm1(drift)


def distribution(differences):
    """Median, the value that 95 % do not exceed, and the largest one."""
    if not differences:
        return "none"
    ordered = sorted(differences)
    median, most = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return f"median {median:.6f}, 95 % {most:.6f}, largest {ordered[-1]:.6f} of {len(ordered)}"


def converted(options, folder):
    """Layout anemone of the checkpoint, whose function `score` is asked by blocks."""
    subprocess.run([options.anemone, "convert", options.model, "-o", folder, "--dtype", options.convert,
                    "--context", CONTEXT, "-q"],
                   check=True, stdout=subprocess.DEVNULL)
    return folder


def compare(options):
    task, include, flags = RUNS[options.run]
    if options.documents:
        flags = ["--limit", str(options.documents)]
    golden_folder = options.shared / "fixtures" / "lm_eval"
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch, "out")
        model = converted(options, pathlib.Path(scratch, "model")) if options.convert else options.model
        command = [options.anemone, "eval", model, "--tasks", task, "--numerics", options.numerics,
                   "--include-path", golden_folder / include, "--data", options.shared / "data" / "benchmarks",
                   "--log-samples", "--output-path", out, "--no-progress", *flags]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"exit code {done.returncode}")
        print(done.stdout, end="")
        ours = read_lines(next(out.rglob("samples_*.jsonl")))
        results = json.loads(next(out.rglob("results_*.json")).read_text())
    golden = read_lines(golden_folder / options.run / f"samples_{task}.jsonl.gz")[:options.documents]
    traces = {}
    for line in read_lines(golden_folder / options.run / f"trace_{task}.jsonl.gz"):
        traces.setdefault(line["doc_id"], []).append(line)
    recorded = json.loads((golden_folder / options.run / "results.json").read_text())

    comparison = Comparison(options)
    if len(ours) != len(golden):
        comparison.faults.append(f"{len(ours)} samples, recorded {len(golden)}")
    for mine, other in zip(ours, golden):
        comparison.sample(mine, other, traces[other["doc_id"]])
    for key in ("n-shot", "versions", "higher_is_better") + (() if options.documents else ("n-samples", "task_hashes")):
        if results[key] != recorded[key]:
            comparison.faults.append(f"{key}: {results[key]}, recorded {recorded[key]}")
    comparison.most_excused(len(golden))
    if not options.documents:
        comparison.scores(results["results"][task], recorded["results"][task], golden, traces)
    print(f"{options.run}, {options.numerics}: {len(ours)} documents; differences: {distribution(comparison.differences)}; "
          f"rolling, per 100 tokens: {distribution(comparison.rolling_differences)}; "
          f"{sum(map(len, comparison.excused.values()))} scores within their margin")
    for fault in comparison.faults[:20]:
        print(f"  {fault}"[:600])
    return len(comparison.faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("anemone")
    parser.add_argument("model")
    parser.add_argument("shared", type=pathlib.Path)
    parser.add_argument("run", choices=RUNS)
    parser.add_argument("--numerics", choices=("fp16", "fp32"), default="fp32")
    parser.add_argument("--convert", choices=("fp16", "fp32"))
    parser.add_argument("--log-likelihood", type=float, default=0.05)
    parser.add_argument("--per-100-tokens", type=float, default=0.05)
    parser.add_argument("--documents", type=int)
    options = parser.parse_args()
    if options.documents and RUNS[options.run][2][:1] != ["--limit"]:
        parser.error(f"--documents: {options.run} is no run of the first documents")
    shared = os.environ.get("ANEMONE_SHARED")
    options.shared = pathlib.Path(shared) if shared else options.shared
    if not (options.shared / "fixtures" / "lm_eval" / options.run).is_dir():
        print(f"skipped: no recorded runs in {options.shared}")
        sys.exit(77)
    sys.exit(1 if compare(options) else 0)


if __name__ == "__main__":
    main()
