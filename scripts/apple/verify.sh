#!/usr/bin/env bash
# All that only a Mac can show, in one run: builds, tests, converts the embedded model, compares Core ML's
# CPU with its Neural Engine, writes a compute plan, compiles ahead, benchmarks, builds the Swift package.
#   scripts/apple/verify.sh [-o FOLDER] [--skip STEP]… [--list]
# docs/mac.md says what each step prints and which requirements it settles. Results lie in FOLDER (default:
# build/verify): one log a step, and summary.txt. A step that fails does not stop those that need nothing of
# it. Exit: 0 all passed or were skipped, 1 a step failed, 2 wrong arguments, 3 this is no Mac.
# shellcheck disable=SC2317  # steps are called by their names
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

steps=(machine build test convert plan compile outputs backend bench swift loads)
out=build/verify
skipped=" "
while [ $# -gt 0 ]; do
  case "$1" in
    -o) [ $# -gt 1 ] || { echo "verify.sh: -o wants a folder" >&2; exit 2; }; out=$2; shift ;;
    --skip)
      [ $# -gt 1 ] || { echo "verify.sh: --skip wants a step" >&2; exit 2; }
      case " ${steps[*]} " in *" $2 "*) ;; *) echo "verify.sh: no step $2; steps are ${steps[*]}" >&2; exit 2 ;; esac
      skipped+="$2 "; shift ;;
    --list) printf '%s\n' "${steps[@]}"; exit 0 ;;
    -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "verify.sh: unknown argument $1" >&2; exit 2 ;;
  esac
  shift
done
if [ "$(uname -s)" != Darwin ]; then
  echo "verify.sh: this machine runs $(uname -s); what this script shows only a Mac can show (docs/mac.md)" >&2
  exit 3
fi

anemone=build/anemone
model=$out/tiny
package=$model/qwen_FFN_PF_chunk_01of01.mlpackage
prompt="The quick brown fox"
mkdir -p "$out"
: > "$out/summary.txt"
failed=0

step_machine() {
  sysctl -n hw.model machdep.cpu.brand_string hw.memsize && sw_vers && xcodebuild -version
}
step_build() { make build && "$anemone" doctor; }
step_test() { make test CTEST_FLAGS="-LE slow"; }
step_convert() {
  "$anemone" convert models/anemone-tiny -o "$model" --layout anemll --overwrite &&
    "$anemone" convert models/anemone-tiny -o "$out/family" --layout plain --lengths 64,128,256,512 --overwrite
}
step_plan() {
  "$anemone" inspect "$package" --compute-plan --compute-units cpu-ane > "$out/plan.json" &&
    swift scripts/apple/compute_plan.swift "$package" cpu-ane > "$out/plan_swift.json" &&
    "$anemone" check "$model" --plan "$out/plan.json"
}
step_compile() {
  scripts/apple/compile.sh "$model" "$out/compiled" --platform macOS &&
    "$anemone" inspect "$out/compiled/qwen_FFN_PF_chunk_01of01.mlmodelc" --verify
}
# Greedy tokens of the same package on Core ML's CPU and on its Neural Engine are equal.
step_outputs() {
  local units
  for units in cpu cpu-ane; do
    "$anemone" run "$model" "$prompt" -n 32 --json --backend coreml --compute-units "$units" > "$out/$units.json" || return 1
  done
  python3 - "$out/cpu.json" "$out/cpu-ane.json" <<'PYTHON'
import json, sys
cpu, ane = (json.load(open(path)) for path in sys.argv[1:])
print("cpu:    ", cpu["tokens"])
print("cpu-ane:", ane["tokens"])
sys.exit(cpu["tokens"] != ane["tokens"])
PYTHON
}
# What Core ML computes against our executor, token by token.
step_backend() {
  "$anemone" run "$model" "$prompt" -n 32 --backend cpu > "$out/executor.txt" &&
    "$anemone" run "$model" "$prompt" -n 32 --backend coreml --compute-units all > "$out/coreml.txt" &&
    diff "$out/executor.txt" "$out/coreml.txt"
}
step_bench() {
  "$anemone" bench "$model" --preset phase2 --compute-units cpu,cpu-ane --format json -o "$out/bench.json"
}
step_swift() {
  (cd examples/swift && swift build && swift test) &&
    swift scripts/verify_ane.swift "$out/family/model_seq64.mlpackage" &&
    (cd examples/swift && swift run anemone-swift generate "$OLDPWD/$out/family" "$prompt" 8 cpu-ane)
}
# The first load compiles, the second one finds what was compiled.
step_loads() {
  local cache
  cache=$(mktemp -d) || return 1
  for which in first second; do
    echo "$which load:"
    time ANEMONE_COMPILED_CACHE=$cache "$anemone" run "$model" "$prompt" -n 1 --backend coreml >/dev/null || return 1
  done
  rm -rf "$cache"
}

for step in "${steps[@]}"; do
  case "$skipped" in *" $step "*) echo "skipped $step" | tee -a "$out/summary.txt"; continue ;; esac
  echo "running $step ($out/$step.log)"
  if "step_$step" > "$out/$step.log" 2>&1; then
    echo "passed  $step" | tee -a "$out/summary.txt"
  else
    failed=1
    echo "FAILED  $step" | tee -a "$out/summary.txt"
    tail -n 5 "$out/$step.log" | sed 's/^/    /'
  fi
done
exit "$failed"
