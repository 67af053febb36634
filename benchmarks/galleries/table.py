"""The tables of `benchmarks.gallery`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = {
    "top1": "top-1 %",
    "recall": "right at 5 % false accepts",
    "told_right": "told and right %",
    "told_wrong": "told and wrong %",
    "false_accepts": "no-logo crops told a brand %",
    "top1_by_mean": "top-1 %, nearest mean",
}


def markdown(found: Mapping[str, Any]) -> str:
    """Two tables and what they were measured on."""
    whole, crops = found["whole"], found["crops"]
    rows = [
        [shots, *map(_spread, (crops[shots][key] for key in COLUMNS))] for shots in _shots(crops)
    ]
    quiet = "" if found["machine"]["is_quiet"] else ", not quiet: times say little"
    return "\n".join(
        [
            f"# Gallery: {found['brands']} brands never learned from",
            "",
            _table(["examples a brand", *COLUMNS.values()], rows),
            "",
            "Of brands that are not enrolled, beside five that are, "
            f"{crops['strangers']:.1%} of crops are taken for one of those.",
            "",
            _table(
                ["whole pictures", "brand named %", "another named %", "without logo",
                 "of those, a brand named %", "looks", "ms"],
                [[str(run["pictures"]), _percent(run["named"]), _percent(run["another_named"]),
                  str(run["pictures_without"]), _percent(run["named_without"]),
                  f"{run['looks']:g}", f"{run['ms']:g}"] for run in whole],
            ),
            "",
            f"{found['bundle']}, {found['engine']}, one thread on {found['machine']['processor']}, "
            f"load {found['machine']['load']:g}{quiet}. Mean and standard deviation over draws of "
            "the examples; whole pictures: a draw of five examples a line.",
            "",
        ]
    )  # fmt: skip


def _shots(crops: Mapping[str, Any]) -> list[str]:
    return [key for key in crops if key.isdigit()]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(pair: Sequence[float]) -> str:
    return f"{pair[0] * 100:.1f} ± {pair[1] * 100:.1f}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"
