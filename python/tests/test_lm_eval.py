"""The harness' model `anemone`: its interface, and a cross-check of `anemone eval` by the harness itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

lm_eval = pytest.importorskip("lm_eval", reason="the harness is not installed")

from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model

import anemone
from anemone.lm_eval import AnemoneLM

HARNESS_RUN = Path(__file__).parent / "harness_run.py"


@pytest.fixture(scope="module")
def lm(package_path: Path) -> AnemoneLM:
    return get_model("anemone").create_from_arg_string(f"path={package_path},threads=2", {"batch_size": 1})


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Instance]:
    return [Instance(kind, {}, args, index) for index, args in enumerate(arguments)]


def test_S1_1_S1_8_the_model_is_registered(lm: AnemoneLM) -> None:
    assert isinstance(lm, AnemoneLM) and isinstance(lm, lm_eval.api.model.LM)
    assert lm_eval.__version__ == anemone._native.HARNESS_VERSION


def test_S1_9_the_three_kinds_of_requests(lm: AnemoneLM) -> None:
    scores = lm.loglikelihood(
        requests("loglikelihood", ("The sky is", " blue"), ("The sky is ", "blue"), ("", "The sky"))
    )
    assert all(isinstance(v, float) and isinstance(g, bool) for v, g in scores)
    assert scores[0] == scores[1]  # white space moves to the continuation
    rolling = lm.loglikelihood_rolling(requests("loglikelihood_rolling", ("The sky",), ("",)))
    assert rolling == [scores[2][0], 0]
    until = {"until": ["."], "max_gen_toks": 12}
    (text,) = lm.generate_until(requests("generate_until", ("The sky is", until)))
    assert "." not in text and until == {"until": ["."], "max_gen_toks": 12}


def test_S1_11_shuffled_requests_have_the_same_scores(lm: AnemoneLM) -> None:
    pairs = [(f"Question: {i}?\nAnswer:", f" {j}") for i in range(4) for j in ("no", "yes it is")]
    scores = lm.loglikelihood(requests("loglikelihood", *pairs), disable_tqdm=True)
    shuffled = lm.loglikelihood(requests("loglikelihood", *pairs[::-1]), disable_tqdm=True)
    assert scores == shuffled[::-1]


def test_long_requests_lose_their_beginning(package_path: Path, lm: AnemoneLM) -> None:
    short = AnemoneLM(path=str(package_path), max_length=16)
    ids = list(range(300, 340))
    (value,) = short._loglikelihood_tokens([(("", ""), ids, [7, 8])], disable_tqdm=True)
    assert value == lm.model.loglikelihood(ids[-15:], [7, 8])
    with pytest.raises(ValueError, match="a continuation of 17 tokens"):
        short._loglikelihood_tokens([(("", ""), ids, ids[:17])])
    text = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
    tokens = short.tok_encode(text)
    assert len(tokens) > 16
    (sum_,) = short.loglikelihood_rolling(requests("loglikelihood_rolling", (text,)))
    first = lm.model.loglikelihood([short.prefix_token_id], tokens[:16])[0]
    rest = lm.model.loglikelihood(tokens[len(tokens) - 17 : 16], tokens[16:])[0]
    assert len(tokens) <= 32 and sum_ == first + rest


def test_S1_28_a_batch_size_warns_and_stays_serial(
    package_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = AnemoneLM(path=str(package_path), batch_size=8)
    assert model.batch_size == 1 and "requests run one at a time" in caplog.text


def test_wrong_arguments_are_named(package_path: Path, lm: AnemoneLM) -> None:
    with pytest.raises(ValueError, match="give path=MODEL"):
        AnemoneLM()
    with pytest.raises(ValueError, match="max_length 5000, the model's context holds 1024"):
        AnemoneLM(path=str(package_path), max_length=5000)
    with pytest.raises(anemone.Error, match="none"):
        AnemoneLM(path="none")
    with pytest.raises(ValueError, match="num_beams: not supported"):
        lm.generate_until(requests("generate_until", ("x", {"until": [], "num_beams": 4})))
    with pytest.raises(ValueError, match="do_sample"):
        lm.generate_until(requests("generate_until", ("x", {"do_sample": True, "temperature": 1.0})))
    with pytest.raises(ValueError, match="do not fit"):
        lm.generate_until(requests("generate_until", ("x", {"until": [], "max_gen_toks": 1024})))


def test_chat_templates(lm: AnemoneLM) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert lm.apply_chat_template(messages).endswith("<|im_start|>assistant\n")
    started = lm.apply_chat_template(
        [*messages, {"role": "assistant", "content": "I am"}], add_generation_prompt=False
    )
    assert started.endswith("I am")
    assert "{%" in (lm.chat_template(True) or "") and lm.chat_template(False) is None
    with pytest.raises(ValueError, match="chat template 'other'"):
        lm.chat_template("other")
    assert lm.tokenizer_name.endswith("anemone-tiny-anemll") and "/" not in lm.tokenizer_name


# NumPy's exponential is the C library's without them, and up to a unit in the last place off with them.
WIDE_VECTORS = "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"


def run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]


def samples(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for file in sorted(folder.glob("*/samples_*.jsonl")):
        name = re.fullmatch(r"samples_(.+)_\d{4}-\d\d-\d\dT.*", file.stem)
        assert name
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        yield name[1], sorted(lines, key=lambda line: (line["filter"], line["doc_id"]))


def results(folder: Path) -> dict[str, Any]:
    (file,) = folder.glob("*/results_*.json")
    return json.loads(file.read_text())


# Tasks, and flags that both programs take.
RUNS: dict[str, tuple[list[str], list[str]]] = {
    "choices": (
        ["arc_easy", "hellaswag", "winogrande", "copa", "boolq", "truthfulqa_mc1", "truthfulqa_mc2"],
        ["--limit", "6"],
    ),
    "examples": (["arc_easy", "winogrande"], ["--limit", "6", "--num_fewshot", "3", "--seed", "7"]),
    "groups": (["mmlu_stem"], ["--limit", "1"]),
    "conversation": (
        ["openbookqa"],
        ["--limit", "5", "--num_fewshot", "2", "--apply_chat_template", "--fewshot_as_multiturn",
         "true", "--system_instruction", "You are a careful student."],
    ),
    "texts": (["wikitext", "lambada_openai"], ["--limit", "2"]),
    "generation": (["gsm8k"], ["--limit", "2", "--num_fewshot", "2", "--gen_kwargs", "max_gen_toks=48"]),
}


@pytest.mark.parametrize("name", RUNS)
def test_S0_40_S0_61_the_harness_gives_the_scores_of_anemone_eval(
    name: str, package_path: Path, shared: Path, program: str, tmp_path: Path
) -> None:
    tasks, flags = RUNS[name]
    data = shared / "data/benchmarks"
    run(
        [sys.executable, str(HARNESS_RUN), str(data), str(tmp_path / "cache"), "run", "--model",
         "anemone", "--model_args", f"path={package_path},threads=2", "--tasks", ",".join(tasks),
         "--log_samples", "--output_path", "theirs", *flags],
        tmp_path,
        HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1",
        NPY_DISABLE_CPU_FEATURES=WIDE_VECTORS,
    )
    run(
        [program, "eval", str(package_path), "--tasks", ",".join(tasks), "--data", str(data),
         "--log_samples", "--output_path", "ours", "--threads", "2", *flags],
        tmp_path,
    )
    theirs, ours = results(tmp_path / "theirs"), results(tmp_path / "ours")
    assert set(theirs["results"]) == set(ours["results"])
    for task, scores in theirs["results"].items():
        for key, value in scores.items():
            if "," in key:
                assert ours["results"][task][key] == value, f"{task}: {key}"
    for key in ("n-samples", "n-shot", "higher_is_better", "group_subtasks"):
        assert ours[key] == theirs[key], key
    compared = 0
    for (task, mine), (their_task, other) in zip(
        samples(tmp_path / "ours"), samples(tmp_path / "theirs"), strict=True
    ):
        assert task == their_task
        for a, b in zip(mine, other, strict=True):
            for key in ("doc_id", "filter", "arguments", "target", "resps", "filtered_resps",
                        "prompt_hash", "target_hash", *b["metrics"]):
                assert a[key] == b[key], f"{task}, document {b['doc_id']}: {key}"
            compared += 1
    assert compared >= len(tasks)


COMMAND_LINES = {
    "lm_eval": [str(Path(sys.executable).parent / "lm_eval")],
    "module": [sys.executable, "-m", "anemone.lm_eval", "run"],
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_S1_1_the_command_line_finds_the_model(name: str, package_path: Path, tmp_path: Path) -> None:
    (tmp_path / "days.jsonl").write_text('{"q": "It is", "a": "wet"}\n{"q": "It was", "a": "dry"}\n')
    (tmp_path / "days.yaml").write_text(
        "task: days\ndataset_path: json\ndataset_kwargs: {data_files: days.jsonl}\ntest_split: train\n"
        'output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: [wet, dry]\ndoc_to_target: "{{a}}"\n'
    )
    arguments = ["--model", "anemone", "--model_args", f"path={package_path}", "--tasks", "days",
                 "--include_path", str(tmp_path), "--output_path", "out"]
    run([*COMMAND_LINES[name], *arguments], tmp_path, HF_HOME=str(tmp_path / "hf"))
    written = results(tmp_path / "out")
    assert written["config"]["model"] == "anemone"
    assert re.fullmatch("blake3:[0-9a-f]{64}", written["config"]["model_sha"])
    assert set(written["results"]) == {"days"}


def test_S1_8_S1_2_the_documented_classes(root: Path, package_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "scripts/evaluate/ane"))
    from ane_model import ANE_Model
    from anelm_harness import ANELM

    model = ANE_Model(package_path)
    ids = [[11, 291, 265, 1569]]
    assert model.metadata == {"context_length": 1024, "batch_size": 64}
    assert model.prefill(ids[0]) == 4 == model.current_position
    whole = anemone.Model(package_path)
    expected = whole.generate(ids[0], max_tokens=6).tokens.tolist()
    token, generated = ids[0][-1], []
    for _ in expected:
        token = model.predict([token])
        generated.append(token)
    assert generated == expected == model.generate(ids[0], max_new_tokens=len(expected))
    assert model.generate(ids[0], 6, stop_tokens=[expected[1]]) == expected[:2]
    model.prefill(ids[0])
    probabilities = model.compute_logprobs(ids[0][-1])
    assert probabilities[7] == pytest.approx(whole.loglikelihood(ids[0], [7])[0], abs=1e-12)
    assert model.compute_logprobs(ids[0][-1], [7]).tolist() == [probabilities[7]]
    model.reset()
    assert model.current_position == 0

    assert ANELM(str(package_path), max_tokens=5).max_gen_toks == 5


def test_S1_8_anelm_harness_runs_the_harness(root: Path, package_path: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    script = root / "scripts/evaluate/ane/anelm_harness.py"
    done = subprocess.run(
        [sys.executable, str(script), "--model", str(package_path), "--tasks", "no_such_task"],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "HF_HOME": str(tmp_path)},
    )
    assert done.returncode != 0 and "no_such_task" in done.stdout + done.stderr
