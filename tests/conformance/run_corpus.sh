#!/usr/bin/env bash
# Runs coremltools' recorded numeric tests (shared fixtures) through a command that takes `--batch CASES`; every case
# must pass, within the strict tolerance too. Exit 77, counted as skipped, where corpus or NumPy are absent.
set -euo pipefail
corpus=${ANEMONE_SHARED:-$(dirname "$0")/../../../shared}/fixtures/conformance
[ -f "$corpus/run.py" ] || { echo "[SKIP] no fixtures: $corpus"; exit 77; }
for python in python3 /usr/bin/python3; do
  if "$python" -c 'import numpy' 2>/dev/null; then found=$python; break; fi
done
[ -n "${found:-}" ] || { echo "[SKIP] no Python with NumPy"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$found" "$corpus/run.py" --workdir "$scratch" --command "$* --batch {cases}" | tee "$scratch/table" | tail -3
# TOTAL cases pass strict fail unsupported crash timeout
read -r _ cases pass strict _ < <(grep '^TOTAL' "$scratch/table")
[ "$cases" -gt 1000 ] && [ "$pass" = "$cases" ] && [ "$strict" = "$cases" ]
