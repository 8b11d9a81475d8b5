"""The wheel as a package: types, words, version."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import anemone


def stubs() -> ast.Module:
    return ast.parse((Path(anemone.__file__).parent / "_native.pyi").read_text())


def test_stubs_know_every_public_name() -> None:
    classes = {node.name: node for node in stubs().body if isinstance(node, ast.ClassDef)}
    for name in ("Model", "ModelInfo", "Sequence", "Generation", "Tokenizer"):
        members = {n.name for n in classes[name].body if isinstance(n, ast.FunctionDef)}
        public = {key for key in vars(getattr(anemone, name)) if not key.startswith("_")}
        assert public <= members, name
    assert (Path(anemone.__file__).parent / "py.typed").exists()


def test_every_method_says_what_it_does() -> None:
    for name in ("Model", "Sequence", "Tokenizer"):
        for key, value in vars(getattr(anemone, name)).items():
            if not key.startswith("_") and callable(value):
                assert len(value.__doc__.splitlines()) > 1, f"{name}.{key}"


def test_shapes_stand_in_the_words_of_what_gives_arrays() -> None:
    for method in (anemone.Model.logits, anemone.Sequence.prefill, anemone.Sequence.predict,
                   anemone.Sequence.extend, anemone.Model.loglikelihoods):
        assert re.search(r"float(32|64) \[(V|T, V|N)\]", method.__doc__), method


def test_version_is_the_librarys(root: Path) -> None:
    declared = re.search(r"project\(anemone VERSION ([0-9.]+)", (root / "CMakeLists.txt").read_text())
    assert declared and anemone.__version__ == declared[1] == metadata.version("anemone")


def test_the_harness_finds_the_model_by_its_entry_point() -> None:
    points = metadata.entry_points(group="lm_eval.models")
    assert [point.value for point in points if point.name == "anemone"] == ["anemone.lm_eval:AnemoneLM"]


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.strip()


def test_the_name_costs_nothing_until_the_harness_is_asked_for_it() -> None:
    assert python("import sys; print([m for m in sys.modules if m in ('anemone', 'lm_eval', 'numpy')])") == "[]"
    assert python(
        "import sys, lm_eval.models; from lm_eval.api.registry import model_registry as r;"
        "print('anemone' in r, 'anemone' in sys.modules, r.get('anemone').__module__, 'hf' in r)"
    ) == "True False anemone.lm_eval True"


def test_other_modules_are_found_as_before() -> None:
    finder = "next(f for f in sys.meta_path if type(f).__module__ == '_anemone_lm_eval')"
    assert python(f"import sys; print({finder}.find_spec('json', None))") == "None"
    # A harness without models of its own.
    assert python(
        "import sys, types; p = types.ModuleType('lm_eval'); p.__path__ = []; sys.modules['lm_eval'] = p\n"
        "try: import lm_eval.models\n"
        "except ModuleNotFoundError as e: print(e.name)"
    ) == "lm_eval.models"
