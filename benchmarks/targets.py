"""What was wanted and what was measured, by benchmark: `python -m benchmarks.targets`.

The table goes into the README, where a test holds it to the results.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import RESULTS

HEADING = "| benchmark | number | wanted | measured | |\n|---|---|---|---|---|"


def table(folder: Path = RESULTS) -> str:
    """Markdown, a row a target, from `bench-*.json` in `folder`."""
    files = sorted(folder.glob("bench-*.json"))
    return "\n".join([HEADING, *(row for file in files for row in _rows(file))])


def _rows(file: Path) -> Iterator[str]:
    name = file.stem.removeprefix("bench-").upper()
    for target in json.loads(file.read_text("utf-8"))["targets"]:
        value = "not measured" if target["value"] is None else f"{target['value']:.3g}"
        met = {True: "met", False: "missed", None: ""}[target["is_met"]]
        yield f"| {name} | `{target['key']}` | {target['target']} | {value} | {met} |"


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
