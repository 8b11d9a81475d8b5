"""Tests of scripts/apple/*.sh: the commands that they build, with stand-ins for a Mac's programs.

    apple_scripts_test.py ANEMONE
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILE = ROOT / "scripts/apple/compile.sh"
VERIFY = ROOT / "scripts/apple/verify.sh"
TOKENS = ROOT / "scripts/apple/tokens.py"
ANEMONE = None


def run(command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)


class Scratch(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.programs = self.folder / "bin"
        self.programs.mkdir()

    def stand_in(self, name, text, folder=None):
        path = (folder or self.programs) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/usr/bin/env bash\n" + text)
        path.chmod(0o755)

    def environment(self):
        return {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}


class Compile(Scratch):
    def setUp(self):
        super().setUp()
        self.stand_in("xcrun", f'printf "%s|" "$@" >> "{self.folder}/calls"; echo >> "{self.folder}/calls"\n'
                               'case "$3" in *refused*) exit 1 ;; esac\n')
        for name in ("a b.mlpackage", "c.mlpackage"):
            (self.folder / "models" / name).mkdir(parents=True)
        (self.folder / "models/d.mlmodel").write_text("")
        (self.folder / "models/notes.txt").write_text("")

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def compile(self, *arguments):
        return run([COMPILE, *arguments], env=self.environment())

    def test_one_package_is_compiled_beside_itself(self):
        package = self.folder / "models/a b.mlpackage"
        self.assertEqual(self.compile(package).returncode, 0)
        self.assertEqual(self.calls(), [f"coremlcompiler|compile|{package}|{self.folder}/models|"])

    def test_a_folder_is_compiled_for_a_target(self):
        result = self.compile(self.folder / "models", self.folder / "out", "--platform", "iOS",
                              "--deployment-target=18.0")
        self.assertEqual(result.returncode, 0, result.stderr)
        target = f"{self.folder}/out|--platform|iOS|--deployment-target|18.0|"
        self.assertEqual(self.calls(), [f"coremlcompiler|compile|{self.folder}/models/{name}|{target}"
                                        for name in ("a b.mlpackage", "c.mlpackage", "d.mlmodel")])
        self.assertTrue((self.folder / "out").is_dir())

    def test_a_dry_run_prints_and_runs_nothing(self):
        result = self.compile(self.folder / "models", "--dry-run")
        self.assertEqual(result.returncode, 0)
        self.assertIn(f"xcrun coremlcompiler compile {self.folder}/models/c.mlpackage {self.folder}/models",
                      result.stdout)
        self.assertEqual(self.calls(), [])

    def test_what_makes_no_sense_is_refused(self):
        for arguments, words in (([], "name a package"), ([self.folder / "none.mlpackage"], "does not exist"),
                                 ([self.folder / "bin"], "holds no package"),
                                 ([self.folder / "models", "--platform", "watch"], "macOS or iOS"),
                                 ([self.folder / "models", "--fast"], "unknown flag --fast"),
                                 ([self.folder / "models", "--platform"], "wants a value")):
            result = self.compile(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(words, result.stderr)
        self.assertEqual(self.calls(), [])

    def test_the_compilers_refusal_is_a_failure(self):
        (self.folder / "refused.mlpackage").mkdir()
        result = self.compile(self.folder / "refused.mlpackage")
        self.assertEqual(result.returncode, 1)
        self.assertIn("refused", result.stderr)


MAC_ONLY = """
if [ -n "${AS_ON_LINUX:-}" ] && [[ "$*" == *coreml* || "$*" == *cpu-ane* ]]; then exec ANEMONE "$@"; fi
needs_mac() {
  local words code
  words=$(ANEMONE "$@" 2>&1 >/dev/null); code=$?
  if [ "$code" != 3 ] || [[ $words != *macOS* ]]; then
    echo "anemone $*: exit $code, which is not what needs a Mac: $words" >&2
    exit 64
  fi
}
case "$*" in
  inspect*--compute-plan*)
    needs_mac "$@"
    ANEMONE inspect "$2" --mil | python3 "$(dirname "$(command -v make_plan)")/make_plan" "$(basename "$2")"; exit ;;
  inspect*.mlmodelc*)  # compiled by a stand-in: the package that it was compiled from
    path=${2/compiled/tiny}; shift 2; exec ANEMONE inspect "${path%.mlmodelc}.mlpackage" "$@" ;;
  bench*)
    arguments=()
    while [ $# -gt 0 ]; do
      case "$1" in --repetitions) shift ;; *) arguments+=("$1") ;; esac
      shift
    done
    exec ANEMONE "${arguments[@]}" --repetitions 1 --warmup 0 --loads 0 --stage-requests 0 --quality none ;;
