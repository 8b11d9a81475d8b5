#!/usr/bin/env python3
"""Prints which requirements of docs/requirements.md the tests that ran have proven.

    scripts/requirements.py [--json] [RESULTS.xml ...]

Reads JUnit XML of ctest (`ctest --output-junit FILE`) and of pytest (`--junit-xml=FILE`), and XML of
GoogleTest (`--gtest_output=xml:FILE`); by default the newest build/*/test-results.xml and, where the
wheel was tested, build/python/pytest-results.xml, which it names.
A test proves a requirement by carrying its id in its name (S1_14 or S1.14), in a ctest label, or in
a property `requirement`, when it ran and passed. The labels stand in test-labels.json beside the
results (`ctest --show-only=json-v1`), because not every ctest writes them into its XML. Where both kinds of file name one test,
GoogleTest's word counts, because ctest may take a skip for a pass. The instances of a parameterised
test are one test: one that fails takes the proof away.
A line that belongs to a part of the software that is not written yet says so: [linux, waits for serve].

Exit: 0 done, 1 a test names an id that does not exist, 2 there are no results, or a file is missing
or cannot be read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("serve",)
REQUIREMENT = re.compile(
    rf"^- (S[0-4]\.\d+) \[(linux|mac|out)(?:, waits for ({'|'.join(PARTS)}))?\] (.+)$"
)
ID_IN_TEST = re.compile(r"(?<![A-Za-z0-9])S([0-4])[._](\d+)(?![A-Za-z0-9])")
INSTANCE_OF_TEST = re.compile(r"(.+?\.\w+)/.+")
INSTANCE_OF_PYTEST = re.compile(r"(\w+)\[.*\]", re.DOTALL)
HEADING = re.compile(r"^## (S[0-4]): (.+)$")
ID_PROPERTIES = ("cmake_labels", "requirement")
UNPROVEN = {"linux": "not yet", "mac": "needs a Mac", "out": "out"}
RESULTS = "build/*/test-results.xml"
LABELS = "test-labels.json"  # beside the results of ctest
PYTEST_RESULTS = "build/python/pytest-results.xml"
WAITING = "waiting"
STATUSES = ("proven", "not yet", WAITING, "needs a Mac", "out")


class Unreadable(Exception):
    """An input file that is missing or is not what it should be."""


@dataclass
class Requirement:
    id: str
    kind: str
    waits_for: str | None  # the part that will deliver it
    text: str
    proven_by: list[str] = field(default_factory=list)
    without_proof: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> str:
        if self.proven_by:
            return "proven"
        return WAITING if self.waits_for else UNPROVEN[self.kind]


@dataclass
class TestResult:
    name: str
    outcome: str  # passed, failed, skipped
    ids: list[str]
    from_googletest: bool


def read_requirements(path: Path) -> tuple[dict[str, str], dict[str, Requirement]]:
    """Titles of the documents and the requirements, both in the file's order."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {error}") from error
    titles: dict[str, str] = {}
    requirements: dict[str, Requirement] = {}
    for number, line in enumerate(lines, 1):
        if heading := HEADING.match(line):
            titles[heading[1]] = heading[2]
        elif line.startswith("- "):
            match = REQUIREMENT.match(line)
            if not match:
                raise Unreadable(f"{path}:{number}: expected `- S1.14 [linux] text`, got `{line}`")
            if match[1] in requirements:
                raise Unreadable(f"{path}:{number}: {match[1]} is listed twice")
            if match[1].split(".")[0] not in titles:
                raise Unreadable(
                    f"{path}:{number}: {match[1]} stands before the heading of its document"
                )
            requirements[match[1]] = Requirement(*match.groups())
    if not requirements:
        raise Unreadable(f"{path}: no line of the form `- S1.14 [linux] text`")
    return titles, requirements


