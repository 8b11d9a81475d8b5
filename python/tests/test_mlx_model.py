"""A task that was written against MLX-LM's model classes, on our inference."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anemone
import anemone.mlx_model

IDS = [11, 291, 265, 1569, 30]


class StubArray(np.ndarray):
    """Stands for mlx.core.array."""


@pytest.fixture(params=["numpy", "mlx"])
def mlx_model(request: pytest.FixtureRequest, package_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "mlx":
        core = types.ModuleType("mlx.core")
        core.array = lambda values: np.asarray(values).view(StubArray)
        monkeypatch.setitem(sys.modules, "mlx", types.ModuleType("mlx"))
        monkeypatch.setitem(sys.modules, "mlx.core", core)
    else:
        monkeypatch.setitem(sys.modules, "mlx", None)
    module = importlib.reload(anemone.mlx_model)
    return module.MLXModel(package_path, threads=2), StubArray if request.param == "mlx" else np.ndarray


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_S0_41_a_scorer_of_mlx_models_runs(mlx_model: Any, model: anemone.Model) -> None:
    subject, array = mlx_model
    scored = [7, 300, 12]
    inputs = np.array(IDS + scored)
    logits = subject(inputs[None, :-1])
    assert type(logits) is array and logits.shape == (1, len(inputs) - 1, 4096)
    rows = log_probabilities(np.asarray(logits)[0])[-len(scored) :]
    value = float(sum(rows[range(len(scored)), scored]))
    assert value == pytest.approx(model.loglikelihood(IDS, scored)[0], abs=1e-9)


def test_S0_41_a_generation_loop_for_mlx_models_runs(mlx_model: Any, model: anemone.Model) -> None:
    subject, _ = mlx_model
    cache = subject.make_cache()
    logits = subject(np.array(IDS)[None], cache=cache)
    generated: list[int] = []
    for _ in range(8):
        generated.append(int(np.argmax(np.asarray(logits)[0, -1])))
        logits = subject(np.array([generated[-1:]]), cache=cache)
    assert generated == model.generate(IDS, max_tokens=8).tokens.tolist()[:8]
    assert cache[0].offset == len(IDS) + 8 and cache[0].is_trimmable() and cache[0].state == []
    # Back to the prompt's end: the same token again.
    assert cache[0].trim(9) == 9 and cache[0].offset == len(IDS) - 1
    again = subject(np.array([IDS[-1:]]), cache=cache)
    assert int(np.argmax(np.asarray(again)[0, -1])) == generated[0]
    assert cache[0].trim(100) == len(IDS) and cache[0].offset == 0


def test_one_sequence_at_a_time(mlx_model: Any) -> None:
    subject, _ = mlx_model
    with pytest.raises(ValueError, match=r"tokens of shape \[2, 5\], expected \[1, T\]"):
        subject(np.array([IDS, IDS]))
    assert subject.layers == () and subject.tokenizer.encode("The sky").size > 0
