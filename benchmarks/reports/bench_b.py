"""Timings of benchmark B -> its numbers, its targets, its table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.measures import Target, interval, median, verdict_lines, verdicts

RESULTS_A_TILE = (0, 5, 20)
TARGETS: tuple[Target, ...] = (
    ("efficiency_224", ">=", 0.95),
    ("efficiency_640", ">=", 0.98),
    ("whole_way_efficiency", ">=", 0.95),
    ("over_sahi_224", ">=", 1.2),
    ("over_sahi_640", ">=", 1.4),
    ("planner_ms", "<=", 0.3),
    ("full_frame_conversions", "<=", 0.0),
)


class Timed(msgspec.Struct, frozen=True):
    """One frame of one pipeline."""

    wall_ms: float
    engine_ms: float
    cpu_ms: float

    @property
    def efficiency(self) -> float:
        return self.engine_ms / self.wall_ms


def summary(frames: Sequence[Timed]) -> dict[str, Any]:
    def efficiency(rows: Sequence[int]) -> float:
        return median([frames[i].efficiency for i in rows])

    return {
        "efficiency": efficiency(range(len(frames))),
        "efficiency_interval": interval(efficiency, len(frames)),
        "wall_ms": median([f.wall_ms for f in frames]),
        "engine_ms": median([f.engine_ms for f in frames]),
        "cpu_ms": median([f.cpu_ms for f in frames]),
    }


def ratio(ours: Sequence[Timed], peer: Sequence[Timed]) -> tuple[float, Any]:
    """Efficiency over efficiency, frame by frame, the median; its interval."""

    def of(rows: Sequence[int]) -> float:
        return median([ours[i].efficiency / peer[i].efficiency for i in rows])

    return of(range(len(ours))), interval(of, len(ours))


def headlines(found: Mapping[int, Mapping[int, Mapping[str, Sequence[Timed]]]]) -> dict[str, Any]:
    """Input px -> results a tile -> pipeline -> frames; the numbers at 5 results a tile."""
    said: dict[str, Any] = {}
    for side, by_count in found.items():
        at_5 = by_count[5]
        said[f"efficiency_{side}"] = median([f.efficiency for f in at_5["ours"]])
        for peer in at_5:
            if peer != "ours":
                said[f"over_{peer}_{side}"], span = ratio(at_5["ours"], at_5[peer])
                said[f"over_{peer}_{side}_interval"] = span
    return said


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result."""
    whole_way = {"whole_way_efficiency": found["whole_way"]["efficiency"]}
    return verdicts(found | whole_way, TARGETS)


def table(found: Mapping[str, Any]) -> str:
    """For a person: efficiencies at 5 results a tile, then targets."""
    lines = []
    for side, by_count in found["pipelines"].items():
        lines.append(f"{side} px input{'':<12} 0 results   5 results  20 results  wall ms at 5")
        for name in by_count["5"]:
            shares = [by_count[str(n)][name]["efficiency"] for n in RESULTS_A_TILE]
            words = "".join(f"{share:>12.3f}" for share in shares)
            lines.append(f"{name:<20}{words}{by_count['5'][name]['wall_ms']:>14.1f}")
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])
