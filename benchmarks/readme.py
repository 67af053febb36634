"""Put the measured table into the README: `python -m benchmarks.readme REPORT`.

Other benchmarks have theirs put there by `put`.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from benchmarks.machine import RESULTS, ROOT
from quantize.report.records import read_report
from quantize.report.table import table

README = ROOT / "README.md"
TABLE = re.compile(r"^\| engine \| precision \|.*?^One thread on [^\n]*$", re.DOTALL | re.MULTILINE)


def put(place: re.Pattern[str], text: str, file: Path = README) -> None:
    """Write `text` over the one place of `file` that matches.

    Raises SystemExit, and leaves the file as it is, where none or several do.
    """
    told, count = place.subn(lambda _: text, file.read_text("utf-8"))
    if count != 1:
        raise SystemExit(f"{file}: {count} places match {place.pattern!r}, expected 1")
    file.write_text(told, "utf-8")


def main() -> None:
    """Keep the report with the results, and write its table over the one in the README."""
    report = Path(sys.argv[1])
    measured = table(read_report(report))
    shutil.copyfile(report, RESULTS / "default-bundle.json")
    put(TABLE, measured)
    sys.stdout.write(f"{measured}\n")


if __name__ == "__main__":
    main()
