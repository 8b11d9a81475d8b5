"""anemone.Model: what it computes, what it takes, what it refuses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anemone

IDS = [11, 291, 265, 1569, 364, 3546, 18]


@pytest.fixture(scope="module")
def expected(model: anemone.Model) -> np.ndarray:
    return model.logits(IDS)


def test_S1_2_info_says_what_the_model_is(model: anemone.Model, package_path: Path) -> None:
    info = model.info
    assert (info.form, info.context_length, info.prefill_block_tokens) == ("anemll", 1024, 64)
    assert (info.vocab_size, info.numerics, info.gives_logits) == (4096, "fp16", True)
    assert Path(info.path) == package_path
    assert info.hash == ""
    assert re.fullmatch("blake3:[0-9a-f]{64}", anemone.Model(package_path, hash=True).info.hash)


def test_logits_are_those_that_were_recorded(root: Path) -> None:
    checkpoint = anemone.Model(root / "models/anemone-tiny")
    with np.load(root / "models/expected.npz") as recorded:
        for i in range(3):
            logits = checkpoint.logits(recorded[f"ids{i}"])[recorded[f"pos{i}"]]
            assert np.abs(logits - recorded[f"logits{i}"]).max() < 2e-3


def other_bytes(ids: list[int]) -> np.ndarray:
    return np.array(ids, dtype=np.dtype(np.int32).newbyteorder())


FORMS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "NumPy integers": lambda ids: [np.int16(i) for i in ids],
    "row": lambda ids: np.array([ids]),
    "step": lambda ids: np.array([x for i in ids for x in (i, -1)])[::2],
    "column": lambda ids: np.array([[i, -1] for i in ids], dtype=np.int16)[:, 0],
    "reversed": lambda ids: np.array(ids[::-1])[::-1],
    "other byte order": other_bytes,
    "unaligned": lambda ids: np.frombuffer(b"x" + np.array(ids, np.int32).tobytes(), np.uint8)[1:].view(np.int32),
    "read-only": lambda ids: np.frombuffer(np.array(ids, np.int64).tobytes(), np.int64),
    **{
        name: lambda ids, name=name: np.array(ids, dtype=name)
        for name in ("int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_S1_5_token_ids_of_any_type_and_stride(
    form: str, model: anemone.Model, expected: np.ndarray
) -> None:
    given = FORMS[form](IDS)
    logits = model.logits(given)
    assert logits.dtype == np.float32 and logits.flags.c_contiguous and logits.flags.owndata is False
    assert logits.shape == (len(IDS), 4096)
    assert np.array_equal(logits, expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_S1_5_one_byte_ids(dtype: str, model: anemone.Model) -> None:
    small = [11, 91, 5, 100]
    assert np.array_equal(model.logits(np.array(small, dtype)), model.logits(small))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_S1_5_tensors(dtype: str, model: anemone.Model) -> None:
    torch = pytest.importorskip("torch")
    small = [11, 91, 5, 100]
    tensor = torch.tensor([[i, 0] for i in small], dtype=getattr(torch, dtype))[:, 0]
    assert not tensor.is_contiguous()
    assert np.array_equal(model.logits(tensor), model.logits(small))
    assert np.array_equal(model.logits(tensor[None]), model.logits(small))


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ([1.5], TypeError, "expected integers, got float"),
        ([True], TypeError, "expected integers, got bool"),
        (np.array([1.0]), TypeError, "an array of float64"),
        (np.array([True]), TypeError, "an array of bool"),
        ("text", TypeError, "expected integers, got str"),
        (b"text", TypeError, "expected integers, got bytes"),
        (None, TypeError, "incompatible function arguments"),
        ([[1, 2]], TypeError, "expected integers, got list"),
        (np.zeros((2, 3), np.int32), ValueError, r"shape \[2, 3\], expected \[T\] or \[1, T\]"),
        ([2**31], ValueError, "2147483648 is outside int32"),
        ([2**80], ValueError, "outside int32"),
        (np.array([2**40]), ValueError, "1099511627776 is outside int32"),
        ([4096], anemone.Error, "4096"),
        ([-1], anemone.Error, "-1"),
        ([], anemone.Error, "no token"),
        (np.zeros(1025, np.int32), anemone.Error, "1025"),
    ],
)
def test_S1_7_S1_15_other_ids_never_reach_the_model(
    given: Any, error: type[Exception], text: str, model: anemone.Model
) -> None:
    calls = model.counters["calls"]
    with pytest.raises(error, match=text):
        model.logits(given)
    assert model.counters["calls"] == calls


def test_S1_6_S1_10_prefill_is_as_many_steps(model: anemone.Model, expected: np.ndarray) -> None:
    steps, blocks = model.new_sequence(), model.new_sequence()
    for i, token in enumerate(IDS):
        logits = steps.predict(token)
        assert logits.dtype == np.float32 and logits.shape == (4096,)
        assert np.array_equal(logits, expected[i])
    assert np.array_equal(blocks.prefill(IDS), expected[-1])
    assert blocks.tokens.dtype == np.int32 and blocks.tokens.tolist() == IDS
    assert np.array_equal(steps.predict(7), blocks.predict(7))


def test_S1_4_state_is_reset_cut_and_forked(model: anemone.Model, expected: np.ndarray) -> None:
    sequence = model.new_sequence()
    sequence.prefill(IDS)
    copy = sequence.fork()
    sequence.truncate(3)
    assert len(sequence) == 3 and len(copy) == len(IDS)
    assert np.array_equal(sequence.extend(IDS[3:]), expected[3:])
    sequence.reset()
    assert len(sequence) == 0
    assert np.array_equal(sequence.extend(IDS), expected)
    assert copy.size_bytes > 0
    with pytest.raises(anemone.Error, match="truncate to 8, the sequence has 7 tokens"):
        sequence.truncate(8)
    with pytest.raises(ValueError, match="2 tokens, expected one"):
        sequence.predict([1, 2])


def test_a_sequence_keeps_its_model_alive(package_path: Path, expected: np.ndarray) -> None:
    sequence = anemone.Model(package_path).new_sequence()
    assert np.array_equal(sequence.prefill(IDS), expected[-1])


def test_loglikelihood_is_the_sum_of_log_probabilities(
    model: anemone.Model, expected: np.ndarray
) -> None:
    rows = expected[2:-1].astype(np.float64)
    shifted = rows - rows.max(axis=1, keepdims=True)
    normal = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    value, greedy = model.loglikelihood(IDS[:3], IDS[3:])
    assert value == pytest.approx(sum(normal[i, t] for i, t in enumerate(IDS[3:])), abs=1e-9)
    assert greedy == bool((rows.argmax(axis=1) == IDS[3:]).all())
    best = int(expected[-1].argmax())
    assert model.loglikelihood(IDS, best)[1] is True


def test_S1_11_order_changes_no_score(model: anemone.Model) -> None:
    pairs = [(IDS[: i + 1], IDS[i + 1 :]) for i in range(6)] * 2 + [(np.array(IDS), [5])]
    values, greedy = model.loglikelihoods(pairs)
    assert values.dtype == np.float64 and greedy.dtype == np.bool_
    order = np.random.default_rng(5).permutation(len(pairs))
    shuffled, flags = model.loglikelihoods([pairs[i] for i in order])
    assert np.array_equal(values[order], shuffled) and np.array_equal(greedy[order], flags)
    alone = [model.loglikelihood(*pair) for pair in pairs]
    assert values.tolist() == [value for value, _ in alone]
    assert model.loglikelihoods([])[0].shape == (0,)


def test_loglikelihood_faults_name_the_request(model: anemone.Model) -> None:
    with pytest.raises(anemone.Error, match="request 1: the continuation is empty") as raised:
        model.loglikelihoods([([1], [2]), ([1], [])])
    assert raised.value.code == "invalid_argument"
    with pytest.raises(TypeError, match="expected pairs"):
        model.loglikelihoods([[1, 2, 3]])


def test_errors_have_their_whole_text(tmp_path: Path) -> None:
    with pytest.raises(anemone.Error) as raised:
        anemone.Model(tmp_path / "none")
    error = raised.value
    assert error.code == "not_found"
    assert error.message in str(error) and "none" in str(error)
    assert all(frame in str(error) for frame in error.context) and error.hint in str(error)
    assert isinstance(error, RuntimeError)
    with pytest.raises(anemone.Error, match="numerics 'fp8'"):
        anemone.Model(tmp_path, numerics="fp8")
    with pytest.raises(anemone.Error, match="instruction set 'mmx'"):
        anemone.Model(tmp_path, isa="mmx")


def test_S1_16_S1_52_a_second_call_is_an_error_and_breaks_nothing(model: anemone.Model) -> None:
    pairs = [(IDS, [5])] * 3
    seen: list[anemone.Error] = []
    other = model.new_sequence()

    def enter_again(done: int, total: int) -> None:
        for call in (
            lambda: model.logits(IDS),
            lambda: model.loglikelihood(IDS, [5]),
            lambda: model.generate("x", max_tokens=1),
            lambda: other.predict(1),
            lambda: other.fork(),
            model.new_sequence,
        ):
            with pytest.raises(anemone.Error, match="calls are serial") as raised:
                call()
            seen.append(raised.value)

    values, _ = model.loglikelihoods(pairs, progress=enter_again)
    assert seen and {error.code for error in seen} == {"invalid_argument"}
    assert values.tolist() == model.loglikelihoods(pairs)[0].tolist()


def test_S1_52_threads_are_refused_not_mixed(model: anemone.Model) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(done: int, total: int) -> None:
        entered.set()
        assert leave.wait(60)

    thread = threading.Thread(target=lambda: model.loglikelihoods([(IDS, [5])], progress=hold))
    thread.start()
    try:
        assert entered.wait(60)
        with pytest.raises(anemone.Error, match="calls are serial"):
            model.logits(IDS)
    finally:
        leave.set()
        thread.join()
    assert model.logits(IDS).shape == (len(IDS), 4096)


def test_the_interpreter_runs_while_a_model_computes(model: anemone.Model) -> None:
    ids = np.resize(IDS, 1000)
    started, done = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        model.logits(ids)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    turns = 0
    while not done.is_set():
        turns += 1
    thread.join()
    assert turns > 1000


def test_what_a_callback_raises_comes_out(model: anemone.Model) -> None:
    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total >= done
        raise Stop

    with pytest.raises(Stop):
        model.loglikelihoods([(IDS, [5])] * 3, progress=stop)

    def stop_text(_: str) -> None:
        raise Stop

    with pytest.raises(Stop):
        model.generate("The sky", max_tokens=8, on_text=stop_text)
    assert model.logits(IDS).shape[0] == len(IDS)


def test_S1_49_generation_is_the_recorded_one(model: anemone.Model, root: Path) -> None:
    recorded = json.loads((root / "models/greedy.json").read_text())
    stops = set(model.tokenizer.stop_ids)
    for prompt in recorded["prompts"]:
        close = [i for i, margin in enumerate(prompt["margins"]) if margin < 0.05]
        ends = [i + 1 for i, token in enumerate(prompt["tokens"]) if token in stops]
        length = min([len(prompt["tokens"]), *close, *ends])
        generation = model.generate(prompt["text"], max_tokens=length) if length else None
        if generation:
            assert generation.tokens.tolist() == prompt["tokens"][:length]


def test_generation_streams_its_text_and_stops(model: anemone.Model) -> None:
    pieces: list[str] = []
    whole = model.generate("Once upon a time", max_tokens=24, on_text=pieces.append)
    assert "".join(pieces) == whole.text and whole.prompt_tokens > 0
    words = whole.text.split(" ")
    cut = model.generate("Once upon a time", max_tokens=24, stop=[words[3]])
    assert cut.stop == "stop_text" and cut.text == whole.text[: whole.text.index(words[3])]
    ended = model.generate("Once upon a time", max_tokens=24, on_text=lambda _: False)
    assert ended.stop == "cancelled"
    draws = {model.generate("Once", max_tokens=8, temperature=1.0, seed=s).text for s in (1, 1, 2, 3)}
    assert 2 <= len(draws) <= 3
    with pytest.raises(anemone.Error):
        model.generate("x", temperature=-1.0)


def test_the_backend_and_its_units_can_be_chosen(package_path: Path) -> None:
    info = anemone.Model(package_path, backend="cpu").info
    assert (info.backend, info.compute_units, info.backend_notes) == ("cpu", "cpu", [])
    with pytest.raises(anemone.Error, match="expected all, cpu, cpu-gpu or cpu-ane"):
        anemone.Model(package_path, compute_units="npu")
    with pytest.raises(anemone.Error, match="expected auto, cpu or coreml"):
        anemone.Model(package_path, backend="gpu")
