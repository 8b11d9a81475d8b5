#!/usr/bin/env python3
"""Runs the command-line cases of one text file against the program.

    $ anemone inspect missing.mlpackage      a command, run in a scratch folder by sh; $MODELS, $SHARED are set
    exit: 1                                  the exit code (default 0)
    out: text                                stdout holds this line (anywhere); out~ is a regular expression
    err: text                                the same for stderr; err~ likewise
    out-json: expression                     Python over `doc`, the parsed stdout, must be true
    needs: shared                            the case needs the folder of fixtures

Without --shared the cases run that need nothing; with it those that need the fixtures, and where the
folder is absent all of them are skipped: exit 77.
`--update` is not offered: expectations are written by hand.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77  # what ctest takes for a skip


def parse(path):
    cases = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("$ "):
            cases.append({"line": number, "command": line[2:], "exit": 0, "checks": [], "shared": False})
            continue
        key, colon, value = line.partition(": ")
        if not cases or not colon:
            sys.exit(f"{path}:{number}: cannot read this line")
        if key == "exit":
            cases[-1]["exit"] = int(value)
        elif key == "needs":
            if value.strip() != "shared":
                sys.exit(f"{path}:{number}: unknown need {value}")
            cases[-1]["shared"] = True
        elif key in ("out", "err", "out~", "err~", "out-json"):
            cases[-1]["checks"].append((number, key, value))
        else:
            sys.exit(f"{path}:{number}: unknown key {key}")
    return cases


def check(case, result):
    faults = []
    if result.returncode != case["exit"]:
        faults.append(f"exit {result.returncode}, expected {case['exit']}")
    for number, key, value in case["checks"]:
        text = result.stderr if key.startswith("err") else result.stdout
        if key == "out-json":
            try:
                held = eval(value, {"doc": json.loads(text)})
            except Exception as error:  # a malformed document or a wrong key is the fault to report
                held = False
                faults.append(f"line {number}: {error!r}")
        elif key.endswith("~"):
            held = re.search(value, text, re.M) is not None
        else:
            held = value in text
        if not held:
            faults.append(f"line {number}: not true: {key}: {value}")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--shared", action="store_true", help="the cases that need the fixtures")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    shared = pathlib.Path(os.environ.get("ANEMONE_SHARED", root.parent / "shared")).resolve()
    failed = 0
    cases = [case for case in parse(arguments.file) if case["shared"] == arguments.shared]
    if arguments.shared and not shared.is_dir():
        print(f"skipped: {len(cases)} cases: no fixtures: {shared}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as scratch:
        environment = dict(os.environ, MODELS=str(root / "models"), SHARED=str(shared), SOURCE=str(root),
                           NO_COLOR="1", PATH=f"{arguments.program.parent.resolve()}:{os.environ['PATH']}")
        for case in cases:
            result = subprocess.run(["sh", "-c", case["command"]], cwd=scratch, env=environment, text=True,
                                    errors="replace", capture_output=True, timeout=300,
                                    stdin=subprocess.DEVNULL)
            faults = check(case, result)
            if faults:
                failed += 1
                print(f"[FAIL] line {case['line']}: {case['command']}")
                for fault in faults:
                    print("   ", fault)
                print("    stdout:", result.stdout[-800:])
                print("    stderr:", result.stderr[-800:])
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
