"""Language models for the Apple Neural Engine, on any machine: run them, score them.

    model = anemone.Model("models/anemone-tiny-anemll")
    model.loglikelihood(model.tokenizer.encode("Two and two is"), model.tokenizer.encode(" four"))
    print(model.generate("Once upon a time", max_tokens=32).text)
"""

from ._native import Generation, Model, ModelInfo, Sequence, Tokenizer, __version__
from .errors import Error

__all__ = ["Error", "Generation", "Model", "ModelInfo", "Sequence", "Tokenizer", "__version__"]
