"""Tests of the Swift sources.

    swift_sources_test.py             their form
    swift_sources_test.py --compile   by swiftc; exit 77: there is none that knows Core ML
"""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "examples/swift"
SCRIPTS = [ROOT / "scripts/verify_ane.swift", ROOT / "scripts/ANEInference.swift",
           ROOT / "scripts/apple/compute_plan.swift"]
SOURCES = sorted(PACKAGE.glob("Sources/**/*.swift")) + sorted(PACKAGE.glob("Tests/**/*.swift"))
PAIRS = {")": "(", "]": "[", "}": "{"}


def without_text(source):
    """The source without comments and the words of strings; what a string interpolates stays."""
    out, at, quotes = [], 0, []
    while at < len(source):
        rest = source[at:]
        in_string = bool(quotes) and quotes[-1] == '"'
        if in_string and rest.startswith("\\("):
            quotes.append("(")
            out.append("(")
            at += 2
        elif in_string and rest[0] == "\\":
            at += 2
        elif rest[0] == '"':
            quotes.pop() if in_string else quotes.append('"')
            at += 1
        elif in_string:
            if rest[0] == "\n":
                raise ValueError("a string goes on in the next line")
            at += 1
        elif rest.startswith("//"):
            at += rest.find("\n") if "\n" in rest else len(rest)
        else:
            if quotes and rest[0] == "(":
                quotes.append("((")
            elif quotes and rest[0] == ")":
                quotes.pop()
            out.append(rest[0])
            at += 1
    if quotes:
        raise ValueError("a string does not end")
    return "".join(out)


def unbalanced(source):
    open_ = []
    for character in without_text(source):
        if character in PAIRS.values():
            open_.append(character)
        elif character in PAIRS:
            if not open_ or open_.pop() != PAIRS[character]:
                return f"{character} closes nothing"
    return f"{open_} stay open" if open_ else None


WORDS = re.compile(r"[{}]|\b(?:if|guard|for|while)\s+case\b(?:\s+(?:let|var)\s+\w+)?|\b(?:case|default)\b(?!\s+(?:let|var))"
                   r"|(,|\b(?:if|while|guard|case)\b)?\s*\b(?:let|var)\s+(\w+)")


def declared_twice(source):
    """Names that one pair of braces declares twice, of which a guard is one: Swift takes that for a mistake."""
    scopes, found, kind = [set()], [], None
    for word in WORDS.finditer(without_text(source)):
        if word[0] == "{":
            scopes.append(set())
        elif word[0] == "}":
            scopes.pop()
        elif word[0] in ("case", "default") or word[1] == "case":
            scopes[-1] = set()
        elif word[2]:
            kind = kind if word[1] == "," else word[1]
            if kind in (None, "guard"):
                if word[2] in scopes[-1]:
                    found.append(word[2])
                scopes[-1].add(word[2])
    return found


def awaited_in_assertions(source):
    """Arguments of XCTAssert… that wait: they are closures that must not."""
    text = without_text(source)
    found = []
    for start in re.finditer(r"\bXCT(?:Assert|Unwrap)\w*\(", text):
        depth, at = 1, start.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        if re.search(r"\bawait\b", text[start.end():at]):
            found.append(" ".join(text[start.start():at].split()))
    return found


def calls_itself(source):
    """Constants whose value calls a function of their own name, which older compilers take for the constant."""
    return re.findall(r"\b(?:let|var) (\w+) = [^\n]*(?<![.\w])\1\(", without_text(source))


