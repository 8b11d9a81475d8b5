#!/usr/bin/env bash
# Evaluates a Core ML model on several benchmarks and a text: --model --tasks --output-dir --perplexity-text, as
# --key value or --key=value. --help names all flags; --sample-limit N gives a quick run.
set -euo pipefail
command -v python3 >/dev/null || { echo "run_ane_evaluations.sh: python3 is missing" >&2; exit 1; }
export COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE=1
exec python3 "$(dirname "${BASH_SOURCE[0]}")/ane/evaluate_ane.py" "$@"
