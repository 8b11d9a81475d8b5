"""docs/checks.md: its table of rules is what the program prints.

    checks_doc_test.py ANEMONE [--update]
"""

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/checks.md"
BEGIN, END = "<!-- anemone check --rules --markdown -->\n", "<!-- end -->\n"


def main():
    table = subprocess.run([sys.argv[1], "check", "--rules", "--markdown"],
                           capture_output=True, text=True, check=True).stdout
    text = PAGE.read_text()
    head, found, rest = text.partition(BEGIN)
    old, ended, tail = rest.partition(END)
    if not found or not ended:
        sys.exit(f"{PAGE}: the marks around the table are missing")
    if "--update" in sys.argv[2:]:
        PAGE.write_text(head + BEGIN + table + END + tail)
    elif old != table:
        sys.exit(f"{PAGE}: the table is out of date: {sys.argv[0]} ANEMONE --update")
    if table.count("\n") < 35:
        sys.exit("fewer than 33 rules")


main()
