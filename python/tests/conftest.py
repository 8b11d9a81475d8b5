"""The embedded model, the program and the fixtures, for all tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import anemone

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def package_path() -> Path:
    return ROOT / "models/anemone-tiny-anemll"


@pytest.fixture(scope="session")
def model(package_path: Path) -> anemone.Model:
    return anemone.Model(package_path, threads=2)


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("ANEMONE_SHARED", ROOT.parent / "shared"))
    if not (folder / "fixtures/lm_eval").exists():
        pytest.skip(f"no fixtures: {folder}")
    return folder


@pytest.fixture(scope="session")
def program() -> str:
    """The command line that the wheel is compared with."""
    builds = [ROOT / "build/anemone", ROOT / "build/dev/tools/anemone"]
    found = os.environ.get("ANEMONE") or next((str(path) for path in builds if path.exists()), None)
    if not found or not shutil.which(found):
        pytest.skip("no program: run `make build`, or name it in ANEMONE")
    return found
