"""Put the measured table into the manual: `python -m benchmarks.readme REPORT`.

The manual is README.md, and one in the folder of each thing. Other benchmarks have their tables put
there by `put`.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import RESULTS, ROOT
from quantize.report.records import read_report
from quantize.report.table import table

PLACES = ("edge/*", "quantize", "quantize/*", "benchmarks", "devices", "service", "calib_data")
PAGES = (
    ROOT / "README.md",
    *(page for place in PLACES for page in sorted(ROOT.glob(f"{place}/README.md"))),
)
TABLE = re.compile(r"^\| engine \| precision \|.*?^One thread on [^\n]*$", re.DOTALL | re.MULTILINE)


def put(place: re.Pattern[str], text: str, pages: Sequence[Path] = PAGES) -> None:
    """Write `text` over the one place of all pages that matches.

    Raises SystemExit, and leaves the files as they are, where none or several do.
    """
    found = [page for page in pages for _ in place.finditer(page.read_text("utf-8"))]
    if len(found) != 1:
        shown = ", ".join(map(str, found)) or "no page"
        raise SystemExit(f"{place.pattern!r} is found in {shown}, expected in 1 place")
    [page] = found
    page.write_text(place.sub(lambda _: text, page.read_text("utf-8")), "utf-8")


def main() -> None:
    """Keep the report with the results, and write its table over the one in the manual."""
    report = Path(sys.argv[1])
    measured = table(read_report(report))
    shutil.copyfile(report, RESULTS / "default-bundle.json")
    put(TABLE, measured)
    sys.stdout.write(f"{measured}\n")


if __name__ == "__main__":
    main()
