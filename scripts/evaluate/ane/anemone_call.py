"""What the scripts share that only call the program: their flags, where it is, and how they call it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def fail(message: str) -> None:
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")  # exit code 1


def flags_of(words: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's own docstring, line by line."""
    return argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)


def program() -> str:
    """The program `anemone`: what $ANEMONE names, else this repository's build, else PATH's."""
    given = os.environ.get("ANEMONE")
    found = given or next(
        (str(path) for path in [ROOT / "build/anemone"] if path.exists()), shutil.which("anemone")
    )
    if not found or not shutil.which(found):
        fail(f"the program `{given or 'anemone'}` is missing: run `make build`, or name it in ANEMONE")
    return found


def check_model(path: str) -> str:
    if not Path(path).exists():
        fail(f"--model {path}: no such model directory or package")
    return path


def split_tasks(lists: list[str]) -> list[str]:
    """Names by commas or blanks."""
    return [name for part in lists for name in part.replace(",", " ").split()]


def run(*arguments: str) -> int:
    """The program's exit code; its output goes where ours goes."""
    code = subprocess.call([program(), *arguments])
    return code if code >= 0 else 128 - code  # as a shell says it of a signal