esac
case "$*" in *--backend\\ coreml*)
  needs_mac "$@"
  if [ -n "${BREAK_ANE:-}" ] && [[ "$*" == *"--compute-units cpu-ane"* ]]; then echo '{"tokens": [1]}'; exit; fi
  arguments=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --backend|--compute-units) shift ;;
      */compiled) arguments+=("${1/compiled/tiny}") ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  if [ -n "${WORSE_ANE:-}" ] && [[ "$*" == *"--output-path"* || "${arguments[*]}" == eval* ]]; then arguments+=(--numerics fp32 --gen-kwargs max_gen_toks=1); fi
  exec ANEMONE "${arguments[@]}" ;;
esac
"""
# A plan of the package whose MIL text comes in, all of it on the Neural Engine.
MAKE_PLAN = r"""
import json, re, sys
functions = []
for line in sys.stdin:
    if found := re.match(r" *func ([\w.\"-]+?)(<[^>]*>)?\(", line):
        functions.append({"name": found[1].strip('"'), "operations": []})
    elif functions and (found := re.match(r" +[^=(]*?([\w.\"]+) = (\w+)\(", line)):
        runs = not found[2].startswith(("const", "read_state"))
        functions[-1]["operations"].append({
            "type": found[2], "outputs": [found[1].strip('"')], "preferred": "neural_engine" if runs else None,
            "supported": ["cpu", "neural_engine"], "cost": 0.01 if runs else None})
print(json.dumps({"format": "anemone-compute-plan", "version": 1, "model": sys.argv[1], "device": "Mac16,9",
                  "operating_system": "macOS 15.5", "compute_units": "cpu-ane", "functions": functions}))
"""

POWERMETRICS = """#!/usr/bin/env python3
import datetime, sys, time
start = before = time.monotonic()
with open(sys.argv[sys.argv.index("-o") + 1], "w") as log:
    while time.monotonic() < start + 60:
        time.sleep(0.02)
        elapsed, before = time.monotonic() - before, time.monotonic()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        log.write(f"<?xml version='1.0'?><plist><dict><key>elapsed_ns</key><integer>{elapsed * 1e9:.0f}</integer>"
                  f"<key>timestamp</key><date>{now}</date><key>processor</key><dict><key>cpu_energy</key>"
                  f"<integer>{elapsed * 2000:.0f}</integer><key>ane_energy</key><integer>{elapsed * 500:.0f}</integer>"
                  "</dict></dict></plist>\\0")
        log.flush()
