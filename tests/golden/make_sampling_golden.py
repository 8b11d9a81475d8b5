#!/usr/bin/env python3
"""Writes sampling/steps.json: what transformers (4.57.1 or newer) makes of logits, for sampler_steps_test.

Logits are drawn here; the order and the arithmetic of the steps are those of `generate`'s own list of logits
processors (GenerationMixin._get_logits_processor) in float32.

    python tests/golden/make_sampling_golden.py     # needs: pip install transformers torch numpy
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, LogitsProcessorList

VOCAB_SIZE = 48
PROMPT = [3, 7, 7, 11, 40]
SETTINGS = [
    {"temperature": 1.0},
    {"temperature": 0.7},
    {"temperature": 1.9, "top_k": 5},
    {"temperature": 1.0, "top_k": 1},
    {"temperature": 1.0, "top_k": 100},
    {"temperature": 0.8, "top_p": 0.9},
    {"temperature": 1.0, "top_p": 0.05},
    {"temperature": 1.0, "top_p": 0.999},
    {"temperature": 1.3, "min_p": 0.1},
    {"temperature": 1.0, "min_p": 0.6},
    {"temperature": 1.0, "typical_p": 0.2},
    {"temperature": 0.9, "typical_p": 0.9},
    {"temperature": 0.7, "top_k": 12, "top_p": 0.8},
    {"temperature": 1.5, "top_k": 20, "top_p": 0.95, "min_p": 0.05, "typical_p": 0.7},
    {"temperature": 1.0, "repetition_penalty": 1.3},
    {"temperature": 0.6, "repetition_penalty": 0.5, "top_p": 0.9},
    {"temperature": 1.0, "logit_bias": {"3": 2.5, "20": -4.0}},
    {"temperature": 1.2, "logit_bias": {"7": 5.0}, "repetition_penalty": 2.0, "top_k": 6},
]


def processors(model, settings):
    settings = dict(settings)
    bias = settings.pop("logit_bias", None)
    if bias:
        settings["sequence_bias"] = [[[int(token)], value] for token, value in bias.items()]
    config = GenerationConfig(do_sample=True, **({"top_k": 0} | settings))
    return model._get_logits_processor(
        generation_config=config, input_ids_seq_length=len(PROMPT), logits_processor=LogitsProcessorList()
    )


def main():
    random = np.random.default_rng(5)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB_SIZE, n_embd=8, n_layer=1, n_head=1, n_positions=8))
    cases = []
    for settings in SETTINGS:
        for scale in (1.0, 4.0):
            logits = np.round(random.normal(scale=scale, size=VOCAB_SIZE), 3).astype(np.float32)
            scores = processors(model, settings)(torch.tensor([PROMPT]), torch.tensor(logits)[None])[0]
            kept = [
                [token, float(score)] for token, score in enumerate(scores.numpy()) if np.isfinite(score)
            ]
            cases.append({"sampling": settings, "logits": [float(f"{x:.3f}") for x in logits], "kept": kept})
    document = {"transformers": transformers.__version__, "vocab_size": VOCAB_SIZE, "prompt": PROMPT, "cases": cases}
    lines = ",\n".join("  " + json.dumps(case) for case in document.pop("cases"))
    path = Path(__file__).parent / "sampling/steps.json"
    path.write_text(json.dumps(document)[:-1] + ', "cases": [\n' + lines + "\n]}\n")


main()
