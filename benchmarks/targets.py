"""What was wanted and what was measured, by benchmark: `python -m benchmarks.targets`.

The results are judged again by what they hold, so that a target that came later, or a verdict that
was mended, needs no new run. The table goes into benchmarks/README.md, a row a benchmark into the
first README; tests hold both to the results.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, rounded, write_json
from benchmarks.measures import verdict
from benchmarks.readme import put
from benchmarks.reports import bench_a, bench_b, bench_c, bench_d, bench_e, bench_f

REPORTS = dict(zip("ABCDEF", (bench_a, bench_b, bench_c, bench_d, bench_e, bench_f)))

HEADING = "| benchmark | number | wanted | measured | |\n|---|---|---|---|---|"
TABLE = re.compile(r"^\| benchmark \| number \|.*?^Measured with [^\n]*$", re.DOTALL | re.MULTILINE)
ASKS = {
    "A": ("a-recall-against-compute", "how much detail is found for how much compute?"),
    "B": ("b-pipeline-efficiency", "how much of a frame's time is spent in the engine?"),
    "C": ("c-steady-video", "what does steady video cost, and is it on time?"),
    "D": ("d-the-engine-beside-its-own-tools", "what do we add to what an engine takes by itself?"),
    "E": ("e-cold-start-memory-size", "what does a start cost: first tag, memory, size?"),
    "F": ("f-several-cameras", "how many cameras does one device serve?"),
}
COUNTS = "| | asks | targets met | missed | no verdict |\n|---|---|---|---|---|"
SUMMARY = re.compile(r"^\| \| asks \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)


def results(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Benchmark -> its result, of `bench-*.json` in `folder`."""
    return {
        file.stem.removeprefix("bench-").upper(): json.loads(file.read_text("utf-8"))
        for file in sorted(folder.glob("bench-*.json"))
    }


def judged(name: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its targets by the rules of now, as its file holds them."""
    rows: list[dict[str, Any]] = rounded(REPORTS[name].judged(result))
    return rows


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown, a row a target; below, which bundle each result is of."""
    rows = [row for name, result in found.items() for row in _rows(name, result)]
    return "\n".join([HEADING, *rows, "", _bundles(found)])


def summary(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown, a row a benchmark: how many of its targets are met."""
    rows = [COUNTS]
    for name, (anchor, asks) in ASKS.items():
        by_verdict = Counter(target["is_met"] for target in found[name]["targets"])
        met, missed, none = (by_verdict[is_met] for is_met in (True, False, None))
        link = f"[{name}](benchmarks/README.md#{anchor})"
        rows.append(f"| {link} | {asks} | {met} | {missed} | {none} |")
    return "\n".join(rows)


def _rows(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    for target in result["targets"]:
        value = "not measured" if target["value"] is None else f"{target['value']:.3g}"
        value += f" ({target['beside']})" if "beside" in target else ""
        yield f"| {name} | `{target['key']}` | {target['target']} | {value} | {verdict(target)} |"


def _bundles(found: Mapping[str, Mapping[str, Any]]) -> str:
    by_bundle: dict[str, list[str]] = {}
    for name, result in found.items():
        measured = result.get("bundle") or "no bundle, it opens none"
        by_bundle.setdefault(measured, []).append(name)
    told = "; ".join(f"{', '.join(names)}: {bundle}" for bundle, names in by_bundle.items())
    return f"Measured with {told}."


def main() -> None:
    """Every result judged again; the table, into the README and to see."""
    found = results()
    for name, result in found.items():
        result["targets"] = judged(name, result)
        write_json(RESULTS / f"bench-{name.lower()}.json", result)
    told = table(found)
    put(TABLE, told)
    put(SUMMARY, summary(found))
    sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()
