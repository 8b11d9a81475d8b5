#!/usr/bin/env python3
"""Fails on any #include that src/layers.txt does not allow, and on any drift of that list.

    scripts/check_layers.py [ROOT]
"""
import pathlib
import re
import sys

ROOT = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1
        else pathlib.Path(__file__).resolve().parent.parent)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def read_layers():
    allowed, headers, foreign = {}, {}, {}
    for number, line in enumerate((ROOT / "src/layers.txt").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        left, colon, right = line.partition(":")
        if not colon:
            sys.exit(f"src/layers.txt:{number}: no colon")
        if left.startswith("header "):
            headers[left.split()[1]] = right.strip()
        elif left.startswith("foreign "):
            foreign[left.split()[1]] = set(right.split())
        else:
            allowed[left.strip()] = set(right.split())
    return allowed, headers, foreign


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
    allowed, headers, foreign = read_layers()
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

    def is_own(include):
        first = include.partition("/")[0]
        return first == "anemone" or any(
            (ROOT / folder / include).is_file() for folder in ("src", "tools", "tests"))

    sources = [path for folder in ("src", "tools", "include", "tests", "fuzz")
               for path in (ROOT / folder).rglob("*")
               if path.suffix in (".h", ".cpp", ".mm", ".inc", ".in")]
    for path in sorted(sources):
        place = path.relative_to(ROOT)
        area = place.parts[0]
        is_public = area == "include"
        is_test = area == "tests" or path.stem.endswith("_test")
        module = place.parts[1] if area == "src" else headers.get(path.name) if is_public else area
        for bracket, include in INCLUDE.findall(path.read_text()):
            first, _, rest = include.partition("/")
            if include in foreign:
                if module not in foreign[include]:
                    faults.append(f"{place}: {module} may not use {include}")
                continue
            if bracket == "<":
                if is_own(include):
                    faults.append(f"{place}: <{include}> is ours and stands in quotes")
                elif is_public and ("/" in include or include.endswith((".h", ".hpp"))):
                    faults.append(f"{place}: a public header shows the dependency <{include}>")
                continue
            if first == "anemone":
                owner = headers.get(rest)
                if owner is None:
                    faults.append(f"{place}: {include} is no public header")
                elif module not in ("tools", "tests", "fuzz") and not may_use(module, owner):
                    faults.append(f"{place}: {module} may not use {include} of {owner}")
            elif is_public:
                faults.append(f"{place}: a public header includes {include}")
            elif module == "tools":
                if not (ROOT / "tools" / include).is_file():
                    faults.append(f"{place}: a tool includes {include}; tools see only include/anemone")
            elif area in ("tests", "fuzz"):
                if not any((ROOT / folder / include).is_file()
                           for folder in ("src", "tests" if is_test else "fuzz")):
                    faults.append(f"{place}: {include} is neither in src/ nor in {'tests' if is_test else 'fuzz'}/")
            elif first in allowed and not may_use(module, first):
                faults.append(f"{place}: {module} may not include {include}")
            elif first not in allowed and not (is_test and (ROOT / "tests" / include).is_file()):
                faults.append(f"{place}: {include} is written relative to src/ and names a module first")
    for fault in faults:
        print(fault)
    print(f"layers: {len(sources)} files, {len(allowed)} modules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
