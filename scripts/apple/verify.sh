#!/usr/bin/env bash
# All that only a Mac can show, in one run: builds, tests, converts the embedded model, compares Core ML's
# CPU with its Neural Engine, writes a compute plan, compiles ahead, benchmarks, builds the Swift package.
#   scripts/apple/verify.sh [-o FOLDER] [--skip STEP]… [--list]
# docs/mac.md says what each step prints and which requirements it settles. Results lie in FOLDER (default:
# build/verify of the repository): one log a step, and summary.txt. A step that fails does not stop those that need nothing of
# it. Exit: 0 all passed or were skipped, 1 a step failed, 2 wrong arguments, 3 this is no Mac.
# shellcheck disable=SC2317  # steps are called by their names
set -uo pipefail
stood=$PWD
cd "$(dirname "$0")/../.." || exit 1

steps=(machine build test convert plan compile outputs backend bench swift loads)
out=build/verify
skipped=" "
while [ $# -gt 0 ]; do
  case "$1" in
    -o) [ $# -gt 1 ] || { echo "verify.sh: -o wants a folder" >&2; exit 2; }
      case "$2" in /*) out=$2 ;; *) out=$stood/$2 ;; esac
      shift ;;
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
whole_out=$(cd "$out" && pwd)  # for steps that run elsewhere
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
    "$anemone" check "$model" --plan "$out/plan.json" &&
    python3 - "$out/plan.json" "$out/plan_swift.json" <<'PYTHON'
import json, sys
def operations(path):
    plan = json.load(open(path))
    return {f["name"]: [(o["type"], o["outputs"]) for o in f["operations"]] for f in plan["functions"]}
program, script = (operations(path) for path in sys.argv[1:])
for name in sorted(program.keys() | script.keys()):
    print(f"{name}: {len(program.get(name, []))} ops of inspect, {len(script.get(name, []))} of compute_plan.swift")
sys.exit("the plans are not of the same ops" if program != script or not any(program.values()) else 0)
PYTHON
}
step_compile() {
  scripts/apple/compile.sh "$model" "$out/compiled" --platform macOS &&
    "$anemone" inspect "$out/compiled/qwen_FFN_PF_chunk_01of01.mlmodelc" --verify
}
# Greedy tokens of the same package on Core ML's CPU and on its Neural Engine are equal, and no function of the
# second run was one that Core ML moved to its CPU.
step_outputs() {
  local units
  for units in cpu cpu-ane; do
    "$anemone" run "$model" "$prompt" -n 32 --json --backend coreml --compute-units "$units" > "$out/$units.json" 2> "$out/$units.notes" || { cat "$out/$units.notes"; return 1; }
    cat "$out/$units.notes"
  done
  if grep -q "runs on compute units cpu, as Core ML refuses it" "$out/cpu-ane.notes"; then
    echo "both runs were on Core ML's CPU, so there is nothing to compare"
    return 1
  fi
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
  local variant=$whole_out/family/model_seq64.mlpackage without_logits=$whole_out/tiny/qwen_embeddings.mlpackage
  (cd examples/swift && swift build &&
    ANEMONE_VARIANT=$variant ANEMONE_WITHOUT_LOGITS=$without_logits swift test) &&
    swift scripts/verify_ane.swift "$variant" &&
    ! swift scripts/verify_ane.swift "$out/none.mlpackage" &&
    (cd examples/swift && swift run anemone-swift generate "$whole_out/family" "$prompt" 8 cpu-ane)
}
# The first load compiles, the second one finds what was compiled and is shorter.
step_loads() {
  local cache which seconds=() TIMEFORMAT="%R" LC_ALL=C
  cache=$(mktemp -d) || return 1
  for which in first second; do
    seconds+=("$({ time ANEMONE_COMPILED_CACHE=$cache "$anemone" run "$model" "$prompt" -n 1 --backend coreml \
      > "$out/loads.out" 2>&1 || echo failed; } 2>&1)")
    echo "$which load: ${seconds[${#seconds[@]} - 1]} s of real time"
    case "${seconds[${#seconds[@]} - 1]}" in *failed*) cat "$out/loads.out"; rm -rf "$cache"; return 1 ;; esac
  done
  rm -rf "$cache"
  awk -v first="${seconds[0]}" -v second="${seconds[1]}" 'BEGIN { exit !(second + 0 < first + 0) }' ||
    { echo "the second load is not the shorter one"; return 1; }
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