"""


class Verify(Scratch):
    """In a copy of the repository's part that the script needs, where uname says Darwin."""

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        for name in ("scripts/apple", "examples/swift"):
            shutil.copytree(ROOT / name, self.tree / name)
        (self.tree / "models").symlink_to(ROOT / "models")
        self.stand_in("uname", "echo Darwin")
        for name in ("sysctl", "sw_vers", "xcodebuild", "make"):
            self.stand_in(name, f"echo stand-in of {name}")
        self.stand_in("swift", 'case "$*" in *compute_plan*) echo {} ;; *none.mlpackage*) exit 1 ;; '
                               'test) echo "$ANEMONE_VARIANT $ANEMONE_WITHOUT_LOGITS" ;; *) echo "swift $*" ;; esac')
        self.stand_in("sudo", "echo a password is required >&2; exit 1")
        for name in ("docs", "README.md"):
            (self.tree / name).symlink_to(ROOT / name)
        self.stand_in("xcrun", 'mkdir -p "$4/$(basename "${3%.*}").mlmodelc"')
        # The program itself takes every call. Off a Mac it says of what only Core ML can do that it needs one, which it says
        # after its flags were read; then the call is answered in Core ML's place.
        self.stand_in("anemone", f"""
{"" if platform.system() == "Darwin" else MAC_ONLY.replace("ANEMONE", str(ANEMONE))}
exec {ANEMONE} "$@"
""", self.tree / "build")
        (self.programs / "make_plan").write_text(MAKE_PLAN)

    def as_on_a_mac(self):
        """What off a Mac is only pretended: the first load compiles, and both plans are of one model."""
        program = self.tree / "build/anemone"
        if platform.system() == "Darwin" or (self.tree / "build/anemone.inner").exists():
            return
        program.rename(self.tree / "build/anemone.inner")
        self.stand_in("anemone", """
if [ -n "${ANEMONE_COMPILED_CACHE:-}" ]; then
  if [ -e "$ANEMONE_COMPILED_CACHE/entry" ]; then
    [ -z "${FORGETS:-}" ] || sleep 2
  else
    mkdir "$ANEMONE_COMPILED_CACHE/entry"
    [ -n "${FORGETS:-}" ] || sleep 2
  fi
fi
if [ -n "${REFUSES_ANE:-}" ] && [[ "$*" == *"--compute-units cpu-ane"* ]]; then
  echo "note: m: function 'infer' runs on compute units cpu, as Core ML refuses it on cpu-ane: -14" >&2
fi
exec "$0.inner" "$@"
""", self.tree / "build")
        (self.programs / "swift").rename(self.programs / "swift.inner")
        self.stand_in("swift", f"""
case "$1" in *compute_plan.swift)
  if [ -n "${{OTHER_PLAN:-}}" ]; then echo '{{"functions": [{{"name": "infer", "operations": []}}]}}'; exit; fi
  exec {program} inspect "$2" --compute-plan --compute-units "$3" ;;
esac
exec "$0.inner" "$@"
""")

    def verify(self, *arguments, **variables):
        self.as_on_a_mac()
        return run([self.tree / "scripts/apple/verify.sh", *arguments],
                   env={**self.environment(), **variables})

    def test_every_step_passes_and_is_summed_up(self):
        result = self.verify()
        logs = "".join(f"{path.name}:\n{path.read_text()}" for path in self.tree.glob("build/verify/*.log"))
        self.assertEqual(result.returncode, 0, result.stdout + logs)
        steps = self.verify("--list").stdout.split()
        summary = (self.tree / "build/verify/summary.txt").read_text().splitlines()
        self.assertEqual([line.split(":")[0].split() for line in summary],
                         [["skipped" if step == "power" else "passed", step] for step in steps])
        self.assertIn("skipped power: sudo wants a password", summary)
        outputs = (self.tree / "build/verify/outputs.log").read_text()
        self.assertRegex(outputs, r"cpu: +\[\d+(, \d+){31}\]\ncpu-ane: \[\d+")
        self.assertTrue((self.tree / "build/verify/family/model_seq512.mlpackage").is_dir())
        self.assertIn("real", (self.tree / "build/verify/loads.log").read_text())

        planned = (self.tree / "build/verify/plan.log").read_text()
        self.assertIn("Mac16,9", planned)
        bench = json.loads((self.tree / "build/verify/bench.json").read_text())
        self.assertEqual([(c["context_tokens"], c["compute_units"]) for c in bench["configurations"]],
                         [(n, units) for n in (128, 256, 512) for units in ("cpu", "cpu-ane")])
        self.assertEqual(bench["phase2"]["target"], 1.3)
        self.assertEqual({c["status"] for c in bench["configurations"] if c["compute_units"] == "cpu"}, {"measured"})

        # The tokens that were recorded, answers that do not change, and one that fits its schema.
        reference = (self.tree / "build/verify/reference.log").read_text()
        self.assertIn("prompt 3: 24 of 24 tokens\n", reference)
        self.assertRegex(reference, r"(?m)^logits ")
        ran = (self.tree / "build/verify/run.log").read_text()
        self.assertEqual([line.split(":")[0] for line in ran.splitlines() if ": " in line and "[" in line],
                         ["plain", "chunks", "kept", "cached", "guessed", "drafted"])
        self.assertRegex(ran, r"reused tokens: [1-9]\d* +accepted tokens: [1-9]")
        self.assertRegex(ran, r"constrained: \{'name': '.*', 'age': \d+\}")
        compared = json.loads((self.tree / "build/verify/eval.json").read_text())
        self.assertEqual([subject["label"] for subject in compared["subjects"]], ["executor", "ane"])
        self.assertEqual({score["task"] for score in compared["scores"]}, {"typos", "published_typos", "prose.txt"})

    def test_calls_that_the_program_does_not_know_fail(self):
        script = self.tree / "scripts/apple/verify.sh"
        text = script.read_text()
        for right, wrong in (("--preset phase2", "--preset phase3"), ("--compute-plan ", "--plan-of-core-ml "),
                             (".mlmodelc\" --verify", ".mlmodelc\" --verity"), ("-n 32 --backend coreml --compute-units \"$units\"", "-m 32 --backend coreml"),
                             ("-n 32 --backend cpu", "-n 32 --backend npu"), ("-n 1 --backend", "-one --backend"),
                             ('"$anemone" doctor', '"$anemone" docter'), ("--tokens 64 --strict", "--tokens 64 --strickt"),
                             ("--speculate ngram", "--speculate trigram"), ("executor\" --backend cpu", "executor\" --backend npu")):
            self.assertEqual(text.count(right), 1, right)
            text = text.replace(right, wrong)
        script.write_text(text)
        result = self.verify("--skip", "machine", "--skip", "test", "--skip", "swift")
        self.assertEqual(result.returncode, 1)
        for step in ("build", "plan", "compile", "outputs", "backend", "reference", "run", "eval", "bench", "loads"):
            self.assertIn(f"FAILED  {step}", result.stdout)
        self.assertIn("passed  convert", result.stdout)

    def test_goals_of_make_and_packages_that_swift_is_given_exist(self):
        text = VERIFY.read_text()
        goals = (ROOT / "Makefile").read_text()
        for goal in re.findall(r"\bmake (\w+)", text):
            self.assertRegex(goals, rf"(?m)^{goal}:")
        self.assertIn("$(CTEST_FLAGS)", goals)
        presets = {preset["name"]: preset for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
        for name in re.findall(r"PRESET=(\w+)", text):
            self.assertEqual(presets[name]["cacheVariables"]["ANEMONE_WERROR"], "OFF", name)
            self.assertEqual(presets[name]["inherits"], "dev")
        self.assertIn("PRESET=", text)
        result = self.verify("--skip", "build", "--skip", "test", "--skip", "bench", "--skip", "outputs", "--skip", "loads")
        self.assertEqual(result.returncode, 0, result.stdout)
        for path in re.findall(r"(/\S+\.mlpackage)", (self.tree / "build/verify/swift.log").read_text()):
            self.assertEqual(Path(path).is_dir(), "none.mlpackage" not in path, path)
        tests = (ROOT / "examples/swift/Tests/AnemoneModelsTests/LogitsModelTests.swift").read_text()
        for name in ("ANEMONE_VARIANT", "ANEMONE_WITHOUT_LOGITS"):
            self.assertIn(f"{name}=", text)
            self.assertIn(f'package("{name}")', tests)

    def test_other_tokens_on_the_neural_engine_fail_that_step_alone(self):
        result = self.verify("--skip", "test", "--skip", "bench", BREAK_ANE="1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("FAILED  outputs", result.stdout)
        self.assertIn("cpu-ane: [1]", result.stdout)
        self.assertIn("skipped test", result.stdout)
        self.assertIn("passed  backend", result.stdout)

    def test_steps_that_compared_nothing_or_found_a_difference_fail(self):
        self.as_on_a_mac()
        result = run([self.tree / "scripts/apple/verify.sh", "-o", "results", "--skip", "test", "--skip", "bench", "--skip", "swift"],
                     env={**self.environment(), "REFUSES_ANE": "1", "FORGETS": "1", "OTHER_PLAN": "1"}, cwd=self.folder)
        self.assertEqual(result.returncode, 1)
        for step in ("plan", "outputs", "loads"):
            self.assertIn(f"FAILED  {step}", result.stdout)
        for step in ("convert", "compile", "backend"):
            self.assertIn(f"passed  {step}", result.stdout)
        self.assertIn("the plans are not of the same ops", result.stdout)
        self.assertIn("both runs were on Core ML's CPU", result.stdout)
        self.assertIn("the second load is not the shorter one", result.stdout)
        # A relative folder lies where the user stands.
        self.assertTrue((self.folder / "results/summary.txt").is_file())

    def test_every_command_by_hand_is_one_that_the_program_takes(self):
        """Off a Mac it says that it needs one, or that a Mac's file is missing; wrong flags and values are another exit."""
        skips = [part for step in self.verify("--list").stdout.split() if step != "convert" for part in ("--skip", step)]
        self.assertEqual(self.verify(*skips).returncode, 0)
        by_hand = (ROOT / "docs/mac.md").read_text().split("## By hand")[1].split("## No figure")[0]
        commands = re.findall(r"^    .*?\b(build/anemone .*)$", by_hand, re.M)
        self.assertEqual(len(commands), by_hand.count("build/anemone "), "each stands in a line of a block")
        self.assertGreater(len(commands), 15)
        for command in commands:
            result = run(["bash", "-c", command], cwd=self.tree, env={**self.environment(), "AS_ON_LINUX": "1"})
            said = result.stdout + result.stderr
            with self.subTest(command):
                if result.returncode == 1 or "base.json: cannot open" in result.stderr:  # a baseline that is missing is refused
                    self.assertRegex(result.stderr, r"[Nn]o such file|not there|is not in /|in common")
                elif result.returncode == 3:
                    self.assertIn("macOS", said)
                else:
                    self.assertEqual(result.returncode, 0, said)

    def test_scores_that_are_worse_on_the_neural_engine_fail(self):
        steps = ["build", "test", "plan", "compile", "outputs", "backend", "reference", "run", "bench", "swift", "loads"]
        result = self.verify(*(part for step in steps for part in ("--skip", step)), WORSE_ANE="1")
        self.assertIn("FAILED  eval", result.stdout)
        self.assertIn("worse on the Neural Engine: ", result.stdout)

    def test_power_is_read_from_what_powermetrics_writes_meanwhile(self):
        (self.programs / "powermetrics").write_text(POWERMETRICS)
        (self.programs / "powermetrics").chmod(0o755)
        self.stand_in("sudo", '[ "$1" = -n ] && shift; exec "$@"')
        skips = [part for step in self.verify("--list").stdout.split() if step not in ("convert", "power")
                 for part in ("--skip", step)]
        result = self.verify(*skips)
        log = (self.tree / "build/verify/power.log").read_text()
        self.assertEqual(result.returncode, 0, result.stdout + log)
        # 2 W on the CPU and half a watt on the Neural Engine, all the time.
        found = re.search(r"cpu \{.*'ane': '([\d.]+) J'.*'cpu': '([\d.]+) J'.*\} J a token: ([\d.e-]+)", log)
        self.assertTrue(found, log)
        self.assertAlmostEqual(float(found[2]) / float(found[1]), 4, delta=0.5)
        # A log without energy measures nothing.
        (self.programs / "powermetrics").write_text(POWERMETRICS.replace("_energy", "_nothing"))
        self.assertIn("FAILED  power", self.verify(*skips).stdout)

    def test_unknown_steps_and_flags_are_refused(self):
        for arguments, words in ((["--skip", "none"], "no step none"), (["--fast"], "unknown argument --fast"),
                                 (["-o"], "wants a folder")):
            result = self.verify(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(words, result.stderr)


class Tokens(Scratch):
    def tokens(self, *arguments):
        return run([TOKENS, *arguments], env=self.environment())

    def lists(self, **lists):
        for name, tokens in lists.items():
            (self.folder / f"{name}.json").write_text(json.dumps({"tokens": tokens}))
        return [self.folder / f"{name}.json" for name in lists]

    def test_lists_that_differ_fail_with_the_place(self):
        same = self.tokens("equal", *self.lists(cpu=[1, 2, 3], ane=[1, 2, 3]))
        self.assertEqual((same.returncode, same.stdout), (0, "cpu: [1, 2, 3]\nane: [1, 2, 3]\n"))
        other = self.tokens("equal", *self.lists(cpu=[1, 2, 3], all=[1, 2, 3], ane=[1, 4, 3]))
        self.assertEqual(other.returncode, 1)
        self.assertIn("ane: [1, 4, 3]\n  differs from the first list from token 1 on", other.stdout)
        self.assertEqual(self.tokens("equal", *self.lists(cpu=[1, 2], ane=[1])).returncode, 1)
        self.assertEqual(self.tokens("equal", *self.lists(cpu=[], ane=[])).returncode, 1)

    def test_recorded_tokens_are_held_to_their_margins(self):
        recorded = self.folder / "greedy.json"
        recorded.write_text(json.dumps({"prompts": [{"text": "a", "tokens": [5, 6, 7], "margins": [1, 0.05, 1]}]}))

        def answered(tokens, reason="max_tokens"):
            self.stand_in("program", f"echo '{json.dumps({'tokens': tokens, 'stop_reason': reason})}'")
            return self.tokens("greedy", self.programs / "program", "model", recorded, "--backend", "cpu")

        self.assertEqual(answered([5, 6, 7]).stdout, "prompt 1: 3 of 3 tokens\n")
        near = answered([5, 8, 1])
        self.assertEqual((near.returncode, near.stdout),
                         (0, "prompt 1: 1 of 3 tokens, then another choice where two logits were 0.05 apart\n"))
        far = answered([4, 6, 7])
        self.assertEqual(far.returncode, 1)
        self.assertIn("0 of 3 tokens, then 4 for 5, whose logit was 1 higher", far.stdout)
        self.assertEqual(answered([5, 6], "end_of_text").returncode, 0)
        self.assertEqual(answered([5, 6]).returncode, 1)
        self.assertEqual(answered([], "end_of_text").returncode, 1)
        self.stand_in("program", "exit 3")
        self.assertEqual(self.tokens("greedy", self.programs / "program", "model", recorded).returncode, 3)
        self.assertEqual(self.tokens("equal").returncode, 2)


class Documents(unittest.TestCase):
    def test_every_flag_that_mac_owners_are_told_of_exists(self):
        helped = {}
        seen = 0
        for name in ("mac", "deployment", "troubleshooting", "comparing", "device-records", "compute-plan"):
            text = (ROOT / f"docs/{name}.md").read_text()
            for line in re.findall(r"^    (.*)$", text, re.M) + re.findall(r"`([^`\n]+)`", text) + re.findall(r"^anemone .*$", text, re.M):
                for command, arguments in re.findall(r"\banemone ([a-z]+)\b([^#;|]*)", line):
                    if command not in helped:
                        helped[command] = run([ANEMONE, command, "--help"])
                    self.assertEqual(helped[command].returncode, 0, f"{name}.md: anemone {command}")
                    for flag in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", arguments):
                        self.assertRegex(helped[command].stdout, rf"{flag}\b(?!-)", f"{name}.md: {line}")
                        seen += 1
        self.assertGreater(seen, 60)


class Form(unittest.TestCase):
    def test_off_a_mac_it_says_so(self):
        if platform.system() == "Darwin":
            self.skipTest("this is a Mac")
        result = run([VERIFY])
        self.assertEqual(result.returncode, 3)
        self.assertIn("only a Mac can show", result.stderr)
        usage = run([VERIFY, "--help"])
        self.assertEqual(usage.returncode, 0)
        self.assertTrue(usage.stdout.rstrip().endswith("3 this is no Mac."), usage.stdout)
        self.assertNotIn("shellcheck", usage.stdout)

    def test_sources_that_join_have_the_header_of_newer_libraries(self):
        """Homebrew's fmt is 11 or newer, where `join` left fmt/format.h."""
        for path in [path for folder in ("src", "tools", "include") for path in (ROOT / folder).glob("**/*.[chm]*")]:
            text = path.read_text()
            if "fmt::join" in text:
                self.assertTrue("#include <fmt/ranges.h>" in text, path)

    def test_they_are_sound_shell(self):
        for script in (COMPILE, VERIFY):
            self.assertEqual(run(["bash", "-n", script]).returncode, 0)
            if shutil.which("shellcheck"):
                result = run(["shellcheck", script])
                self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    ANEMONE = sys.argv.pop(1)
    unittest.main()