def outcome_of(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.get("status") == "fail":
        return "failed"
    # pytest says nothing more of a test that ran.
    if case.find("skipped") is not None or case.get("status", "run") != "run":
        return "skipped"
    return "passed" if case.get("result", "completed") == "completed" else "skipped"


def read_labels(path: Path) -> dict[str, list[str]]:
    """Labels by test, of what `ctest --show-only=json-v1` wrote; none where there is no such file."""
    if not path.exists():
        return {}
    try:
        tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
        return {
            test["name"]: [
                label
                for property_ in test.get("properties", [])
                if property_["name"] == "LABELS"
                for label in property_["value"]
            ]
            for test in tests
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{path}: not a list of tests: {error!r}") from error


def read_results(path: Path) -> list[TestResult]:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise Unreadable(f"{path}: {error}") from error
    if root.tag not in ("testsuite", "testsuites"):
        raise Unreadable(f"{path}: root element <{root.tag}>, expected <testsuite> or <testsuites>")
    labels = read_labels(path.with_name(LABELS))
    results = []
    for case in root.iter("testcase"):
        from_googletest = case.get("result") is not None
        name = case.get("name", "")
        if from_googletest:
            name = f"{case.get('classname', '')}.{name}"
        properties = [
            p.get("value", "") for p in case.iter("property") if p.get("name") in ID_PROPERTIES
        ]
        if case.get("status") is not None and not from_googletest:
            properties += labels.get(name, [])
        found = ID_IN_TEST.findall(" ".join([name, *properties]))
        ids = list(dict.fromkeys(f"S{document}.{number}" for document, number in found))
        from_pytest = case.get("status") is None and not from_googletest
        instance = (INSTANCE_OF_PYTEST if from_pytest else INSTANCE_OF_TEST).fullmatch(name)
        if instance and ID_IN_TEST.search(instance[1]):
            name = instance[1]
        results.append(TestResult(name, outcome_of(case), ids, from_googletest))
    return results


def newest_results(root: Path) -> list[Path]:
    found = sorted(root.glob(RESULTS), key=lambda path: path.stat().st_mtime)[-1:]
    if not found:
        raise Unreadable(f"no {RESULTS}; run `make test`")
    found += [path for path in [root / PYTEST_RESULTS] if path.exists()]
    for path in found:
        when = datetime.fromtimestamp(path.stat().st_mtime).isoformat(" ", "seconds")
        print(f"requirements.py: of {path.relative_to(root)}, written {when}", file=sys.stderr)
    return found


def final_outcome(records: list[TestResult]) -> str:
    """One word for all records of a test: a failure anywhere wins, then a pass."""
    if any(record.outcome == "failed" for record in records):
        return "failed"
    deciding = [record for record in records if record.from_googletest] or records
    return "passed" if any(record.outcome == "passed" for record in deciding) else "skipped"


def assign(
    requirements: dict[str, Requirement], results: list[TestResult]
) -> list[tuple[str, str]]:
    """Enters each test at its requirements; returns (test, id) for ids that do not exist."""
    by_name: dict[str, list[TestResult]] = {}
    for result in results:
        by_name.setdefault(result.name, []).append(result)
    unknown = []
    for name, records in sorted(by_name.items()):
        outcome = final_outcome(records)
        for id_ in dict.fromkeys(id_ for record in records for id_ in record.ids):
            if id_ not in requirements:
                unknown.append((name, id_))
            elif outcome == "passed":
                requirements[id_].proven_by.append(name)
            else:
                requirements[id_].without_proof.append((name, outcome))
    return unknown


def count(requirements: list[Requirement]) -> dict[str, int]:
    statuses = Counter(requirement.status for requirement in requirements)
    return {status: statuses[status] for status in STATUSES}


def of_document(requirements: dict[str, Requirement], document: str) -> list[Requirement]:
    return [r for r in requirements.values() if r.id.startswith(document + ".")]


def print_table(titles: dict[str, str], requirements: dict[str, Requirement]) -> None:
    for document, title in titles.items():
        print(f"{document}: {title}")
        for requirement in of_document(requirements, document):
            print(f"  {requirement.id:<6} {requirement.status:<12} {requirement.text}")
            if requirement.status == WAITING:
                print(f"{'':22}waits for {requirement.waits_for}")
            for test in requirement.proven_by:
                print(f"{'':22}by {test}")
            for test, outcome in requirement.without_proof:
                print(f"{'':22}{outcome}: {test}")
        print()
    print("".join(f"{head:>13}" for head in ("", *STATUSES, "all")))
    rows = [(document, of_document(requirements, document)) for document in titles]
    for name, members in [*rows, ("total", list(requirements.values()))]:
        print(f"{name:>13}" + "".join(f"{n:>13}" for n in (*count(members).values(), len(members))))


def print_json(
    titles: dict[str, str], requirements: dict[str, Requirement], unknown: list[tuple[str, str]]
) -> None:
    document = {
        "version": 1,
        "documents": [
            {"id": id_, "title": title, "totals": count(of_document(requirements, id_))}
            for id_, title in titles.items()
        ],
        "requirements": [
            {
                "id": r.id,
                "kind": r.kind,
                "status": r.status,
                "waits_for": r.waits_for,
                "text": r.text,
                "proven_by": r.proven_by,
                "without_proof": [
                    {"test": test, "outcome": outcome} for test, outcome in r.without_proof
                ],
            }
            for r in requirements.values()
        ],
        "totals": count(list(requirements.values())),
        "unknown": [{"test": test, "id": id_} for test, id_ in unknown],
    }
    print(json.dumps(document, indent=2, ensure_ascii=False))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--requirements", type=Path, default=ROOT / "docs/requirements.md", metavar="FILE"
    )
    parser.add_argument(
        "--root", type=Path, default=ROOT, metavar="FOLDER", help="where build/ is looked for"
    )
    parser.add_argument("results", nargs="*", type=Path, metavar="RESULTS.xml")
    options = parser.parse_args(arguments)
    try:
        files = options.results or newest_results(options.root)
        titles, requirements = read_requirements(options.requirements)
        results = [result for path in files for result in read_results(path)]
        if not results:
            raise Unreadable(f"{', '.join(map(str, files))}: no test ran")
    except Unreadable as error:
        print(f"requirements.py: {error}", file=sys.stderr)
        return 2
    unknown = assign(requirements, results)
    if options.json:
        print_json(titles, requirements, unknown)
    else:
        print_table(titles, requirements)
    for test, id_ in unknown:
        print(f"requirements.py: test `{test}` names {id_}, which does not exist", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
