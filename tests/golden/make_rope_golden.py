#!/usr/bin/env python3
"""Writes rope/frequencies.json: what transformers (4.57.1) makes of rope fields, for rope_scaling_test.

The configs are made for this purpose; the figures are computed by transformers' ROPE_INIT_FUNCTIONS from its own
config classes, in float32. Where torch is absent NumPy's float32 arrays stand in for its tensors: the functions use
nothing but arange, where, clamp, tensor and arithmetic.

    python tests/golden/make_rope_golden.py     # needs: pip install transformers==4.57.1 numpy
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
from transformers import AutoConfig, modeling_rope_utils


class Array(np.ndarray):
    def to(self, *_, dtype=None, **__):
        return self if dtype is None else self.astype(dtype)

    def float(self):
        return self.astype(np.float32)


def array(values, dtype=None):
    return np.asarray(values, dtype=dtype).view(Array)


def numpy_as_torch():
    module = types.ModuleType("torch")
    module.float = module.float32 = np.float32
    module.int64 = np.int64
    module.Tensor = Array
    module.arange = lambda *bounds, dtype=None, device=None: array(np.arange(*bounds), dtype or np.int64)
    module.tensor = lambda values, dtype=None, device=None: array(values, dtype)
    module.where = lambda condition, yes, no: np.where(condition, yes, no).view(Array)
    module.clamp = lambda values, low, high: np.clip(values, low, high)
    return module


SIZES = {
    "vocab_size": 16,
    "hidden_size": 64,
    "intermediate_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-5,
}
SHORT = [1.0 + 0.05 * i for i in range(12)]
LONG = [1.5 + 0.5 * i for i in range(12)]


def llama(**fields):
    return {"model_type": "llama", **SIZES, "head_dim": 32, "max_position_embeddings": 4096, **fields}


def phi3(**fields):
    return {"model_type": "phi3", **SIZES, "max_position_embeddings": 131072, "partial_rotary_factor": 0.75, **fields}


CASES = {
    "no scaling": llama(),
    "another base": llama(rope_theta=500000.0),
    "linear": llama(rope_scaling={"type": "linear", "factor": 4.0}),
    "dynamic": llama(rope_scaling={"rope_type": "dynamic", "factor": 4.0}),
    "llama 3.1": llama(
        rope_theta=500000.0,
        max_position_embeddings=131072,
        rope_scaling={
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    ),
    "llama 3.1, as small as the fixture": llama(
        head_dim=16,
        rope_theta=500000.0,
        rope_scaling={
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
    "yarn": llama(
        rope_theta=1000000.0,
        max_position_embeddings=32768,
        rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192},
    ),
    # Its factor is not 40960 / 32768: some versions take that instead.
    "yarn, as Qwen3 recommends it": llama(
        rope_theta=1000000.0,
        max_position_embeddings=40960,
        rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    ),
    "yarn, no original length": llama(rope_scaling={"rope_type": "yarn", "factor": 4.0}),
    "yarn, every field": llama(
        rope_scaling={
            "rope_type": "yarn",
            "factor": 40.0,
            "beta_fast": 16,
            "beta_slow": 2,
            "mscale": 0.707,
            "mscale_all_dim": 1.2,
            "truncate": False,
            "original_max_position_embeddings": 1024,
        },
    ),
    "yarn, attention factor": llama(
        rope_scaling={"rope_type": "yarn", "factor": 2.0, "attention_factor": 0.9},
    ),
    "longrope, part of each head": phi3(
        original_max_position_embeddings=4096,
        rope_scaling={"type": "longrope", "short_factor": SHORT, "long_factor": LONG},
    ),
    "longrope under its first name": phi3(
        original_max_position_embeddings=8192,
        rope_scaling={"type": "su", "short_factor": SHORT, "long_factor": LONG},
    ),
    "longrope of another family": llama(
        rope_scaling={
            "rope_type": "longrope",
            "factor": 4.0,
            "short_factor": SHORT + [2.0] * 4,
            "long_factor": LONG + [9.0] * 4,
        },
    ),
    "gemma 3, layers that see all": {
        "model_type": "gemma3_text",
        **SIZES,
        "head_dim": 32,
        "max_position_embeddings": 8192,
        "layer_types": ["full_attention"],
        "rope_theta": 1000000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
}


def main():
    if "torch" not in sys.modules and not modeling_rope_utils.is_torch_available():
        modeling_rope_utils.torch = numpy_as_torch()
    rows = []
    for name, fields in CASES.items():
        config = AutoConfig.for_model(**json.loads(json.dumps(fields)))
        scaling = config.rope_scaling or {}
        kind = scaling.get("type") or scaling.get("rope_type", "default")
        frequencies, attention_scaling = modeling_rope_utils.ROPE_INIT_FUNCTIONS[kind](config, None)
        row = {
            "name": name,
            "config": fields,
            "inv_freq": [float(value) for value in frequencies],
            "attention_scaling": float(attention_scaling),
        }
        if original := fields.get("original_max_position_embeddings"):
            longer, _ = modeling_rope_utils.ROPE_INIT_FUNCTIONS[kind](config, None, seq_len=original + 1)
            row["long_inv_freq"] = [float(value) for value in longer]
        rows.append(row)
    path = Path(__file__).parent / "rope" / "frequencies.json"
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