class SwiftSources(unittest.TestCase):
    def test_what_swift_would_refuse_is_not_there(self):
        for path in [*SOURCES, *SCRIPTS]:
            source = path.read_text()
            for check in (declared_twice, awaited_in_assertions, calls_itself):
                self.assertEqual(check(source), [], f"{path}: {check.__name__}")
        self.assertEqual(declared_twice("let count = a()\nguard let count, count > 0 else { throw b }"), ["count"])
        self.assertEqual(declared_twice("guard let a = x, let b = y else { return }\nlet b = 1"), ["b"])
        self.assertEqual(declared_twice("switch a {\ncase 1: let b = 1\ncase let c: let b = c\n}"), [])
        self.assertEqual(declared_twice("let a = 1\nif let a = b { let c = a }\nlet c = 1"), [])
        self.assertEqual(awaited_in_assertions("XCTAssertEqual(f(try await g()), 1)"), ["XCTAssertEqual(f(try await g()), 1)"])
        self.assertEqual(calls_itself('let path = try path("x")'), ["path"])
        self.assertEqual(calls_itself("let path = try a.path(x)"), [])

    def test_brackets_and_strings_are_balanced(self):
        self.assertGreater(len(SOURCES), 6)
        for path in [PACKAGE / "Package.swift", *SOURCES, *SCRIPTS]:
            self.assertIsNone(unbalanced(path.read_text()), path)
        self.assertIsNotNone(unbalanced("func a() { print(\"(\") "))
        self.assertIsNotNone(unbalanced("let a = [1, 2)"))
        self.assertIsNone(unbalanced('print("\\(a[")"]) {") // }'))

    def test_a_model_that_an_actor_awaits_may_leave_it(self):
        """In the language mode of Swift 6 an app that takes the source over would not compile."""
        awaiting = [path for path in [*SOURCES, *SCRIPTS] if "await model.prediction(" in path.read_text()]
        self.assertEqual({path.name for path in awaiting}, {"LogitsModel.swift", "ANEInference.swift"})
        for path in awaiting:
            self.assertIn("private nonisolated(unsafe) let model: MLModel", path.read_text(), path)

    def test_targets_have_their_folders(self):
        text = (PACKAGE / "Package.swift").read_text()
        targets = re.findall(r"\.(executableTarget|target|testTarget)\(\s*name: \"([\w-]+)\"", text)
        self.assertEqual(len(targets), 3)
        for kind, name in targets:
            folder = PACKAGE / ("Tests" if kind == "testTarget" else "Sources") / name
            self.assertTrue(list(folder.glob("*.swift")), folder)

    def test_paths_are_file_urls_and_packages_are_compiled(self):
        for path in [*SOURCES, *SCRIPTS]:
            text = path.read_text()
            self.assertNotIn("URL(string:", text, path)
            self.assertNotIn("\\\\(", text, path)
            if "MLModel.load(" in text:
                self.assertIn("MLModel.compileModel(at:", text, path)

    def test_the_class_has_the_documented_face(self):
        text = (ROOT / "scripts/ANEInference.swift").read_text()
        self.assertIn("init(modelPath: String) async throws", text)
        self.assertIn("func predict(inputIDs: [Int32]) async throws -> [Float]", text)
        self.assertIn("configuration.computeUnits = .all", text)
        self.assertRegex(text, r'guard let logits = .*"logits".*else \{\s*throw ANEInferenceError.invalidOutput')
        package = (PACKAGE / "Sources/AnemoneModels/LogitsModel.swift").read_text()
        self.assertIn("func predict(inputIDs: [Int32]) async throws -> [Float]", package)
        self.assertIn("throw ModelError.invalidOutput", package)
        self.assertIn("units: MLComputeUnits = .all", package)

    def test_the_verifier_loads_on_all_units_describes_and_points_to_instruments(self):
        text = (ROOT / "scripts/verify_ane.swift").read_text()
        for words in ("computeUnits = .all", "inputDescriptionsByName", "outputDescriptionsByName",
                      "Instruments", "Core ML refuses"):
            self.assertIn(words, text)

    def test_both_classes_have_examples_of_use(self):
        self.assertRegex((ROOT / "scripts/ANEInference.swift").read_text(), r"//     let model = try await ANEInference")
        deployment = (ROOT / "docs/deployment.md").read_text()
        self.assertIn("LogitsModel(modelPath:", deployment)
        self.assertIn("examples/python/generate.py", deployment)


def compile_sources():
    """0 compiled, 77 no toolchain for Core ML."""
    if not shutil.which("swiftc") or sys.platform != "darwin":
        print("skipped compiling: no Swift toolchain with Core ML here; scripts/apple/verify.sh builds them on a Mac")
        return 77
    for script in SCRIPTS:
        subprocess.run(["swiftc", "-typecheck", script], check=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--compile"]:
        sys.exit(compile_sources())
    unittest.main()
