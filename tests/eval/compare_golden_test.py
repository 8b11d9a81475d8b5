"""Tests of compare_golden.py: what counts as a difference from a recorded run."""

import argparse
import copy
import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import compare_golden


def sample(values=("-1.0", "-2.0"), acc=1.0):
    return {"doc_id": 0, "doc": {}, "target": "0", "filter": "none", "metrics": ["acc"],
            "arguments": {f"gen_args_{i}": {"arg_0": "q", "arg_1": " ab"} for i in range(len(values))},
            "doc_hash": "a", "prompt_hash": "b", "target_hash": "c",
            "resps": [[[value, "False"]] for value in values], "acc": acc}


def page(value="-300.0", words=100):
    return {**sample(), "metrics": ["word_perplexity"], "resps": [[value]], "word_perplexity": [float(value), words]}


CHOICES = [{"n_cont": 1, "greedy_gap": 1.0}] * 2
WINDOWS = [{"n_tokens": 200, "windows": []}]


class ComparisonTest(unittest.TestCase):
    def setUp(self):
        self.comparison = compare_golden.Comparison(argparse.Namespace(log_likelihood=0.05, per_100_tokens=0.05))

    def faults(self, ours, golden, trace):
        self.comparison.sample(ours, golden, trace)
        return self.comparison.faults

    def test_equal_and_near_samples_have_no_fault(self):
        self.assertEqual(self.faults(sample(), sample(), CHOICES), [])
        self.assertEqual(self.faults(sample(("-1.04", "-2.0")), sample(), CHOICES), [])
        self.assertEqual(self.faults(page("-300.09"), page(), WINDOWS), [])
        self.assertEqual(self.comparison.excused, {})

    def test_differences_are_told_as_a_distribution(self):
        self.faults(sample(("-1.04", "-2.01")), sample(), CHOICES)
        self.faults(page("-300.06"), page(), WINDOWS)
        self.assertEqual(compare_golden.distribution(self.comparison.differences),
                         "median 0.010000, 95 % 0.040000, largest 0.040000 of 2")
        self.assertEqual(compare_golden.distribution(self.comparison.rolling_differences),
                         "median 0.030000, 95 % 0.030000, largest 0.030000 of 1")
        self.assertTrue(compare_golden.distribution(list(range(1, 101))).startswith("median 50.000000, 95 % 95.0000"))
        self.assertEqual(compare_golden.distribution([]), "none")

    def test_what_is_no_number_fails(self):
        self.assertTrue(self.faults(sample(("nan", "-2.0")), sample(), CHOICES))
        self.comparison.faults.clear()
        self.assertTrue(self.faults(page("nan"), page(), WINDOWS))

    def test_far_values_other_requests_and_missing_answers_fail(self):
        for ours in (sample(("-1.06", "-2.0")), sample(acc=0.0), {**sample(), "target": "1"},
                     {**sample(), "resps": [[["-1.0", "False"]]]}, {**sample(), "resps": []}):
            self.comparison.faults.clear()
            self.assertTrue(self.faults(ours, sample(), CHOICES), ours)
        for ours in (page("-300.2"), page(words=99)):
            self.comparison.faults.clear()
            self.assertTrue(self.faults(ours, page(), WINDOWS), ours)

    def test_few_documents_are_excused_by_their_margin(self):
        near = sample(("-1.0", "-1.02"))
        self.assertEqual(self.faults(sample(("-1.0", "-1.02"), acc=0.0), near, CHOICES), [])
        self.comparison.most_excused(20)
        self.assertEqual(self.comparison.faults, [])
        self.comparison.most_excused(19)
        self.assertEqual(len(self.comparison.faults), 1)

    def scores(self, changes, recorded, golden, traces):
        self.comparison.faults.clear()
        self.comparison.scores({**recorded, **changes}, recorded, golden, traces)
        return self.comparison.faults

    def test_scores_follow_the_documents(self):
        recorded = {"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.1}
        golden = [sample()] * 100
        self.assertEqual(self.scores({}, recorded, golden, {}), [])
        for changes in ({"acc,none": 0.51}, {"acc,none": math.nan}, {"acc_stderr,none": 0.11}, {"alias": "u"}, {"x": 1}):
            self.assertTrue(self.scores(changes, recorded, golden, {}), changes)
        self.comparison.excuse(0, "acc")
        self.assertEqual(self.scores({"acc,none": 0.51}, recorded, golden, {}), [])
        self.assertTrue(self.scores({"acc,none": 0.52}, recorded, golden, {}))

    def test_perplexities_follow_the_bound_of_their_documents(self):
        recorded = {"word_perplexity,none": 20.0, "word_perplexity_stderr,none": "N/A"}
        traces = {0: WINDOWS}  # 200 tokens of 100 words: 0.1 of 100 words
        self.assertEqual(self.scores({"word_perplexity,none": 20.019}, recorded, [page()], traces), [])
        for value in (20.021, math.nan):
            self.assertTrue(self.scores({"word_perplexity,none": value}, recorded, [page()], traces))


if __name__ == "__main__":
    unittest.main()
