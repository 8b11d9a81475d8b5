"""The scripts of documented names that use the wheel: inference_ane.py and convert_to_coreml.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import anemone


@pytest.fixture(scope="module")
def checkpoint(root: Path) -> Path:
    return root / "models/anemone-tiny"


@pytest.fixture(scope="module")
def scripts(root: Path) -> Path:
    sys.path.insert(0, str(root / "scripts"))
    yield root / "scripts"
    sys.path.remove(str(root / "scripts"))


@pytest.fixture(scope="module")
def package(scripts: Path, checkpoint: Path, program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "tiny.mlpackage"
    arguments = ["--model_path", str(checkpoint), "--output_path", str(out), "--no-quantize", "--lengths", "64"]
    command = [sys.executable, str(scripts / "convert_to_coreml.py"), *arguments]
    subprocess.run(command, check=True, env={**os.environ, "ANEMONE": program})
    return out


class LikeTransformers:
    """The calls of a tokenizer of transformers, over the embedded model's."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = anemone.Model(path).tokenizer
        self.eos_token_id = self._tokenizer.eos_id

    def encode(self, text: str) -> np.ndarray:
        return np.asarray(self._tokenizer.encode(text))

    def decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids)


@pytest.fixture(scope="module")
def tokenizer(package_path: Path) -> LikeTransformers:
    return LikeTransformers(package_path)


def test_S3_29_S3_30_S3_65_a_path_opens_and_ids_give_logits(package: Path, checkpoint: Path) -> None:
    from inference_ane import ANEInference

    ids = np.array([[5, 300, 77]])
    logits = ANEInference(str(package)).predict(ids)
    assert logits.shape == (1, 3, 4096) and logits.dtype == np.float32
    assert np.array_equal(logits[0], anemone.Model(package).logits([5, 300, 77]))
    reference = anemone.Model(checkpoint).logits([5, 300, 77])
    assert np.array_equal(logits[0].argmax(-1), reference.argmax(-1))


def test_S3_31_generation_is_greedy_decoded_and_bounded(package: Path, tokenizer: LikeTransformers) -> None:
    from inference_ane import ANEInference

    model = ANEInference(package)
    prompt = "The history of the city"
    for length in (0, 1, 7):
        ids = list(map(int, tokenizer.encode(prompt)))
        for _ in range(length):
            ids.append(int(model.predict(ids)[0, -1].argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
        assert model.generate(prompt, tokenizer, max_length=length) == tokenizer.decode(ids)
    assert len(model.generate(prompt, tokenizer)) > len(prompt), "up to the end of the context"


def test_S3_31_generation_ends_at_the_end_token(package: Path, tokenizer: LikeTransformers) -> None:
    from inference_ane import ANEInference

    model = ANEInference(package)
    ids = list(map(int, tokenizer.encode("The history of the city")))
    first = int(model.predict(ids)[0, -1].argmax())
    stopping = LikeTransformers.__new__(LikeTransformers)
    stopping._tokenizer, stopping.eos_token_id = tokenizer._tokenizer, first
    assert model.generate("The history of the city", stopping, 20) == tokenizer.decode([*ids, first])


def test_S3_11_S3_23_conversion_is_a_function(
    scripts: Path, checkpoint: Path, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convert_to_coreml import convert_to_coreml

    monkeypatch.setenv("ANEMONE", program)
    model = convert_to_coreml(str(checkpoint), str(tmp_path / "tiny.mlpackage"), quantize=True)
    assert isinstance(model, anemone.Model)
    assert model.info.context_length == 512
    with pytest.raises(RuntimeError, match="exit code 1"):
        convert_to_coreml(str(tmp_path / "none"), str(tmp_path / "other.mlpackage"))


def test_S3_24_the_documented_requirements_resolve(root: Path) -> None:
    text = (root / "docs/mlx.md").read_text()
    [line] = re.findall(r"(?m)^pip install (.+)$", text)
    run = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-q", *line.split()],
        capture_output=True, text=True,
    )
    if run.returncode != 0 and re.search("NewConnectionError|Temporary failure|ConnectTimeout", run.stderr):
        pytest.skip("no package index can be reached")
    assert run.returncode == 0, run.stderr
