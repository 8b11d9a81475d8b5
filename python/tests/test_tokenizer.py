"""anemone.Tokenizer: the recorded cases of Hugging Face's, and conversations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import anemone


@pytest.fixture(scope="module")
def tokenizer(package_path: Path) -> anemone.Tokenizer:
    return anemone.Tokenizer(package_path)


def test_S1_37_ids_and_texts_are_those_of_transformers(
    tokenizer: anemone.Tokenizer, root: Path
) -> None:
    golden = json.loads((root / "tests/golden/tokenizer/anemone-tiny.json").read_text())
    assert tokenizer.vocab_size == golden["vocab_size"]
    for case in golden["cases"]:
        ids = tokenizer.encode(case["text"])
        assert ids.dtype == np.int32 and ids.tolist() == case["ids"], case["name"]
        assert tokenizer.encode(case["text"], False).tolist() == case["ids_without_special"]
        assert tokenizer.decode(ids) == case["decoded"], case["name"]
        assert tokenizer.decode(ids, True) == case["decoded_without_special"]


def test_S1_33_conversations_are_those_of_transformers(
    tokenizer: anemone.Tokenizer, root: Path
) -> None:
    golden = json.loads((root / "tests/golden/chat_template/anemone-tiny.json").read_text())
    flags = ("add_generation_prompt", "continue_final_message")
    cases = [case for case in golden["cases"] if "rendered" in case]
    assert len(cases) >= 10
    for case in cases:
        messages, tools = json.loads(case["messages"]), json.loads(case["tools"])
        text = tokenizer.apply_chat_template(messages, tools, **{key: case[key] for key in flags})
        assert text == case["rendered"], case["name"]


def test_names_and_roles(tokenizer: anemone.Tokenizer) -> None:
    end = tokenizer.find("<|im_end|>")
    assert end is not None and tokenizer.token(end) == "<|im_end|>"
    assert tokenizer.eos_id == end and end in tokenizer.stop_ids
    assert tokenizer.bos_id is None and tokenizer.find("no such token") is None
    assert "default" in tokenizer.chat_templates
    with pytest.raises(anemone.Error) as raised:
        tokenizer.token(10**6)
    assert raised.value.code == "out_of_range"
    with pytest.raises(anemone.Error, match="messages: not a JSON list"):
        tokenizer.apply_chat_template("Hello")  # type: ignore[arg-type]
