"""What all benchmarks share: the order of runs, quantiles, intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

REDRAWN = 1000
NEVER = math.inf

Statistic = Callable[[Sequence[int]], float]  # of some rows (scenes, frames), by number
Target = tuple[str, str, float]  # key, "<=" or ">=", what is wanted


def order(names: Sequence[str], number: int, repeats: int) -> list[str]:
    """Who runs when: forward and backward in turn (ABBA), so that a machine that slows down slows
    all of them. `number`: of the scene or frame; the kinds of scenes come in turns of twelve, and
    the first direction changes with each turn too.
    """
    turns = [(number + number // 12 + k) % 2 for k in range(repeats)]
    return [name for turn in turns for name in (names if turn == 0 else names[::-1])]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed; NaN for none. May be NEVER."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked) - 1e-9) - 1)]


def median(values: Sequence[float]) -> float:
    """NaN for none."""
    return float(np.median(values)) if len(values) else math.nan


def mean(values: Sequence[float]) -> float:
    """NaN for none."""
    return sum(values) / len(values) if len(values) else math.nan


def over(above: float, below: float) -> float:
    """A ratio: NEVER over nothing, NaN where neither is anything."""
    if below:
        return above / below
    return NEVER if above else math.nan


def finite(value: float) -> float | None:
    """As JSON can hold it."""
    return float(value) if math.isfinite(value) else None


def interval(statistic: Statistic, count: int) -> tuple[float | None, float | None]:
    """95 % bootstrap interval over rows; None where a bound is not finite."""
    draw = np.random.default_rng(0)
    values = [statistic(draw.integers(count, size=count).tolist()) for _ in range(REDRAWN)]
    kept = np.array([v for v in values if not math.isnan(v)])
    if not len(kept):
        return None, None
    low, high = np.quantile(kept, (0.025, 0.975), method="nearest")
    return finite(low), finite(high)


def verdicts(
    found: Mapping[str, Any],
    targets: Iterable[Target],
    beside: Mapping[str, str] | None = None,
    unjudged: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Each target, what was measured, and whether it is met; None where that cannot be judged.

    beside    key -> what is to be read with the number
    unjudged  key -> why there is no verdict
    """
    rows = []
    for key, how, target in targets:
        value, why = found.get(key), (unjudged or {}).get(key)
        met = value is not None and (value <= target if how == "<=" else value >= target)
        row = {"key": key, "value": value, "target": f"{how} {target:g}"}
        row |= {"is_met": None if why else met}
        said = {"beside": (beside or {}).get(key), "why": why}
        rows.append(row | {name: words for name, words in said.items() if words})
    return rows


def verdict(row: Mapping[str, Any]) -> str:
    """In words."""
    return f"no verdict: {row['why']}" if "why" in row else "met" if row["is_met"] else "missed"


def percent(share: float | None) -> str:
    """Two digits below 10 %, none after the point above; "-" for none."""
    if share is None or math.isnan(share):
        return "-"
    return f"{100 * share:.2g} %" if share < 0.095 else f"{100 * share:.0f} %"


def verdict_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The same, for a person."""
    lines = [f"{'target':<34}{'measured':>10}  wanted"]
    for row in rows:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        told = verdict(row).replace("missed", "MISSED")
        beside = f" ({row['beside']})" if "beside" in row else ""
        lines.append(f"{row['key']:<34}{value:>10}  {row['target']}  {told}{beside}")
    return lines
