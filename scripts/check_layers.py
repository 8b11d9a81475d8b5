#!/usr/bin/env python3
"""Fails on any #include that src/layers.txt does not allow, and on any drift of that list."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# Headers of dependencies that may not show in the public API.
STANDARD = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.M)


def read_layers():
    allowed, headers = {}, {}
    for number, line in enumerate((ROOT / "src/layers.txt").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        left, colon, right = line.partition(":")
        if not colon:
            sys.exit(f"src/layers.txt:{number}: no colon")
        if left.startswith("header "):
            headers[left.split()[1]] = right.strip()
        else:
            allowed[left.strip()] = set(right.split())
    return allowed, headers


def cycles(allowed):
    done, path = set(), []

    def visit(module):
        if module in path:
            return path[path.index(module):] + [module]
        if module in done:
            return None
        path.append(module)
        for dependency in allowed.get(module, ()):
            found = visit(dependency)
            if found:
                return found
        path.pop()
        done.add(module)
        return None

    for module in allowed:
        found = visit(module)
        if found:
            return found
    return None


def main():
    allowed, headers = read_layers()
    faults = []
    cycle = cycles(allowed)
    if cycle:
        faults.append("src/layers.txt: cycle " + " -> ".join(cycle))
    for module, dependencies in allowed.items():
        for dependency in dependencies - set(allowed):
            faults.append(f"src/layers.txt: {module} names {dependency}, which has no line")
    for folder in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        if folder.name not in allowed:
            faults.append(f"src/{folder.name}: not in src/layers.txt")
        if not (folder / "README.md").is_file():
            faults.append(f"src/{folder.name}: no README.md")
        elif len((folder / "README.md").read_text().splitlines()) > 30:
            faults.append(f"src/{folder.name}/README.md: more than 30 lines")
    public = {path.name for path in (ROOT / "include/anemone").glob("*.h")}
    for header in sorted(public ^ set(headers)):
        faults.append(f"include/anemone/{header}: in the folder or in src/layers.txt, not in both")

    def may_use(module, other):
        return other == module or other == "base" or other in allowed.get(module, ())

    sources = [path for folder in ("src", "tools", "include") for path in (ROOT / folder).rglob("*")
               if path.suffix in (".h", ".cpp", ".mm", ".inc", ".in")]
    for path in sorted(sources):
        place = path.relative_to(ROOT)
        text = path.read_text()
        is_public = place.parts[0] == "include"
        is_test = path.stem.endswith("_test")
        module = headers.get(path.name) if is_public else (
            "tools" if place.parts[0] == "tools" else place.parts[1])
        for include in INCLUDE.findall(text):
            first, _, rest = include.partition("/")
            if first == "anemone":
                owner = headers.get(rest)
                if owner is None:
                    faults.append(f"{place}: {include} is no public header")
                elif module != "tools" and not may_use(module, owner):
                    faults.append(f"{place}: {module} may not use {include} of {owner}")
            elif is_public:
                faults.append(f"{place}: a public header includes {include}")
            elif module == "tools":
                if not (ROOT / "tools" / include).is_file():
                    faults.append(f"{place}: a tool includes {include}; tools see only include/anemone")
            elif first in allowed and not may_use(module, first):
                faults.append(f"{place}: {module} may not include {include}")
            elif first not in allowed and include != "anemone_bridge.h" and not (
                    is_test and (ROOT / "tests" / include).is_file()):
                faults.append(f"{place}: {include} is written relative to src/ and names a module first")
        if is_public:
            for include in STANDARD.findall(text):
                if "/" in include or include.endswith((".h", ".hpp")):
                    faults.append(f"{place}: a public header shows the dependency <{include}>")
    for fault in faults:
        print(fault)
    print(f"layers: {len(sources)} files, {len(allowed)} modules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
