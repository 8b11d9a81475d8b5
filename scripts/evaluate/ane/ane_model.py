"""ANE_Model: prefill, predict and reset of one sequence, over the wheel `anemone`."""

from __future__ import annotations

from pathlib import Path

import anemone
import numpy


class ANE_Model:
    """A Core ML model and one sequence on it.

    Token ids are lists, NumPy arrays or tensors of any integer type, of shape [T] or [1, T].
    `predict`, `get_logits` and `compute_logprobs` take the token at `current_position` - 1: after `prefill`
    that is the last token of the prompt once more, then the token that was predicted.
    """

    def __init__(self, model_path: str | Path, max_tokens: int = 2048) -> None:
        self.model = anemone.Model(model_path)
        self.max_tokens = max_tokens
        info = self.model.info
        self.metadata = {
            "context_length": info.context_length,
            "batch_size": info.prefill_block_tokens or 1,
        }
        self._sequence = self.model.new_sequence()
        self.current_position = 0

    def reset_state(self) -> None:
        self._sequence.reset()
        self.current_position = 0

    reset = reset_state

    def prefill(self, input_ids) -> int:
        """Starts a new sequence with input_ids; returns the position behind them."""
        self.reset_state()
        self._sequence.prefill(input_ids)
        self.current_position = len(self._sequence)
        return self.current_position

    def get_logits(self, input_token) -> numpy.ndarray:
        """Logits after the token at the current position, float32 [V]; the position stays."""
        self._sequence.truncate(max(self.current_position - 1, 0))
        return self._sequence.predict(input_token)

    def predict(self, input_token) -> int:
        """The likeliest token after input_token; moves on by one."""
        logits = self.get_logits(input_token)
        self.current_position = len(self._sequence) + 1
        return int(logits.argmax())

    def compute_logprobs(self, input_token, candidate_tokens=None) -> numpy.ndarray:
        """Natural log-probabilities after input_token, float64 [V], or of the candidates."""
        logits = self.get_logits(input_token).astype(numpy.float64)
        shifted = logits - logits.max()
        values = shifted - numpy.log(numpy.exp(shifted).sum())
        return values if candidate_tokens is None else values[numpy.asarray(candidate_tokens)]

    def generate(self, input_ids, max_new_tokens: int | None = None, stop_tokens=()) -> list[int]:
        """Greedy continuation; ends with the first of stop_tokens."""
        self.prefill(input_ids)
        most = self.max_tokens if max_new_tokens is None else max_new_tokens
        generated: list[int] = []
        token = int(self._sequence.tokens[-1])
        room = self.metadata["context_length"] - self.current_position + 1
        while len(generated) < min(most, room) and not (generated and token in stop_tokens):
            token = self.predict(token)
            generated.append(token)
        return generated
