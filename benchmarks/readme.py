"""Put the measured table into the README: `python -m benchmarks.readme REPORT`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from quantize.report.records import read_report
from quantize.report.table import table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "default-bundle.json"
TABLE = re.compile(r"^\| engine \| precision \|.*?^One thread on [^\n]*$", re.DOTALL | re.MULTILINE)


def main() -> None:
    """Keep the report with the results, and write its table over the one in the README."""
    report = Path(sys.argv[1])
    measured = table(read_report(report))
    shutil.copyfile(report, RESULTS)
    readme = ROOT / "README.md"
    text, count = TABLE.subn(lambda _: measured, readme.read_text("utf-8"))
    if count != 1:
        raise SystemExit(f"{readme}: {count} tables, expected one that begins '| engine |'")
    readme.write_text(text, "utf-8")
    sys.stdout.write(f"{measured}\n")


if __name__ == "__main__":
    main()
