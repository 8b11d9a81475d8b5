#!/usr/bin/env bash
# What only a Mac can show, in one run: builds, tests, converts the embedded model, compares Core ML's CPU, its Neural
# Engine and our executor, writes a compute plan, compiles ahead, evaluates, benchmarks, builds the Swift package.
#   scripts/apple/verify.sh [-o FOLDER] [--skip STEP]… [--list]
# docs/mac.md says what each step prints and which requirements it settles. Results lie in FOLDER (default:
# build/verify of the repository): one log a step, and summary.txt. A step that fails does not stop those that need nothing of
# it. Exit: 0 all passed or were skipped, 1 a step failed, 2 wrong arguments, 3 this is no Mac.

# shellcheck disable=SC2317,SC2329  # steps are called by their names
set -uo pipefail
stood=$PWD
cd "$(dirname "$0")/../.." || exit 1

steps=(machine build test convert plan compile outputs backend reference run eval bench power swift loads)
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
ane=(--backend coreml --compute-units cpu-ane)
mkdir -p "$out"
whole_out=$(cd "$out" && pwd)  # for steps that run elsewhere
: > "$out/summary.txt"
failed=0

step_machine() {
  sysctl -n hw.model machdep.cpu.brand_string hw.memsize && sw_vers && xcodebuild -version
}
step_build() { make build && "$anemone" doctor; }
step_test() { make test PRESET=mac CTEST_FLAGS="-LE slow"; }  # warnings of Apple's compiler end no build
step_convert() {
  "$anemone" convert models/anemone-tiny -o "$model" --layout anemll --overwrite &&
    "$anemone" convert models/anemone-tiny -o "$out/chunks" --layout anemll --chunks 2 --overwrite &&
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
# Compiled packages beside the other files of their folder are a model, and give the tokens of the packages.
step_compile() {
  local file
  scripts/apple/compile.sh "$model" "$out/compiled" --platform macOS &&
    scripts/apple/compile.sh "$model" "$out/compiled-ios" --platform iOS --deployment-target 18.0 &&
    "$anemone" inspect "$out/compiled/qwen_FFN_PF_chunk_01of01.mlmodelc" --verify || return 1
  for file in "$model"/*; do
    case "$file" in *.mlpackage) ;; *) cp "$file" "$out/compiled/" || return 1 ;; esac
  done
  answer packages "$model" "$prompt" -n 16 "${ane[@]}" && answer compiled "$out/compiled" "$prompt" -n 16 "${ane[@]}" &&
    scripts/apple/tokens.py equal "$out/packages.json" "$out/compiled.json"
}
# answer NAME ARGUMENT…: what `anemone run` says to the arguments, in NAME.json, its notes in NAME.notes.
answer() {
  local name=$1
  shift
  "$anemone" run "$@" --json > "$out/$name.json" 2> "$out/$name.notes"
  local code=$?
  cat "$out/$name.notes"
  return "$code"
}
# Greedy tokens of the same package on Core ML's CPU and on its Neural Engine are equal, and no function of the
# second run was one that Core ML moved to its CPU.
step_outputs() {
  local units
  for units in cpu cpu-ane; do
    answer "$units" "$model" "$prompt" -n 32 --backend coreml --compute-units "$units" || return 1
  done
  if grep -q "runs on compute units cpu, as Core ML refuses it" "$out/cpu-ane.notes"; then
    echo "both runs were on Core ML's CPU, so there is nothing to compare"
    return 1
  fi
  scripts/apple/tokens.py equal "$out/cpu.json" "$out/cpu-ane.json"
}
# What Core ML computes against our executor, token by token.
step_backend() {
  "$anemone" run "$model" "$prompt" -n 32 --backend cpu > "$out/executor.txt" &&
    "$anemone" run "$model" "$prompt" -n 32 --backend coreml --compute-units all > "$out/coreml.txt" &&
    diff "$out/executor.txt" "$out/coreml.txt"
}
# Tokens that were recorded with Hugging Face transformers, of the packages that ANEMLL made, and the logits of the
# converted ones against the checkpoint's.
step_reference() {
  scripts/apple/tokens.py greedy "$anemone" models/anemone-tiny-anemll models/greedy.json "${ane[@]}" &&
    "$anemone" probe "$model" --reference models/anemone-tiny --tokens 64 --strict "${ane[@]}"
}
# What must not change an answer does not, and what constrains it does.
step_run() {
  local text
  text=$(head -c 800 docs/ane-background.md)  # longer than a block, so that the second run finds the first one's
  rm -rf "$out/prompts"
  echo '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 99}},
    "required": ["name", "age"], "additionalProperties": false, "x-guidance": {"whitespace_flexible": false}}' > "$out/schema.json"
  answer plain "$model" "$text" -n 24 "${ane[@]}" &&
    answer chunks "$out/chunks" "$text" -n 24 "${ane[@]}" &&
    answer kept "$model" "$text" -n 24 --prompt-cache "$out/prompts" "${ane[@]}" &&
    answer cached "$model" "$text" -n 24 --prompt-cache "$out/prompts" "${ane[@]}" &&
    answer guessed "$model" "$text" -n 24 --speculate ngram "${ane[@]}" &&
    answer drafted "$model" "$text" -n 24 --draft "$model" "${ane[@]}" &&
    answer constrained "$model" "$text" -n 60 --json-schema "$out/schema.json" "${ane[@]}" || return 1
  scripts/apple/tokens.py equal "$out"/{plain,chunks,kept,cached,guessed,drafted}.json || return 1
  python3 - "$out" <<'PYTHON'
import json, sys
read = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))
print("reused tokens:", read("cached")["reused_tokens"], "  accepted tokens:", read("drafted")["accepted_tokens"])
person = json.loads(read("constrained")["text"])
print("constrained:", person)
sys.exit(not (read("cached")["reused_tokens"] > 0 and read("drafted")["accepted_tokens"] > 0
              and sorted(person) == ["age", "name"] and isinstance(person["age"], int) and person["age"] <= 99))
PYTHON
}
# The same tasks by our executor and on the Neural Engine; no score may be significantly the worse one.
step_eval() {
  local tasks="typos,published_typos,$out/prose.txt"
  cp docs/ane-background.md "$out/prose.txt" && rm -rf "$out/eval" || return 1
  "$anemone" eval "$model" --tasks "$tasks" --limit 100 --apply-chat-template --log-samples --output-path "$out/eval/executor" --backend cpu &&
    "$anemone" eval "$model" --tasks "$tasks" --limit 100 --apply-chat-template --log-samples --output-path "$out/eval/ane" "${ane[@]}" &&
    "$anemone" compare executor="$out/eval/executor" ane="$out/eval/ane" --html "$out/eval.html" &&
    "$anemone" compare executor="$out/eval/executor" ane="$out/eval/ane" --json > "$out/eval.json" &&
    python3 - "$out/eval.json" <<'PYTHON'
import json, sys
worse = [row["metric"] for row in json.load(open(sys.argv[1]))["scores"] if row["differences"][1]["verdict"] == "worse"]
sys.exit(f"worse on the Neural Engine: {', '.join(worse)}" if worse else 0)
PYTHON
}
step_bench() {
  "$anemone" bench "$model" --preset phase2 --compute-units cpu,cpu-ane --functions --format json -o "$out/bench.json"
}
# powermetrics wants to be root: where sudo asks for a password, docs/mac.md has the same by hand.
step_power() {
  local meter code tries=0
  sudo -n true || { echo "sudo wants a password"; return 77; }
  rm -f "$out/power.plist"
  sudo -n powermetrics --samplers ane_power,cpu_power,gpu_power,thermal -f plist -i 500 -o "$out/power.plist" &
  meter=$!
  until [ -s "$out/power.plist" ] || [ $((tries += 1)) -gt 20 ]; do sleep 0.5; done
  "$anemone" bench "$model" --contexts 512 --compute-units cpu,cpu-ane --repetitions 300 --power-log "$out/power.plist" --format json -o "$out/power.json"
  code=$?
  sudo -n kill "$meter" && wait "$meter"
  [ "$code" = 0 ] || return 1
  python3 - "$out/power.json" <<'PYTHON'
import json, sys
measured = [c for c in json.load(open(sys.argv[1]))["configurations"] if c["status"] == "measured"]
for c in measured:
    print(c["compute_units"], {name: f"{joules:.3f} J" for name, joules in c["energy"]["rails"].items()},
          "J a token:", c["energy"]["joules_per_token"], c["energy"]["reason"] or "")
sys.exit(not measured or any(c["energy"]["joules_per_token"] is None for c in measured))
PYTHON
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
  "step_$step" > "$out/$step.log" 2>&1
  case $? in
    0) echo "passed  $step" | tee -a "$out/summary.txt" ;;
    77) echo "skipped $step: $(tail -n 1 "$out/$step.log")" | tee -a "$out/summary.txt" ;;
    *)
      failed=1
      echo "FAILED  $step" | tee -a "$out/summary.txt"
      tail -n 5 "$out/$step.log" | sed 's/^/    /' ;;
  esac
done
exit "$failed"
