"""What was wanted and what was measured, by benchmark: `python -m benchmarks.targets`.

The table goes into the README, where a test holds it to the results.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS
from benchmarks.readme import put

HEADING = "| benchmark | number | wanted | measured | |\n|---|---|---|---|---|"
TABLE = re.compile(r"^\| benchmark \| number \|.*?^Measured with [^\n]*$", re.DOTALL | re.MULTILINE)
# Results that are older than their key `bundle`: as commit b4ad6ce says, which holds them.
EARLIER = dict.fromkeys("BDE", "edge-tag-default@5")


def table(folder: Path = RESULTS) -> str:
    """Markdown, a row a target, from `bench-*.json` in `folder`; which bundle each is of."""
    found = {
        file.stem.removeprefix("bench-").upper(): json.loads(file.read_text("utf-8"))
        for file in sorted(folder.glob("bench-*.json"))
    }
    rows = [row for name, result in found.items() for row in _rows(name, result)]
    return "\n".join([HEADING, *rows, "", _bundles(found)])


def _rows(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    for target in result["targets"]:
        value = "not measured" if target["value"] is None else f"{target['value']:.3g}"
        met = {True: "met", False: "missed", None: ""}[target["is_met"]]
        yield f"| {name} | `{target['key']}` | {target['target']} | {value} | {met} |"


def _bundles(found: Mapping[str, Mapping[str, Any]]) -> str:
    by_bundle: dict[str, list[str]] = {}
    for name, result in found.items():
        measured = result.get("bundle") or EARLIER.get(name) or "no bundle, it opens none"
        by_bundle.setdefault(measured, []).append(name)
    told = "; ".join(f"{', '.join(names)}: {bundle}" for bundle, names in by_bundle.items())
    return f"Measured with {told}."


def main() -> None:
    """The table, into the README and to see."""
    told = table()
    put(TABLE, told)
    sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()
