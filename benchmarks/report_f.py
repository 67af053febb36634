"""Frames served -> the numbers of benchmark F, its targets, its table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cameras.served import PERIOD_S, Served
from benchmarks.cameras.yard import Yard
from benchmarks.measures import Target, mean, over, quantile, verdict_lines

OLD_S = 2.0  # what is told of a moving thing, at 99 % of all times
STARTS_S = 2.0  # of a run, which do not count
TARGETS: tuple[Target, ...] = (
    ("cameras_over_independent", ">=", 1.8),
    ("cameras_over_tiling", ">=", 4.0),
    ("busy_saturated", ">=", 0.95),
    ("jain_saturated", ">=", 0.95),
    ("noisy_age_ratio", "<=", 1.1),
)

Runs = Mapping[str, Mapping[int, Mapping[str, Any]]]  # rule -> cameras -> numbers


def numbers(yards: Sequence[Yard], served: Sequence[Served], seconds: float) -> dict[str, Any]:
    """Of a run."""
    by_camera = [[s for s in served if s.camera == c] for c in range(len(yards))]
    both = [_known(yard, rows, seconds) for yard, rows in zip(yards, by_camera)]
    ages = [age for found, _ in both for age in found]
    shares = [mean(told) for _, told in both if told]
    every = [x for _, told in both for x in told]
    return {
        "age_p50_s": quantile(ages, 0.5),
        "age_p99_s": quantile(ages, 0.99),
        "age_p99_s_of_others": quantile([age for found, _ in both[1:] for age in found], 0.99),
        "told_share": mean(every),
        "tags_per_s": sum(every) / seconds,
        "jain": jain(shares),
        "busy": sum(s.engine_ms for s in served) / 1e3 / max(seconds, _end(served)),
        "frames_per_s_each": len(served) / seconds / len(yards),
    }


def jain(shares: Sequence[float]) -> float:
    """Fairness: 1 when all get the same, 1/n when one gets all (Jain, Chiu, Hawe 1984)."""
    return over(sum(shares) ** 2, len(shares) * sum(x * x for x in shares))


def sustained(by_count: Mapping[int, Mapping[str, Any]]) -> int:
    """The most cameras at which what is told is fresh, as it is with fewer; 0 for none."""
    most = 0
    for count in sorted(by_count):
        if not by_count[count]["age_p99_s"] <= OLD_S:
            break
        most = count
    return most


def headlines(runs: Runs, quiet: Mapping[str, Any], noisy: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that the targets are about."""
    most = {rule: sustained(by_count) for rule, by_count in runs.items()}
    last = runs["ours"][max(runs["ours"])]
    return {
        "sustained": most,
        "cameras_over_independent": over(most["ours"], most["independent"]),
        "cameras_over_tiling": over(most["ours"], most["tiling"]),
        "cameras_over_frigate": over(most["ours"], most["frigate"]),
        "busy_saturated": last["busy"],
        "jain_saturated": last["jain"],
        "noisy_age_ratio": over(noisy["age_p99_s_of_others"], quiet["age_p99_s_of_others"]),
    }


def table(found: Mapping[str, Any]) -> str:
    """For a person."""
    words = ("age p99 s", "told", "tags/s", "jain", "busy", "fps each")
    keys = ("age_p99_s", "told_share", "tags_per_s", "jain", "busy", "frames_per_s_each")
    lines = []
    for rule, by_count in found["runs"].items():
        lines.append(f"{rule:<14}" + "".join(f"{word:>11}" for word in words))
        for count, row in by_count.items():
            cells = "".join(f"{row[key]:>11.2f}" for key in keys)
            lines.append(f"  {count:>3} cameras {cells}")
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])


def _known(yard: Yard, served: Sequence[Served], seconds: float) -> tuple[list[float], list[float]]:
    """Of each thing in each frame: the age of what is told of it by the next frame, and whether the
    newest result tells it.
    """
    ages, told = [], []
    first: dict[int, float] = {}
    newest: dict[int, float] = {}
    rows, last = list(served), None
    for number in range(int((seconds - yard.phase_s) / PERIOD_S)):
        at_s = yard.at_s(number)
        while rows and rows[0].done_s <= at_s + PERIOD_S:
            last = rows.pop(0)
            newest.update(dict.fromkeys(last.told, last.taken_s))
        for truth in yard.truths(at_s):
            since_s = first.setdefault(truth.id, at_s)
            if at_s >= STARTS_S:
                ages.append(at_s - newest.get(truth.id, since_s))
                told.append(float(last is not None and truth.id in last.told))
    return ages, told


def _end(served: Sequence[Served]) -> float:
    return served[-1].done_s if served else 0.0
