"""examples/python: a program and a service over the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import anemone

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/python"


def test_S3_35_the_program_continues_a_text(package_path: Path) -> None:
    expected = anemone.Model(package_path).generate("The sky is", max_tokens=8).text
    result = subprocess.run(
        [sys.executable, EXAMPLES / "generate.py", package_path, "The sky is", "8"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == expected + "\n"
    assert subprocess.run([sys.executable, EXAMPLES / "generate.py"], capture_output=True).returncode == 1


@pytest.fixture
def service(package_path: Path) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "service.py", package_path, "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:")
        yield "http://" + line.split()[-1]
        process.terminate()


def ask(address: str, body: bytes) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_S3_69_the_service_answers(service: str, package_path: Path) -> None:
    expected = anemone.Model(package_path).generate("The sky is", max_tokens=8).text
    body = json.dumps({"prompt": "The sky is", "max_tokens": 8}).encode()
    assert ask(service, body) == (200, {"text": expected})
    too_long = json.dumps({"prompt": "The sky is " * 2000}).encode()
    for wrong in (
        b"{",
        b"{}",
        b'{"prompt": 3}',
        b'{"prompt": "x", "max_tokens": 0}',
        b'{"prompt": "x", "max_tokens": true}',
        b"[]",
        too_long,
    ):
        status, answer = ask(service, wrong)
        assert status == 400 and answer["error"]
    assert ask(service, body) == (200, {"text": expected})
