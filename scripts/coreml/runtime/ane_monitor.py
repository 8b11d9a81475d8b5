#!/usr/bin/env python3
"""Share of the time that a model spends on the Neural Engine: as a device recorded it, beside what is predicted.

    python -m coreml.runtime.ane_monitor --model MODEL [--plan FILE] [--trace FILE …] [--min-ane 0.80] [--json]

Run from the folder scripts, or as a file. Calls `anemone check`. Without a record of a device there is only the
prediction, which says that it is one; docs/device-records.md has the commands that make records on a Mac.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluate/ane"))

from anemone_call import check_model, flags_of, run  # noqa: E402


def main() -> int:
    parser = flags_of(__doc__)
    parser.add_argument("--model", required=True, metavar="PATH")
    parser.add_argument("--plan", metavar="FILE", help="Core ML's own plan (docs/compute-plan.md)")
    parser.add_argument("--trace", action="append", default=[], metavar="FILE", help="what xctrace exported (repeatable)")
    parser.add_argument("--min-ane", metavar="SHARE", help="exit 1 below it (the original's threshold is 0.80)")
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args()
    check_model(flags.model)
    arguments = ["check", flags.model]
    if flags.plan:
        arguments += ["--plan", flags.plan]
    for trace in flags.trace:
        arguments += ["--trace", trace]
    if flags.min_ane:
        arguments += ["--min-ane", flags.min_ane]
    return run(*arguments, *(["--json"] if flags.json else []))


if __name__ == "__main__":
    sys.exit(main())
