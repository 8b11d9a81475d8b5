"""A model with the calls of MLX-LM's model classes, for evaluations that were written against them.

    model = MLXModel("models/anemone-tiny-anemll")
    cache = model.make_cache()
    logits = model(ids[None], cache=cache)  # [1, T, V]; the next call goes on behind these tokens

Arrays are those of `mlx.core` where it is installed, else NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._native import Model, Sequence, Tokenizer

try:
    from mlx.core import array as _array
except ImportError:
    _array = np.asarray


class SequenceCache:
    """What the model remembers of one sequence, in the place of MLX-LM's caches of each layer."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence

    @property
    def offset(self) -> int:
        """Tokens so far."""
        return len(self.sequence)

    @property
    def state(self) -> list[Any]:
        """Arrays that wait to be computed: none, a call is over when it returns."""
        return []

    @property
    def nbytes(self) -> int:
        return self.sequence.size_bytes

    def is_trimmable(self) -> bool:
        return True

    def trim(self, count: int) -> int:
        """Forgets the last `count` tokens, or all; returns how many."""
        trimmed = min(self.offset, count)
        self.sequence.truncate(self.offset - trimmed)
        return trimmed


class MLXModel:
    """A model of anemone that is called as MLX-LM's models are. `options` are those of `anemone.Model`."""

    def __init__(self, path: str, **options: Any) -> None:
        self.model = Model(str(path), **options)

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    @property
    def layers(self) -> tuple[()]:
        """None to be seen from outside; `make_cache` gives what a sequence needs."""
        return ()

    def make_cache(self) -> list[SequenceCache]:
        return [SequenceCache(self.model.new_sequence())]

    def __call__(self, inputs: Any, cache: list[SequenceCache] | None = None) -> Any:
        """Logits [1, T, V] after each of the tokens [1, T]; one sequence at a time."""
        ids = np.asarray(inputs)
        if ids.ndim != 2 or ids.shape[0] != 1:
            raise ValueError(f"tokens of shape {list(ids.shape)}, expected [1, T]: one sequence at a time")
        (memory,) = self.make_cache() if cache is None else cache
        return _array(memory.sequence.extend(ids[0])[None])
