"""ANEInference: logits and greedy text of a Core ML package, over the wheel `anemone`.

    ANEInference("exports/distrust-hermes-7b.mlpackage").generate("What is the capital of France?", tokenizer)

The tokenizer is one of transformers, or any with `encode`, `decode` and `eos_token_id`.
"""

from __future__ import annotations

from pathlib import Path

import anemone
import numpy


class ANEInference:
    def __init__(self, model_path: str | Path) -> None:
        self.model = anemone.Model(model_path)

    def predict(self, input_ids) -> numpy.ndarray:
        """Logits float32 [1, T, V] of token ids [1, T] or [T], of any integer type."""
        return self.model.logits(input_ids)[numpy.newaxis]

    def generate(self, prompt: str, tokenizer, max_length: int = 100) -> str:
        """The prompt and at most max_length tokens after it, greedily; ends behind the end token."""
        ids = [int(token) for token in tokenizer.encode(prompt)]
        sequence = self.model.new_sequence()
        logits = sequence.prefill(ids)
        room = self.model.info.context_length - len(ids)
        for left in range(min(max_length, room + 1), 0, -1):
            ids.append(int(logits.argmax()))
            if ids[-1] == tokenizer.eos_token_id or left == 1:
                break
            logits = sequence.predict(ids[-1])
        return tokenizer.decode(ids)
