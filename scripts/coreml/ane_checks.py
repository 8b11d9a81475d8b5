#!/usr/bin/env python3
"""Checks whether Core ML packages would run on the Neural Engine.

    python -m coreml.ane_checks --mlpackage PATH [--strict] [--hardware-id m1_max_64gb] [--min-ane-pct 80]

Run from the folder scripts, or as a file. Calls `anemone check`; --strict fails on findings of severity error.
A hardware id begins with the chip ("m1_max_64gb", "Apple M4 Pro", "m4max"). --ane-required does what --strict does.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluate/ane"))

from anemone_call import fail, flags_of, run  # noqa: E402


def chip_of(hardware: str) -> str:
    """The chip that a hardware id names, as --chip takes it."""
    words = re.sub(r"[^a-z0-9]+", " ", hardware.lower())
    match = re.search(r"\b([am][0-9]{1,2}) ?(pro|max|ultra)?\b", words)
    if not match:
        fail(f"--hardware-id {hardware}: no chip in it (m1_max_64gb, m4pro)")
    return match[1] + (match[2] or "")


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--mlpackage", required=True, nargs="+", metavar="PATH")
    parser.add_argument("--strict", action="store_true", help="exit 1 on findings of severity error")
    parser.add_argument("--hardware-id", metavar="ID")
    parser.add_argument("--ane-required", action="store_true", help="the same as --strict")
    parser.add_argument("--min-ane-pct", type=float, metavar="PERCENT",
                        help="exit 1 when the predicted residency is lower")
    flags = parser.parse_args()
    if flags.min_ane_pct is not None and not 0 <= flags.min_ane_pct <= 100:
        parser.error(f"--min-ane-pct {flags.min_ane_pct:g}: expected a percentage from 0 to 100")
    arguments = ["check", *flags.mlpackage]
    if flags.strict or flags.ane_required:
        arguments.append("--strict")
    if flags.hardware_id:
        arguments += ["--chip", chip_of(flags.hardware_id)]
    if flags.min_ane_pct is not None:
        arguments += ["--min-ane", f"{flags.min_ane_pct / 100:g}"]
    return run(*arguments)


if __name__ == "__main__":
    sys.exit(main())
