"""Timings of benchmark D -> its numbers, its targets, its table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.measures import Target, interval, median, verdict_lines, verdicts

WITHIN = 1.03
TARGETS: tuple[Target, ...] = (
    ("onnxruntime_over_bare", "<=", WITHIN),
    ("openvino_over_bare", "<=", WITHIN),
    ("tflite_over_bare", "<=", WITHIN),
    ("openvino_over_benchmark_app", "<=", WITHIN),
    ("tflite_over_litert_benchmark", "<=", WITHIN),
)

Pair = tuple[float, float]  # ours, theirs; taken right after one another


def compared(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The median of ours over theirs, pair by pair, with its interval and quartiles."""
    ratios = [ours / theirs for ours, theirs in pairs]

    def of(rows: Sequence[int]) -> float:
        return median([ratios[i] for i in rows])

    low, high = np.percentile(ratios, (25, 75)).tolist()
    return {
        "ratio": of(range(len(ratios))),
        "interval": interval(of, len(ratios)),
        "quartiles": (low, high),
        "ours_ms": median([ours for ours, _ in pairs]),
        "theirs_ms": median([theirs for _, theirs in pairs]),
        "pairs": len(pairs),
    }


def headlines(bare: Mapping[str, Any], tools: Mapping[str, Any]) -> dict[str, float]:
    """The number of each target."""
    found = {f"{engine}_over_bare": said["cpu"]["ratio"] for engine, said in bare.items()}
    for name, said in tools.items():
        found[f"{said['engine']}_over_{name.replace('-', '_')}"] = said["least"]["ratio"]
    return found


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result, for the engines and tools that were there."""
    return verdicts(found, [target for target in TARGETS if target[0] in found])


def table(found: Mapping[str, Any]) -> str:
    """For a person."""
    lines = [f"{'ours over':<44}{'ratio':>8}  {'95 %':<16}{'ours ms':>8}{'theirs':>8}"]
    for engine, said in found["bare"].items():
        lines.append(_line(f"bare loop, {engine}, CPU ms a launch", said["cpu"]))
    for name, said in found["tools"].items():
        lines.append(_line(f"{name}, {said['engine']}, least ms", said["least"]))
        lines.append(_line(f"{name}, {said['engine']}, p5 ms", said["p5"]))
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])


def _line(what: str, said: Mapping[str, Any]) -> str:
    low, high = said["interval"]
    span = f"{low:.3f} - {high:.3f}"
    times = f"{said['ours_ms']:>8.2f}{said['theirs_ms']:>8.2f}"
    return f"{what:<44}{said['ratio']:>8.3f}  {span:<16}{times}"
