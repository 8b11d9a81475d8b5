#!/usr/bin/env bash
# Evaluates a Core ML model: `anemone eval`, one request at a time. --help names the flags.
set -euo pipefail
command -v python3 >/dev/null || { echo "run_new_eval.sh: python3 is missing" >&2; exit 1; }
export COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE=1
exec python3 "$(dirname "${BASH_SOURCE[0]}")/evaluate_with_harness.py" "$@"
